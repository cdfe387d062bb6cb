package nginx

import (
	"crypto/tls"
	"crypto/x509"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/c93d5bcb/sslwizard/steps"
	"github.com/c93d5bcb/sslwizard/system/echo"
)

func TestRedirectKeepsPathAndQuery(t *testing.T) {
	t.Parallel()
	app, _ := echoApp(t)
	l := serve(t, app, nil, shop(), with(func(s *steps.Site) {
		named(s, "canon.example.net", "www.canon.example.net")
		s.Redirect.Canonical, s.Redirect.Status = "canon.example.net", 308
	}))
	for _, c := range []struct {
		url, want string
		status    int
	}{
		{"http://shop.example.com/a?b=1", "https://shop.example.com/a?b=1", 301},
		{"http://shop.example.com", "https://shop.example.com/", 301},
		{"http://www.shop.example.com/a%2Fb//c/?x=%20&y", "https://www.shop.example.com/a%2Fb//c/?x=%20&y", 301},
		{"http://shop.example.com/.well-known/other", "https://shop.example.com/.well-known/other", 301},
		{"http://www.canon.example.net/a?b=1", "https://canon.example.net/a?b=1", 308},
		{"http://canon.example.net/a?b=1", "https://canon.example.net/a?b=1", 308},
		{"https://www.canon.example.net/a?b=1", "https://canon.example.net/a?b=1", 308},
	} {
		r := l.ask("POST", c.url, nil)
		if got := r.Header.Get("Location"); got != c.want || r.StatusCode != c.status {
			t.Errorf("%s gives %d to %q, want %d to %q", c.url, r.StatusCode, got, c.status, c.want)
		}
	}
	if r := l.ask("GET", "http://stranger.example.com/a", nil); r.StatusCode != 404 {
		t.Errorf("a name that no site has is answered %s", r.Status)
	}
	if r := l.ask("GET", "http://shop.example.com/a", http.Header{"Host": {"SHOP.example.com:80"}}); r.Header.Get("Location") != "https://shop.example.com/a" {
		t.Errorf("a Host with capitals and a port leads to %q", r.Header.Get("Location"))
	}
}

func TestChallengeIsNeverRedirectedOrProxied(t *testing.T) {
	t.Parallel()
	app, connections := echoApp(t)
	l := serve(t, app, nil, shop())
	put(t, l.h.chroot+l.s.dir+"/webroot"+steps.ChallengePath+"token", []byte("thumb"), 0o644)
	for _, scheme := range []string{"http", "https"} {
		r := l.ask("GET", scheme+"://shop.example.com"+steps.ChallengePath+"token", nil)
		if r.StatusCode != 200 || r.body != "thumb" || r.Header.Get("Content-Type") != "text/plain" {
			t.Errorf("%s: a token gives %s %q as %q", scheme, r.Status, r.body, r.Header.Get("Content-Type"))
		}
		if r := l.ask("GET", scheme+"://shop.example.com"+steps.ChallengePath+"other", nil); r.StatusCode != 404 {
			t.Errorf("%s: an unknown token gives %s", scheme, r.Status)
		}
	}
	if connections.Load() > 0 {
		t.Error("the application was asked for a challenge")
	}
}

