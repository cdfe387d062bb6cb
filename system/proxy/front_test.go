package proxy

import (
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/c93d5bcb/sslwizard/steps"
)

func names(d ...steps.Domain) []steps.Domain { return d }

func TestRedirectKeepsPathAndQueryExactly(t *testing.T) {
	t.Parallel()
	const nowhere = "http://127.0.0.1:1"
	i := serve(t, Config{Sites: []Site{
		testSite(nowhere, names("a.test", "www.a.test", "*.a.test")),
		testSite(nowhere, names("b.test", "www.b.test"), func(s *steps.Site) {
			s.Redirect.Status, s.Redirect.Canonical = 308, "www.b.test"
		}),
		testSite(nowhere, names("::1", "127.0.0.1")),
	}})
	cases := []struct {
		host, target string
		status       int
		location     string
	}{
		{"a.test", "/", 301, "https://a.test/"},
		{"a.test", "/a?b=1", 301, "https://a.test/a?b=1"},
		{"a.test", "//x", 301, "https://a.test//x"},
		{"a.test", "/a%2Fb?c=%2f&d", 301, "https://a.test/a%2Fb?c=%2f&d"},
		{"a.test", "/?", 301, "https://a.test/?"},
		{"a.test", "/a/../b;c=1?x=a;b", 301, "https://a.test/a/../b;c=1?x=a;b"},
		{"a.test", "/{x}|\"", 301, "https://a.test/{x}|\""},
		{"A.Test.", "/", 301, "https://a.test/"},
		{"a.test:80", "/", 301, "https://a.test/"},
		{"www.a.test", "/x", 301, "https://www.a.test/x"},
		{"deep.a.test", "/x", 301, "https://deep.a.test/x"},
		{"too.deep.a.test", "/x", 404, ""},
		{"b.test", "/a?b=1", 308, "https://www.b.test/a?b=1"},
		{"www.b.test", "/a?b=1", 308, "https://www.b.test/a?b=1"},
		{"127.0.0.1", "/", 301, "https://127.0.0.1/"},
		{"[::1]", "/a", 301, "https://[::1]/a"},
		{"a.test", "http://a.test/abs?x", 301, "https://a.test/abs?x"},
		{"a.test", "http://a.test?x", 301, "https://a.test/?x"},
		{"a.test", "/.well-known/acme-challenge-not", 301, "https://a.test/.well-known/acme-challenge-not"},
		{"evil.test", "/", 404, ""},
		{"evil.test", "http://a.test/", 301, "https://a.test/"}, // RFC 9112 section 3.2.2: Host is ignored then
		{"a.test", "http://evil.test/", 404, ""},
		{"a.test", "http://user@a.test/", 400, ""},
		{"a.test", "https://a.test/", 400, ""},
		{"a.test", "/a#b", 400, ""},
		{"a.test", "*", 400, ""},
		{"a.test@evil.test", "/", 400, ""},
		{"a.test/evil", "/", 400, ""},
		{"a.test:x", "/", 400, ""},
		{"", "/", 400, ""},
	}
	for _, c := range cases {
		response, _ := raw(t, i.dialPlain(t), "GET "+c.target+" HTTP/1.1\r\nHost: "+c.host+"\r\n\r\n")
		if response.StatusCode != c.status || response.Header.Get("Location") != c.location {
			t.Errorf("Host %q, %s: %d to %q, want %d to %q", c.host, c.target,
				response.StatusCode, response.Header.Get("Location"), c.status, c.location)
		}
	}
}

