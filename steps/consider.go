package steps

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// allSites are the sites that the executor shall serve: those that are asked for and the stored ones beside them, by
// name. A stored site that another executor serves has to be asked for too, because two executors cannot share ports.
func allSites(asked []Site, f Facts, ex Executor) ([]Site, []Finding) {
	all := slices.Clone(asked)
	findings := slices.Clone(f.Managed.Bad)
	for _, s := range f.Managed.Sites {
		switch {
		case slices.ContainsFunc(asked, func(a Site) bool { return a.Name == s.Name }):
		case s.Install.Executor == ex.Name():
			all = append(all, s)
		default:
			findings = append(findings, Finding{Step: IDInstall, Code: "executor-mix", Severity: Blocker,
				Text: fmt.Sprintf("cannot serve with %s: the stored site %s is served by %s, and they cannot share the ports", ex.Name(), s.Name, s.Install.Executor),
				Fix: []string{"sudo sslwizard answers print > all.yaml    then set install.executor: " + ex.Name() + " in every document, add the new site, and run with all.yaml",
					"or sudo sslwizard remove " + s.Name}})
		}
	}
	slices.SortStableFunc(all, func(a, b Site) int { return cmp.Compare(a.Name, b.Name) })
	return all, findings
}

// checkAll asks every step and the executor about the sites that are asked for, and looks at all sites together.
func checkAll(asked, all []Site, f Facts, ex Executor) []Finding {
	var findings []Finding
	for _, s := range asked {
		for _, step := range All() {
			findings = append(findings, step.Check(s, f)...)
		}
		findings = append(findings, ex.Fit(s, f)...)
		if s.Install.Executor != ex.Name() {
			findings = append(findings, Finding{Step: IDInstall, Code: "executor-mix", Severity: Blocker,
				Text: fmt.Sprintf("cannot serve %s with %s: it asks for %s, and one server has one executor", s.Name, ex.Name(), s.Install.Executor),
				Fix:  []string{"install.executor: " + ex.Name() + "    in all sites"}})
		}
	}
	return append(findings, clashes(all)...)
}

// clashes finds what is wrong between sites: a name in two of them, or one as the upstream of another.
func clashes(all []Site) []Finding {
	var findings []Finding
	owners := map[Domain]Site{}
	for _, s := range all {
		for _, d := range s.Certs.Domains {
			if other, ok := owners[d]; ok {
				findings = append(findings, Finding{Step: IDCerts, Code: "N08", Severity: Blocker,
					Text: fmt.Sprintf("cannot serve %s twice: it belongs to the sites %s and %s", d, other.Name, s.Name),
					Fix:  []string{"take it out of certs.domains of one of them", "or sudo sslwizard remove " + other.Name}})
			}
			owners[d] = s
		}
	}
	for _, s := range all {
		for i, u := range s.Proxy.Upstreams() {
			if other, ok := ownerOf(u, owners); ok && other.Name != s.Name {
				findings = append(findings, Finding{Step: IDProxy, Code: "W09", Severity: Blocker,
					Text: fmt.Sprintf("cannot proxy %s to %s: that is the site %s of this server", s.Name, u, other.Name),
					Fix:  []string{"give the address of the application itself: " + upstreamKey(i) + ": " + other.Proxy.Upstream.String()}})
			}
		}
	}
	return findings
}

// ownerOf finds the site that answers at the upstream's address.
func ownerOf(u Upstream, owners map[Domain]Site) (Site, bool) {
	if !ownPort(u.Port) {
		return Site{}, false
	}
	site, ok := owners[Domain(u.Host)]
	if _, rest, dotted := strings.Cut(u.Host, "."); !ok && dotted {
		site, ok = owners[Domain("*."+rest)]
	}
	return site, ok
}

func blocked(findings []Finding) bool {
	return slices.ContainsFunc(findings, func(f Finding) bool { return f.Severity == Blocker })
}

// dedupe says each thing once, the blockers first.
func dedupe(findings []Finding) []Finding {
	var all []Finding
	for _, severity := range []Severity{Blocker, Warning, Info} {
		for _, f := range findings {
			if f.Severity == severity && !slices.ContainsFunc(all, func(o Finding) bool { return o.Code == f.Code && o.Text == f.Text }) {
				all = append(all, f)
			}
		}
	}
	return all
}
