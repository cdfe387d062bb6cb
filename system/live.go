package system

import (
	"context"
	"crypto/x509"
	"net/netip"
	"time"

	"github.com/c93d5bcb/sslwizard/steps"
	"github.com/c93d5bcb/sslwizard/system/cert"
	"github.com/c93d5bcb/sslwizard/system/probe"
)

// liveIdle is how long a verification leaves a WebSocket silent: long enough to see that silence as such is survived,
// short enough for people to wait. The full time is `sslwizard probe --idle`.
const liveIdle = 250 * time.Millisecond

// verifier implements apply.Prober.
type verifier struct{ *Installer }

// Probe asks the live site on this host, in every family that it listens on.
func (i verifier) Probe(ctx context.Context, site steps.Site, trusted bool) (steps.Report, error) {
	roots, err := i.roots(site, trusted)
	if err != nil {
		return steps.Report{}, err
	}
	leaf := ""
	if c, err := cert.CurrentFacts(i.host, site.Name); err == nil {
		leaf = c.SHA256
	}
	var whole steps.Report
	for n, domain := range site.Certs.Domains {
		t := probe.Target{Name: string(domain), Addresses: loopback(), Roots: roots, Trusted: trusted, Expect: &site, ExpectLeaf: leaf, HTTPPort: 80}
		if n == 0 {
			t.Upstream, t.Idle = &site.Proxy.Upstream, liveIdle
		} else {
			t.Addresses = t.Addresses[:1] // the first name was judged in full; the others differ only in their name
		}
		r := probe.Run(ctx, t, nil)
		whole.Checks = append(whole.Checks, r.Checks...)
		whole.Took += r.Took
		if n == 0 {
			whole.Target = r.Target
		}
	}
	return whole, ctx.Err()
}

// roots is what the chain has to lead to: the local CA until a trusted certificate was asked for and is due.
func (i *Installer) roots(site steps.Site, trusted bool) (*x509.CertPool, error) {
	pool := x509.NewCertPool()
	if site.Trusted.Source != steps.SourceNone && trusted {
		if site.Trusted.CARoots == "" {
			return nil, nil
		}
	}
	if system, err := x509.SystemCertPool(); err == nil {
		pool = system
	}
	if site.Trusted.CARoots != "" {
		f, err := i.host.ReadFile(site.Trusted.CARoots)
		if err != nil {
			return nil, &steps.Failure{Text: "cannot read trusted.caRoots", Err: err}
		}
		pool.AppendCertsFromPEM(f.Data)
	}
	if !trusted || site.Trusted.Source == steps.SourceNone {
		if ca, err := cert.LoadAuthority(i.host); err == nil {
			pool.AddCert(ca.Certificate)
		}
	}
	return pool, nil
}

// loopback is where this host itself reaches its sites in both families.
func loopback() []netip.AddrPort {
	all := []netip.AddrPort{netip.AddrPortFrom(netip.AddrFrom4([4]byte{127, 0, 0, 1}), 0)}
	if haveIPv6() {
		all = append(all, netip.AddrPortFrom(netip.IPv6Loopback(), 0))
	}
	return all
}
