package proxy

import (
	"bufio"
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"runtime"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/http2"

	"github.com/c93d5bcb/sslwizard/steps"
)

// over is an open WebSocket over HTTP/2.
type over struct {
	*http.Response
	to *io.PipeWriter
}

// Write implements io.Writer.
func (o over) Write(p []byte) (int, error) { return o.to.Write(p) }

// connect asks for a WebSocket over HTTP/2 with these fields.
func connect(t *testing.T, c *http.Client, address string, fields ...string) (over, error) {
	t.Helper()
	out, in := io.Pipe()
	t.Cleanup(func() { in.Close() })
	request, err := http.NewRequest(http.MethodConnect, address, out)
	if err != nil {
		t.Fatal(err)
	}
	request.Header = http.Header{":protocol": {"websocket"}, "Sec-Websocket-Version": {"13"}, "Origin": {"https://a.test"}}
	for n := 0; n < len(fields); n += 2 {
		if request.Header.Del(fields[n]); fields[n+1] != "" {
			request.Header[fields[n]] = []string{fields[n+1]}
		}
	}
	response, err := c.Do(request) //nolint:bodyclose // just below
	if err == nil {
		t.Cleanup(func() { response.Body.Close() })
	}
	return over{response, in}, err
}

// socket opens a WebSocket over HTTP/2, of which ws can be used as of any other.
func (i *instance) overHTTP2(t *testing.T, c *http.Client, path string, fields ...string) (ws, over) {
	t.Helper()
	o, err := connect(t, c, "https://a.test"+path, fields...)
	if err != nil || o.StatusCode != 200 {
		t.Fatalf("%s: %v, %v", path, o.Response, err)
	}
	return ws{overConn{over: o}, bufio.NewReader(o.Body)}, o
}

// overConn lets a stream be used where a connection is; only writes come here.
type overConn struct {
	net.Conn
	over
}

// Write implements net.Conn.
func (c overConn) Write(p []byte) (int, error) { return c.over.Write(p) }

// TestWebSocketsOverHTTP2: the upstream sees an upgrade as every other, and the client nothing of it.
func TestWebSocketsOverHTTP2(t *testing.T) {
	t.Parallel()
	app := echoServer(t)
	i := serve(t, Config{Sites: []Site{
		testSite(app.URL, names("a.test"), func(s *steps.Site) { s.WebSockets.Paths = []string{"/ws"}; s.SSL.HSTS.MaxAge = time.Hour }),
	}})
	client := i.http2Client(t)
	one, o := i.overHTTP2(t, client, "/ws/a?b", "Sec-Websocket-Protocol", "chat", "Sec-Websocket-Key", "of the client")
	if o.Header.Get("Sec-Websocket-Protocol") != "chat" || o.Header.Get("Strict-Transport-Security") == "" || o.Proto != "HTTP/2.0" {
		t.Errorf("%s %v", o.Proto, o.Header)
	}
	for _, name := range []string{"Upgrade", "Connection", "Sec-Websocket-Accept", "Content-Length"} {
		if o.Header.Get(name) != "" {
			t.Errorf("%s: %q comes through", name, o.Header.Get(name))
		}
	}
	other, _ := i.overHTTP2(t, client, "/ws") // on the same connection
	for n := range 50 {
		one.exchange(t, fmt.Sprint("one ", n))
		other.exchange(t, strings.Repeat("x", 100*n))
	}
	get(t, client, "https://a.test/")
	if s := i.Status(); s.WebSockets != 2 || s.Connections != 1 {
		t.Errorf("%d WebSockets and %d connections", s.WebSockets, s.Connections)
	}
	for _, s := range []ws{one, other} {
		if _, err := s.Write(closeFrame(4001, true)); err != nil {
			t.Fatal(err)
		}
		want := closeFrame(4001, false)
		if got, err := io.ReadAll(s.in); err != nil || !bytes.Equal(got, want) {
			t.Errorf("closed with %x, %v; want %x and a clean end", got, err, want)
		}
	}
	for range 3 {
		if a := <-i.accesses; a.Path != "/" && (a.Status != 101 || a.Proto != "HTTP/2.0" || a.Bytes == 0) {
			t.Errorf("logged: %+v", a)
		}
	}
	if n := i.Status().WebSockets; n != 0 {
		t.Errorf("%d WebSockets are left", n)
	}
}

