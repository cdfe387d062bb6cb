package proxy

import (
	"bufio"
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/quic-go/quic-go"
	"github.com/quic-go/quic-go/http3"

	"github.com/c93d5bcb/sslwizard/steps"
)

func withHTTP3(s *steps.Site) { s.SSL.HTTP3 = true }

// serve3 has the instance serve HTTP/3 too, and returns where.
func (i *instance) serve3(t *testing.T) *net.UDPAddr {
	t.Helper()
	socket := listenUDP(t)
	served := make(chan error, 1)
	go func() { served <- i.ServeHTTP3([]net.PacketConn{socket}) }()
	t.Cleanup(func() {
		over, cancel := context.WithCancel(context.Background())
		cancel()
		_ = i.Shutdown(over)
		if err := <-served; err != nil {
			t.Errorf("ServeHTTP3: %v", err)
		}
		socket.Close()
	})
	return socket.LocalAddr().(*net.UDPAddr)
}

func listenUDP(t *testing.T) *net.UDPConn {
	t.Helper()
	socket, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	return socket
}

// quicClient dials at from a socket of its own.
func quicClient(t *testing.T) *quic.Transport {
	t.Helper()
	socket := listenUDP(t)
	transport := &quic.Transport{Conn: socket}
	t.Cleanup(func() { transport.Close(); socket.Close() })
	return transport
}

func (i *instance) tls3(sni string) *tls.Config {
	return &tls.Config{RootCAs: i.roots, ServerName: sni, NextProtos: []string{http3.NextProtoH3}, MinVersion: tls.VersionTLS13}
}

// dial3 opens a connection.
func (i *instance) dial3(t *testing.T, at *net.UDPAddr, config *tls.Config) (*quic.Conn, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	return quicClient(t).Dial(ctx, at, config, &quic.Config{})
}

