package native

import (
	"context"
	"crypto/tls"
	"io"
	"net"
	"net/http"
	"net/netip"
	"os"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	pebbletest "github.com/c93d5bcb/sslwizard/e2e/pebble"
	"github.com/c93d5bcb/sslwizard/steps"
	"github.com/c93d5bcb/sslwizard/system/acme"
	"github.com/c93d5bcb/sslwizard/system/cert"
	"github.com/c93d5bcb/sslwizard/system/doctor"
	"github.com/c93d5bcb/sslwizard/system/renew"
	"github.com/c93d5bcb/sslwizard/system/resolve"
)

// closedPort is where Pebble would look for HTTP-01: nobody listens there.
const closedPort = 1

// authority is a CA that asks the service's own port for TLS-ALPN-01, and the manager that asks that CA.
func (u *unit) authority() (*renew.Manager, steps.SiteTrusted) {
	u.t.Helper()
	at := netip.MustParseAddrPort(u.secure)
	zone, err := pebbletest.StartDNS("")
	if err != nil {
		u.t.Fatal(err)
	}
	u.t.Cleanup(func() { _ = zone.Close() })
	zone.SetDefault(at.Addr().String())
	ca, err := pebbletest.Start(pebbletest.Options{DNSServer: zone.Address, HTTPPort: closedPort, TLSPort: int(at.Port())})
	if err != nil {
		u.t.Fatal(err)
	}
	u.t.Cleanup(func() { _ = ca.Close() })
	const roots = "/etc/ca.pem"
	if err := os.WriteFile(u.path(roots), ca.DirectoryCA(), 0o600); err != nil {
		u.t.Fatal(err)
	}
	resolver := &resolve.Client{Servers: []string{zone.Address}, Timeout: 5 * time.Second, Dial: new(net.Dialer).DialContext}
	return &renew.Manager{
		UserAgent: "sslwizard/test",
		Doctor:    &doctor.Doctor{Own: []netip.Addr{at.Addr()}, Resolver: resolver, Port: int(at.Port())},
		Pace:      acme.Pace{Poll: 5 * time.Millisecond, PollMax: 50 * time.Millisecond},
	}, steps.SiteTrusted{Source: steps.SourceACME, Directory: ca.Directory, CARoots: roots, AcceptTerms: true, Challenge: steps.TLSALPN01}
}

// TestCertificateThroughTheLivePort has a real CA validate at the port of the running service, for the first certificate
// and for a renewal, while a visitor of another site stays connected.
func TestCertificateThroughTheLivePort(t *testing.T) {
	t.Parallel()
	h := newTree(t)
	h.store("a.test.example.com", "http://127.0.0.1:1")
	other := h.store("other.example.com", "http://127.0.0.1:1")
	u := h.start().ready()
	m, trusted := u.authority()
	visitor := visit(t, u.secure, "other.example.com")
	want := steps.ObtainCertificate{
		For: steps.For(steps.IDTrusted), Site: "a.test.example.com", Domains: []steps.Domain{"a.test.example.com"}, Trusted: trusted, Webroot: steps.Webroot,
	}
	for _, want.KeyType = range []steps.KeyType{steps.ECDSAP256, steps.ECDSAP384} { // the second is due because of its key
		if err := m.Make(t.Context(), h, want, nil); err != nil {
			t.Fatal(err)
		}
		facts, err := cert.CurrentFacts(h, want.Site)
		if err != nil || facts.Source != steps.SourceACME || facts.Key != want.KeyType {
			t.Fatalf("stored: %+v, %v", facts, err)
		}
		h.signals <- syscall.SIGHUP
		u.wait(func() bool { return u.leaf(want.Site) == strings.ToLower(facts.SHA256) })
		if visitor.ask(); u.leaf("other.example.com") != other {
			t.Error("the other site was touched")
		}
	}
	if left, err := os.ReadDir(u.path(steps.Webroot + steps.ALPNPath)); err != nil || len(left) > 0 {
		t.Errorf("proofs stayed: %v, %v", left, err)
	}
}

// TestClosedPortIsSeenBeforeTheCA: what would make the CA refuse is found without it, and says which port it is about.
func TestClosedPortIsSeenBeforeTheCA(t *testing.T) {
	t.Parallel()
	h := newTree(t)
	h.store("a.test.example.com", "http://127.0.0.1:1")
	u := h.start().ready()
	m, trusted := u.authority()
	looks := *m.Doctor.(*doctor.Doctor)
	looks.Port = closedPort
	m.Doctor = &looks
	err := m.Make(t.Context(), h, steps.ObtainCertificate{
		For: steps.For(steps.IDTrusted), Site: "a.test.example.com", Domains: []steps.Domain{"a.test.example.com"}, KeyType: steps.ECDSAP256,
		Trusted: trusted, Webroot: steps.Webroot,
	}, nil)
	if err == nil || !strings.Contains(err.Error(), "port 443 does not answer") || !slices.ContainsFunc(steps.Fixes(err), func(f string) bool { return strings.Contains(f, "443") }) {
		t.Errorf("%v, %q", err, steps.Fixes(err))
	}
}

// visitor is a client that keeps its connection.
type visitor struct {
	t      *testing.T
	client *http.Client
	dials  int
}

func visit(t *testing.T, address, host string) *visitor {
	t.Helper()
	v := &visitor{t: t}
	transport := &http.Transport{
		TLSClientConfig: &tls.Config{ServerName: host, InsecureSkipVerify: true},
		DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
			v.dials++
			return new(net.Dialer).DialContext(ctx, network, address)
		},
	}
	t.Cleanup(transport.CloseIdleConnections)
	v.client = &http.Client{Transport: transport}
	v.ask()
	return v
}

// ask wants an answer, over the connection that it has.
func (v *visitor) ask() {
	v.t.Helper()
	answer, err := v.client.Get("https://other.example.com/")
	if err != nil {
		v.t.Fatal(err)
	}
	_, _ = io.Copy(io.Discard, answer.Body)
	_ = answer.Body.Close()
	if answer.StatusCode != http.StatusBadGateway || v.dials != 1 { // nothing is behind it
		v.t.Errorf("it got %s over connection %d", answer.Status, v.dials)
	}
}
