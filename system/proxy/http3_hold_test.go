package proxy

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/quic-go/quic-go"
	"github.com/quic-go/quic-go/http3"

	"github.com/c93d5bcb/sslwizard/steps"
)

// relay passes packets between one client and a server, and counts.
type relay struct {
	front, back  *net.UDPConn
	mu           sync.Mutex
	client       net.Addr
	up, down     int  // bytes
	sent         int  // packets of the client
	first        byte // of the first packet of the server
	beyond       int  // most bytes by which three times what the client sent was exceeded
	deaf         bool // the server's packets go nowhere
	stoppedBoth  sync.WaitGroup
	serverSpoken chan struct{}
}

func newRelay(t *testing.T, server *net.UDPAddr, deaf bool) *relay {
	t.Helper()
	back, err := net.DialUDP("udp", nil, server)
	if err != nil {
		t.Fatal(err)
	}
	r := &relay{front: listenUDP(t), back: back, deaf: deaf, serverSpoken: make(chan struct{})}
	r.stoppedBoth.Go(r.upward)
	r.stoppedBoth.Go(r.downward)
	t.Cleanup(func() { r.front.Close(); r.back.Close(); r.stoppedBoth.Wait() })
	return r
}

func (r *relay) upward() {
	packet := make([]byte, 64<<10)
	for {
		n, from, err := r.front.ReadFrom(packet)
		if err != nil {
			return
		}
		r.mu.Lock()
		r.client, r.up, r.sent = from, r.up+n, r.sent+1
		r.mu.Unlock()
		_, _ = r.back.Write(packet[:n])
	}
}

func (r *relay) downward() {
	packet := make([]byte, 64<<10)
	for {
		n, err := r.back.Read(packet)
		if errors.Is(err, net.ErrClosed) {
			return
		}
		r.mu.Lock()
		if r.down == 0 && n > 0 {
			r.first = packet[0]
			close(r.serverSpoken)
		}
		r.down += n
		r.beyond = max(r.beyond, r.down-3*r.up)
		client, deaf := r.client, r.deaf
		r.mu.Unlock()
		if !deaf {
			_, _ = r.front.WriteTo(packet[:n], client)
		}
	}
}

func (r *relay) address() *net.UDPAddr { return r.front.LocalAddr().(*net.UDPAddr) }

