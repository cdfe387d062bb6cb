package system

import (
	"context"
	"errors"
	"io/fs"
	"net/netip"
	"slices"
	"time"

	"github.com/c93d5bcb/sslwizard/steps"
	"github.com/c93d5bcb/sslwizard/system/acme"
	"github.com/c93d5bcb/sslwizard/system/apply"
	"github.com/c93d5bcb/sslwizard/system/native"
	"github.com/c93d5bcb/sslwizard/system/notify"
	"github.com/c93d5bcb/sslwizard/system/probe"
	"github.com/c93d5bcb/sslwizard/system/proxy"
	"github.com/c93d5bcb/sslwizard/system/renew"
)

// Probe implements command.Observer: any server, from here, without root.
func (i *Installer) Probe(ctx context.Context, req steps.ProbeRequest, sink func(steps.Check)) (steps.Report, error) {
	t, err := probe.Parse(req.URL)
	if err != nil {
		return steps.Report{}, err
	}
	if req.CAFile != "" {
		if t.Roots, err = rootsOf(req.CAFile); err != nil {
			return steps.Report{}, err
		}
	}
	if req.ClientCert != "" {
		pair, err := clientPair(req.ClientCert, req.ClientKey)
		if err != nil {
			return steps.Report{}, err
		}
		t.Client = &pair
	}
	for _, a := range req.Addresses {
		t.Addresses = append(t.Addresses, netip.AddrPortFrom(a, 0))
	}
	if req.Ports.HTTPS != 0 {
		t.HTTPSPort = req.Ports.HTTPS
	}
	if req.WSPath != "" {
		t.WSPath = req.WSPath
	}
	t.HTTPPort, t.Idle, t.Trusted, t.HTTP3 = req.Ports.HTTP, req.Idle, true, req.HTTP3
	return probe.Run(ctx, t, sink), ctx.Err()
}

// Status implements command.Observer.
func (i *Installer) Status(ctx context.Context) (steps.HostStatus, error) {
	f, err := i.present(ctx)
	if err != nil {
		return steps.HostStatus{}, err
	}
	s := steps.HostStatus{Hostname: f.Hostname, Findings: f.Managed.Bad}
	for _, site := range f.Managed.Sites {
		c := f.Managed.Certs[site.Name]
		renewal := renew.StandingOf(i.host, site.Name, c, time.Now())
		s.Findings = append(s.Findings, steps.Standing(site, c, time.Now())...)
		s.Findings = append(s.Findings, renewal.Findings(site.Name)...)
		ca, inPlaceOf := issuers(c)
		s.Sites = append(s.Sites, steps.SiteStatus{CA: ca, InPlaceOf: inPlaceOf, Name: site.Name, Executor: site.Install.Executor, Domains: site.Certs.Domains,
			Upstream: site.Proxy.Upstream.String(), Upstreams: upstreamsOf(site), Source: c.Source, Test: c.Source == steps.SourceACME && site.Trusted.Of(c).ForTests(), NotAfter: c.NotAfter, RenewAfter: renewal.At, RenewalPage: renewal.Page})
	}
	s.Findings = append(s.Findings, append(notify.Findings(i.host), notify.Waiting(i.host, time.Now())...)...)
	if s.Units, err = i.units(ctx, f.Managed.Sites); err != nil {
		return s, err
	}
	fallen, err := i.fallen(ctx, s.Units)
	if err != nil {
		return s, err
	}
	s.Findings = append(s.Findings, append(fallen, unrenewed(s.Units)...)...)
	if told, asked := i.proxy(ctx, f.Managed.Sites); asked {
		s.Proxy = &steps.ProxyStatus{Since: told.Started, Connections: told.Connections, WebSockets: told.WebSockets, Requests: told.Requests, Failed: told.Failed, Error: told.Error}
		for n := range s.Sites {
			tell(&s.Sites[n], told.Upstreams)
		}
	}
	return s, i.runs(&s)
}

// issuers are the CA that gave a certificate, and the one in whose place it did.
func issuers(c steps.CertFacts) (ca, inPlaceOf string) {
	if c.Source == steps.SourceACME {
		ca = acme.NameOf(c.Directory)
	}
	if c.InPlaceOf != "" {
		inPlaceOf = acme.NameOf(c.InPlaceOf)
	}
	return ca, inPlaceOf
}

// tell adds what the proxy says of the upstreams that the site has.
func tell(site *steps.SiteStatus, told []proxy.UpstreamStatus) {
	for n, u := range site.Upstreams {
		for _, t := range told {
			if t.Site == site.Name && t.Upstream == u.Upstream {
				site.Upstreams[n] = steps.UpstreamStatus{Upstream: u.Upstream, Known: true, Busy: t.Busy, Failures: t.Failures, Down: t.Down}
			}
		}
	}
}

// proxyTime is how long the native proxy may take to say how it is; it is asked in the middle of a listing.
const proxyTime = 2 * time.Second

// proxy asks the native proxy how it is. One that does not answer is seen in its units.
func (i *Installer) proxy(ctx context.Context, sites []steps.Site) (native.Status, bool) {
	isNative := func(s steps.Site) bool { return s.Install.Executor == steps.ExecutorNative }
	if i.root != "" || !slices.ContainsFunc(sites, isNative) {
		return native.Status{}, false
	}
	ctx, cancel := context.WithTimeout(ctx, proxyTime)
	defer cancel()
	s, err := native.AskStatus(ctx, native.ControlSocket)
	return s, err == nil
}

func upstreamsOf(site steps.Site) []steps.UpstreamStatus {
	var all []steps.UpstreamStatus
	for _, u := range site.Proxy.Upstreams() {
		all = append(all, steps.UpstreamStatus{Upstream: u.String()})
	}
	return all
}

// runs adds what the journal says. Only root may read it.
func (i *Installer) runs(s *steps.HostStatus) (err error) {
	if s.Runs, err = apply.Runs(i.host); err == nil {
		s.Unended, err = apply.Unended(i.host)
	}
	if s.Unended != "" && i.engine.Busy() {
		s.Running, s.Unended = s.Unended, ""
	}
	if errors.Is(err, fs.ErrPermission) {
		s.Findings = append(s.Findings, steps.Finding{Step: steps.IDInstall, Code: "H01", Severity: steps.Info,
			Text: "certificates and earlier runs can be seen by root only", Fix: []string{"sudo sslwizard status"}})
		return nil
	}
	if f, ok := errors.AsType[*steps.Failure](err); ok { // the log is damaged; the sites are to be seen all the same
		s.Findings = append(s.Findings, steps.Finding{Step: steps.IDInstall, Code: f.Code, Severity: steps.Blocker, Text: steps.CleanLine(f.Error()), Fix: f.Fixes})
		return nil
	}
	return err
}
