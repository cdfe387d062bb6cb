package system

import (
	"context"
	"crypto/x509"
	"net/netip"
	"time"

	"github.com/c93d5bcb/sslwizard/steps"
	"github.com/c93d5bcb/sslwizard/system/cert"
	"github.com/c93d5bcb/sslwizard/system/probe"
	"github.com/c93d5bcb/sslwizard/system/renew"
)

// liveIdle is how long a verification leaves a WebSocket silent: long enough to see that silence as such is survived,
// short enough for people to wait. The full time is `sslwizard probe --idle`.
const liveIdle = 250 * time.Millisecond

// verifier implements apply.Prober.
type verifier struct{ *Installer }

// Probe asks the live site on this host, in every family that it listens on.
func (i verifier) Probe(ctx context.Context, site steps.Site, trusted bool, seen func(steps.Check)) (steps.Report, error) {
	c, err := cert.CurrentFacts(i.host, site.Name)
	if err != nil {
		c = steps.CertFacts{}
	}
	asked, leaf := site.Trusted.Of(c), c.SHA256
	test := trusted && asked.ForTests()
	trusted = trusted && !test // nobody trusts a staging certificate: its chain is not judged
	roots, err := i.roots(asked, trusted)
	if err != nil {
		return steps.Report{}, err
	}
	if !trusted && c.Source != "" && c.Source != cert.SourceLocal {
		i.vouch(roots, site.Name)
	}
	again := !trusted && !test && site.Trusted.Source != steps.SourceNone // the last verification is the one that waits
	var whole steps.Report
	closed := i.closedToQUIC(ctx, site)
	upstream, checks := ask(ctx, site, seen)
	whole.Checks = checks
	for n, t := range targets(site) {
		t.Roots, t.Trusted, t.ExpectLeaf, t.Upstream = roots, trusted, leaf, &upstream
		if again {
			t.Idle = 0
		}
		if test {
			t.Roots = nil
		}
		r := probe.Run(ctx, t, func(c steps.Check) { seen(judgedQUIC(judged(site, c), closed)) })
		for n, c := range r.Checks {
			r.Checks[n] = judgedQUIC(judged(site, c), closed)
		}
		whole.Checks = append(whole.Checks, r.Checks...)
		whole.Took += r.Took
		if n == 0 {
			whole.Target = r.Target
		}
	}
	return whole, ctx.Err()
}

// judged makes a warning of a chain that this host cannot follow: who brings a certificate of a CA of their own knows who
// trusts it.
func judged(site steps.Site, c steps.Check) steps.Check {
	own := site.Trusted.Source == steps.SourceFiles
	if own && c.Verdict == steps.Fail && (c.Code == probe.CodeSelfSigned || c.Code == probe.CodeUntrusted) {
		c.Verdict = steps.Warn
		c.Fix = []string{"trusted.caRoots: /path/to/your-ca.pem    when its visitors trust a CA of your own"}
	}
	return c
}

// targets are the site by its first name, in full and in every family, and then by what differs: its other names and
// the other paths on which a WebSocket was asked for. A path that was named has to speak WebSocket; "/", the default,
// may.
func targets(site steps.Site) []probe.Target {
	first := probe.Target{Name: string(site.Certs.Domains[0]), Addresses: loopback(), Expect: &site, Upstream: &site.Proxy.Upstream, Idle: liveIdle}
	all := []probe.Target{first}
	once := first
	once.Addresses, once.Idle = loopback()[:1], 0
	for _, domain := range site.Certs.Domains[1:] {
		once.Name = string(domain)
		all = append(all, once)
	}
	once.Name = first.Name
	for _, path := range site.WebSockets.Paths {
		if path == "/" || !site.WebSockets.Enabled {
			continue
		}
		if all[0].WSPath == "" {
			all[0].WSPath = path
			continue
		}
		once.WSPath = path
		all = append(all, once)
	}
	return all
}

// roots is what the chain has to lead to: the local CA until a trusted certificate was asked for and is due.
func (i *Installer) roots(asked steps.SiteTrusted, trusted bool) (*x509.CertPool, error) {
	pool := x509.NewCertPool()
	if asked.Source != steps.SourceNone && trusted {
		if asked.CARoots == "" {
			return nil, nil
		}
	}
	if system, err := x509.SystemCertPool(); err == nil {
		pool = system
	}
	if asked.CARoots != "" {
		pem, err := renew.Roots(i.host, asked.CARoots)
		if err != nil {
			return nil, err
		}
		pool.AppendCertsFromPEM(pem)
	}
	if !trusted || asked.Source == steps.SourceNone {
		if ca, err := cert.LoadAuthority(i.host); err == nil {
			pool.AddCert(ca.Certificate)
		}
	}
	return pool, nil
}

// vouch adds the certificate that a site has until it gets the one that was asked for, and its chain: they may be of a CA that the new
// answers do not know any more. That it is this certificate is seen by its fingerprint.
func (i *Installer) vouch(roots *x509.CertPool, site string) {
	if v, err := cert.Current(i.host, site); err == nil {
		roots.AppendCertsFromPEM(v.Chain)
	}
}

// loopback is where this host itself reaches its sites in both families.
func loopback() []netip.AddrPort {
	all := []netip.AddrPort{netip.AddrPortFrom(netip.AddrFrom4([4]byte{127, 0, 0, 1}), 0)}
	if haveIPv6() {
		all = append(all, netip.AddrPortFrom(netip.IPv6Loopback(), 0))
	}
	return all
}
