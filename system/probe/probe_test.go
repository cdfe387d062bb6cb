package probe

import (
	"context"
	"io"
	"log"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/c93d5bcb/sslwizard/steps"
)

func TestGoodSites(t *testing.T) {
	t.Parallel()
	for _, profile := range []steps.Profile{steps.Intermediate, steps.Modern} {
		t.Run(string(profile), func(t *testing.T) {
			t.Parallel()
			site := newGoodSite(t, profile)
			site.target.Idle = 20 * time.Millisecond
			streamed := 0
			report := Run(t.Context(), site.target, func(steps.Check) { streamed++ })
			if streamed != len(report.Checks) {
				t.Errorf("%d checks were streamed, %d are in the report", streamed, len(report.Checks))
			}
			for _, c := range report.Checks {
				if c.Verdict != steps.OK {
					t.Errorf("%s %s is %s: %s (%s)", c.Step, c.Name, c.Verdict, c.Detail, c.Code)
				}
			}
			for _, id := range steps.IDs() {
				if v := report.Verdict(id); v != steps.OK {
					t.Errorf("step %s is %s", id, v)
				}
			}
			if t.Failed() || testing.Verbose() {
				t.Logf("took %s\n%s", report.Took, text(report))
			}
		})
	}
}

// TestEveryAddressIsJudged wants the fault of one address not to hide behind the health of another.
func TestEveryAddressIsJudged(t *testing.T) {
	t.Parallel()
	target := newGoodSite(t, steps.Intermediate).target
	good := target.Addresses[0]
	dead := closedPort(t)
	target.Addresses = append(target.Addresses, dead)
	target.HTTPAddresses = append(target.HTTPAddresses, target.HTTPAddresses[0])
	report := run(t, target)
	verdicts := map[string]steps.Verdict{}
	for _, c := range report.Checks {
		if c.Name == connectHTTPS {
			verdicts[c.Address] = c.Verdict
		}
	}
	if verdicts[good.String()] != steps.OK || verdicts[dead.String()] != steps.Fail || len(verdicts) != 2 {
		t.Errorf("the verdicts are %v", verdicts)
	}
	if report.Verdict(steps.IDInstall) != steps.Fail {
		t.Error("step install does not fail")
	}
}

func TestIPv6(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "[::1]:0")
	if err != nil {
		t.Skipf("this machine has no IPv6 loopback: %v", err)
	}
	c := leafTemplate()
	c.IPAddresses = []net.IP{net.IPv6loopback}
	ca := newAuthority(t, "Root of the test", nil)
	server := &http.Server{Handler: status(200), ErrorLog: log.New(io.Discard, "", 0), ReadHeaderTimeout: time.Second, TLSConfig: guidelineConfig(steps.Intermediate, ca.issue(t, c))}
	go func() { _ = server.ServeTLS(l, "", "") }()
	t.Cleanup(func() { _ = server.Close() })
	// An address as a name: no SNI, brackets in the Host header, an IP among the SANs.
	target := Target{Name: "::1", HTTPSPort: int(addrOf(l).Port()), HTTPPort: -1, Roots: ca.pool()}
	report := run(t, target)
	for _, name := range []string{connectHTTPS, "tls.handshake", "certs.names", "certs.chain", "proxy.answer"} {
		if c := find(t, report, name); c.Verdict != steps.OK {
			t.Errorf("%s is %s: %s", name, c.Verdict, c.Detail)
		}
	}
	if want := "https://" + addrOf(l).String(); report.Target != want {
		t.Errorf("the target is %s, not %s", report.Target, want)
	}
}

func TestNames(t *testing.T) {
	t.Parallel()
	resolve := func(addrs []netip.Addr, err error) (steps.Check, []endpoint) {
		p := &prober{target: Target{Name: siteName}.withDefaults()}
		p.lookup = func(context.Context, string, string) ([]netip.Addr, error) { return addrs, err }
		ends := p.resolve(t.Context())
		return p.rec.sorted()[0], ends
	}
	v4, v6 := netip.MustParseAddr("192.0.2.1"), netip.MustParseAddr("2001:db8::1")
	c, ends := resolve([]netip.Addr{v6, netip.MustParseAddr("::ffff:192.0.2.1"), v4}, nil)
	if c.Verdict != steps.OK || len(ends) != 2 || ends[1].https != netip.AddrPortFrom(v4, 443) || ends[0].http != netip.AddrPortFrom(v6, 80) {
		t.Errorf("%s: %s, %v", c.Verdict, c.Detail, ends)
	}
	c, ends = resolve(nil, &net.DNSError{IsNotFound: true, Name: siteName})
	if c.Verdict != steps.Fail || c.Code != "A01" || c.Browser != "ERR_NAME_NOT_RESOLVED" || c.Step != steps.IDInstall || len(c.Fix) == 0 || len(ends) != 0 {
		t.Errorf("a missing name is %+v", c)
	}
}

func TestTheProbeStopsWhenItIsTold(t *testing.T) {
	t.Parallel()
	target := at(rawTLS(t, fakeApp{}.serve))
	target.WSPath, target.Idle, target.Timeout = "/", time.Hour, time.Hour
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	done := make(chan steps.Report)
	go func() {
		done <- Run(ctx, target, func(c steps.Check) {
			if c.Name == "ws.echo" { // the last check before the silence
				cancel()
			}
		})
	}()
	select {
	case r := <-done:
		if c := find(t, r, "ws.idle"); c.Verdict != steps.Skip {
			t.Errorf("ws.idle is %s: %s", c.Verdict, c.Detail)
		}
	case <-time.After(20 * time.Second):
		t.Fatal("it goes on")
	}
}

// TestWhichStepJudgesTheChain keeps a site with a local certificate from failing step 7, which was not asked for.
func TestWhichStepJudgesTheChain(t *testing.T) {
	t.Parallel()
	ca := newAuthority(t, "Root of the test", nil)
	for _, c := range []struct {
		roots, trusted bool
		want           []string
	}{
		{false, false, nil},
		{true, false, []string{"certs.chain"}},
		{true, true, []string{"trusted.chain", "trusted.days"}},
	} {
		target := withCert(t, ca.issue(t, leafTemplate()), nil)
		target.Trusted = c.trusted
		if c.roots {
			target.Roots = ca.pool()
		}
		var got []string
		for _, check := range run(t, target).Checks {
			if strings.HasSuffix(check.Name, ".chain") || check.Step == steps.IDTrusted {
				got = append(got, check.Name)
			}
		}
		if !slices.Equal(got, c.want) {
			t.Errorf("roots %t, trusted %t: judged by %v, not %v", c.roots, c.trusted, got, c.want)
		}
	}
}

func TestTextOfThePeerIsCleaned(t *testing.T) {
	t.Parallel()
	p := &prober{}
	evil := fault{"X", "\x1b[31mred", blameApp, []string{"type\r\nthis\u202e"}}
	p.begin(steps.IDSSL, "x", netip.AddrPort{}).end(fail(evil, "%s", strings.Repeat("\x1b]0;owned\x07\xff\n", 200)))
	c := p.rec.sorted()[0]
	for _, s := range append(c.Fix, c.Detail, c.Browser) {
		if s != steps.CleanLine(s) || len(s) > 3*maxDetail {
			t.Errorf("%q reached the report", s)
		}
	}
}
