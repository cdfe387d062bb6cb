package system

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/c93d5bcb/sslwizard/steps"
	"github.com/c93d5bcb/sslwizard/system/acme"
	"github.com/c93d5bcb/sslwizard/system/doctor"
	"github.com/c93d5bcb/sslwizard/system/inspect"
	"github.com/c93d5bcb/sslwizard/system/renew"
)

// Doctor implements command.Observer: what would keep a certificate from being had, or kept. It looks at this host and at
// the names; but for a token in the challenge folder, which it takes away again, nothing changes.
func (i *Installer) Doctor(ctx context.Context, req steps.DoctorRequest, sink func(steps.Check)) (steps.Report, error) {
	began := time.Now()
	f, err := i.present(ctx)
	if err != nil {
		return steps.Report{}, err
	}
	report := steps.Report{Target: f.Hostname}
	seen := func(c steps.Check) {
		report.Checks = append(report.Checks, c)
		sink(c)
	}
	for _, c := range steps.Preflight(f) {
		seen(c)
	}
	services, err := i.services(ctx, f.Managed.Sites)
	if err != nil {
		return report, err
	}
	for _, c := range services {
		seen(c)
	}
	visits, err := i.visits(f, req)
	if err != nil {
		return report, err
	}
	ways := i.ways(f)
	defer ways.close()
	for _, v := range visits {
		if v.stored && !v.isACME {
			seen(steps.Check{Step: steps.IDTrusted, Name: "strategy", Verdict: steps.Skip, Detail: "not checked: " + v.site + " takes its certificate from no CA"})
			continue
		}
		v.Present, v.WhyNot = ways.to(v)
		if v.Challenge == steps.DNS01 {
			v.Keeper, v.WhyNot = ways.keeper(v)
		}
		(&doctor.Doctor{Own: f.Addresses}).Examine(ctx, v.Visit, seen)
	}
	report.Took = time.Since(began)
	return report, ctx.Err()
}

// visit is a doctor's visit, and the site that it is about.
type visit struct {
	doctor.Visit
	site     string
	stored   bool
	isACME   bool
	executor string
	dns      steps.SiteDNS
}

// visits are one for each stored site that is asked about, and one for the names that no site has.
func (i *Installer) visits(f steps.Facts, req steps.DoctorRequest) ([]visit, error) {
	var all []visit
	roots, err := readRoots(req.CAFile)
	if err != nil {
		return nil, err
	}
	rest := slices.Clone(req.Domains)
	for _, s := range f.Managed.Sites {
		domains := s.Certs.Domains
		if len(req.Domains) > 0 {
			domains = slices.DeleteFunc(slices.Clone(domains), func(d steps.Domain) bool { return !slices.Contains(req.Domains, d) })
			rest = slices.DeleteFunc(rest, func(d steps.Domain) bool { return slices.Contains(domains, d) })
		}
		if len(domains) > 0 {
			all = append(all, visit{Visit: doctor.Visit{Domains: domains}, site: s.Name, stored: true, isACME: s.Trusted.Source == steps.SourceACME || req.Directory != "", executor: s.Install.Executor})
			if err := i.fill(&all[len(all)-1], f, s.Trusted, req, roots); err != nil {
				return nil, err
			}
		}
	}
	if len(rest) > 0 || len(all) == 0 {
		all = append(all, visit{Visit: doctor.Visit{Domains: rest}})
		defaults := steps.SiteTrusted{Source: steps.SourceACME, Challenge: steps.HTTP01}
		if err := i.fill(&all[len(all)-1], f, defaults, req, roots); err != nil {
			return nil, err
		}
	}
	return all, nil
}

// fill says how the names of a visit shall get their certificate: as the request says, or else as the site does. The roots are
// those of the request.
func (i *Installer) fill(v *visit, f steps.Facts, t steps.SiteTrusted, req steps.DoctorRequest, roots []byte) error {
	if req.Directory != "" {
		t.Directory, t.Fallback = req.Directory, steps.SiteFallback{}
	}
	if t.Directory == "" {
		t.Directory, _ = steps.ParseDirectory(steps.AliasLetsEncrypt)
	}
	if req.Challenge != "" {
		t.Challenge = req.Challenge
	}
	v.Visit = renew.Visit(i.host, t, v.Domains, time.Now())
	v.AskCA, v.Renewers, v.dns = true, f.Renewers, t.DNS
	if !f.Root {
		v.Allowed = nil // the record is for root only
	}
	var err error
	switch {
	case req.CAFile != "":
		v.Roots = roots
	case t.CARoots != "":
		v.Roots, err = renew.Roots(i.host, t.CARoots)
	}
	if second := v.Second; second != nil && err == nil {
		second.AskCA = true
		second.Roots, err = renew.Roots(i.host, t.Fallback.CARoots)
	}
	return err
}

