package proxy

import (
	"errors"
	"io"
	"net"
	"os"
	"strings"
	"testing"
	"time"
)

// TestWhoReadsNoAnswer: a client that asks on and on and reads nothing is not read any more either, whatever it is that it asks
// for: what waits for it is bounded.
func TestWhoReadsNoAnswer(t *testing.T) {
	t.Parallel()
	for _, engine := range []string{EngineStd, EngineLoop} {
		i := serveOn(t, engine, Config{Sites: []Site{testSite(echoServer(t).URL, names("a.test"))}}, nil, ordinary)
		go func() {
			for t.Context().Err() == nil {
				<-i.accesses
			}
		}()
		for name, conn := range map[string]interface {
			Write(p []byte) (int, error)
			SetWriteDeadline(at time.Time) error
		}{"redirects": i.dialPlain(t), "answers of the application": i.dialTLS(t, "a.test")} {
			requests := []byte(strings.Repeat("GET / HTTP/1.1\r\nHost: a.test\r\n\r\n", 10_000))
			_ = conn.SetWriteDeadline(time.Now().Add(3 * time.Second))
			taken, err := 0, error(nil)
			for n := 0; err == nil && taken < 32<<20; taken += n {
				n, err = conn.Write(requests)
			}
			if !errors.Is(err, os.ErrDeadlineExceeded) {
				t.Errorf("%s, %s: %d bytes of requests were taken, %v", engine, name, taken, err)
			}
		}
	}
}

// TestEndlessInterimAnswers: an application that never comes to its answer is given up.
func TestEndlessInterimAnswers(t *testing.T) {
	t.Parallel()
	for _, engine := range []string{EngineStd, EngineLoop} {
		up, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { up.Close() })
		go func() {
			for {
				conn, err := up.Accept()
				if err != nil {
					return
				}
				go func() {
					defer conn.Close()
					for err == nil {
						_, err = io.WriteString(conn, "HTTP/1.1 103 Early Hints\r\nLink: <"+strings.Repeat("x", 2000)+">\r\n\r\n")
					}
				}()
			}
		}()
		i := serveOn(t, engine, Config{Sites: []Site{testSite("http://"+up.Addr().String(), names("a.test"))}}, nil, ordinary)
		conn := i.dialTLS(t, "a.test")
		_ = conn.SetDeadline(time.Now().Add(patience))
		_, _ = io.WriteString(conn, "GET / HTTP/1.1\r\nHost: a.test\r\nConnection: close\r\n\r\n")
		said, err := io.ReadAll(conn)
		if err != nil || !strings.Contains(string(said), "HTTP/1.1 502 ") {
			t.Errorf("%s: %d bytes, %v: %.300q", engine, len(said), err, said[max(0, len(said)-300):])
		}
	}
}