// client3 speaks HTTP/3 with the instance whatever the URL's host is.
func (i *instance) client3(t *testing.T, at *net.UDPAddr) *http.Client {
	t.Helper()
	transport := quicClient(t)
	h := &http3.Transport{
		TLSClientConfig: &tls.Config{RootCAs: i.roots}, DisableCompression: true,
		Dial: func(ctx context.Context, _ string, tlsConfig *tls.Config, config *quic.Config) (*quic.Conn, error) {
			return transport.Dial(ctx, at, tlsConfig, config)
		},
	}
	t.Cleanup(func() { h.Close() })
	return &http.Client{Transport: h, Timeout: patience, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
}

// TestHTTP3 answers as HTTP/1.1 and HTTP/2 do.
func TestHTTP3(t *testing.T) {
	t.Parallel()
	app := echoServer(t)
	i := serve(t, Config{Sites: []Site{testSite(app.URL, names("a.test", "www.a.test"), withHTTP3, func(s *steps.Site) {
		s.Redirect.Canonical = "a.test"
		s.SSL.HSTS.MaxAge = time.Hour
		s.Proxy.MaxBody = 1000
	})}})
	c := i.client3(t, i.serve3(t))

	request, _ := http.NewRequest(http.MethodGet, "https://a.test/x%2fy?z=%20", nil)
	request.Header.Set("X-Forwarded-For", "6.6.6.6")
	request.Header.Set("X-Real_Ip", "6.6.6.6")
	response, err := c.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	body, _ := io.ReadAll(response.Body)
	got := echoed(t, body)
	if response.ProtoMajor != 3 || response.StatusCode != 200 || response.Header.Get("Strict-Transport-Security") != "max-age=3600" {
		t.Errorf("%s %d %v", response.Proto, response.StatusCode, response.Header)
	}
	if got.Headers.Get("X-Forwarded-For") != "127.0.0.1" || got.Headers.Get("X-Forwarded-Proto") != "https" || got.Headers.Get("X-Real_ip") != "" ||
		got.Headers.Get("Transfer-Encoding") != "" || got.Headers.Get("Content-Length") != "" {
		t.Errorf("the application got %v", got.Headers)
	}
	if a := <-i.accesses; a.Proto != "HTTP/3.0" || a.Path != "/x%2fy" || a.Remote != "127.0.0.1" || a.Status != 200 || !a.Secure || a.Bytes == 0 {
		t.Errorf("logged as %+v", a)
	}
	for address, want := range map[string]string{"https://www.a.test/b?c": "301 https://a.test/b?c", "https://a.test/.well-known/acme-challenge/none": "404 "} {
		response, _ := get(t, c, address)
		if got := strings.TrimSpace(response.Status[:3]) + " " + response.Header.Get("Location"); got != want {
			t.Errorf("%s: %q, want %q", address, got, want)
		}
	}
	large, err := c.Post("https://a.test/", "text/plain", io.MultiReader(strings.NewReader(strings.Repeat("x", 2000))))
	if err != nil || large.StatusCode != http.StatusRequestEntityTooLarge {
		t.Errorf("a body too large: %v, %v", large, err)
	}
}

// TestHTTP3Bodies: a body goes up and comes down while it is made, whatever its length is said to be.
func TestHTTP3Bodies(t *testing.T) {
	t.Parallel()
	app := appServer(t, func(w http.ResponseWriter, r *http.Request) {
		_ = http.NewResponseController(w).EnableFullDuplex()
		w.Header().Set("X-Te", strings.Join(r.TransferEncoding, ","))
		w.Header().Set("Trailer", "X-Sum")
		in := bufio.NewReader(r.Body)
		for {
			line, err := in.ReadString('\n')
			_, _ = io.WriteString(w, line)
			_ = http.NewResponseController(w).Flush()
			if err != nil {
				break
			}
		}
		w.Header().Set("X-Sum", "done")
	})
	i := serve(t, Config{Sites: []Site{testSite(app, names("a.test"), withHTTP3)}})
	c := i.client3(t, i.serve3(t))

	up, write := io.Pipe()
	request, _ := http.NewRequest(http.MethodPost, "https://a.test/", up)
	go func() { _, _ = io.WriteString(write, "one\n") }()
	response, err := c.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	down := bufio.NewReader(response.Body)
	for _, line := range []string{"one\n", "two\n", "three\n"} {
		if line != "one\n" {
			go func() { _, _ = io.WriteString(write, line) }()
		}
		if got, err := down.ReadString('\n'); err != nil || got != line {
			t.Fatalf("%q, %v instead of %q", got, err, line)
		}
	}
	write.Close()
	if rest, err := io.ReadAll(down); err != nil || len(rest) != 0 || response.Trailer.Get("X-Sum") != "done" {
		t.Errorf("the end: %q, %v, trailers %v", rest, err, response.Trailer)
	}
	for _, method := range []string{http.MethodGet, http.MethodHead, http.MethodDelete, http.MethodOptions} {
		request, _ := http.NewRequest(method, "https://a.test/", nil)
		response, err := c.Do(request)
		if err != nil {
			t.Fatal(err)
		}
		response.Body.Close()
		if response.Header.Get("X-Te") != "" {
			t.Errorf("%s: the application was told of a body", method)
		}
	}
	request, _ = http.NewRequest(http.MethodDelete, "https://a.test/", io.MultiReader(strings.NewReader("there is one")))
	if response, err = c.Do(request); err != nil {
		t.Fatal(err)
	}
	if body, _ := io.ReadAll(response.Body); string(body) != "there is one" {
		t.Errorf("DELETE with a body: %q", body)
	}
}

// TestHTTP3IsRefused for what did not ask for it: each handshake ends with the alert that says why.
func TestHTTP3IsRefused(t *testing.T) {
	t.Parallel()
	app := echoServer(t)
	i := serve(t, Config{Sites: []Site{
		testSite(app.URL, names("with.test"), withHTTP3), testSite(app.URL, names("without.test")), testSite(app.URL, names("other.test"), withHTTP3)}})
	at := i.serve3(t)
	const noProtocol, noName = 120, 112
	for _, c := range []struct {
		sni, protocol string
		alert         quic.TransportErrorCode
	}{
		{"with.test", "h3", 0}, {"without.test", "h3", noProtocol}, {"unknown.test", "h3", noName}, {"", "h3", noName},
		{"with.test", "h2", noProtocol}, {"with.test", "http/1.1", noProtocol}, {"without.test", "http/1.1", noProtocol},
	} {
		config := i.tls3(c.sni)
		config.NextProtos, config.InsecureSkipVerify = []string{c.protocol}, c.sni == ""
		conn, err := i.dial3(t, at, config)
		var refused *quic.TransportError
		switch {
		case c.alert == 0 && err == nil:
			_ = conn.CloseWithError(0, "")
		case c.alert == 0 || !errors.As(err, &refused) || refused.ErrorCode != 0x100+c.alert:
			t.Errorf("%q %s: %v", c.sni, c.protocol, err)
		}
	}
	// A connection to one site is none to another.
	c := i.client3(t, at)
	request, _ := http.NewRequest(http.MethodGet, "https://with.test/", nil)
	request.Host = "other.test"
	response, err := c.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	response.Body.Close()
	if response.StatusCode != http.StatusMisdirectedRequest {
		t.Errorf("Host of another site: %d", response.StatusCode)
	}
}

// TestAltSvc is sent as it is given, over TLS only, and whatever the answer is.
func TestAltSvc(t *testing.T) {
	t.Parallel()
	const value = `h3=":443"; ma=86400`
	app := appServer(t, func(w http.ResponseWriter, _ *http.Request) { w.Header().Set("Alt-Svc", `h3=":1"`) })
	down := listen(t)
	down.Close()
	with, none := testSite(app, names("a.test"), withHTTP3), testSite("http://"+down.Addr().String(), names("down.test"), withHTTP3)
	with.AltSvc, none.AltSvc = value, value
	i := serve(t, Config{Sites: []Site{with, none}})
	for address, want := range map[string]string{"https://a.test/": value, "https://down.test/": value, "http://a.test/": ""} {
		if response, _ := get(t, i.client(t, true), address); strings.Join(response.Header.Values("Alt-Svc"), "|") != want {
			t.Errorf("%s: %d, Alt-Svc %q", address, response.StatusCode, response.Header.Values("Alt-Svc"))
		}
	}
}

// TestHTTP3Swap: a swap changes certificates and sites of what is served; connections stay.
func TestHTTP3Swap(t *testing.T) {
	t.Parallel()
	app := echoServer(t)
	site := testSite(app.URL, names("a.test"), withHTTP3)
	i := serve(t, Config{Sites: []Site{site}})
	at := i.serve3(t)
	c := i.client3(t, at)
	get(t, c, "https://a.test/")
	site.Certificate = certificate("a.test")
	if err := i.Swap(Config{Sites: []Site{site}}); err != nil {
		t.Fatal(err)
	}
	get(t, c, "https://a.test/")
	if n := i.Status().Connections; n != 1 {
		t.Errorf("%d connections", n)
	}
	conn, err := i.dial3(t, at, i.tls3("a.test"))
	if err != nil {
		t.Fatal(err)
	}
	if leaf := conn.ConnectionState().TLS.PeerCertificates[0]; string(leaf.Raw) != string(site.Certificate.Certificate[0]) {
		t.Error("the old certificate is served")
	}
	site.SSL.HTTP3 = false
	if err := i.Swap(Config{Sites: []Site{site}}); err != nil {
		t.Fatal(err)
	}
	if _, err := i.dial3(t, at, i.tls3("a.test")); err == nil {
		t.Error("a new connection after HTTP/3 was turned off")
	}
}

// TestHTTP3Resumes only what the ticket is for, and never sends early data.
func TestHTTP3Resumes(t *testing.T) {
	t.Parallel()
	app := echoServer(t)
	site := testSite(app.URL, names("a.test"), withHTTP3)
	i := serve(t, Config{Sites: []Site{site}})
	at := i.serve3(t)
	config := i.tls3("a.test")
	config.ClientSessionCache = tls.NewLRUClientSessionCache(1)
	resumed := func() bool {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		conn, err := quicClient(t).DialEarly(ctx, at, config, &quic.Config{})
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = conn.CloseWithError(0, "") }()
		<-conn.HandshakeComplete()
		state := conn.ConnectionState()
		if state.Used0RTT {
			t.Error("early data was taken")
		}
		h := (&http3.Transport{}).NewClientConn(conn) // the ticket has come with an answer
		request, _ := http.NewRequestWithContext(ctx, http.MethodGet, "https://a.test/", nil)
		response, err := h.RoundTrip(request)
		if err != nil {
			t.Fatal(err)
		}
		response.Body.Close()
		return state.TLS.DidResume
	}
	if resumed() || !resumed() {
		t.Error("the second connection has to be resumed, the first not")
	}
	site.Certificate = certificate("a.test")
	if err := i.Swap(Config{Sites: []Site{site}}); err != nil {
		t.Fatal(err)
	}
	if resumed() {
		t.Error("resumed after the certificate was replaced")
	}
}
