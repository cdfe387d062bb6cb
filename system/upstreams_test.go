package system

import (
	"net/http/httptest"
	"path/filepath"
	"testing"

	"github.com/c93d5bcb/sslwizard/steps"
	"github.com/c93d5bcb/sslwizard/system/echo"
)

// TestOneUpstreamMayBeDown: the site is compared with the one that answers, and the other is told of.
func TestOneUpstreamMayBeDown(t *testing.T) {
	t.Parallel()
	app := httptest.NewServer(echo.Handler())
	t.Cleanup(app.Close)
	up, err := steps.ParseUpstream(app.URL)
	if err != nil {
		t.Fatal(err)
	}
	gone := steps.Upstream{Scheme: "unix", Path: filepath.Join(t.TempDir(), "none.sock")}
	site := shop(t, "trusted: {source: none}\n")
	if _, checks := ask(t.Context(), site, func(steps.Check) { t.Error("a site with one upstream is asked twice") }); len(checks) > 0 {
		t.Errorf("%+v", checks)
	}
	site.Proxy.Upstream, site.Proxy.More = gone, []steps.Upstream{up}
	var said []steps.Check
	answers, checks := ask(t.Context(), site, func(c steps.Check) { said = append(said, c) })
	if answers != up || len(said) != 2 || len(checks) != 2 {
		t.Fatalf("%v, %+v, %+v", answers, said, checks)
	}
	if checks[0].Verdict != steps.Warn || checks[0].Address != gone.String() || checks[1].Verdict != steps.OK || checks[1].Step != steps.IDProxy {
		t.Errorf("%+v", checks)
	}
}