// TestHTTP3Amplification: an address that has not shown that it is one's own gets at most three times what came from it
// (RFC 9000 section 8), however long the chain of the certificate is.
func TestHTTP3Amplification(t *testing.T) {
	t.Parallel()
	app := echoServer(t)
	domains := names("a.test")
	for n := range 300 {
		domains = append(domains, steps.Domain("a-name-that-is-rather-long-"+strconv.Itoa(n)+".test"))
	}
	i := serve(t, Config{Sites: []Site{testSite(app.URL, domains, withHTTP3)}})
	r := newRelay(t, i.serve3(t), true)
	ctx, cancel := context.WithCancel(context.Background())
	dialed := make(chan error, 1)
	client := quicClient(t)
	go func() {
		_, err := client.Dial(ctx, r.address(), i.tls3("a.test"), &quic.Config{})
		dialed <- err
	}()
	<-r.serverSpoken
	waitFor(t, func() bool { r.mu.Lock(); defer r.mu.Unlock(); return r.sent >= 4 && r.down > 3000 })
	cancel()
	if err := <-dialed; err == nil {
		t.Error("the handshake came to an end without a packet of the server")
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.beyond > 1500 { // the library looks before each packet whether the limit is reached, not after it
		t.Errorf("%d bytes for %d; %d bytes beyond three times as many", r.down, r.up, r.beyond)
	}
}

// TestHTTP3Retry: with many handshakes under way an address has to prove itself before anything is kept of it.
func TestHTTP3Retry(t *testing.T) {
	t.Parallel()
	app := echoServer(t)
	i := serve(t, Config{Sites: []Site{testSite(app.URL, names("a.test"), withHTTP3)}})
	at := i.serve3(t)
	for _, many := range []bool{false, true} {
		if many {
			i.quic.shaking.Add(unproven)
		}
		r := newRelay(t, at, false)
		conn, err := i.dial3(t, r.address(), i.tls3("a.test"))
		if err != nil {
			t.Fatal(err)
		}
		_ = conn.CloseWithError(0, "")
		r.mu.Lock()
		if retried := r.first&0xf0 == 0xf0; retried != many { // RFC 9000 section 17.2.5
			t.Errorf("many handshakes: %t, retry: %t", many, retried)
		}
		r.mu.Unlock()
	}
	i.quic.shaking.Add(-unproven)
	waitFor(t, func() bool { return i.quic.shaking.Load() == 0 && i.Status().Connections == 0 })
}

// TestHTTP3Caps: connections of QUIC are counted with the others.
func TestHTTP3Caps(t *testing.T) {
	t.Parallel()
	app := echoServer(t)
	i := serve(t, Config{Sites: []Site{testSite(app.URL, names("a.test"), withHTTP3)}})
	at := i.serve3(t)
	limits := i.quic.caps
	limits.mu.Lock()
	limits.all = 2 - reserved // these clients are of this machine
	limits.mu.Unlock()
	first, err := i.dial3(t, at, i.tls3("a.test"))
	if err != nil {
		t.Fatal(err)
	}
	i.dialTLS(t, "a.test")
	waitFor(t, func() bool { return i.Status().Connections == 2 })
	var refused *quic.TransportError
	if _, err := i.dial3(t, at, i.tls3("a.test")); !errors.As(err, &refused) || refused.ErrorCode != quic.ConnectionRefused {
		t.Errorf("a connection too many: %v", err)
	}
	if i.Status().Refused == 0 { // each packet of a handshake is one
		t.Error("nothing was counted")
	}
	_ = first.CloseWithError(0, "")
	waitFor(t, func() bool { return i.Status().Connections == 1 })
	if _, err := i.dial3(t, at, i.tls3("a.test")); err != nil {
		t.Errorf("after one has gone: %v", err)
	}
}

// TestHTTP3Idle: a connection without a request is ended, and half a request is none; a request may take its time.
func TestHTTP3Idle(t *testing.T) {
	t.Parallel()
	release := make(chan struct{})
	app := appServer(t, func(http.ResponseWriter, *http.Request) { <-release })
	i := serve(t, Config{Sites: []Site{testSite(app, names("a.test"), withHTTP3)}})
	i.quic.idle = 200 * time.Millisecond
	at := i.serve3(t)
	c := i.client3(t, at)
	answered := make(chan error, 1)
	go func() {
		response, err := c.Get("https://a.test/")
		if err == nil {
			response.Body.Close()
		}
		answered <- err
	}()
	waitFor(t, func() bool { return i.quic.asking.Load() == 1 })
	conn, err := i.dial3(t, at, i.tls3("a.test"))
	if err != nil {
		t.Fatal(err)
	}
	stream, err := conn.OpenStream()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := stream.Write([]byte{1, 20}); err != nil { // the head of a frame HEADERS that does not come
		t.Fatal(err)
	}
	<-conn.Context().Done()
	var ended *quic.ApplicationError
	if cause := context.Cause(conn.Context()); !errors.As(cause, &ended) || ended.ErrorCode != quic.ApplicationErrorCode(http3.ErrCodeNoError) {
		t.Errorf("half a request: %v", cause)
	}
	close(release)
	if err := <-answered; err != nil {
		t.Errorf("the request that took longer: %v", err)
	}
}

// TestHTTP3Drain answers what is under way, says goodbye, and takes nothing more.
func TestHTTP3Drain(t *testing.T) {
	t.Parallel()
	release := make(chan struct{})
	app := appServer(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/slow" {
			<-release
		}
	})
	i := serve(t, Config{Sites: []Site{testSite(app, names("a.test"), withHTTP3)}})
	at := i.serve3(t)
	conn, err := i.dial3(t, at, i.tls3("a.test"))
	if err != nil {
		t.Fatal(err)
	}
	h := (&http3.Transport{}).NewClientConn(conn)
	ask := func(path string) (int, error) {
		request, _ := http.NewRequest(http.MethodGet, "https://a.test"+path, nil)
		response, err := h.RoundTrip(request)
		if err != nil {
			return 0, err
		}
		return response.StatusCode, response.Body.Close()
	}
	type answer struct {
		status int
		err    error
	}
	slow := make(chan answer, 1)
	go func() { status, err := ask("/slow"); slow <- answer{status, err} }()
	waitFor(t, func() bool { return i.quic.asking.Load() == 1 })
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	ended := make(chan error, 1)
	go func() { ended <- i.Shutdown(ctx) }()
	waitFor(t, func() bool { _, err := ask("/"); return err != nil }) // it has got GOAWAY, or is rejected
	close(release)
	if got := <-slow; got.err != nil || got.status != http.StatusOK {
		t.Errorf("the request under way: %+v", got)
	}
	if err := <-ended; err != nil {
		t.Errorf("Shutdown: %v", err)
	}
	<-conn.Context().Done()
	if n := i.Status().Connections; n != 0 {
		t.Errorf("%d connections are left", n)
	}
}

