package proxy

import (
	"errors"
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
