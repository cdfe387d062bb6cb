package probe

import (
	"crypto/tls"
	"net/http"
	"net/netip"
	"testing"
	"time"

	"github.com/c93d5bcb/sslwizard/e2e/failures"
	"github.com/c93d5bcb/sslwizard/steps"
)

// broken is a server with one fault, and what the probe has to call it.
type broken struct {
	name    string
	target  func(t *testing.T) Target
	check   string
	step    steps.ID
	verdict steps.Verdict
	code    string
	browser string
	blame   string
}

// runBroken probes each server and compares the one check that its fault shows in.
func runBroken(t *testing.T, cases []broken) {
	t.Helper()
	for _, b := range cases {
		t.Run(b.name, func(t *testing.T) {
			t.Parallel()
			report := run(t, b.target(t))
			c := find(t, report, b.check)
			failures.MetChecks(t, []steps.Check{c})
			got := [5]string{string(c.Step), string(c.Verdict), c.Code, c.Browser, c.Blame}
			want := [5]string{string(b.step), string(b.verdict), b.code, b.browser, b.blame}
			if got != want {
				t.Errorf("%s:\n got %q\nwant %q\n%s", b.check, got, want, text(report))
			}
			if c.Detail == "" || c.Detail != steps.CleanLine(c.Detail) {
				t.Errorf("detail %q is empty or not clean", c.Detail)
			}
			if b.verdict == steps.Fail && len(c.Fix) == 0 {
				t.Errorf("%s fails without a fix", b.check)
			}
			t.Log(c.Detail)
		})
	}
}

// at is a target at one TLS address, with nothing on the plain port and nothing expected.
func at(addr netip.AddrPort) Target {
	return Target{Name: siteName, Addresses: []netip.AddrPort{addr}, HTTPPort: -1, Timeout: 2 * time.Second}
}

// withCert is a target whose server is set right but for its certificate.
func withCert(t *testing.T, cert tls.Certificate, ca *authority) Target {
	t.Helper()
	target := at(serve(t, guidelineConfig(steps.Intermediate, cert), http.NotFoundHandler()))
	target.Trusted = true
	if ca != nil {
		target.Roots = ca.pool()
	}
	return target
}

// withConfig is a target whose server has a good certificate and these settings.
func withConfig(t *testing.T, set func(*tls.Config)) Target {
	t.Helper()
	ca := newAuthority(t, "Root of the test", nil)
	config := guidelineConfig(steps.Intermediate, ca.issue(t, leafTemplate()))
	set(config)
	target := at(serve(t, config, http.NotFoundHandler()))
	target.Roots = ca.pool()
	return target
}
