package native

import (
	"context"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/c93d5bcb/sslwizard/steps"
)

// watched runs the service with its metrics at a socket and returns how that is asked.
func (h *tree) watched() (*unit, func(path string) (int, string)) {
	h.t.Helper()
	at := filepath.Join(h.t.TempDir(), "m.sock")
	u := h.start(func(o *ServeOptions) { o.Metrics = at }).ready()
	client := &http.Client{Timeout: patience, Transport: &http.Transport{DisableKeepAlives: true,
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, "unix", at)
		}}}
	u.wait(func() bool {
		conn, err := net.Dial("unix", at)
		if err == nil {
			conn.Close()
		}
		return err == nil
	})
	return u, func(path string) (int, string) {
		h.t.Helper()
		response, err := client.Get("http://service" + path)
		if err != nil {
			h.t.Fatal(err)
		}
		defer response.Body.Close()
		text, err := io.ReadAll(response.Body)
		if err != nil {
			h.t.Fatal(err)
		}
		return response.StatusCode, string(text)
	}
}

// asks sends a request over HTTP and waits for its answer.
func (u *unit) asks(name, path string) {
	u.t.Helper()
	request, err := http.NewRequestWithContext(u.t.Context(), http.MethodGet, "http://"+u.plain+path, nil)
	if err != nil {
		u.t.Fatal(err)
	}
	request.Host = name
	transport := &http.Transport{DisableKeepAlives: true}
	response, err := transport.RoundTrip(request)
	if err != nil {
		u.t.Fatal(err)
	}
	response.Body.Close()
}

func TestMetricsCountWhatWasAsked(t *testing.T) {
	t.Parallel()
	h := newTree(t)
	h.store("a.test", app(t))
	u, ask := h.watched()
	for range 3 {
		u.asks("a.test", "/a?secret=1")
	}
	u.asks("nobody.test", "/")
	u.wait(func() bool { return u.status().Requests == 4 })
	_, page := ask("/metrics")
	for _, line := range []string{
		`sslwizard_requests_total{site="a.test",scheme="http",code="301"} 3`,
		`sslwizard_requests_total{site="",scheme="http",code="404"} 1`,
		`sslwizard_connections_refused_total 0`,
		`sslwizard_cut_total{reason="frames"} 0`,
		`sslwizard_request_duration_seconds_count{site="a.test"} 3`,
		`sslwizard_request_duration_seconds_bucket{site="a.test",le="+Inf"} 3`,
		`sslwizard_config_loads_total 1`,
		`sslwizard_config_last_load_taken 1`,
		`# TYPE sslwizard_request_duration_seconds histogram`,
	} {
		if !strings.Contains(page, line+"\n") {
			t.Errorf("this line is missing: %s\n%s", line, page)
		}
	}
	if !strings.Contains(page, `sslwizard_certificate_not_after_seconds{site="a.test"} 1.`) || strings.Contains(page, "secret") {
		t.Errorf("the page is\n%s", page)
	}
}

// TestMetricsTellOfALoadThatWasNotTaken: that a renewed certificate is not served is what people want to be woken for.
func TestMetricsTellOfALoadThatWasNotTaken(t *testing.T) {
	t.Parallel()
	h := newTree(t)
	h.store("a.test", app(t))
	u, ask := h.watched()
	if err := os.WriteFile(h.path(steps.SiteFile("a.test")), []byte("what: is this\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	h.signals <- syscall.SIGHUP
	u.wait(func() bool { return u.status().Loads == 2 })
	if _, page := ask("/metrics"); !strings.Contains(page, "sslwizard_config_last_load_taken 0\n") {
		t.Errorf("the page is\n%s", page)
	}
}

func TestHealthIsOfTheLiveSockets(t *testing.T) {
	t.Parallel()
	h := newTree(t)
	h.store("a.test", app(t))
	u, ask := h.watched()
	if status, text := ask("/health"); status != http.StatusOK || text != "ok\n" {
		t.Errorf("%d %s", status, text)
	}
	if status, _ := ask("/"); status != http.StatusNotFound {
		t.Errorf("something else is there too: %d", status)
	}
	if strings.Contains(u.out.String(), watchdogHost) {
		t.Error("the question to itself is in the access log")
	}
}

func TestHealthSaysWhatIsWrong(t *testing.T) {
	t.Parallel()
	gone, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	gone.Close()
	reply := httptest.NewRecorder()
	d := newDaemon(ServeOptions{Out: io.Discard, Err: io.Discard})
	d.serveHealth(reply, httptest.NewRequest(http.MethodGet, "/health", nil), listeners{http: []net.Listener{gone}})
	if reply.Code != http.StatusServiceUnavailable || !strings.HasPrefix(reply.Body.String(), "cannot reach myself: ") {
		t.Errorf("%d %s", reply.Code, reply.Body)
	}
}

func TestMetricsStayOnThisHost(t *testing.T) {
	t.Parallel()
	for _, address := range []string{"0.0.0.0:0", ":0", "192.0.2.1:9145", "localhost", "relative.sock", "[::]:0"} {
		l, err := openMetrics(address)
		if err == nil {
			l.Close()
			t.Errorf("%s was opened", address)
		} else if !strings.HasPrefix(err.Error(), "cannot offer metrics on ") {
			t.Errorf("%s: %v", address, err)
		}
	}
	l, err := openMetrics("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	l.Close()
	private := filepath.Join(t.TempDir(), "m.sock")
	if l, err = openMetrics(private); err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	if info, err := os.Stat(private); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v", info, err)
	}
}
