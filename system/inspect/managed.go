package inspect

import (
	"cmp"
	"slices"
	"strings"

	"github.com/c93d5bcb/sslwizard/steps"
)

// managed reads the stored sites; what is stored elsewhere comes from the hooks of Options.
func (in *inspector) managed() steps.Managed {
	m := steps.Managed{Files: in.opt.Files, Certs: map[string]steps.CertFacts{}}
	if in.opt.Sites == nil {
		return m
	}
	for _, name := range in.entries(steps.SitesDir) {
		if !strings.HasSuffix(name, ".yaml") || strings.HasPrefix(name, ".") {
			continue
		}
		path := steps.SitesDir + "/" + name
		f, err := in.host.ReadFile(path)
		if err != nil {
			m.Bad = append(m.Bad, unreadable(path, err))
			continue
		}
		sites, bad := in.opt.Sites(path, f.Data)
		m.Sites, m.Bad = append(m.Sites, sites...), append(m.Bad, bad...)
	}
	slices.SortStableFunc(m.Sites, func(a, b steps.Site) int { return cmp.Compare(a.Name, b.Name) })
	in.certificates(m)
	return m
}

func (in *inspector) certificates(m steps.Managed) {
	if in.opt.Certificate == nil {
		return
	}
	for _, s := range m.Sites {
		if c, ok := in.opt.Certificate(s.Name); ok {
			m.Certs[s.Name] = c
		}
	}
}

// unreadable is the finding for a stored site that cannot be read at all.
func unreadable(path string, err error) steps.Finding {
	return steps.Finding{
		Step: steps.IDInstall, Code: "stored-site", Severity: steps.Blocker, Text: clean(err.Error()),
		Fix: []string{"run sslwizard as root", "or look at it: ls -l " + path},
	}
}