// TestWhatTheUpstreamIsAsked: of an extended CONNECT the upstream gets the upgrade of HTTP/1.1 (RFC 6455 section 4.1).
func TestWhatTheUpstreamIsAsked(t *testing.T) {
	t.Parallel()
	type asked struct {
		method, uri, host string
		header            http.Header
	}
	got := make(chan asked, 1)
	app := appServer(t, func(w http.ResponseWriter, r *http.Request) {
		got <- asked{r.Method, r.RequestURI, r.Host, r.Header}
		w.WriteHeader(http.StatusForbidden)
		_, _ = io.WriteString(w, "not you")
	})
	i := serve(t, Config{Sites: []Site{testSite(app, names("a.test"))}})
	o, err := connect(t, i.http2Client(t), "https://a.test/ws?x=%20", "Sec-Websocket-Extensions", "permessage-deflate; client_max_window_bits",
		"X-Forwarded-For", "10.9.8.7", "Cookie", "a=b", "Sec-Websocket-Key", "mine")
	if err != nil {
		t.Fatal(err)
	}
	if page, _ := io.ReadAll(o.Body); o.StatusCode != http.StatusForbidden || string(page) != "not you" {
		t.Errorf("the upstream's refusal becomes %d %q", o.StatusCode, page)
	}
	a := <-got
	if a.method != "GET" || a.uri != "/ws?x=%20" || a.host != "a.test" {
		t.Errorf("%s %s of %s", a.method, a.uri, a.host)
	}
	for name, want := range map[string]string{
		"Connection": "Upgrade", "Upgrade": "websocket", "Sec-Websocket-Version": "13", "Origin": "https://a.test", "Cookie": "a=b",
		"Sec-Websocket-Extensions": "permessage-deflate; client_max_window_bits", "X-Forwarded-For": "127.0.0.1", "X-Forwarded-Proto": "https",
		":protocol": "", "Content-Length": "", "Transfer-Encoding": "",
	} {
		if values := a.header[name]; strings.Join(values, "|") != want {
			t.Errorf("%s: %q, want %q", name, values, want)
		}
	}
	if key := a.header.Get("Sec-Websocket-Key"); len(key) != 24 || key == "mine" {
		t.Errorf("the key is %q", key)
	}
}

// TestRefusedExtendedConnects: whatever is no WebSocket that the site passes opens nothing, and the upstream hears of it
// only where the answer is its own.
func TestRefusedExtendedConnects(t *testing.T) {
	t.Parallel()
	reached := make(chan string, 100)
	app := appServer(t, func(w http.ResponseWriter, r *http.Request) {
		reached <- r.URL.Path
		if wrong, ok := strings.CutPrefix(r.URL.Path, "/ws/101/"); ok {
			w.Header().Set("Upgrade", "websocket")
			w.Header().Set("Connection", "Upgrade")
			w.Header().Set("Sec-Websocket-Accept", wrong)
			w.WriteHeader(http.StatusSwitchingProtocols)
			return
		}
		if r.URL.Path == "/ws/redirect" {
			http.Redirect(w, r, "/elsewhere", http.StatusFound)
		}
	})
	i := serve(t, Config{Sites: []Site{
		testSite(app, names("a.test"), func(s *steps.Site) { s.WebSockets.Paths = []string{"/ws"} }),
		testSite(app, names("b.test")),
		testSite(app, names("c.test"), func(s *steps.Site) { s.WebSockets.Enabled = false }),
	}})
	for _, c := range []struct {
		name, address string
		fields        []string
		status        int
		reaches       bool
	}{
		{"another protocol", "https://a.test/ws", []string{":protocol", "connect-udp"}, 501, false},
		{"other letters", "https://a.test/ws", []string{":protocol", "WebSocket"}, 501, false},
		{"another path", "https://a.test/other", nil, 501, false},
		{"dot segments", "https://a.test/ws/../other", nil, 501, false},
		{"switched off", "https://c.test/ws", nil, 501, false},
		{"no version", "https://a.test/ws", []string{"Sec-Websocket-Version", ""}, 501, false},
		{"a challenge", "https://a.test/.well-known/acme-challenge/x", nil, 501, false},
		{"another expectation", "https://a.test/ws", []string{"Expect", "a miracle"}, 417, false},
		{"no WebSocket there", "https://a.test/ws", nil, 501, true},
		{"a redirect", "https://a.test/ws/redirect", nil, 302, true},
		{"a wrong accept key", "https://a.test/ws/101/AAAAAAAAAAAAAAAAAAAAAAAAAAA=", nil, 502, true},
		{"no accept key", "https://a.test/ws/101/", nil, 502, true},
	} {
		o, err := connect(t, i.http2Client(t), c.address, c.fields...)
		if err != nil || o.StatusCode != c.status {
			t.Errorf("%s: %v, %v; want %d", c.name, o.Response, err, c.status)
		}
		if got := len(reached) > 0; got != c.reaches {
			t.Errorf("%s: the upstream was asked: %t", c.name, got)
		}
		for len(reached) > 0 {
			<-reached
		}
	}
	if strings.Count(i.log.String(), "level=WARN") != 2 {
		t.Errorf("the log tells of other things than the two wrong keys:\n%s", i.log)
	}
}

