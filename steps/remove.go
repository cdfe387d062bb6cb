package steps

import (
	"fmt"
	"slices"
)

// BuildRemoval plans to take a stored site away, by its name or one of its domains. Its certificates stay, because
// CAs limit how many can be had; so do packages.
func BuildRemoval(name string, f Facts, executors ...Executor) (Plan, []Finding, error) {
	site, rest, err := pick(name, f)
	if err != nil {
		return Plan{}, nil, err
	}
	i := slices.IndexFunc(executors, func(e Executor) bool { return e.Name() == site.Install.Executor })
	if i < 0 {
		return Plan{}, nil, fmt.Errorf("cannot remove %s: its executor %q is not known", site.Name, CleanLine(site.Install.Executor))
	}
	neighbours := servedBy(site.Install.Executor, rest)
	removal, err := executors[i].Removal([]Site{site}, len(neighbours) == 0, f)
	if err != nil {
		return Plan{}, nil, fmt.Errorf("cannot plan to remove %s: %w", site.Name, err)
	}
	var list changeList
	// The stored site goes first, so that an executor that reads it again does not find it.
	file := RemoveFile{For: For(IDInstall), Path: SiteFile(site.Name)}
	changes := append([]Change{file}, withoutKey(file.Key(), drained(removal))...)
	changes = append(changes, forgotten(site.Install.Executor, []Site{site}, f)...)
	if clients := ClientCAFile(site.Name); site.SSL.ClientAuth != "" {
		changes = append(changes, RemoveFile{For: For(IDSSL), Path: clients})
	}
	if len(rest) == 0 {
		changes = append(changes, endRenewal(f)...)
	}
	changes = append(changes, sharedCA(rest, f)...)
	if len(neighbours) > 0 {
		changes = append(changes, Verify{For: For(IDWebSockets), Sites: neighbours})
	}
	err = list.add(changes...)
	return Plan{Sites: neighbours, Executor: site.Install.Executor, Changes: list.changes}, removalFindings(f), err
}

// pick finds the stored site and the ones that stay.
func pick(name string, f Facts) (site Site, rest []Site, err error) {
	i := slices.IndexFunc(f.Managed.Sites, func(s Site) bool { return s.Name == name })
	if i < 0 {
		i = slices.IndexFunc(f.Managed.Sites, func(s Site) bool { return slices.Contains(s.Certs.Domains, Domain(name)) })
	}
	if i < 0 {
		return Site{}, nil, &Failure{Text: "cannot remove " + quote(CleanLine(name)) + ": no such site is stored on this server", Status: ExitUsage,
			Fixes: []string{"sslwizard status    lists the sites"}}
	}
	site = f.Managed.Sites[i]
	for j, s := range f.Managed.Sites {
		if j != i {
			rest = append(rest, s)
		}
	}
	return site, rest, nil
}

func servedBy(executor string, sites []Site) []Site {
	var served []Site
	for _, s := range sites {
		if s.Install.Executor == executor {
			served = append(served, s)
		}
	}
	return served
}

func withoutKey(key string, changes []Change) []Change {
	return slices.DeleteFunc(changes, func(c Change) bool { return c.Key() == key })
}

// removalFindings are those of the host that concern a removal too.
func removalFindings(f Facts) []Finding {
	var found []Finding
	for _, h := range hostFindings(f) {
		if h.Severity == Blocker && h.Code != "H10" {
			h.Step = IDInstall
			found = append(found, h)
		}
	}
	return found
}
