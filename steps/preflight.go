package steps

import (
	"fmt"
	"slices"
	"strings"
)

// Preflight is what a look at the host says before anything is asked: named checks, each with the way on where
// something is wrong. A failed one stops a run; a warning can be solved in the wizard or is worth knowing.
func Preflight(f Facts) []Check {
	checks := []Check{preflightSystem(f), preflightRoot(f), preflightRoom(f), preflightPackages(f)}
	for _, x := range panelFindings(f) {
		checks = append(checks, stops("panel", x))
	}
	for _, x := range minderFindings(f) {
		checks = append(checks, stops("managed", x))
	}
	checks = append(checks, preflightPorts(f)...)
	checks = append(checks, preflightNginx(f), preflightFirewall(f.Firewall))
	checks = append(checks, preflightApps(f)...)
	checks = append(checks, preflightNames(f.Nearby)...)
	checks = append(checks, preflightRenewers(f)...)
	if n := len(f.Managed.Sites); n > 0 {
		checks = append(checks, passes("sites", fmt.Sprintf("%d %s served by sslwizard already", n, plural(n, "site is", "sites are"))))
	}
	return checks
}

func passes(name, detail string) Check {
	return Check{Step: IDInstall, Name: name, Verdict: OK, Detail: detail}
}

// stops makes a check of a finding of the catalogue.
func stops(name string, f Finding) Check {
	verdict := map[Severity]Verdict{Blocker: Fail, Warning: Warn, Info: OK}[f.Severity]
	return Check{Step: IDInstall, Name: name, Verdict: verdict, Detail: f.Text, Code: f.Code, Fix: f.Fix}
}

// preflightOf finds the finding of a code, if the host has it.
func preflightOf(f Facts, code string) (Finding, bool) {
	found := hostFindings(f)
	i := slices.IndexFunc(found, func(x Finding) bool { return x.Code == code })
	if i < 0 {
		return Finding{}, false
	}
	return found[i], true
}

func preflightSystem(f Facts) Check {
	if bad, is := preflightOf(f, "H10"); is {
		return stops("system", bad)
	}
	return passes("system", fmt.Sprintf("%s, %s, %s", f.Distro.Pretty, f.Services, f.Arch))
}

func preflightRoot(f Facts) Check {
	if !f.Root {
		return Check{Step: IDInstall, Name: "root", Verdict: Warn, Code: "H01", Detail: "not root: the plan can be read, but nothing can be done",
			Fix: []string{"start it again with sudo"}}
	}
	return passes("root", "running as root")
}

func preflightRoom(f Facts) Check {
	for _, code := range []string{"H06", "H07", "D32"} {
		if bad, is := preflightOf(f, code); is {
			return stops("disk", bad)
		}
	}
	if f.FreeBytes < 0 {
		return Check{Step: IDInstall, Name: "disk", Verdict: Skip, Detail: "how much room is left is not known"}
	}
	return passes("disk", fmt.Sprintf("%.1f GB free", float64(f.FreeBytes)/(1<<30)))
}

func preflightPackages(f Facts) Check {
	if f.Packages.LockedBy != "" {
		return Check{Step: IDInstall, Name: "packages", Verdict: Warn, Code: "H11",
			Detail: fmt.Sprintf("the package manager is busy (%s); a run that needs it waits", f.Packages.LockedBy)}
	}
	if f.Packages.Kind == "" {
		return Check{Step: IDInstall, Name: "packages", Verdict: Skip, Detail: "no package manager that is known here"}
	}
	return passes("packages", f.Packages.Kind+" is free")
}

func preflightPorts(f Facts) []Check {
	var checks []Check
	for _, h := range holders(f.Listeners) {
		switch {
		case h.Ours:
			checks = append(checks, passes("ports", fmt.Sprintf("sslwizard itself listens on %s", h.portList())))
		case h.isNginx():
			checks = append(checks, passes("ports", fmt.Sprintf("nginx listens on %s", h.portList())))
		case h.unseen() && !f.Root:
			checks = append(checks, Check{Step: IDInstall, Name: "ports", Verdict: Warn, Code: "N01",
				Detail: fmt.Sprintf("somebody listens on %s; only root can see who", h.portList())})
		default:
			checks = append(checks, stops("ports", h.conflict()))
		}
	}
	if len(checks) == 0 {
		return []Check{passes("ports", "80 and 443 are free")}
	}
	return checks
}

