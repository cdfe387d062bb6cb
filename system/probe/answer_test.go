package probe

import (
	"crypto/tls"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"net/http/httputil"
	"net/netip"
	"net/url"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/c93d5bcb/sslwizard/steps"
	"github.com/c93d5bcb/sslwizard/system/echo"
)

func nothing(*tls.Config) {}

// answers takes a request's head and sends these bytes, whatever was asked.
func answers(raw string) func(*net.TCPConn) {
	return func(c *net.TCPConn) {
		takeHead(c)
		_, _ = io.WriteString(c, raw)
	}
}

// takeHead reads up to the blank line, byte by byte, so that nothing after it is taken.
func takeHead(c net.Conn) string {
	var head strings.Builder
	b := make([]byte, 1)
	for !strings.HasSuffix(head.String(), "\r\n\r\n") {
		if _, err := io.ReadFull(c, b); err != nil {
			return head.String()
		}
		head.Write(b)
	}
	return head.String()
}

// rawTLS calls handle for every TLS connection; only http/1.1 is spoken.
func rawTLS(t *testing.T, handle func(net.Conn)) netip.AddrPort {
	t.Helper()
	config := guidelineConfig(steps.Intermediate, newAuthority(t, "CA", nil).issue(t, leafTemplate()))
	config.NextProtos = []string{"http/1.1"}
	return rawServer(t, func(c *net.TCPConn) {
		conn := tls.Server(c, config)
		if conn.Handshake() == nil {
			handle(conn)
			_ = conn.Close()
		}
	})
}

// says is a target whose TLS server sends these bytes to every request.
func says(raw string) func(*testing.T) Target {
	return func(t *testing.T) Target {
		t.Helper()
		return at(rawTLS(t, func(c net.Conn) { takeHead(c); _, _ = io.WriteString(c, raw) }))
	}
}

// between is a target with an application behind a proxy, both of which the probe can ask.
func between(app, proxy http.Handler) func(*testing.T) Target {
	return func(t *testing.T) Target {
		t.Helper()
		upstream := serve(t, nil, app)
		if proxy == nil {
			proxy = edge(upstream)
		}
		target := withConfig(t, nothing)
		target.Addresses = []netip.AddrPort{serve(t, guidelineConfig(steps.Intermediate, newAuthority(t, "CA", nil).issue(t, leafTemplate())), proxy)}
		target.Upstream = upstreamOf(upstream)
		return target
	}
}

func status(code int) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(code) }
}

func typed(kind string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", kind)
		_, _ = io.WriteString(w, "x")
	}
}

// deadApp is a target whose application does not run.
func deadApp(t *testing.T) Target {
	t.Helper()
	gone := closedPort(t)
	target := at(serve(t, guidelineConfig(steps.Intermediate, newAuthority(t, "CA", nil).issue(t, leafTemplate())), edge(gone)))
	target.Upstream = upstreamOf(gone)
	return target
}

// toTLSApp is a target whose application speaks TLS, though http was said.
func toTLSApp(t *testing.T) Target {
	t.Helper()
	app := serve(t, guidelineConfig(steps.Intermediate, newAuthority(t, "CA", nil).issue(t, leafTemplate())), echo.Handler())
	target := between(status(200), edge(app))(t)
	target.Upstream = upstreamOf(app)
	return target
}

