package proxy

import (
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/net/http2"
	"golang.org/x/sys/unix"

	"github.com/c93d5bcb/sslwizard/steps"
)

// brief are limits that a test can wait for.
func brief() limits {
	l := ordinary
	l.handshake, l.header, l.idle, l.take = time.Second, time.Second, time.Second, time.Second
	return l
}

// drip sends piece after piece until the server ends the connection, and returns what it said and how long that took. No
// pause is as long as a limit.
func drip(t *testing.T, conn net.Conn, piece string) (string, time.Duration) {
	t.Helper()
	_ = conn.SetDeadline(time.Now().Add(patience))
	began, over := time.Now(), make(chan struct{})
	go func() {
		defer close(over)
		tick := time.NewTicker(50 * time.Millisecond)
		defer tick.Stop()
		for range tick.C {
			if _, err := io.WriteString(conn, piece); err != nil {
				return
			}
		}
	}()
	said, _ := io.ReadAll(conn)
	took := time.Since(began)
	conn.Close()
	<-over
	return string(said), took
}

// TestSlowBeginnings: the time for a handshake, for the head of a request and between requests is for the whole of it, not
// for each byte.
func TestSlowBeginnings(t *testing.T) {
	t.Parallel()
	i := serveWithin(t, Config{Sites: []Site{testSite(echoServer(t).URL, names("a.test"))}}, nil, brief())
	begun := func(conn net.Conn, text string) net.Conn {
		_, _ = io.WriteString(conn, text)
		return conn
	}
	dial := func() net.Conn {
		conn, err := net.Dial("tcp", i.secure)
		if err != nil {
			t.Fatal(err)
		}
		return conn
	}
	for _, c := range []struct {
		name  string
		conn  net.Conn
		piece string
	}{
		{"no handshake", dial(), ""},
		{"a slow handshake", begun(dial(), "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"), "\x00"},
		{"no request", i.dialPlain(t), ""},
		{"no request over TLS", i.dialTLS(t, "a.test"), ""},
		{"a slow line", begun(i.dialPlain(t), "GET /"), "x"},
		{"slow fields", begun(i.dialTLS(t, "a.test"), "GET / HTTP/1.1\r\nHost: a.test\r\n"), "X: y\r\n"},
	} {
		if said, took := drip(t, c.conn, c.piece); took > patience/2 || strings.Contains(said, "200 OK") {
			t.Errorf("%s: ended after %v with %q", c.name, took, said)
		}
	}
	if cut := i.Status().Cut; cut[cutHandshake] != 2 {
		t.Errorf("ended: %v", cut)
	}
	conn := i.dialTLS(t, "a.test")
	if response, _ := raw(t, conn, "GET / HTTP/1.1\r\nHost: a.test\r\n\r\n"); response.StatusCode != 200 {
		t.Errorf("%d", response.StatusCode)
	}
	if rest, err := io.ReadAll(conn); len(rest) != 0 || err != nil {
		t.Errorf("an idle connection ends with %q, %v", rest, err)
	}
	a := attack(t, i) // one of HTTP/2 that asks nothing
	if said := a.listen(); said != http2.ErrCodeNo {
		t.Errorf("an idle connection of HTTP/2 is told %v", said)
	}
}

