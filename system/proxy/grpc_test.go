package proxy

import (
	"bufio"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/c93d5bcb/sslwizard/steps"
)

// http2Upstream runs an application that speaks HTTP/2 only, where and how the upstream says.
func http2Upstream(t *testing.T, scheme string, h http.HandlerFunc) steps.Upstream {
	t.Helper()
	app := httptest.NewUnstartedServer(h)
	app.Config.Protocols = new(http.Protocols)
	app.Config.Protocols.SetUnencryptedHTTP2(true)
	u := steps.Upstream{Scheme: scheme}
	switch scheme {
	case "h2":
		app.Config.Protocols.SetHTTP2(true)
		app.TLS = &tls.Config{NextProtos: []string{"h2"}}
		app.EnableHTTP2 = true
		app.StartTLS()
	case "h2c+unix":
		u.Scheme, u.Path = "h2c", filepath.Join(t.TempDir(), "app.sock")
		l, err := net.Listen("unix", u.Path)
		if err != nil {
			t.Fatal(err)
		}
		app.Listener.Close()
		app.Listener = l
		app.Start()
	default:
		app.Start()
	}
	t.Cleanup(app.Close)
	if at, ok := app.Listener.Addr().(*net.TCPAddr); ok {
		u.Host, u.Port = at.IP.String(), at.Port
	}
	return u
}

// callSite is a site in front of an application of gRPC.
func callSite(u steps.Upstream, edit ...func(*steps.Site)) Site {
	return testSite("http://127.0.0.1:1", names("a.test"), append([]func(*steps.Site){func(s *steps.Site) { s.Proxy.Upstream = u }}, edit...)...)
}

// call is an open call of gRPC: what is written to it goes to the application, line by line as it comes back.
type call struct {
	*http.Response
	to    *io.PipeWriter
	lines *bufio.Reader
}

func (i *instance) call(t *testing.T, path string) *call {
	t.Helper()
	out, in := io.Pipe()
	t.Cleanup(func() { in.Close() })
	request, _ := http.NewRequest(http.MethodPost, "https://a.test"+path, out)
	request.Header = http.Header{"Content-Type": {"application/grpc+proto"}, "Te": {"trailers"}}
	response, err := i.client(t, true).Do(request)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { response.Body.Close() })
	return &call{response, in, bufio.NewReader(response.Body)}
}

// TestHTTP2Upstreams: HTTP/2 without TLS, over a socket and over TLS; what the application is told is what it is told in
// HTTP/1.1.
func TestHTTP2Upstreams(t *testing.T) {
	t.Parallel()
	for _, scheme := range []string{"h2c", "h2c+unix", "h2"} {
		u := http2Upstream(t, scheme, func(w http.ResponseWriter, r *http.Request) {
			body, _ := io.ReadAll(r.Body)
			fmt.Fprintf(w, "%s %s %s %s %s %q %s", r.Proto, r.Host, r.RequestURI, r.Header.Get("X-Forwarded-Proto"), r.Header.Get("X-Forwarded-For"),
				r.Header.Get("Upgrade"), body)
		})
		i := serve(t, Config{Sites: []Site{callSite(u)}})
		for _, http2 := range []bool{false, true} {
			request, _ := http.NewRequest(http.MethodPost, "https://a.test/a%2fb?c", strings.NewReader("body"))
			request.Header.Set("X-Forwarded-For", "10.9.8.7")
			response, err := i.client(t, http2).Do(request)
			if err != nil {
				t.Fatal(err)
			}
			got, _ := io.ReadAll(response.Body)
			response.Body.Close()
			if want := `HTTP/2.0 a.test /a%2fb?c https 127.0.0.1 "" body`; response.StatusCode != 200 || string(got) != want {
				t.Errorf("%s, http2 %t: %d %q, want %q", scheme, http2, response.StatusCode, got, want)
			}
		}
		response, got := raw(t, i.dialTLS(t, "a.test"), "GET / HTTP/1.1\r\nHost: a.test\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"+
			"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n")
		if response.StatusCode != 200 || !strings.Contains(string(got), `""`) {
			t.Errorf("%s: an upgrade is answered %d %q", scheme, response.StatusCode, got)
		}
	}
}

// TestCallsGoBothWays: each message reaches the other side before the next is written, trailers that nobody announced come
// at the end, and an answer may be nothing but its status.
func TestCallsGoBothWays(t *testing.T) {
	t.Parallel()
	u := http2Upstream(t, "h2c", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/grpc")
		if r.Header.Get("Te") != "trailers" || r.Header.Get("Content-Type") != "application/grpc+proto" {
			t.Errorf("the application gets %v", r.Header)
		}
		if r.URL.Path == "/only" {
			w.Header().Set("Grpc-Status", "5")
			return
		}
		control := http.NewResponseController(w)
		_ = control.Flush()
		lines := bufio.NewReader(r.Body)
		for {
			line, err := lines.ReadString('\n')
			if err != nil {
				break
			}
			_, _ = io.WriteString(w, "echo "+line)
			_ = control.Flush()
		}
		w.Header().Set(http.TrailerPrefix+"Grpc-Status", "0")
		w.Header().Set(http.TrailerPrefix+"Grpc-Message", "well")
	})
	i := serve(t, Config{Sites: []Site{callSite(u)}})
	c := i.call(t, "/both")
	for n := range 100 {
		fmt.Fprintf(c.to, "%d\n", n)
		if line, err := c.lines.ReadString('\n'); err != nil || line != fmt.Sprintf("echo %d\n", n) {
			t.Fatalf("message %d: %q, %v", n, line, err)
		}
	}
	c.to.Close()
	if rest, err := io.ReadAll(c.lines); err != nil || len(rest) > 0 {
		t.Errorf("%q, %v behind the last message", rest, err)
	}
	if c.Trailer.Get("Grpc-Status") != "0" || c.Trailer.Get("Grpc-Message") != "well" {
		t.Errorf("trailers: %v", c.Trailer)
	}
	only := i.call(t, "/only")
	if rest, err := io.ReadAll(only.lines); err != nil || len(rest) > 0 || only.Header.Get("Grpc-Status") != "5" || len(only.Trailer) > 0 {
		t.Errorf("a status alone: header %v, body %q, %v, trailers %v", only.Header, rest, err, only.Trailer)
	}
}