func TestBrokenAnswers(t *testing.T) {
	t.Parallel()
	const name = "proxy.answer"
	slow := func(of func(*testing.T) Target) func(*testing.T) Target {
		return func(t *testing.T) Target { target := of(t); target.Timeout = 400 * time.Millisecond; return target }
	}
	runBroken(t, []broken{
		{"application down", deadApp, name, steps.IDProxy, steps.Fail, "W01", "", blameApp},
		{"502, seen from outside", says("HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\n\r\n"), name, steps.IDProxy, steps.Fail, "W01", "", blameApp},
		{"504, seen from outside", says("HTTP/1.1 504 Gateway Timeout\r\nContent-Length: 0\r\n\r\n"), name, steps.IDProxy, steps.Fail, "W02", "", blameApp},
		{"502, and the application is fine", between(status(200), status(502)), name, steps.IDProxy, steps.Fail, "W01", "", blameProxy},
		{"504, and the application is fine", between(status(200), status(504)), name, steps.IDProxy, steps.Fail, "W02", "", blameProxy},
		{"another status", between(status(200), status(404)), name, steps.IDProxy, steps.Fail, "U03", "", blameProxy},
		{"another content type", between(typed("text/html; charset=utf-8"), typed("text/plain")), name, steps.IDProxy, steps.Warn, "U03", "", blameProxy},
		{"the same type written otherwise", between(typed("text/html; charset=utf-8"), typed("Text/HTML;charset=utf-8")), name, steps.IDProxy, steps.OK, "", "", ""},
		{"the application fails by itself", between(status(500), nil), name, steps.IDProxy, steps.Warn, "U04", "", blameApp},
		{"500, seen from outside", says("HTTP/1.1 500 Oops\r\nContent-Length: 0\r\n\r\n"), name, steps.IDProxy, steps.Warn, "U04", "", blameApp},
		{"421", says("HTTP/1.1 421 Misdirected Request\r\nContent-Length: 0\r\n\r\n"), name, steps.IDProxy, steps.Fail, "W10", "", blameProxy},
		{"HTTP/1.0", says("HTTP/1.0 200 OK\r\n\r\nhello"), name, steps.IDProxy, steps.OK, "", "", ""},
		{"no HTTP", says("\x1b]0;owned\x07 250 HELO\r\n"), name, steps.IDProxy, steps.Fail, "U01", "ERR_INVALID_HTTP_RESPONSE", blameProxy},
		{"hangs up", says(""), name, steps.IDProxy, steps.Fail, "U07", "ERR_EMPTY_RESPONSE", blameProxy},
		{"huge headers", says("HTTP/1.1 200 OK\r\nX-Big: " + strings.Repeat("x", 200<<10) + "\r\n\r\n"), name, steps.IDProxy, steps.Fail, "U02", "ERR_RESPONSE_HEADERS_TOO_BIG", blameApp},
		{"a body that breaks off", says("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhello"), name, steps.IDProxy, steps.Warn, "U01", "ERR_INVALID_HTTP_RESPONSE", blameApp},
		{"a head that drips", slow(func(t *testing.T) Target { return at(rawTLS(t, drip("HTTP/1.1 200 OK\r\nX: y\r\n\r\n"))) }),
			name, steps.IDProxy, steps.Fail, "T10", "ERR_TIMED_OUT", blameProxy},
		{"a body that drips", slow(func(t *testing.T) Target {
			return at(rawTLS(t, func(c net.Conn) {
				takeHead(c)
				_, _ = io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n")
				drip(strings.Repeat("x", 100))(c)
			}))
		}), name, steps.IDProxy, steps.Warn, "U06", "ERR_TIMED_OUT", blameApp},
		{"the application speaks TLS", toTLSApp, name, steps.IDProxy, steps.Fail, "W11", "", blameApp},
		{"the application speaks plain HTTP", func(t *testing.T) Target {
			target := between(status(200), status(502))(t)
			target.Upstream.Scheme = "https"
			return target
		}, name, steps.IDProxy, steps.Fail, "W11", "", blameApp},
		{"the application speaks HTTP/2 only", func(t *testing.T) Target {
			target := between(status(200), status(502))(t)
			target.Upstream = upstreamOf(rawServer(t, func(c *net.TCPConn) { // a server of gRPC begins with its settings, whoever comes
				_, _ = io.WriteString(c, "\x00\x00\x00\x04\x00\x00\x00\x00\x00")
				takeHead(c)
			}))
			return target
		}, name, steps.IDProxy, steps.Fail, "W11", "", blameApp},
		{"the application speaks HTTP/2 only, as was said", func(t *testing.T) Target {
			target := between(status(200), status(200))(t)
			target.Upstream = upstreamOf(http2Only(t, status(200)))
			target.Upstream.Scheme = "h2c"
			return target
		}, name, steps.IDProxy, steps.OK, "", "", ""},
		{"the application speaks HTTP/1.1 only", func(t *testing.T) Target {
			target := between(status(200), status(502))(t)
			target.Upstream.Scheme = "h2c"
			return target
		}, name, steps.IDProxy, steps.Fail, "W11", "", blameApp},
		{"the application's certificate is not trusted", func(t *testing.T) Target {
			target := toTLSApp(t)
			target.Upstream.Scheme, target.Upstream.Verify = "https", true
			return target
		}, name, steps.IDProxy, steps.Fail, "U08", "", blameApp},
		{"the application does not answer", slow(func(t *testing.T) Target {
			target := between(status(200), status(504))(t)
			target.Upstream = upstreamOf(rawServer(t, swallow))
			return target
		}), name, steps.IDProxy, steps.Fail, "W02", "", blameApp},
		{"no answer through the proxy only", func(t *testing.T) Target {
			target := says("")(t)
			target.Upstream = upstreamOf(serve(t, nil, status(200)))
			return target
		}, name, steps.IDProxy, steps.Fail, "U07", "ERR_EMPTY_RESPONSE", blameProxy},
	})
}

// drip sends a byte every 50 ms: every read succeeds, and nothing gets done.
func drip(raw string) func(net.Conn) {
	return func(c net.Conn) {
		takeHead(c)
		tick := time.NewTicker(50 * time.Millisecond)
		defer tick.Stop()
		for i := range len(raw) {
			<-tick.C
			if _, err := io.WriteString(c, raw[i:i+1]); err != nil {
				return
			}
		}
	}
}

