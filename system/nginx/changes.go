package nginx

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/c93d5bcb/sslwizard/assets"
	"github.com/c93d5bcb/sslwizard/steps"
)

// Changes implements steps.Executor.
func (Executor) Changes(sites []steps.Site, f steps.Facts) (steps.Stages, error) {
	if len(sites) == 0 {
		return steps.Stages{}, nil
	}
	l := layoutOf(f)
	if l.include == "" {
		return steps.Stages{}, fmt.Errorf("cannot plan for nginx: its configuration includes no folder that we could write to")
	}
	if err := together(sites, l); err != nil {
		return steps.Stages{}, err
	}
	sites = sorted(sites)
	files, err := files(sites, l, liveTarget(l, f))
	if err != nil {
		return steps.Stages{}, err
	}
	files = append(files, staleGroups(sites, f)...)
	on := append(keys(files), clientKeys(sites)...)
	serve := append(files,
		steps.TestConfig{For: steps.For(steps.IDProxy), Executor: steps.ExecutorNginx, On: on},
		steps.EnableUnit{For: steps.For(steps.IDInstall), Unit: Unit, Start: true},
		reload(steps.IDProxy, append(on, certificates(sites)...)))
	return steps.Stages{
		Prepare:   prepare(sites),
		Serve:     serve,
		Renewed:   []steps.Change{reload(steps.IDTrusted, certificates(sites))},
		Announced: func(on []string) steps.Change { return reload(steps.IDSSL, on) },
	}, nil
}

func sorted(sites []steps.Site) []steps.Site {
	return slices.SortedFunc(slices.Values(sites), func(a, b steps.Site) int { return cmp.Compare(a.Name, b.Name) })
}

func reload(step steps.ID, on []string) steps.Reload {
	return steps.Reload{For: steps.For(step), Executor: steps.ExecutorNginx, Unit: Unit, On: on}
}

// prepare asks for the package always: what is there already is nothing to do.
func prepare(sites []steps.Site) []steps.Change {
	names := []string{"nginx"}
	if slices.ContainsFunc(sites, func(s steps.Site) bool { return slices.ContainsFunc(s.Proxy.Upstreams(), verified) }) {
		names = append(names, "ca-certificates")
	}
	return []steps.Change{steps.InstallPackages{For: steps.For(steps.IDInstall), Names: names}}
}

func verified(u steps.Upstream) bool { return u.TLS() && u.Verify }

// files are all files that shall be there: groups before what names them, and the shared file before the sites.
func files(sites []steps.Site, l layout, t target) ([]steps.Change, error) {
	var all []steps.Change
	t.strict = anyClients(sites)
	for _, group := range groups(sites) {
		text, err := groupText(group)
		if err != nil {
			return nil, err
		}
		all = append(all, write(steps.IDCerts, dhFile(t.groups, group), text))
	}
	shared, err := renderShared(sites, t)
	if err != nil {
		return nil, err
	}
	all = append(all, write(steps.IDSSL, SharedFile(l.include), shared))
	for _, s := range sites {
		text, err := renderSite(s, t)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", s.Name, err)
		}
		all = append(all, siteFile(s, l, text))
	}
	return all, nil
}

// siteFile is for everybody to read, as nginx's files are, unless it has headers of the user's: those may be secrets
// ("Authorization: Bearer …"), and the master reads its configuration as root.
func siteFile(s steps.Site, l layout, text []byte) steps.Change {
	file := steps.WriteFile{For: steps.For(steps.IDSSL), Path: SiteFile(l.include, s.Name), Content: text, Mode: 0o644}
	if len(s.Proxy.Headers) > 0 {
		file.Mode = 0o600
	}
	return file
}

func write(step steps.ID, path string, content []byte) steps.Change {
	return steps.WriteFile{For: steps.For(step), Path: path, Content: content, Mode: 0o644}
}

// allGroups are the groups that we know, RFC 7919.
var allGroups = map[string]*[]byte{"ffdhe2048": &assets.FFDHE2048, "ffdhe3072": &assets.FFDHE3072}

func groupText(group string) ([]byte, error) {
	text, ok := allGroups[group]
	if !ok {
		return nil, fmt.Errorf("cannot write the DH group %q: only ffdhe2048 and ffdhe3072 are known", group)
	}
	return *text, nil
}

// groups are the DH groups that the sites ask for.
func groups(sites []steps.Site) []string {
	var all []string
	for _, s := range sites {
		if asksDH(s) && s.SSL.Profile != steps.Modern {
			all = append(all, s.Certs.DHGroup)
		}
	}
	return slices.Compact(slices.Sorted(slices.Values(all)))
}

// staleGroups removes group files that no site asks for any more.
func staleGroups(sites []steps.Site, f steps.Facts) []steps.Change {
	var all []steps.Change
	asked := groups(sites)
	for _, path := range ourFiles(f, func(p string) bool { return strings.HasPrefix(p, configDir+"/dhparam-") }) {
		if !slices.ContainsFunc(asked, func(g string) bool { return dhFile(configDir, g) == path }) {
			all = append(all, steps.RemoveFile{For: steps.For(steps.IDCerts), Path: path})
		}
	}
	return all
}

func ourFiles(f steps.Facts, match func(path string) bool) []string {
	var all []string
	for p := range f.Managed.Files {
		if match(p) {
			all = append(all, p)
		}
	}
	return slices.Sorted(slices.Values(all))
}

func keys(changes []steps.Change) []string {
	all := make([]string, len(changes))
	for i, c := range changes {
		all[i] = c.Key()
	}
	return all
}

func certificates(sites []steps.Site) []string {
	all := make([]string, len(sites))
	for i, s := range sites {
		all[i] = steps.CertKey(s.Name)
	}
	return all
}

// together checks what only shows when all sites are seen.
func together(sites []steps.Site, l layout) error {
	byProfile := map[steps.Profile]string{}
	byAddress := ""
	for _, s := range sites {
		byProfile[s.SSL.Profile] = s.Name
		if !namedByIP(s) {
			continue
		}
		if byAddress != "" {
			return &steps.Failure{
				Text:   fmt.Sprintf("cannot serve both %s and %s with nginx: clients name no address in a TLS handshake, so only one site can be named by one", byAddress, s.Name),
				Status: steps.ExitAnswers,
				Fixes:  []string{"put the addresses into one site", "or set install.executor: native"},
			}
		}
		byAddress = s.Name
	}
	modern, some := byProfile[steps.Modern]
	if some && len(byProfile) > 1 && !parseVersion(l.version).atLeast(perServerProtocols) {
		return &steps.Failure{
			Text:   fmt.Sprintf("cannot serve %s with ssl.profile modern: nginx %s has one set of TLS versions for all sites, and others are intermediate", modern, l.version),
			Status: steps.ExitAnswers,
			Fixes:  []string{"set the same ssl.profile for all sites", "or set install.executor: native", "or install nginx 1.29.2 or later"},
		}
	}
	return nil
}