// TestHTTP3FollowsAnother: a program that takes over the socket gets all that comes; a client whose connection was with
// the other is told, by a goodbye or, where there was none, by a reset that only the same key can make.
func TestHTTP3FollowsAnother(t *testing.T) {
	t.Parallel()
	app := echoServer(t)
	sites := Config{Sites: []Site{testSite(app.URL, names("a.test"), withHTTP3)}}
	key := [32]byte{1, 2, 3}
	socket := listenUDP(t)
	defer socket.Close()
	at := socket.LocalAddr().(*net.UDPAddr)
	start := func() *instance {
		i := serve(t, sites)
		i.quic.key = key
		file, err := socket.File()
		if err != nil {
			t.Fatal(err)
		}
		defer file.Close()
		conn, err := net.FilePacketConn(file)
		if err != nil {
			t.Fatal(err)
		}
		served := make(chan error, 1)
		go func() { served <- i.ServeHTTP3([]net.PacketConn{conn}) }()
		t.Cleanup(func() {
			i.Stop()
			if err := <-served; err != nil && !errors.Is(err, quic.ErrTransportClosed) { // which this test does
				t.Errorf("ServeHTTP3: %v", err)
			}
			conn.Close()
		})
		return i
	}
	first := start()
	c := first.client3(t, at)
	get(t, c, "https://a.test/")
	first.Stop()
	second := start()
	if response, _ := get(t, c, "https://a.test/"); response.StatusCode != http.StatusOK || second.Status().Connections != 1 {
		t.Errorf("after the goodbye: %d, %+v", response.StatusCode, second.Status())
	}

	conn, err := second.dial3(t, at, second.tls3("a.test"))
	if err != nil {
		t.Fatal(err)
	}
	h := (&http3.Transport{}).NewClientConn(conn)
	request, _ := http.NewRequest(http.MethodGet, "https://a.test/", nil)
	response, err := h.RoundTrip(request)
	if err != nil {
		t.Fatal(err)
	}
	response.Body.Close()
	second.quic.mu.Lock()
	_ = second.quic.ways[0].transport.Close() // it ends without a word, as when it is killed
	second.quic.mu.Unlock()
	start()
	if _, err := h.RoundTrip(request); err == nil {
		t.Error("the other program's connection goes on")
	}
	<-conn.Context().Done()
	var reset *quic.StatelessResetError
	if cause := context.Cause(conn.Context()); !errors.As(cause, &reset) {
		t.Errorf("the client sees %v", cause)
	}
}

