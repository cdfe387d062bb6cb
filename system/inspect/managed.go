package inspect

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"

	"github.com/c93d5bcb/sslwizard/steps"
)

// managed reads the stored sites; what is stored elsewhere comes from the hooks of Options.
func (in *inspector) managed() steps.Managed {
	m := steps.Managed{Files: in.opt.Files, Certs: map[string]steps.CertFacts{}}
	for _, name := range in.entries(steps.SitesDir) {
		if !strings.HasSuffix(name, ".yaml") || strings.HasPrefix(name, ".") {
			continue
		}
		path := steps.SitesDir + "/" + name
		sites, err := in.storedSites(path)
		if err != nil {
			m.Bad = append(m.Bad, badSite(path, err))
		}
		m.Sites = append(m.Sites, sites...)
	}
	slices.SortStableFunc(m.Sites, func(a, b steps.Site) int { return cmp.Compare(a.Name, b.Name) })
	in.certificates(m)
	if in.opt.Accounts != nil {
		m.Accounts = in.opt.Accounts()
	}
	for _, name := range in.entries(steps.HTTP3Dir) {
		m.Announced = append(m.Announced, steps.HTTP3Dir+"/"+name)
	}
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

func (in *inspector) storedSites(path string) ([]steps.Site, error) {
	f, err := in.host.ReadFile(path)
	if err != nil {
		return nil, err
	}
	return steps.Sites(path, f.Data)
}

// badSite is the finding for a stored site that cannot be used. It blocks: an executor that does not know of the site
// would take it away.
func badSite(path string, err error) steps.Finding {
	f := steps.Finding{Step: steps.IDInstall, Code: "stored-site", Severity: steps.Blocker, Text: clean(err.Error())}
	var wrong *steps.ParseError
	switch {
	case errors.As(err, &wrong) && len(wrong.Problems) > 0:
		f.Text = clean("cannot use the stored site: " + wrong.Problems[0].String())
		if more := len(wrong.Problems) - 1; more > 0 {
			f.Text += fmt.Sprintf(" (and %d more)", more)
		}
		f.Fix = []string{"correct it: sslwizard answers validate " + path, "or put it aside: mv " + path + " /root/"}
	case errors.Is(err, fs.ErrPermission):
		f.Fix = []string{"run it as root: sudo sslwizard"}
	default:
		f.Fix = []string{"look at it: ls -l " + path}
	}
	return f
}