// TestCallsThatFlowAreNotCut: a client that has its say later is not taken for one that is gone while it is being answered.
func TestCallsThatFlowAreNotCut(t *testing.T) {
	t.Parallel()
	const limit, length, every = 3 * time.Second, 4 * time.Second, 50 * time.Millisecond
	u := http2Upstream(t, "h2c", func(w http.ResponseWriter, r *http.Request) {
		tick := time.NewTicker(every)
		defer tick.Stop()
		for began := time.Now(); time.Since(began) < length; <-tick.C {
			_, _ = io.WriteString(w, "tick\n")
			_ = http.NewResponseController(w).Flush()
		}
		_, _ = io.Copy(w, r.Body)
	})
	i := serve(t, Config{Sites: []Site{callSite(u, func(s *steps.Site) { s.Proxy.Timeout = limit })}})
	c := i.call(t, "/ticks")
	ticks := 0
	for began := time.Now(); time.Since(began) < limit+(length-limit)/2; ticks++ {
		if _, err := c.lines.ReadString('\n'); err != nil {
			t.Fatalf("cut after %d ticks: %v", ticks, err)
		}
	}
	_, _ = io.WriteString(c.to, "at last")
	c.to.Close()
	if rest, err := io.ReadAll(c.lines); err != nil || !strings.HasSuffix(string(rest), "tick\nat last") {
		t.Errorf("at the end: %.80q, %v", rest, err)
	}
}

// TestCallsEndWithTheirStream: whoever gives a call up, the other side learns of it.
func TestCallsEndWithTheirStream(t *testing.T) {
	t.Parallel()
	left := make(chan struct{}, 1)
	u := http2Upstream(t, "h2c", func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.WriteString(w, "begun\n")
		_ = http.NewResponseController(w).Flush()
		if r.URL.Path == "/broken" {
			panic(http.ErrAbortHandler)
		}
		<-r.Context().Done()
		left <- struct{}{}
	})
	i := serve(t, Config{Sites: []Site{callSite(u)}})
	broken := i.call(t, "/broken")
	if all, err := io.ReadAll(broken.lines); err == nil {
		t.Errorf("a call that the application broke off ends as if it were whole: %q", all)
	}
	c := i.call(t, "/wait")
	if line, err := c.lines.ReadString('\n'); err != nil || line != "begun\n" {
		t.Fatalf("%q, %v", line, err)
	}
	c.Body.Close() // resets the stream
	select {
	case <-left:
	case <-time.After(patience):
		t.Error("the application is not told that the client has left")
	}
}

// TestRefusedCalls: where a visitor gets a page, a client of gRPC gets a status that it understands.
func TestRefusedCalls(t *testing.T) {
	t.Parallel()
	silent := http2Upstream(t, "h2c", func(_ http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		<-r.Context().Done()
	})
	closed := listen(t)
	at := closed.Addr().(*net.TCPAddr)
	closed.Close()
	for _, c := range []struct {
		name   string
		u      steps.Upstream
		body   string
		status int
		code   string
	}{
		{"nobody listens", steps.Upstream{Scheme: "h2c", Host: "127.0.0.1", Port: at.Port}, "", 502, "14"},
		{"silent", silent, "", 504, "4"},
		{"too large", silent, strings.Repeat("x", 100), 413, "8"},
	} {
		i := serve(t, Config{Sites: []Site{callSite(c.u, func(s *steps.Site) { s.Proxy.Timeout, s.Proxy.MaxBody = 300*time.Millisecond, 50 })}})
		for _, kind := range []string{"application/grpc", "application/grpc;charset=utf-8", "application/grpc-web", "text/plain"} {
			request, _ := http.NewRequest(http.MethodPost, "https://a.test/", strings.NewReader(c.body))
			request.Header.Set("Content-Type", kind)
			response, err := i.client(t, true).Do(request)
			if err != nil {
				t.Fatal(err)
			}
			page, _ := io.ReadAll(response.Body)
			response.Body.Close()
			code, call := response.Header.Get("Grpc-Status"), strings.HasPrefix(kind, "application/grpc;") || kind == "application/grpc"
			switch {
			case call && (response.StatusCode != 200 || code != c.code || len(page) > 0 || response.Header.Get("Content-Type") != "application/grpc"):
				t.Errorf("%s, %s: %d %v %q", c.name, kind, response.StatusCode, response.Header, page)
			case !call && (response.StatusCode != c.status || code != "" || len(page) == 0):
				t.Errorf("%s, %s: %d %v", c.name, kind, response.StatusCode, response.Header)
			}
			if a := <-i.accesses; a.Status != c.status {
				t.Errorf("%s, %s: the log says %d", c.name, kind, a.Status)
			}
		}
	}
}