func TestHeadersCannotBeSpoofed(t *testing.T) {
	t.Parallel()
	app, _ := echoApp(t)
	l := serve(t, app, nil, with(func(s *steps.Site) {
		s.Proxy.Headers = []steps.Header{{Name: "X-Env", Value: `a "b"; c\d {e} #f`}}
	}))
	lies := http.Header{}
	for _, h := range forwarded[1:] {
		lies.Set(h.Name, "spoofed")
		lies[strings.ReplaceAll(h.Name, "-", "_")+"_"] = []string{"spoofed"}
	}
	for _, name := range []string{"Protocol", "Uri", "User", "Email", "Groups", "Preferred-Username", "Client-Cert"} {
		lies.Set("X-Forwarded-"+name, "spoofed") // what applications believe of an authenticating proxy
	}
	lies["X_Forwarded_For"] = []string{"spoofed"}
	lies["X.Forwarded.For"] = []string{"spoofed"}
	lies["X-Env"] = []string{"spoofed"}
	a := answer(t, l.ask("GET", "https://shop.example.com/x", lies))
	for name, values := range a.Headers {
		if strings.Contains(strings.Join(values, " "), "spoofed") {
			t.Errorf("%s: %q came through", name, values)
		}
	}
	for name, want := range map[string]string{
		"X-Real-Ip": "127.0.0.1", "X-Forwarded-For": "127.0.0.1", "X-Forwarded-Proto": "https",
		"X-Forwarded-Host": "shop.example.com", "X-Env": `a "b"; c\d {e} #f`, "Connection": "", "Upgrade": "",
	} {
		if got := a.Headers.Get(name); got != want {
			t.Errorf("%s is %q, want %q", name, got, want)
		}
	}
	if a.Host != "shop.example.com" || a.URI != "/x" {
		t.Errorf("Host is %q and the path %q", a.Host, a.URI)
	}
}

func TestConnectionsToTheApplicationAreKept(t *testing.T) {
	t.Parallel()
	app, connections := echoApp(t)
	l := serve(t, app, nil, shop())
	for range 10 {
		answer(t, l.ask("GET", "https://shop.example.com/", nil))
	}
	if got := connections.Load(); got != 1 {
		t.Errorf("10 requests made %d connections to the application", got)
	}
}

func TestRequestsOfOtherSitesAreMisdirected(t *testing.T) {
	t.Parallel()
	app, _ := echoApp(t)
	l := serve(t, app, nil, shop(), with(func(s *steps.Site) { named(s, "blog.example.net") }))
	for _, c := range []struct {
		sni, host string
		want      int
	}{
		{"shop.example.com", "shop.example.com", 200},
		{"shop.example.com", "SHOP.example.com:443", 200},
		{"shop.example.com", "www.shop.example.com", 200},
		{"shop.example.com", "evil.example", 421},
		{"shop.example.com", "blog.example.net", 421},
		{"blog.example.net", "shop.example.com", 421},
		{"shop.example.com", "sslwizard.invalid", 421},
	} {
		r, err := l.try("GET", "https://"+c.sni+"/", c.sni, http.Header{"Host": {c.host}}, nil)
		if err != nil || r.StatusCode != c.want {
			t.Errorf("handshake for %s, request for %s: %v %v, want %d", c.sni, c.host, r.Response, err, c.want)
		}
	}
	for _, sni := range []string{"evil.example", "127.0.0.1"} {
		r, err := l.try("GET", "https://evil.example/", sni, nil, nil)
		switch {
		case l.rejects() && (err == nil || !strings.Contains(err.Error(), "unrecognized name")):
			t.Errorf("a handshake for %s gives %v, %v", sni, r.Response, err)
		case !l.rejects() && (err != nil || r.StatusCode != 421):
			t.Errorf("a request for %s gives %v, %v", sni, r.Response, err)
		}
	}
}

func TestSiteNamedByAddress(t *testing.T) {
	t.Parallel()
	app, _ := echoApp(t)
	l := serve(t, app, nil, shop(), with(func(s *steps.Site) {
		named(s, "192.0.2.1", "2001:db8::1")
		s.Name = "192.0.2.1"
	}))
	for _, host := range []string{"192.0.2.1", "[2001:db8::1]"} {
		if a := answer(t, l.ask("GET", "https://"+host+"/", nil)); a.Host != host {
			t.Errorf("%s arrives as %q", host, a.Host)
		}
		if got := l.ask("GET", "http://"+host+"/a?b", nil).Header.Get("Location"); got != "https://"+host+"/a?b" {
			t.Errorf("http://%s/a?b leads to %q", host, got)
		}
	}
	if r, err := l.try("GET", "https://evil.example/", "evil.example", nil, nil); err == nil && r.StatusCode != 421 {
		t.Errorf("an unknown name is answered %s", r.Status)
	}
}

