package native

import (
	"crypto/tls"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/c93d5bcb/sslwizard/steps"
)

// securely asks a site over TLS, with the cookie if there is one, and returns the status and the cookie that is set.
func (u *unit) securely(name, cookie string) (status int, set string) {
	u.t.Helper()
	request, err := http.NewRequestWithContext(u.t.Context(), http.MethodGet, "https://"+u.secure+"/", nil)
	if err != nil {
		u.t.Fatal(err)
	}
	request.Host = name
	if cookie != "" {
		request.Header.Set("Cookie", cookie)
	}
	transport := &http.Transport{DisableKeepAlives: true, TLSClientConfig: &tls.Config{ServerName: name, InsecureSkipVerify: true}} //nolint:gosec // who it is, is not asked here
	response, err := transport.RoundTrip(request)
	if err != nil {
		u.t.Fatal(err)
	}
	defer response.Body.Close()
	if _, err := io.Copy(io.Discard, response.Body); err != nil {
		u.t.Fatal(err)
	}
	return response.StatusCode, response.Header.Get("Set-Cookie")
}

// TestMetricsTellOfEveryUpstream: one does not run.
func TestMetricsTellOfEveryUpstream(t *testing.T) {
	t.Parallel()
	h := newTree(t)
	gone := "unix:" + filepath.Join(t.TempDir(), "none.sock")
	up := app(t)
	h.store("a.test", gone, func(a *steps.Answers) { a.Proxy.MoreUpstreams = []string{up} })
	u, ask := h.watched()
	if status, _ := u.securely("a.test", ""); status != http.StatusOK {
		t.Errorf("status %d", status)
	}
	u.wait(func() bool { return u.status().Requests == 1 })
	_, page := ask("/metrics")
	for _, line := range []string{
		`sslwizard_upstream_in_progress{site="a.test",upstream="` + gone + `"} 0`,
		`sslwizard_upstream_failures_total{site="a.test",upstream="` + gone + `"} 1`,
		`sslwizard_upstream_down{site="a.test",upstream="` + gone + `"} 1`,
		`sslwizard_upstream_failures_total{site="a.test",upstream="` + up + `"} 0`,
		`sslwizard_upstream_down{site="a.test",upstream="` + up + `"} 0`,
		`# TYPE sslwizard_upstream_down gauge`,
	} {
		if !strings.Contains(page, line+"\n") {
			t.Errorf("this line is missing: %s\n%s", line, page)
		}
	}
}

// TestVisitorsStayThroughRestarts: the cookie is understood by the process that comes after, on the same host and on no
// other.
func TestVisitorsStayThroughRestarts(t *testing.T) {
	t.Parallel()
	h := newTree(t)
	h.store("a.test", app(t), func(a *steps.Answers) { a.Proxy.MoreUpstreams, a.Proxy.Sticky = []string{app(t)}, true })
	on := func(id string) func(*ServeOptions) {
		file := filepath.Join(t.TempDir(), "machine-id")
		if err := os.WriteFile(file, []byte(id+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		return func(o *ServeOptions) { o.Machine = file }
	}
	one := on(strings.Repeat("1", 32))
	first := h.start(one).ready()
	_, set := first.securely("a.test", "")
	cookie, _, _ := strings.Cut(set, ";")
	if cookie == "" {
		t.Fatal("there is no cookie")
	}
	h.renew("a.test")
	h.signals <- syscall.SIGHUP
	first.wait(func() bool { return first.status().Loads == 2 })
	if _, again := first.securely("a.test", cookie); again != "" {
		t.Errorf("after a renewal %q was set", again)
	}
	if _, again := h.start(one).ready().securely("a.test", cookie); again != "" {
		t.Errorf("after a restart %q was set", again)
	}
	for _, other := range []string{strings.Repeat("2", 32), "uninitialized", ""} {
		if _, again := h.start(on(other)).ready().securely("a.test", cookie); again == "" {
			t.Errorf("the host %q took the cookie for its own", other)
		}
	}
}