// TestSlowUploads: who sends less than nothing is told so, though never silent for long; who is slow is not, and neither is
// one to whom the application talks meanwhile.
func TestSlowUploads(t *testing.T) {
	t.Parallel()
	const silence = 4 * time.Second
	app := appServer(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/talk" {
			control := http.NewResponseController(w)
			_ = control.EnableFullDuplex()
			_ = control.Flush()
		}
		n, _ := io.Copy(io.Discard, r.Body)
		_, _ = fmt.Fprint(w, n)
	})
	i := serve(t, Config{Sites: []Site{testSite(app, names("a.test"), func(s *steps.Site) { s.Proxy.Timeout = silence })}})
	for _, c := range []struct {
		name, path string
		piece      int // bytes in a twentieth of a second
		length     time.Duration
		cut        bool
	}{
		{"bytes", "/", 1, patience, true},
		{"a kilobyte in a second", "/", 50, 3 * silence, false},
		{"bytes in a talk", "/talk", 1, 3 * silence, false},
	} {
		for _, http2 := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, http2 %t", c.name, http2), func(t *testing.T) {
				t.Parallel()
				body, to := io.Pipe()
				sent, ended := 0, make(chan struct{})
				go func() {
					defer close(ended)
					for began := time.Now(); time.Since(began) < c.length; time.Sleep(50 * time.Millisecond) {
						n, err := to.Write(make([]byte, c.piece))
						if sent += n; err != nil {
							return
						}
					}
					to.Close()
				}()
				response, err := i.client(t, http2).Post("https://a.test"+c.path, "text/plain", body)
				if err != nil {
					t.Fatal(err)
				}
				defer response.Body.Close()
				got, err := io.ReadAll(response.Body)
				body.Close()
				<-ended
				if c.cut != (response.StatusCode == http.StatusRequestTimeout) || !c.cut && (err != nil || string(got) != fmt.Sprint(sent)) {
					t.Errorf("%d %.80q, %v, after %d bytes", response.StatusCode, got, err, sent)
				}
			})
		}
	}
	t.Cleanup(func() {
		if cut := i.Status().Cut; cut[cutBody] != 2 {
			t.Errorf("ended: %v", cut)
		}
	})
}

// TestSlowDownloads: who takes byte after byte is cut, who is slow is not: what the kernel holds for it must not make it look
// like one who is gone.
func TestSlowDownloads(t *testing.T) {
	t.Parallel()
	var ended atomic.Int64
	app := appServer(t, func(w http.ResponseWriter, _ *http.Request) {
		for block := make([]byte, 64<<10); ; {
			if _, err := w.Write(block); err != nil {
				ended.Add(1)
				return
			}
		}
	})
	l := brief()
	l.take = 3 * time.Second
	i := serveWithin(t, Config{Sites: []Site{testSite(app, names("a.test"), func(s *steps.Site) { s.Proxy.Timeout = l.take })}}, nil, l)
	t.Run("bytes", func(t *testing.T) {
		t.Parallel()
		a := attack(t, i)
		if err := a.WriteSettings(http2.Setting{ID: http2.SettingInitialWindowSize, Val: 0}); err != nil {
			t.Fatal(err)
		}
		if err := a.open(1, true, ":method", "GET", ":scheme", "https", ":authority", "a.test", ":path", "/"); err != nil {
			t.Fatal(err)
		}
		over := make(chan struct{})
		go func() {
			tick := time.NewTicker(50 * time.Millisecond)
			defer tick.Stop()
			for {
				select {
				case <-tick.C:
					_ = a.WriteWindowUpdate(1, 1)
				case <-over:
					return
				}
			}
		}()
		for reset := false; !reset; {
			frame, err := a.in.ReadFrame()
			if err != nil && !isStreamError(err) {
				t.Fatal(err)
			}
			_, reset = frame.(*http2.RSTStreamFrame)
		}
		close(over)
		waitFor(t, func() bool { return ended.Load() > 0 && i.Status().Cut[cutAnswer] > 0 })
		if cut := i.Status().Cut; cut[cutAnswer] != 1 {
			t.Errorf("ended: %v", cut)
		}
	})
	t.Run("slowly", func(t *testing.T) {
		t.Parallel()
		conn := i.dialTLS(t, "a.test")
		_, _ = io.WriteString(conn, "GET / HTTP/1.1\r\nHost: a.test\r\n\r\n")
		got := 0
		for began := time.Now(); time.Since(began) < 5*l.take; time.Sleep(100 * time.Millisecond) {
			n, err := io.ReadFull(conn, make([]byte, 6_400))
			if got += n; err != nil {
				t.Fatalf("cut after %v and %d bytes: %v", time.Since(began), got, err)
			}
		}
	})
}