func TestBodySizeAndDownPages(t *testing.T) {
	t.Parallel()
	l := serve(t, steps.Upstream{Scheme: "http", Host: "127.0.0.1", Port: 1}, nil, with(func(s *steps.Site) {
		s.Proxy.MaxBody = 1000
		s.SSL.HSTS.MaxAge = time.Hour
	}))
	for n, want := range map[int]int{1000: 502, 1001: 413} {
		r, err := l.try("POST", "https://shop.example.com/", "", nil, make([]byte, n))
		if err != nil || r.StatusCode != want {
			t.Errorf("%d bytes give %v, %v, want %d", n, r.Response, err, want)
		}
	}
	r := l.ask("GET", "https://shop.example.com/", nil)
	if r.Header.Get("Retry-After") != "5" || r.Header.Get("Content-Type") != "text/html" || !strings.Contains(r.body, "try again") {
		t.Errorf("the page is %v %q", r.Header, r.body)
	}
	if got := r.Header.Values("Strict-Transport-Security"); len(got) != 1 || got[0] != "max-age=3600" {
		t.Errorf("HSTS on an error is %q", got)
	}
}

func TestUnixUpstream(t *testing.T) {
	t.Parallel()
	h, _ := realNginx(t)
	dir := scratchDir(t, h)
	socket, err := net.Listen("unix", h.chroot+dir+"/app.sock")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(h.chroot+dir+"/app.sock", 0o666); err != nil {
		t.Fatal(err)
	}
	app := httptest.NewUnstartedServer(echo.Handler())
	_ = app.Listener.Close()
	app.Listener = socket
	app.Start()
	t.Cleanup(app.Close)
	l := serve(t, steps.Upstream{Scheme: "unix", Path: dir + "/app.sock"}, nil, shop())
	if a := answer(t, l.ask("GET", "https://shop.example.com/x?y", nil)); a.URI != "/x?y" || a.Host != "shop.example.com" {
		t.Errorf("got %+v", a)
	}
}

func TestHTTPSUpstream(t *testing.T) {
	t.Parallel()
	h, _ := realNginx(t)
	dir := scratchDir(t, h)
	own := with(func(s *steps.Site) { named(s, "localhost"); s.Certs.Key = steps.ECDSAP256 })
	certify(t, h, dir, own)
	chain, key := h.chroot+dir+steps.CurrentChain("localhost"), h.chroot+dir+steps.CurrentKey("localhost")
	pair, err := tls.LoadX509KeyPair(chain, key)
	if err != nil {
		t.Fatal(err)
	}
	var sni atomic.Value
	app := httptest.NewUnstartedServer(echo.Handler())
	app.TLS = &tls.Config{MinVersion: tls.VersionTLS13, GetCertificate: func(hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
		sni.Store(hello.ServerName)
		return &pair, nil
	}}
	app.StartTLS()
	t.Cleanup(app.Close)
	port := app.Listener.Addr().(*net.TCPAddr).Port
	for _, c := range []struct {
		name   string
		verify bool
		bundle string
		want   int
	}{
		{"not verified", false, "", 200},
		{"verified", true, dir + steps.CurrentChain("localhost"), 200},
		{"not trusted", true, "", 502},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			up := steps.Upstream{Scheme: "https", Host: "localhost", Port: port, Verify: c.verify}
			l := serve(t, up, func(g *target) {
				g.bundle = c.bundle
				if c.bundle == "" {
					g.bundle = strangersBundle(t, h, dir)
				}
			}, shop())
			if r := l.ask("GET", "https://shop.example.com/", nil); r.StatusCode != c.want {
				t.Errorf("got %s %s", r.Status, r.body)
			}
			if got := sni.Load(); c.want == 200 && got != "localhost" {
				t.Errorf("the upstream was asked for %q", got)
			}
		})
	}
}

// strangersBundle is a file of CAs that did not sign the upstream's certificate.
func strangersBundle(t *testing.T, h testHost, dir string) string {
	t.Helper()
	s := with(func(s *steps.Site) { named(s, "stranger.example.com"); s.Certs.Key = steps.RSA2048 })
	certify(t, h, filepath.Join(dir, t.Name()), s)
	return filepath.Join(dir, t.Name()) + steps.CurrentChain(s.Name)
}

