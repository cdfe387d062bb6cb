package main

import (
	"bufio"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"time"
)

// wsKey and wsAccept belong together (RFC 6455 section 1.3).
const (
	wsKey    = "dGhlIHNhbXBsZSBub25jZQ=="
	wsAccept = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="
)

// quiet is how long a client waits for more before it says that there is no more from itself: for requests that need
// not be answered. Who has something to answer is given all the time there is.
const quiet = 2 * time.Second

// lane is the way through a proxy to one back end. Nobody else is on it.
type lane struct {
	front  *front
	stage  *stage
	host   string
	back   *back
	turn   int          // counts the cases, so that what arrives late is known for what it is
	client *http.Client // another client of the same site
}

// answer is a response as far as the suites look at it.
type answer struct {
	status int
	seen   string // which request the back end answered with it; empty: the proxy's own
	header http.Header
	body   string
	broken bool // its end did not come
}

func (a answer) String() string { return strings.TrimSpace(fmt.Sprintf("%d %s", a.status, a.seen)) }

// dial makes a TLS connection to the proxy.
func (l *lane) dial(sni string, protocols ...string) (*tls.Conn, error) {
	conn, err := tls.DialWithDialer(&net.Dialer{Timeout: patience}, "tcp", l.front.https,
		&tls.Config{ServerName: sni, InsecureSkipVerify: true, NextProtos: protocols}) //nolint:gosec // see certify
	if err != nil {
		return nil, err
	}
	return conn, conn.SetDeadline(time.Now().Add(patience))
}

// listening is how a client waits for answers.
type listening struct {
	first, next time.Duration // how long for the first bytes, and for those behind them
	heads       bool          // the first answer is to HEAD
}

// briefly is for what need not be answered, toTheEnd for what is, after which the proxy closes.
var (
	briefly  = listening{first: quiet, next: quiet}
	toTheEnd = listening{first: patience, next: patience}
)

// say sends the bytes over a connection of its own and returns every answer until the proxy closes.
func (l *lane) say(text string, how listening) ([]answer, error) {
	conn, err := l.dial(l.host, "http/1.1")
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	return exchange(conn, text, how), nil
}

// halfCloser is a connection of TCP or TLS.
type halfCloser interface {
	net.Conn
	CloseWrite() error
}

// exchange sends the bytes and reads answers until the other side closes.
func exchange(conn halfCloser, text string, how listening) (all []answer) {
	written := make(chan struct{})
	go func() { // beside the reading: who refuses early reads no more
		defer close(written)
		_, _ = io.WriteString(conn, text)
	}()
	in := &impatient{halfCloser: conn, wait: how.first, next: how.next}
	reader := bufio.NewReader(in)
	for {
		request := &http.Request{Method: http.MethodGet}
		if how.heads && len(all) == 0 {
			request.Method = http.MethodHead
		}
		response, err := http.ReadResponse(reader, request)
		if err != nil {
			break
		}
		if response.StatusCode < 200 && response.StatusCode != http.StatusSwitchingProtocols {
			continue
		}
		body, err := io.ReadAll(response.Body)
		all = append(all, answer{response.StatusCode, response.Header.Get("Seen"), response.Header, string(body), err != nil})
	}
	_ = conn.Close() // ends the writing
	<-written
	return all
}

// impatient is a connection whose reader says that there is nothing more to come when nothing has come for a while.
type impatient struct {
	halfCloser
	wait, next time.Duration
	closed     bool
}

func (i *impatient) Read(p []byte) (int, error) {
	if !i.closed {
		_ = i.SetReadDeadline(time.Now().Add(i.wait))
		n, err := i.halfCloser.Read(p)
		if n > 0 {
			i.wait = i.next
		}
		if n > 0 || !errors.Is(err, os.ErrDeadlineExceeded) {
			return n, err
		}
		i.closed = true
		_ = i.CloseWrite()
	}
	_ = i.SetReadDeadline(time.Now().Add(3 * time.Second))
	return i.halfCloser.Read(p)
}

// newLane makes a way through the proxy.
func newLane(f *front, s *stage, host string) *lane {
	l := &lane{front: f, stage: s, host: host, back: s.behind(host)}
	l.client = &http.Client{Timeout: patience, Transport: &http.Transport{
		DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
			return (&net.Dialer{}).DialContext(ctx, network, f.https)
		},
		TLSClientConfig: &tls.Config{InsecureSkipVerify: true}, //nolint:gosec // see certify
	}}
	return l
}

func (l *lane) close() { l.client.CloseIdleConnections() }

// innocent asks as another client would, and says what is wrong with what it got: an answer to somebody else's request
// is what smuggling is for.
func (l *lane) innocent() error {
	for i := range 2 {
		target := fmt.Sprintf("/%04d/canary%d", l.turn, i)
		response, err := l.client.Get("https://" + l.host + target)
		if err != nil {
			return fmt.Errorf("another client got no answer: %w", err)
		}
		body, err := io.ReadAll(response.Body)
		_ = response.Body.Close()
		if got := response.Header.Get("Seen"); err != nil || got != "GET "+target {
			return fmt.Errorf("another client asked for %s and got %s %q %.60q", target, response.Status, got, body)
		}
	}
	return nil
}