// TestConnectsByHand: requests that no client of net/http makes.
func TestConnectsByHand(t *testing.T) {
	t.Parallel()
	app := appServer(t, func(_ http.ResponseWriter, r *http.Request) { t.Errorf("the upstream gets %s %s", r.Method, r.Header) })
	i := serve(t, Config{Sites: []Site{testSite(app, names("a.test"))}})
	ws := []string{":scheme", "https", ":path", "/", ":protocol", "websocket", "sec-websocket-version", "13"}
	malformed := "400" // RFC 9113 section 8.1.1 allows an answer before the error of the stream, and wants none
	if *engine == EngineLoop {
		malformed = "PROTOCOL_ERROR"
	}
	for _, c := range []struct {
		name   string
		end    bool
		fields []string
		want   string // a status, or an error of the stream
	}{
		{"CONNECT alone", false, []string{":method", "CONNECT", ":authority", "a.test:443"}, "405"},
		{"GET with a protocol", true, append([]string{":method", "GET", ":authority", "a.test"}, ws...), malformed},
		{"ended at once", true, append([]string{":method", "CONNECT", ":authority", "a.test"}, ws...), "400"},
		{"with a length", false, append([]string{":method", "CONNECT", ":authority", "a.test"}, append(ws, "content-length", "0")...), malformed},
		{"another host", false, append([]string{":method", "CONNECT", ":authority", "b.test"}, ws...), "421"},
		{"no path", false, []string{":method", "CONNECT", ":authority", "a.test", ":scheme", "https", ":protocol", "websocket"}, "PROTOCOL_ERROR"},
		{"no authority", false, append([]string{":method", "CONNECT"}, ws...), malformed},
	} {
		a := attack(t, i)
		if err := a.open(1, c.end, c.fields...); err != nil {
			t.Fatal(err)
		}
		if got := a.answer(t); got != c.want {
			t.Errorf("%s: %s, want %s", c.name, got, c.want)
		}
	}
}

// TestSocketsOverHTTP2SurviveAndDrain: a swap leaves them alone; the end of the drain closes them with 1001, not before.
func TestSocketsOverHTTP2SurviveAndDrain(t *testing.T) {
	t.Parallel()
	app := echoServer(t)
	c := Config{Sites: []Site{testSite(app.URL, names("a.test"))}}
	i := serve(t, c)
	client := i.http2Client(t)
	s, _ := i.overHTTP2(t, client, "/ws")
	s.exchange(t, "before")
	if err := i.Swap(c); err != nil {
		t.Fatal(err)
	}
	s.exchange(t, "after a swap")
	ctx, end := context.WithCancel(t.Context())
	down := make(chan error, 1)
	go func() { down <- i.Shutdown(ctx) }()
	if err := <-i.served; err != nil { // nothing is taken any more
		t.Fatal(err)
	}
	s.exchange(t, "while it drains")
	end()
	want := closeFrame(closeGoingAway, false)
	if got, err := io.ReadAll(s.in); !bytes.HasPrefix(got, want) || err != nil {
		t.Errorf("it ends with %x, %v; want %x", got, err, want)
	}
	if err := <-down; err == nil {
		t.Error("the drain says that nothing was cut")
	}
}

// TestSilentSocketsOverHTTP2End: after the idle time, with a close frame.
func TestSilentSocketsOverHTTP2End(t *testing.T) {
	t.Parallel()
	app := echoServer(t)
	i := serve(t, Config{Sites: []Site{testSite(app.URL, names("a.test"), func(s *steps.Site) { s.WebSockets.Idle = 300 * time.Millisecond })}})
	s, _ := i.overHTTP2(t, i.http2Client(t), "/ws")
	if got, err := io.ReadAll(s.in); err != nil || !bytes.HasPrefix(got, closeFrame(closeGoingAway, false)) {
		t.Errorf("it ends with %x, %v", got, err)
	}
}

