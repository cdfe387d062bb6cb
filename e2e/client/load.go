package main

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"sync"
	"time"
)

// The bounds of a load: workers for each URL, and what holds where nothing else is said: the pause of each between two requests,
// and the end of it all.
const (
	workers = 4
	pause   = 20 * time.Millisecond
	longest = 2 * time.Minute
)

// load asks and counts. A socket that was open when a reload or a switch began may be closed by it in good order; only
// a new one that cannot be opened is a failure.
type load struct {
	trust    *tls.Config
	pause    time.Duration
	longest  time.Duration
	mu       sync.Mutex
	Requests int      `json:"requests"`
	Sockets  int      `json:"sockets"`
	Closed   int      `json:"closed"` // sockets that the server ended
	Failed   int      `json:"failed"`
	Failures []string `json:"failures"`
}

func newLoad(trust *tls.Config, pause, longest time.Duration) *load {
	return &load{trust: trust, pause: pause, longest: longest, Failures: []string{}}
}

// run asks the URLs until standard input ends, then prints the count as JSON.
func (l *load) run(urls []string) {
	ctx, cancel := context.WithTimeout(context.Background(), l.longest)
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin)
		cancel()
	}()
	var all sync.WaitGroup
	for _, url := range urls {
		if strings.HasPrefix(url, "wss:") {
			all.Go(func() { l.chat(ctx, url) })
			continue
		}
		for i := range workers {
			all.Go(func() { l.ask(ctx, url, i%2 == 0) })
		}
	}
	all.Wait()
	_ = json.NewEncoder(os.Stdout).Encode(l)
}

// ask requests the URL again and again; fresh says to open a connection each time.
func (l *load) ask(ctx context.Context, url string, fresh bool) {
	client := &http.Client{
		Timeout:       patience,
		Transport:     &http.Transport{TLSClientConfig: l.trust.Clone(), DisableKeepAlives: fresh, ForceAttemptHTTP2: true},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	for ctx.Err() == nil {
		l.count(&l.Requests, request(client, url))
		sleep(ctx, l.pause)
	}
}

// await asks until the answer is good, for two minutes at most.
func await(url string, trust *tls.Config) {
	client := &http.Client{Timeout: time.Second, Transport: &http.Transport{TLSClientConfig: trust, DisableKeepAlives: true}}
	for end := time.Now().Add(longest); ; time.Sleep(pause) {
		err := request(client, url)
		if err == nil {
			return
		}
		if time.Now().After(end) {
			fail(err)
		}
	}
}

func request(client *http.Client, url string) error {
	response, err := client.Get(url)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	if _, err := io.Copy(io.Discard, response.Body); err != nil {
		return fmt.Errorf("%s: body: %w", url, err)
	}
	if response.StatusCode >= 400 {
		return fmt.Errorf("%s: status %d", url, response.StatusCode)
	}
	return nil
}

// chat keeps one WebSocket open, and opens another when the server closes it.
func (l *load) chat(ctx context.Context, url string) {
	for ctx.Err() == nil {
		conn, err := dial(url, l.trust)
		if err != nil {
			l.count(&l.Sockets, fmt.Errorf("%s: %w", url, err))
			sleep(ctx, pause)
			continue
		}
		for ctx.Err() == nil && echoed(conn, []byte("still there")) == nil {
			l.count(&l.Sockets, nil)
			sleep(ctx, 5*pause)
		}
		_ = conn.Close()
		if ctx.Err() == nil {
			l.count(&l.Closed, nil)
		}
	}
}

func (l *load) count(kind *int, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	*kind++
	if err == nil {
		return
	}
	l.Failed++
	if len(l.Failures) < 10 {
		l.Failures = append(l.Failures, time.Now().Format("15:04:05.000 ")+err.Error())
	}
}

func sleep(ctx context.Context, d time.Duration) {
	select {
	case <-ctx.Done():
	case <-time.After(d):
	}
}
