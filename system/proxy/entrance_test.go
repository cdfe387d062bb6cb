package proxy

import (
	"crypto/tls"
	"net"
	"testing"
	"time"
)

// TestHandshakeFlood: who is in already is served while handshakes use up all their turns, and handshakes that wait for
// their client hold up no others, nor much memory.
func TestHandshakeFlood(t *testing.T) { //nolint:paralleltest // it measures the heap
	const stalled = 400
	i := serve(t, Config{Sites: []Site{testSite(echoServer(t).URL, names("a.test"))}})
	clients := map[string]net.Conn{"plain": i.dialPlain(t), "secure": i.dialTLS(t, "a.test")}
	http2 := i.client(t, true)
	asked := func() {
		t.Helper()
		for name, conn := range clients {
			if response, _ := raw(t, conn, "GET / HTTP/1.1\r\nHost: a.test\r\n\r\n"); response.StatusCode >= 400 {
				t.Errorf("%s: %d", name, response.StatusCode)
			}
		}
		if response, _ := get(t, http2, "https://a.test/"); response.StatusCode != 200 {
			t.Errorf("HTTP/2: %d", response.StatusCode)
		}
	}
	asked()
	grown := heapWatch(t)
	for n := range stalled {
		conn, err := net.Dial("tcp", i.secure)
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		if n%2 == 0 {
			_, _ = conn.Write([]byte("\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03half a hello"))
		}
	}
	waitFor(t, func() bool { return i.Status().Connections == stalled+3 })
	i.dialTLS(t, "a.test") // gets past them
	if held := grown(); held > stalled*64<<10 {
		t.Errorf("%d KiB for each handshake", held/stalled>>10)
	}
	turns := i.onHTTP().entrance.turns
	for range cap(turns) { // as if so many were computed for ever
		turns <- struct{}{}
	}
	in := make(chan error, 1)
	go func() {
		conn, err := tls.DialWithDialer(&net.Dialer{Timeout: patience}, "tcp", i.secure, &tls.Config{ServerName: "a.test", RootCAs: i.roots})
		if err == nil {
			conn.Close()
		}
		in <- err
	}()
	for range 20 {
		asked()
	}
	select {
	case err := <-in:
		t.Errorf("a handshake did not wait for its turn: %v", err)
	default:
	}
	for range cap(turns) {
		<-turns
	}
	if err := <-in; err != nil {
		t.Errorf("after the flood: %v", err)
	}
}

// TestHandshakeSaysWhatIsWrong: a client that speaks HTTP to the port of TLS is told so.
func TestHandshakeSaysWhatIsWrong(t *testing.T) {
	t.Parallel()
	i := serve(t, Config{Sites: []Site{testSite(echoServer(t).URL, names("a.test"))}})
	conn, err := net.DialTimeout("tcp", i.secure, time.Second)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if response, _ := raw(t, conn, "GET / HTTP/1.1\r\nHost: a.test\r\n\r\n"); response.StatusCode != 400 {
		t.Errorf("%d", response.StatusCode)
	}
}
