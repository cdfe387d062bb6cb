package nginx

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/c93d5bcb/sslwizard/steps"
	"github.com/c93d5bcb/sslwizard/system/echo"
)

// http2App runs an application behind h2c.
func http2App(t *testing.T, h http.Handler) steps.Upstream {
	t.Helper()
	app := httptest.NewUnstartedServer(h)
	app.Config.Protocols = echo.Server().Protocols
	app.Start()
	t.Cleanup(app.Close)
	at := netip.MustParseAddrPort(app.Listener.Addr().String())
	return steps.Upstream{Scheme: "h2c", Host: at.Addr().String(), Port: int(at.Port())}
}

// calls is a site in front of an application of gRPC.
func calls(u steps.Upstream, timeout time.Duration) steps.Site {
	return with(func(s *steps.Site) {
		s.Proxy.Upstream, s.WebSockets.Enabled, s.Proxy.MaxBody, s.Proxy.Timeout = u, false, 1000, timeout
	})
}

// TestCallsGoBothWays: each message of a stream reaches the other side before the next is written, and the trailers come
// at the end. The client begins: nginx before 1.26 passes nothing on of a client that waits for the head of the answer.
func TestCallsGoBothWays(t *testing.T) {
	t.Parallel()
	app := http2App(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/grpc")
		flush := http.NewResponseController(w).Flush
		for lines := bufio.NewScanner(r.Body); lines.Scan(); _ = flush() {
			fmt.Fprintf(w, "%s %s %s\n", r.Host, r.Header.Get("X-Forwarded-Proto"), lines.Text())
		}
		w.Header().Set(http.TrailerPrefix+"Grpc-Status", "0")
	}))
	l := serve(t, app, nil, calls(app, time.Minute))
	out, in := io.Pipe()
	go fmt.Fprintln(in, 0)
	request, _ := http.NewRequestWithContext(t.Context(), http.MethodPost, "https://shop.example.com/a", out)
	request.Header = http.Header{"Content-Type": {"application/grpc"}, "Te": {"trailers"}}
	response, err := l.transport("").RoundTrip(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	lines := bufio.NewReader(response.Body)
	for n := range 20 {
		if n > 0 {
			fmt.Fprintln(in, n)
		}
		if got, err := lines.ReadString('\n'); err != nil || got != fmt.Sprintf("shop.example.com https %d\n", n) {
			t.Fatalf("message %d: %q, %v", n, got, err)
		}
	}
	in.Close()
	if rest, err := io.ReadAll(lines); err != nil || len(rest) > 0 || response.Trailer.Get("Grpc-Status") != "0" {
		t.Errorf("%q, %v, trailers %v", rest, err, response.Trailer)
	}
}

// TestRefusedCalls: where a visitor gets a page, a client of gRPC gets a status that it understands.
func TestRefusedCalls(t *testing.T) {
	t.Parallel()
	silent := http2App(t, http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }))
	closed, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	nobody := steps.Upstream{Scheme: "h2c", Host: "127.0.0.1", Port: closed.Addr().(*net.TCPAddr).Port}
	closed.Close()
	for _, c := range []struct {
		name   string
		app    steps.Upstream
		body   string
		status int
		code   string
	}{
		{"nobody listens", nobody, "", 502, "14"},
		{"silent", silent, "", 504, "4"},
		{"too large", silent, strings.Repeat("x", 1001), 413, "8"},
	} {
		l := serve(t, c.app, nil, calls(c.app, time.Second))
		for _, kind := range []string{"application/grpc", "application/grpc+proto", "application/grpc-web", "text/plain"} {
			r, err := l.try("POST", "https://shop.example.com/", "", http.Header{"Content-Type": {kind}}, []byte(c.body))
			if err != nil {
				t.Fatal(err)
			}
			code, call := r.Header.Get("Grpc-Status"), kind == "application/grpc" || kind == "application/grpc+proto"
			switch {
			case call && (r.StatusCode != 200 || code != c.code || r.body != "" || r.Header.Get("Content-Type") != "application/grpc"):
				t.Errorf("%s, %s: %s %v %q", c.name, kind, r.Status, r.Header, r.body)
			case !call && (r.StatusCode != c.status || code != "" || r.body == ""):
				t.Errorf("%s, %s: %s %v %q", c.name, kind, r.Status, r.Header, r.body)
			}
		}
	}
}
