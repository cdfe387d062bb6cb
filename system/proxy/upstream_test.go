package proxy

import (
	"bufio"
	"io"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// TestExtraBytesReachNobody: what an application sends beyond its answer is not the next client's answer.
func TestExtraBytesReachNobody(t *testing.T) {
	t.Parallel()
	l := listen(t)
	t.Cleanup(func() { _ = l.Close() })
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go excessively(conn)
		}
	}()
	i := serve(t, Config{Sites: []Site{testSite("http://"+l.Addr().String(), names("a.test"))}})
	var all sync.WaitGroup
	var poisoned, refused atomic.Int64
	for n := range 16 {
		all.Go(func() {
			client := i.client(t, false)
			for range 200 {
				if n%2 == 0 {
					if response, err := client.Head("https://a.test/head"); err == nil {
						_ = response.Body.Close()
					}
					continue
				}
				response, err := client.Get("https://a.test/get")
				if err != nil {
					t.Error(err)
					return
				}
				body, _ := io.ReadAll(response.Body)
				_ = response.Body.Close()
				switch {
				case response.StatusCode != http.StatusOK:
					refused.Add(1)
				case string(body) != "right":
					poisoned.Add(1)
				}
			}
		})
	}
	all.Wait()
	if poisoned.Load() > 0 || refused.Load() > 0 {
		t.Errorf("%d got an answer to somebody else, %d none", poisoned.Load(), refused.Load())
	}
}

// excessively answers HEAD with an answer that has another behind it, and GET rightly.
func excessively(conn net.Conn) {
	defer conn.Close()
	in := bufio.NewReader(conn)
	for {
		_ = conn.SetDeadline(time.Now().Add(patience))
		r, err := http.ReadRequest(in)
		if err != nil {
			return
		}
		text := "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nright"
		if r.Method == http.MethodHead {
			text = "HTTP/1.1 200 OK\r\nContent-Length: 43\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nwrong"
		}
		if _, err := io.WriteString(conn, text); err != nil {
			return
		}
	}
}