// TestSchemeIsProposed wants the way on in the fix, to be copied.
func TestSchemeIsProposed(t *testing.T) {
	t.Parallel()
	target := toTLSApp(t)
	c := find(t, run(t, target), "proxy.answer")
	if want := "proxy.upstream: https://" + target.Upstream.Address(); len(c.Fix) != 1 || c.Fix[0] != want {
		t.Errorf("the fix is %q, not %q", c.Fix, want)
	}
}

func TestUpstreamOnASocket(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "app.sock")
	l, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	app := &http.Server{Handler: status(204), ReadHeaderTimeout: time.Second}
	go func() { _ = app.Serve(l) }()
	t.Cleanup(func() { _ = app.Close() })
	target := between(status(204), status(204))(t)
	target.Upstream = &steps.Upstream{Scheme: "unix", Path: path}
	if c := find(t, run(t, target), "proxy.answer"); c.Verdict != steps.OK || !strings.Contains(c.Detail, "as the application itself") {
		t.Errorf("%s: %s", c.Verdict, c.Detail)
	}
}

// believing is a proxy that leaves or adds what change says.
func believing(change func(in, out *http.Request)) func(*testing.T) Target {
	return func(t *testing.T) Target {
		t.Helper()
		upstream := serve(t, nil, echo.Handler())
		to := &url.URL{Scheme: "http", Host: upstream.String()}
		right := edge(upstream).(*httputil.ReverseProxy)
		wrong := &httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) {
			right.Rewrite(r)
			r.SetURL(to)
			r.Out.Host = r.In.Host
			change(r.In, r.Out)
		}}
		target := between(echo.Handler(), wrong)(t)
		target.Echo = true
		return target
	}
}

func TestBrokenForwardedHeaders(t *testing.T) {
	t.Parallel()
	keep := func(name string) func(in, out *http.Request) {
		return func(in, out *http.Request) {
			for n, values := range in.Header { // HTTP/2 writes names small
				if strings.EqualFold(n, name) {
					out.Header[n] = values
				}
			}
		}
	}
	var cases []broken
	for name := range spoofed {
		cases = append(cases, broken{name + " comes through", believing(keep(name)), "proxy.headers", steps.IDProxy, steps.Fail, "U05", "", blameProxy})
	}
	for name, change := range map[string]func(in, out *http.Request){
		"Host is the upstream's":        func(_, out *http.Request) { out.Host = out.URL.Host },
		"X-Forwarded-For is appended":   func(_, out *http.Request) { out.Header.Set("X-Forwarded-For", "6.6.6.6, 127.0.0.1") },
		"X-Forwarded-Proto is http":     func(_, out *http.Request) { out.Header.Set("X-Forwarded-Proto", "http") },
		"X-Forwarded-Proto is missing":  func(_, out *http.Request) { out.Header.Del("X-Forwarded-Proto") },
		"X-Real-IP is somebody else's":  func(_, out *http.Request) { out.Header.Set("X-Real-IP", "192.0.2.1") },
		"the path is tidied":            func(_, out *http.Request) { out.URL.Path = "/a/" },
		"X-Forwarded-Host is missing":   func(_, out *http.Request) { out.Header.Del("X-Forwarded-Host") },
		"the query is lost":             func(_, out *http.Request) { out.URL.RawQuery = "" },
		"X-Forwarded-For is sent twice": func(_, out *http.Request) { out.Header.Add("X-Forwarded-For", "127.0.0.1") },
	} {
		cases = append(cases, broken{name, believing(change), "proxy.headers", steps.IDProxy, steps.Fail, "U05", "", blameProxy})
	}
	cases = append(cases,
		broken{"right", believing(func(_, _ *http.Request) {}), "proxy.headers", steps.IDProxy, steps.OK, "", "", ""},
		broken{"not the echo application", func(t *testing.T) Target {
			target := between(status(200), nil)(t)
			target.Echo = true
			return target
		}, "proxy.headers", steps.IDProxy, steps.Fail, "U03", "", blameProxy})
	runBroken(t, cases)
}

// TestEchoedIsTheEchoAnswer keeps our copy of the format in step with the application that writes it.
func TestEchoedIsTheEchoAnswer(t *testing.T) {
	t.Parallel()
	raw, err := json.Marshal(echo.Answer{App: echo.Name, URI: "/a", Host: "h", Headers: http.Header{"A": {"b"}}})
	if err != nil {
		t.Fatal(err)
	}
	var got echoed
	if err := json.Unmarshal(raw, &got); err != nil || got.App != echoName || got.URI != "/a" || got.Host != "h" || got.Headers["A"][0] != "b" {
		t.Errorf("%s was read as %+v (%v)", raw, got, err)
	}
}
