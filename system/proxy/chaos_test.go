package proxy

import (
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"os"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// TestChaos has clients of every kind, some of which leave in the middle, while certificates are swapped every 100 ms and
// the upstream cuts connections: no answer is wrong, no socket falls and nothing is left. SSLWIZARD_CHAOS=30m for once.
func TestChaos(t *testing.T) { //nolint:paralleltest // it counts goroutines and open files
	last := 3 * time.Second
	if asked, err := time.ParseDuration(os.Getenv("SSLWIZARD_CHAOS")); err == nil {
		last = asked
	}
	sockets := echoServer(t)
	app := appServer(t, func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		if r.URL.Query().Has("kill") {
			panic(http.ErrAbortHandler)
		}
		fmt.Fprintf(w, "%s %s %s", r.Method, r.RequestURI, body)
	})
	one, two := testSite(app, names("a.test")), testSite(sockets.URL, names("ws.test"))
	i := serve(t, Config{Sites: []Site{one, two}})
	go func() {
		for range i.accesses { // else it fills up; it is never closed
		}
	}()
	var socketsOpen []ws
	for range 10 {
		socketsOpen = append(socketsOpen, socket(t, i.dialTLS(t, "ws.test"), "ws.test", "/"))
	}
	for _, s := range socketsOpen {
		_ = s.SetDeadline(time.Now().Add(last + 4*patience))
		if err := s.echo("before it begins"); err != nil { // both ways are there then, with their goroutines
			t.Fatal(err)
		}
	}
	before, filesBefore := runtime.NumGoroutine(), openFiles(t)

	ctx, stop := context.WithTimeout(context.Background(), last)
	defer stop()
	var served, killed, aborted, wrong, echoes, swaps atomic.Int64
	var load sync.WaitGroup
	var clients []*http.Client
	for n := range 6 {
		client := i.client(t, n%2 == 0)
		clients = append(clients, client)
		load.Go(func() {
			for k := 0; ctx.Err() == nil; k++ {
				query, body := "", strings.Repeat("x", rand.IntN(40_000))
				kill, abort := k%17 == 5, k%13 == 7
				if kill {
					query = "?kill"
				}
				asked, leave := context.WithCancel(context.Background())
				uri := fmt.Sprintf("/%d/%d%s", n, k, query)
				request, _ := http.NewRequestWithContext(asked, http.MethodPost, "https://a.test"+uri, strings.NewReader(body))
				if abort {
					time.AfterFunc(time.Duration(rand.IntN(2000))*time.Microsecond, leave)
				}
				response, err := client.Do(request)
				var got []byte
				if err == nil {
					got, err = io.ReadAll(response.Body)
					response.Body.Close()
				}
				leave()
				switch {
				case abort && err != nil:
					aborted.Add(1)
				case err == nil && kill && response.StatusCode == http.StatusBadGateway:
					killed.Add(1)
				case err == nil && !kill && response.StatusCode == 200 && string(got) == "POST "+uri+" "+body:
					served.Add(1)
				default:
					wrong.Add(1)
					t.Errorf("%s: %v %.60q", uri, err, got)
				}
			}
		})
	}
	for _, s := range socketsOpen {
		load.Go(func() {
			for ctx.Err() == nil {
				if err := s.echo("through all of it"); err != nil {
					wrong.Add(1)
					t.Errorf("a socket fell: %v", err)
					return
				}
				echoes.Add(1)
			}
		})
	}
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for ctx.Err() == nil {
		select {
		case <-ctx.Done():
		case <-tick.C:
			one.Certificate, two.Certificate = certificate("a.test"), certificate("ws.test")
			if err := i.Swap(Config{Sites: []Site{one, two}}); err != nil {
				t.Error(err)
			}
			swaps.Add(1)
		}
	}
	load.Wait()
	if open := i.Status().WebSockets; open != len(socketsOpen) {
		t.Errorf("%d of %d sockets are open", open, len(socketsOpen))
	}
	waitFor(t, func() bool {
		for _, c := range clients {
			c.CloseIdleConnections() // again and again: a dial whose request was taken back ends in the pool, at any time
		}
		i.closeIdle()
		return runtime.NumGoroutine() <= before && openFiles(t) <= filesBefore
	})
	t.Logf("%v: %d answers right, %d wrong; %d of a dying upstream, %d clients left; %d echoes on %d sockets; %d swaps; goroutines %d → %d, files %d → %d",
		last, served.Load(), wrong.Load(), killed.Load(), aborted.Load(), echoes.Load(), len(socketsOpen), swaps.Load(),
		before, runtime.NumGoroutine(), filesBefore, openFiles(t))
	if served.Load() == 0 || killed.Load() == 0 || echoes.Load() == 0 || swaps.Load() == 0 {
		t.Error("something did not take place")
	}
}

func openFiles(t *testing.T) int {
	t.Helper()
	files, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	return len(files)
}