// TestWebSocketPaths: an upgrade is passed where it was asked for and nowhere else; nothing but a WebSocket is one.
func TestWebSocketPaths(t *testing.T) {
	t.Parallel()
	app, _ := echoApp(t)
	l := serve(t, app, nil, with(func(s *steps.Site) { s.WebSockets.Paths = []string{"/ws", "/socket.io/"} }))
	for _, c := range []struct {
		path, upgrade string
		want          int
	}{
		{"/ws", "websocket", 101},
		{"/ws/a?b", "WebSocket", 101},
		{"/socket.io/?x=1", "websocket", 101},
		{"/", "websocket", 200},
		{"/other", "websocket", 200},
		{"/socket.io", "websocket", 200},
		{"/ws", "h2c", 200},
		{"/ws", "websocket, h2c", 200},
	} {
		if got, _, _ := l.handshake(c.path, c.upgrade); got != c.want {
			t.Errorf("an upgrade to %s on %s gives %d, want %d", c.upgrade, c.path, got, c.want)
		}
	}
	for _, path := range []string{"/socket.io", "/ws", "/socket.io/?a=1"} {
		if a := answer(t, l.ask("GET", "https://shop.example.com"+path, nil)); a.URI != path || a.Headers.Get("Connection") != "" {
			t.Errorf("a plain request for %s arrives as %+v", path, a)
		}
	}
}

// TestSilence: a plain request is given up after its time-out while an open WebSocket lives on, until its own.
func TestSilence(t *testing.T) {
	t.Parallel()
	app, _ := echoApp(t)
	l := serve(t, app, nil, with(func(s *steps.Site) { s.Proxy.Timeout, s.WebSockets.Idle = 500*time.Millisecond, 5*time.Second }))
	status, c, in := l.handshake("/", "websocket")
	if status != 101 {
		t.Fatalf("the upgrade gives %d", status)
	}
	start := time.Now()
	if r := l.ask("GET", "https://shop.example.com/.echo/wait/30s", nil); r.StatusCode != 504 || time.Since(start) > 20*time.Second {
		t.Errorf("a silent application gives %s after %s", r.Status, time.Since(start))
	}
	for range 2 {
		start = time.Now() // before nginx hears of it: its clock begins later than this one
		if _, err := c.Write([]byte{0x81, 0x82, 0, 0, 0, 0, 'h', 'i'}); err != nil {
			t.Fatal(err)
		}
		frame := make([]byte, 4)
		if _, err := io.ReadFull(in, frame); err != nil || string(frame) != "\x81\x02hi" {
			t.Fatalf("after %s the socket says %q, %v", time.Since(start), frame, err)
		}
	}
	if _, err := in.ReadByte(); err == nil || time.Since(start) < 4900*time.Millisecond || time.Since(start) > 20*time.Second {
		t.Errorf("a silent socket ends after %s: %v", time.Since(start), err)
	}
}

// TestOldTLSIsRefused: what no current client needs is refused, also on the socket's default server.
func TestOldTLSIsRefused(t *testing.T) {
	t.Parallel()
	app, _ := echoApp(t)
	modern := serve(t, app, nil, with(func(s *steps.Site) { s.SSL.Profile = steps.Modern }))
	intermediate := serve(t, app, nil, shop())
	for _, c := range []struct {
		l       live
		version uint16
		ok      bool
	}{
		{modern, tls.VersionTLS13, true}, {modern, tls.VersionTLS12, false},
		{intermediate, tls.VersionTLS13, true}, {intermediate, tls.VersionTLS12, true}, {intermediate, tls.VersionTLS11, false},
	} {
		conn, err := tls.Dial("tcp", c.l.stage.https[0].String(), &tls.Config{
			ServerName: "shop.example.com", InsecureSkipVerify: true, MinVersion: c.version, MaxVersion: c.version})
		if (err == nil) != c.ok {
			t.Errorf("version %s gives %v", tls.VersionName(c.version), err)
		}
		if err == nil {
			state := conn.ConnectionState()
			if _, err := x509.ParseCertificate(state.PeerCertificates[0].Raw); err != nil {
				t.Error(err)
			}
			_ = conn.Close()
		}
	}
}