func preflightNginx(f Facts) Check {
	n := f.Nginx
	switch {
	case !n.Installed && n.Candidate == "":
		return Check{Step: IDInstall, Name: "nginx", Verdict: Skip, Detail: "not installed"}
	case !n.Installed:
		return Check{Step: IDInstall, Name: "nginx", Verdict: Skip, Detail: "not installed; " + n.Candidate + " could be"}
	case !n.ConfigOK && n.ConfigError == "":
		return Check{Step: IDInstall, Name: "nginx", Verdict: Skip, Detail: n.Version + "; whether its configuration passes is not known"}
	case !n.ConfigOK:
		return Check{Step: IDInstall, Name: "nginx", Verdict: Warn, Code: "N03", Detail: "its configuration is broken: " + n.ConfigError,
			Fix: []string{"sudo nginx -t    shows it again"}}
	}
	others := 0
	for _, s := range n.Servers {
		if !s.Stock {
			others++
		}
	}
	return passes("nginx", fmt.Sprintf("%s, its configuration passes, %d %s", n.Version, others, plural(others, "site of yours", "sites of yours")))
}

func preflightFirewall(f Firewall) Check {
	if !f.InCharge() {
		return passes("firewall", "none is in charge on this server")
	}
	var closed []string
	for _, p := range servedPorts {
		if !slices.Contains(f.Open, p) {
			closed = append(closed, fmt.Sprint(p.Number))
		}
	}
	if len(closed) == 0 {
		return passes("firewall", f.Kind+" lets 80 and 443 in")
	}
	return Check{Step: IDInstall, Name: "firewall", Verdict: Warn, Code: "N16",
		Detail: fmt.Sprintf("%s keeps %s closed; step 1 can open %s", f.Kind, strings.Join(closed, " and "), plural(len(closed), "it", "them")),
		Fix:    []string{"sudo sslwizard    opens " + plural(len(closed), "it", "them") + " in step 1, and asks before"}}
}

// preflightApps names what could be put behind HTTPS; before anybody has asked the applications themselves, what listens.
func preflightApps(f Facts) []Check {
	const most = 3
	var checks []Check
	say := func(v Verdict, detail string) {
		checks = append(checks, Check{Step: IDProxy, Name: "application", Verdict: v, Detail: detail})
	}
	for _, a := range f.Nearby.Apps[:min(most, len(f.Nearby.Apps))] {
		detail := fmt.Sprintf("%s at %s", firstOf(a.Unit, a.Process, "something"), a.Upstream)
		if len(a.WebSockets) > 0 {
			detail += ", WebSocket on " + a.WebSockets[0]
		}
		say(OK, detail)
	}
	for _, l := range f.Listeners {
		if len(f.Nearby.Apps) == 0 && likelyApplication(l) && len(checks) < most {
			say(OK, fmt.Sprintf("%s listens on port %d", firstOf(l.Unit, l.Process, "something"), l.Port.Number))
		}
	}
	if len(checks) == 0 {
		say(Skip, "none listens here yet; step 5 asks where it is")
	}
	return checks
}

// preflightNames names the domains that may be meant for this host.
func preflightNames(n Nearby) []Check {
	const most = 3
	var checks []Check
	for _, name := range n.Names[:min(most, len(n.Names))] {
		c := Check{Step: IDCerts, Name: "name", Verdict: OK, Detail: string(name.Domain) + " leads here"}
		if !name.Here {
			c.Verdict, c.Detail = Warn, string(name.Domain)+" does not lead here"
			c.Fix = []string{"an A or AAAA record with an address of this server, where the DNS of the name is kept; not needed if another name is meant"}
		}
		checks = append(checks, c)
	}
	return checks
}

// preflightRenewers names the programs that renew certificates of sites that are served here; where none is, of any.
func preflightRenewers(f Facts) []Check {
	const most = 3
	var checks []Check
	for _, r := range f.Renewers {
		ours := len(f.Managed.Sites) == 0
		for _, s := range f.Managed.Sites {
			ours = ours || s.Trusted.Source == SourceACME && slices.ContainsFunc(s.Certs.Domains, r.Has)
		}
		if !ours || len(checks) >= most {
			continue
		}
		c := Check{Step: IDTrusted, Name: "renewers", Verdict: OK, Detail: fmt.Sprintf("%s renews a certificate for %s", r.Tool, r.Name), Evidence: r.File}
		if len(f.Managed.Sites) > 0 {
			c.Verdict, c.Code, c.Detail = Warn, "R04", c.Detail+" too"
			c.Fix = []string{"decide who owns it; to have " + r.Tool + " let go: " + r.LetGo()}
		}
		checks = append(checks, c)
	}
	return checks
}
