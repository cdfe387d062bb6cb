package proxy

import (
	"bufio"
	"io"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
)

// TestOnceMore: a request whose connection the upstream resets before it answers is sent once more, and no more than
// once; one that does something is not.
func TestOnceMore(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		method, body string
		resets       int64
		status       int
		reached      int64
	}{
		{"GET", "", 1, 200, 2},
		{"GET", "", 9, 502, 2},
		{"POST", "", 1, 502, 1},
		{"OPTIONS", "body", 1, 502, 1},
	} {
		var reached atomic.Int64
		app := listen(t)
		t.Cleanup(func() { app.Close() })
		go func() {
			for {
				conn, err := app.Accept()
				if err != nil {
					return
				}
				request, err := http.ReadRequest(bufio.NewReader(conn))
				if err == nil {
					_, _ = io.Copy(io.Discard, request.Body)
				}
				if reached.Add(1) <= c.resets {
					_ = conn.(*net.TCPConn).SetLinger(0)
				} else {
					_, _ = io.WriteString(conn, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
				}
				_ = conn.Close()
			}
		}()
		i := serve(t, Config{Sites: []Site{testSite("http://"+app.Addr().String(), names("a.test"))}})
		request, _ := http.NewRequest(c.method, "https://a.test/", strings.NewReader(c.body))
		response, err := i.client(t, false).Do(request)
		if err != nil {
			t.Fatal(err)
		}
		response.Body.Close()
		if response.StatusCode != c.status || reached.Load() != c.reached {
			t.Errorf("%s %q after %d resets: %d, sent %d times", c.method, c.body, c.resets, response.StatusCode, reached.Load())
		}
	}
}
