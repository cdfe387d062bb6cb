package renew

import (
	"context"
	"fmt"
	"time"

	"github.com/c93d5bcb/sslwizard/steps"
	"github.com/c93d5bcb/sslwizard/system/cert"
	"github.com/c93d5bcb/sslwizard/system/host"
)

// Live is what makes a stored certificate the one that is served, and what proves it.
type Live interface {
	// Reload has the executor of these sites take their new certificates, once for all of them.
	Reload(ctx context.Context, sites []steps.Site) error
	// Served reports an error unless every address of the site serves the leaf with this SHA-256 (hex, of its DER).
	Served(ctx context.Context, site steps.Site, sha256 string) error
	// Outdated reports whether the site is seen to serve another leaf than this one, or is seen nowhere. It is a quick look.
	Outdated(ctx context.Context, site steps.Site, sha256 string) bool
}

// Options say how a round of renewals is made.
type Options struct {
	Force bool // what is not due is renewed too
	// Scheduled is a round that nobody waits for: pauses after failures are kept, and what is served is looked at daily.
	Scheduled bool
	Time      time.Duration // sites whose turn would come later are left for the next round; 0: all have theirs
}

// Outcome is what became of one site.
type Outcome struct {
	Site     string
	Renewed  bool      // it serves a new certificate
	NotAfter time.Time // of the certificate that the site has now; zero when it has none
	Note     string    // why there was nothing to do
	Err      error     // with its fixes; the certificate that was there stays
	Notices  []Notice  // what somebody has to be told
}

// Renew looks after these sites: those that are due get a new certificate, the executor is reloaded once, and each new
// certificate is looked for on the wire. With force those that are not due are renewed too. One site's failure does not
// keep the others from being renewed. Due includes a site that still waits for its first trusted certificate. A site that
// is not due but serves an older certificate than it has, because an earlier renewal was killed before its reload or the
// reload failed, counts as renewed: otherwise the old one would be served until it runs out. What is learned is stored in
// steps.RenewDir.
func (m *Manager) Renew(ctx context.Context, h host.Host, sites []steps.Site, o Options, live Live, progress func(site, text string)) []Outcome {
	r := &round{Manager: m, Options: o, host: h, live: live, progress: progress, advisers: advisers{Manager: m, open: map[string]Adviser{}, failed: map[string]error{}}}
	defer r.close()
	m.sweep(ctx, h, r.telling("dns"))
	r.sites = make([]*turn, len(sites))
	for i, site := range sites {
		r.sites[i] = &turn{site: site, facts: current(h, site.Name)}
		r.sites[i].state = readState(h, site.Name, r.sites[i].facts.SHA256)
	}
	r.run(ctx)
	outcomes := make([]Outcome, len(sites))
	for i, t := range r.sites {
		r.end(t)
		outcomes[i] = t.Outcome
	}
	return outcomes
}

func outdated(ctx context.Context, h host.Host, site steps.Site, live Live) bool {
	f, err := cert.CurrentFacts(h, site.Name)
	return err == nil && live.Outdated(ctx, site, f.SHA256)
}

func proven(ctx context.Context, h host.Host, site steps.Site, live Live) error {
	f, err := cert.CurrentFacts(h, site.Name)
	if err != nil {
		return err
	}
	return live.Served(ctx, site, f.SHA256)
}

func notServed(site steps.Site, err error) *steps.Failure {
	fixes := []string{"look at it with: sudo sslwizard status; and again with: sudo sslwizard renew " + site.Name}
	return &steps.Failure{
		Text: fmt.Sprintf("cannot see the new certificate of %s in use: it is stored, and the old one may still be served", site.Name),
		Code: "N06", Status: steps.ExitUnverified, Err: err, Fixes: append(fixes, steps.Fixes(err)...),
	}
}

// changeFor is the change that keeps the site's certificate as it was asked for. Who may read the key stays as it is:
// that is the executor's to say, and renewing does not ask it.
func changeFor(r host.Reader, site steps.Site) (steps.Change, error) {
	group, err := cert.CurrentGroup(r, site.Name)
	if err != nil {
		return nil, err
	}
	return changeOf(site, group), nil
}

func changeOf(site steps.Site, group string) steps.Change {
	forStep := steps.For(steps.IDTrusted)
	switch site.Trusted.Source {
	case steps.SourceACME:
		return steps.ObtainCertificate{For: forStep, Site: site.Name, Domains: site.Certs.Domains, KeyType: site.Certs.Key, Trusted: site.Trusted, Webroot: steps.Webroot, Group: group}
	case steps.SourceFiles:
		return steps.ImportCertificate{For: forStep, Site: site.Name, Domains: site.Certs.Domains, Certificate: site.Trusted.Certificate, PrivateKey: site.Trusted.Key, Group: group}
	}
	return steps.IssueLocal{For: steps.For(steps.IDCerts), Site: site.Name, Domains: site.Certs.Domains, KeyType: site.Certs.Key, Days: site.Certs.Days, Force: true, Group: group}
}