// ways are how a token of the doctor gets to where a CA looks: into the webroot of what serves on port 80 here, or onto a
// port of our own where nobody does.
type ways struct {
	*Installer
	facts   steps.Facts
	standIn *doctor.StandIn
	why     string
}

func (i *Installer) ways(f steps.Facts) *ways {
	w := &ways{Installer: i, facts: f}
	if i.root != "" {
		w.why = "this is not the running server"
		return w
	}
	if holderOf(f, 80) == "" {
		var err error
		if w.standIn, err = doctor.NewStandIn(80); err != nil {
			w.why = "port 80 cannot be listened on (" + steps.CleanLine(lastPart(err)) + ")"
		}
	}
	return w
}

// holderOf says who has a port that visitors reach: an executor, a program by its name, or nobody.
func holderOf(f steps.Facts, port int) string {
	for _, l := range f.Listeners {
		switch {
		case l.Port.Number != port || l.Port.Proto != "tcp" || l.Address.IsLoopback():
		case l.Ours:
			return steps.ExecutorNative
		case l.Process == "nginx":
			return steps.ExecutorNginx
		case l.Process == "":
			return "another program"
		default:
			return l.Process
		}
	}
	return ""
}

func lastPart(err error) string {
	text := err.Error()
	return strings.TrimSpace(text[strings.LastIndex(text, ":")+1:])
}

func (w *ways) close() {
	if w.standIn != nil {
		_ = w.standIn.Close()
	}
}

// to is the way for one visit; where there is none, the second value says why.
func (w *ways) to(v visit) (acme.Presenter, string) {
	port := 80
	if v.Challenge == steps.TLSALPN01 {
		port = 443
	}
	holder := holderOf(w.facts, port)
	switch {
	case steps.InDNS(v.Challenge):
		return nil, ""
	case w.standIn != nil && port == 80:
		return w.standIn, ""
	case w.why != "":
		return nil, w.why
	case holder == "":
		return nil, fmt.Sprintf("nobody listens on port %d yet", port)
	case holder != steps.ExecutorNative && holder != steps.ExecutorNginx:
		return nil, fmt.Sprintf("port %d is held by %s", port, holder)
	case !w.facts.Root:
		return nil, "only root can put a test token into its place"
	case holder == steps.ExecutorNginx && (v.executor != steps.ExecutorNginx || port == 443):
		return nil, fmt.Sprintf("nginx has port %d, and no site of ours for %s yet", port, joined(v.Domains))
	}
	return renew.Webroot(w.host, v.Challenge), ""
}

// keeper is who writes the record of a visit; where nobody can be asked, the second value says why.
func (w *ways) keeper(v visit) (doctor.Keeper, string) {
	switch {
	case v.dns.Provider == "":
		return nil, "no provider is named for it; a site has it in trusted.dns.provider"
	case !w.facts.Root:
		return nil, "only root can read the provider's credentials"
	}
	return renew.Keeper(w.host, v.dns), ""
}

func joined(domains []steps.Domain) string {
	if len(domains) == 0 {
		return "it"
	}
	if len(domains) > 1 {
		return fmt.Sprintf("%s and %d more", domains[0], len(domains)-1)
	}
	return string(domains[0])
}

// domainChecks looks at the DNS of names while they are typed; only what is certain, and not said otherwise already, comes
// back, by name.
func domainChecks(ctx context.Context, a steps.Answers) map[string]steps.Check {
	var domains []steps.Domain
	for _, name := range a.Certs.Domains {
		if d, err := steps.ParseDomain(name); err == nil && d.Public() {
			domains = append(domains, d)
		}
	}
	directory, err := steps.ParseDirectory(a.Trusted.Directory)
	if err != nil || len(domains) == 0 || a.Trusted.Source != steps.SourceACME {
		return nil
	}
	own, _ := inspect.ThisProcess("").Network()
	look := doctor.Doctor{Own: own, Patience: domainPatience}
	worst := map[string]steps.Check{}
	for _, c := range look.Examine(ctx, doctor.Visit{Domains: domains, Directory: directory, Challenge: a.Trusted.Challenge}, nil) {
		if _, known := worst[c.Address]; !known && c.Address != "" && strings.HasPrefix(c.Name, "dns.") && !slices.Contains(seenElsewhere, c.Code) {
			worst[c.Address] = c
		}
	}
	return worst
}

// seenElsewhere are the codes of what is told of an address in its own words, and of nothing at all.
var seenElsewhere = []string{"", "A01", "A02", "A03", "A04"}

// domainPatience is how long one thing about a name is waited for while somebody types.
const domainPatience = 1200 * time.Millisecond