// TestDeafClientOfHTTP2: what is no answer has to be taken too.
func TestDeafClientOfHTTP2(t *testing.T) {
	t.Parallel()
	app := appServer(t, func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() })
	i := serveWithin(t, Config{Sites: []Site{testSite(app, names("a.test"))}}, nil, brief())
	// What waits to be taken waits in the server: the buffers of both sides are small, and from the beginning, for what was
	// offered is not taken back. That of the server would else grow until all of it fits in.
	a := attackBy(t, i, narrow(t, i))
	if err := a.open(1, true); err != nil { // so that the connection is not idle
		t.Fatal(err)
	}
	for range vainFrames * 9 / 10 {
		if err := a.WritePing(false, [8]byte{}); err != nil {
			break
		}
	}
	waitFor(t, func() bool { return i.Status().Connections == 0 })
	if cut := i.Status().Cut; cut[cutFrames] != 0 {
		t.Errorf("ended: %v", cut)
	}
}

// TestUnreachableUpstreamIs504: an address that swallows packets is not waited for longer than for a connection.
func TestUnreachableUpstreamIs504(t *testing.T) {
	t.Parallel()
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = unix.Close(fd) })
	if err := errors.Join(unix.Bind(fd, &unix.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}}), unix.Listen(fd, 0)); err != nil {
		t.Fatal(err)
	}
	name, err := unix.Getsockname(fd)
	if err != nil {
		t.Fatal(err)
	}
	address := fmt.Sprintf("127.0.0.1:%d", name.(*unix.SockaddrInet4).Port)
	for { // until its queue is full, for nobody takes them
		conn, err := net.DialTimeout("tcp", address, 2*time.Second)
		if err != nil {
			break
		}
		defer conn.Close()
	}
	i := serve(t, Config{Sites: []Site{testSite("http://"+address, names("a.test"), func(s *steps.Site) { s.Proxy.Timeout = time.Hour })}})
	client := i.client(t, true)
	client.Timeout = dialTimeout + patience
	if response, _ := get(t, client, "https://a.test/"); response.StatusCode != http.StatusGatewayTimeout {
		t.Errorf("%d", response.StatusCode)
	}
}

// TestEveryLimitHasItsTest: the tests that docs/proxy.md names are there.
func TestEveryLimitHasItsTest(t *testing.T) {
	t.Parallel()
	page, err := os.ReadFile("../../docs/proxy.md")
	if err != nil {
		t.Fatal(err)
	}
	files, _ := filepath.Glob("*_test.go")
	var tests strings.Builder
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		tests.Write(text)
	}
	named := regexp.MustCompile("`(Test\\w+)`").FindAllStringSubmatch(string(page), -1)
	for _, one := range named {
		if !strings.Contains(tests.String(), "func "+one[1]+"(t *testing.T)") {
			t.Errorf("there is no %s", one[1])
		}
	}
	if len(named) < 20 {
		t.Errorf("%d tests are named", len(named))
	}
}

// TestFieldsAreCounted: at the limit a request is passed on, beyond it is refused.
func TestFieldsAreCounted(t *testing.T) {
	t.Parallel()
	app := appServer(t, func(http.ResponseWriter, *http.Request) {})
	i := serve(t, Config{Sites: []Site{testSite(app, names("a.test"))}})
	for _, http2 := range []bool{false, true} {
		client := i.client(t, http2)
		for more, want := range map[int]int{0: 200, 1: 431} {
			request, _ := http.NewRequest(http.MethodGet, "https://a.test/", nil)
			request.Header.Set("User-Agent", "test") // the client sets it otherwise
			for n := range ordinary.fields - 1 + more {
				request.Header.Add(fmt.Sprintf("X-%d", n%100), "y")
			}
			response, err := client.Do(request)
			if err != nil {
				t.Fatal(err)
			}
			response.Body.Close()
			if response.StatusCode != want {
				t.Errorf("http2 %t, %d too many: %d, want %d", http2, more, response.StatusCode, want)
			}
		}
	}
}