// TestSocketsOverHTTP2End: whichever side goes, the other learns of it, and nothing is left.
func TestSocketsOverHTTP2End(t *testing.T) { //nolint:paralleltest // it counts goroutines
	ended := make(chan error, 1)
	app := appServer(t, func(w http.ResponseWriter, r *http.Request) {
		conn, in, err := http.NewResponseController(w).Hijack()
		if err != nil {
			t.Error(err)
			return
		}
		defer conn.Close()
		fmt.Fprintf(conn, "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: %s\r\n\r\n",
			acceptOf(r.Header.Get("Sec-Websocket-Key")))
		switch r.URL.Path {
		case "/gone": // without a word
			return
		case "/flood": // more than the client takes
			frame := append(binary.BigEndian.AppendUint64([]byte{0x82, 127}, 1<<40), make([]byte, 1<<20)...)
			for err == nil {
				_, err = conn.Write(frame)
			}
		default:
			_, err = io.Copy(io.Discard, in)
		}
		ended <- err
	})
	i := serve(t, Config{Sites: []Site{testSite(app, names("a.test"))}})
	client := i.http2Client(t)
	get(t, client, "https://a.test/.well-known/acme-challenge/x")
	before := runtime.NumGoroutine()
	gone, _ := i.overHTTP2(t, client, "/gone")
	if got, err := io.ReadAll(gone.in); err != nil || len(got) > 0 {
		t.Errorf("the upstream went: %x, %v", got, err)
	}
	for _, path := range []string{"/half", "/reset", "/flood"} {
		_, o := i.overHTTP2(t, client, path)
		if path == "/half" {
			o.to.Close()
		} else {
			o.Body.Close()
		}
		select {
		case err := <-ended:
			if path == "/half" && err != nil {
				t.Errorf("%s: the upstream sees %v", path, err)
			}
		case <-time.After(patience):
			t.Fatalf("%s: the upstream is not told", path)
		}
	}
	deadline := time.Now().Add(patience)
	for runtime.NumGoroutine() > before+5 || i.Status().WebSockets > 0 {
		if time.Now().After(deadline) {
			t.Fatalf("%d goroutines became %d, %d WebSockets are open", before, runtime.NumGoroutine(), i.Status().WebSockets)
		}
		runtime.Gosched()
	}
}

// TestSocketsOverHTTP2AreConnections: as many as a client may have connections, and no more.
func TestSocketsOverHTTP2AreConnections(t *testing.T) {
	t.Parallel()
	app := echoServer(t)
	i := serve(t, Config{Sites: []Site{testSite(app.URL, names("a.test"))}})
	client := i.http2Client(t)
	get(t, client, "https://a.test/")
	counts := i.onHTTP().caps
	counts.mu.Lock()
	counts.all = counts.open + 1 - reserved
	counts.mu.Unlock()
	s, o := i.overHTTP2(t, client, "/ws")
	s.exchange(t, "there is room")
	second, err := connect(t, client, "https://a.test/ws")
	if err != nil || second.StatusCode != http.StatusServiceUnavailable {
		t.Errorf("one too many: %v, %v", second.Response, err)
	}
	_, _ = o.Write(closeFrame(1000, true))
	_, _ = io.ReadAll(s.in)
	for range 4 {
		<-i.accesses // the last one has left
		if len(i.accesses) == 0 {
			break
		}
	}
	again, _ := i.overHTTP2(t, client, "/ws")
	again.exchange(t, "there is room again")
}

// TestEnvironmentIsRestored: what had net/http offer extended CONNECT is nothing that other programs inherit.
func TestEnvironmentIsRestored(t *testing.T) {
	t.Parallel()
	if strings.Contains(os.Getenv("GODEBUG"), "http2xconnect") {
		t.Errorf("GODEBUG is %q", os.Getenv("GODEBUG"))
	}
}

// answer is what a stream is answered: a status, or the error that ends it.
func (a *attacker) answer(t *testing.T) string {
	t.Helper()
	for {
		frame, err := a.in.ReadFrame()
		if err != nil {
			t.Fatal(err)
		}
		switch f := frame.(type) {
		case *http2.HeadersFrame:
			return statusOf(t, f)
		case *http2.RSTStreamFrame:
			return f.ErrCode.String()
		case *http2.GoAwayFrame:
			return "GOAWAY " + f.ErrCode.String()
		}
	}
}