func TestChallengeComesBeforeTheRedirect(t *testing.T) {
	t.Parallel()
	webroot := t.TempDir()
	folder := filepath.Join(webroot, ".well-known/acme-challenge")
	if err := os.MkdirAll(folder, 0o755); err != nil {
		t.Fatal(err)
	}
	for path, content := range map[string]string{
		filepath.Join(folder, "Tok_en-1"): "Tok_en-1.thumb", filepath.Join(webroot, "secret"): "secret",
	} {
		if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Symlink("../../secret", filepath.Join(folder, "link")); err != nil {
		t.Fatal(err)
	}
	i := serve(t, Config{Webroot: webroot, Sites: []Site{testSite("http://127.0.0.1:1", names("a.test"))}})
	const prefix = "/.well-known/acme-challenge/"
	cases := []struct {
		method, host, target string
		status               int
		body                 string
	}{
		{"GET", "a.test", prefix + "Tok_en-1", 200, "Tok_en-1.thumb"},
		{"GET", "a.test", prefix + "Tok_en-1?x", 200, "Tok_en-1.thumb"},
		{"GET", "soon-ours.test", prefix + "Tok_en-1", 200, "Tok_en-1.thumb"},
		{"POST", "a.test", prefix + "Tok_en-1", 405, ""},
		{"GET", "a.test", prefix + "unknown", 404, ""},
		{"GET", "a.test", prefix, 404, ""},
		{"GET", "a.test", prefix + "link", 404, ""},
		{"GET", "a.test", prefix + "../../secret", 404, ""},
		{"GET", "a.test", prefix + "..%2f..%2fsecret", 404, ""},
		{"GET", "a.test", prefix + "Tok_en-1/", 404, ""},
		{"GET", "a.test", prefix + "Tok%5fen-1", 404, ""},
	}
	for _, c := range cases {
		for listener, conn := range map[string]net.Conn{"http": i.dialPlain(t), "https": i.dialTLS(t, "a.test")} {
			response, body := raw(t, conn, c.method+" "+c.target+" HTTP/1.1\r\nHost: "+c.host+"\r\nContent-Length: 0\r\n\r\n")
			if response.StatusCode != c.status || c.body != "" && string(body) != c.body {
				t.Errorf("%s: %s %s: %d %q, want %d %q", listener, c.method, c.target, response.StatusCode, body, c.status, c.body)
			}
			if c.status == 200 && !strings.HasPrefix(response.Header.Get("Content-Type"), "text/plain") {
				t.Errorf("%s: Content-Type %q", c.target, response.Header.Get("Content-Type"))
			}
		}
	}
}

func TestHTTPIsKeptWhereTheRedirectIsOff(t *testing.T) {
	t.Parallel()
	app := echoServer(t)
	i := serve(t, Config{Sites: []Site{testSite(app.URL, names("a.test", "www.a.test"), func(s *steps.Site) {
		s.Redirect = steps.SiteRedirect{Canonical: "a.test", Status: 308}
		s.SSL.HSTS.MaxAge = 1e9
	})}})
	response, body := raw(t, i.dialPlain(t), "GET /x HTTP/1.1\r\nHost: a.test\r\n\r\n")
	a := echoed(t, body)
	if response.StatusCode != 200 || a.Headers.Get("X-Forwarded-Proto") != "http" || a.Headers.Get("X-Forwarded-Port") != "80" {
		t.Errorf("%d, %v", response.StatusCode, a.Headers)
	}
	if hsts := response.Header.Get("Strict-Transport-Security"); hsts != "" {
		t.Errorf("HSTS over http: %q", hsts)
	}
	response, _ = raw(t, i.dialPlain(t), "GET /x HTTP/1.1\r\nHost: www.a.test\r\n\r\n")
	if got := response.Header.Get("Location"); response.StatusCode != 308 || got != "http://a.test/x" {
		t.Errorf("canonical over http: %d to %q", response.StatusCode, got)
	}
}

func TestCanonicalNameOverTLS(t *testing.T) {
	t.Parallel()
	app := echoServer(t)
	i := serve(t, Config{HTTPSPort: 8443, Sites: []Site{testSite(app.URL, names("a.test", "www.a.test"), func(s *steps.Site) {
		s.Redirect.Canonical = "a.test"
	})}})
	response, _ := get(t, i.client(t, true), "https://www.a.test/a?b=1")
	if got := response.Header.Get("Location"); response.StatusCode != 301 || got != "https://a.test:8443/a?b=1" {
		t.Errorf("%d to %q", response.StatusCode, got)
	}
	if response, _ = get(t, i.client(t, true), "https://a.test/a?b=1"); response.StatusCode != 200 {
		t.Errorf("the canonical name: %d", response.StatusCode)
	}
	socket(t, i.dialTLS(t, "www.a.test"), "www.a.test", "/ws") // is not redirected
}

func TestMethodsThatAreRefused(t *testing.T) {
	t.Parallel()
	app := echoServer(t)
	i := serve(t, Config{Sites: []Site{testSite(app.URL, names("a.test"))}})
	for request, want := range map[string]int{
		"CONNECT a.test:443 HTTP/1.1\r\nHost: a.test:443\r\n\r\n": 405,
		"CONNECT 127.0.0.1:22 HTTP/1.1\r\nHost: a.test\r\n\r\n":   405,
		"TRACE / HTTP/1.1\r\nHost: a.test\r\n\r\n":                405,
		"OPTIONS * HTTP/1.1\r\nHost: a.test\r\n\r\n":              400,
		"OPTIONS /x HTTP/1.1\r\nHost: a.test\r\n\r\n":             200,
		"PURGE /x HTTP/1.1\r\nHost: a.test\r\n\r\n":               200,
	} {
		if response, _ := raw(t, i.dialTLS(t, "a.test"), request); response.StatusCode != want {
			t.Errorf("%q: %d, want %d", request, response.StatusCode, want)
		}
	}
}

// TestLimits checks what a test cannot wait for, and sends what is too large.
func TestLimits(t *testing.T) {
	t.Parallel()
	i := serve(t, Config{Sites: []Site{testSite("http://127.0.0.1:1", names("a.test"))}})
	plane := i.onHTTP()
	for _, s := range []*http.Server{plane.plain, plane.secure} {
		if s.ReadHeaderTimeout != 10*time.Second || s.IdleTimeout != 2*time.Minute || s.HTTP2.MaxConcurrentStreams != 100 {
			t.Errorf("%v %v %d", s.ReadHeaderTimeout, s.IdleTimeout, s.HTTP2.MaxConcurrentStreams)
		}
		if s.Protocols.UnencryptedHTTP2() {
			t.Error("HTTP/2 without TLS is spoken")
		}
	}
	response, _ := raw(t, i.dialPlain(t), "GET / HTTP/1.1\r\nHost: a.test\r\nX: "+strings.Repeat("x", 80<<10)+"\r\n\r\n")
	if response.StatusCode != http.StatusRequestHeaderFieldsTooLarge {
		t.Errorf("80 KB of header: %d", response.StatusCode)
	}
	response, _ = raw(t, i.dialPlain(t), "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")
	if response.StatusCode < 400 {
		t.Errorf("the HTTP/2 preface without TLS: %d", response.StatusCode)
	}
}

// TestMethodsAreTokens: in a frame of HTTP/2 a method can have any character, and net/http passes it on.
func TestMethodsAreTokens(t *testing.T) {
	t.Parallel()
	app := echoServer(t)
	i := serve(t, Config{Sites: []Site{testSite(app.URL, names("a.test"), func(s *steps.Site) { s.Redirect.Enabled = false })}})
	for method, want := range map[string]int{"GET": 200, "BREW-X": 200, "GET /x": 400, "GET\t": 400, "G\xffT": 400, "": 400} {
		r := httptest.NewRequest(http.MethodGet, "/", nil)
		r.Method, r.Host = method, "a.test"
		w := httptest.NewRecorder()
		i.front(false).ServeHTTP(w, r)
		if w.Code != want {
			t.Errorf("%q: %d, want %d", method, w.Code, want)
		}
	}
	if text := i.log.String(); strings.Contains(text, "upstream") {
		t.Errorf("the upstream is blamed for it: %s", text)
	}
}