// socket3 opens a WebSocket over HTTP/3.
func (i *instance) socket3(t *testing.T, at *net.UDPAddr, path string, edit ...func(*http.Request)) (ws, *http.Response) {
	t.Helper()
	conn, err := i.dial3(t, at, i.tls3("a.test"))
	if err != nil {
		t.Fatal(err)
	}
	h := (&http3.Transport{}).NewClientConn(conn)
	stream, err := h.OpenRequestStream(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	_ = stream.SetDeadline(time.Now().Add(patience))
	<-h.ReceivedSettings()
	if !h.Settings().EnableExtendedConnect {
		t.Error("it is not offered")
	}
	request, _ := http.NewRequest(http.MethodConnect, "https://a.test"+path, nil)
	request.Proto = "websocket"
	request.Header.Set("Sec-WebSocket-Version", "13")
	for _, e := range edit {
		e(request)
	}
	if err := stream.SendRequestHeader(request); err != nil {
		t.Fatal(err)
	}
	response, err := stream.ReadResponse()
	if err != nil {
		t.Fatal(err)
	}
	return ws{over3{stream}, bufio.NewReader(stream)}, response
}

// over3 is the client's side of a stream as a connection.
type over3 struct{ *http3.RequestStream }

func (over3) LocalAddr() net.Addr  { return nil }
func (over3) RemoteAddr() net.Addr { return nil }

// TestWebSocketOverHTTP3: what the library announces works (RFC 9220), and nothing else is answered as if it had.
func TestWebSocketOverHTTP3(t *testing.T) {
	t.Parallel()
	app := echoServer(t)
	i := serve(t, Config{Sites: []Site{testSite(app.URL, names("a.test"), withHTTP3, func(s *steps.Site) {
		s.WebSockets.Paths = []string{"/ws"}
	})}})
	at := i.serve3(t)
	s, response := i.socket3(t, at, "/ws?x=1", func(r *http.Request) { r.Header.Set("Sec-WebSocket-Protocol", "echo.v1, other") })
	if response.StatusCode != http.StatusOK || response.Header.Get("Sec-Websocket-Accept") != "" || response.Header.Get("Upgrade") != "" {
		t.Fatalf("%d %v", response.StatusCode, response.Header)
	}
	s.exchange(t, "hello")
	if n := i.Status().WebSockets; n != 1 {
		t.Errorf("%d open", n)
	}
	for path, want := range map[string]int{"/other": 501, steps.ChallengePath + "x": 501} {
		if _, response := i.socket3(t, at, path); response.StatusCode != want {
			t.Errorf("%s: %d", path, response.StatusCode)
		}
	}
	if _, response := i.socket3(t, at, "/ws", func(r *http.Request) { r.Proto = "connect-udp" }); response.StatusCode != http.StatusNotImplemented {
		t.Errorf("another protocol: %d", response.StatusCode)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	var shut sync.WaitGroup
	shut.Go(func() { _ = i.Shutdown(ctx) })
	rest, _ := io.ReadAll(s.in) // meanwhile: at the end of a connection QUIC drops what has not been read
	if !strings.Contains(string(rest), "\x88\x02\x03\xe9") {
		t.Errorf("the end: % x, want a close frame 1001", rest)
	}
	shut.Wait()
}

// TestNoWebSocketOverHTTP3 when the application opens none: the client must not take its page for one.
func TestNoWebSocketOverHTTP3(t *testing.T) {
	t.Parallel()
	app := appServer(t, func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/page":
		case "/login":
			http.Redirect(w, r, "/", http.StatusFound)
		case "/forged":
			w.Header().Set("Connection", "Upgrade")
			w.Header().Set("Upgrade", "websocket")
			w.Header().Set("Sec-WebSocket-Accept", "AAAA")
			w.WriteHeader(http.StatusSwitchingProtocols)
		}
	})
	i := serve(t, Config{Sites: []Site{testSite(app, names("a.test"), withHTTP3)}})
	at := i.serve3(t)
	for path, want := range map[string]int{"/page": 501, "/forged": 502, "/login": 302} {
		if _, response := i.socket3(t, at, path); response.StatusCode != want {
			t.Errorf("%s: %d", path, response.StatusCode)
		}
	}
}
