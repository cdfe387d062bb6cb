package nginx

import (
	"path"
	"slices"
	"strings"

	"github.com/c93d5bcb/sslwizard/steps"
)

// Removal implements steps.Executor. Packages stay. The shared file is written anew for the sites that stay. Without
// any of ours, and without a server of anybody else's, nginx is stopped, so that the ports are free; otherwise it goes on
// without our sites.
func (Executor) Removal(sites []steps.Site, last bool, f steps.Facts) ([]steps.Change, error) {
	l := layoutOf(f)
	var all []steps.Change
	for _, s := range sites {
		all = append(all, removeFile(SiteFile(l.include, s.Name)))
	}
	if !last {
		rest, err := without(sites, l, f)
		if err != nil {
			return nil, err
		}
		all = append(all, rest...)
		return append(all, reload(steps.IDInstall, keys(all))), nil
	}
	for _, p := range ourFiles(f, leftover(l, sites)) {
		all = append(all, removeFile(p))
	}
	if slices.ContainsFunc(l.servers, func(s steps.NginxServer) bool { return !s.Stock }) {
		return append(all, reload(steps.IDInstall, keys(all))), nil
	}
	return append(all, steps.DisableUnit{For: steps.For(steps.IDInstall), Unit: Unit}), nil
}

func removeFile(path string) steps.Change {
	return steps.RemoveFile{For: steps.For(steps.IDInstall), Path: path}
}

// without is what the sites that stay share, when these go.
func without(sites []steps.Site, l layout, f steps.Facts) ([]steps.Change, error) {
	var rest []steps.Site
	for _, s := range f.Managed.Sites {
		goes := slices.ContainsFunc(sites, func(g steps.Site) bool { return g.Name == s.Name })
		if !goes && s.Install.Executor == steps.ExecutorNginx {
			rest = append(rest, s)
		}
	}
	if len(rest) == 0 {
		return nil, nil
	}
	shared, err := renderShared(sorted(rest), liveTarget(l, f))
	if err != nil {
		return nil, err
	}
	return append([]steps.Change{write(steps.IDSSL, SharedFile(l.include), shared)}, staleGroups(rest, f)...), nil
}

// leftover matches the files of ours that belong to none of these sites.
func leftover(l layout, sites []steps.Site) func(string) bool {
	return func(p string) bool {
		if strings.HasPrefix(p, configDir+"/dhparam-") {
			return true
		}
		if path.Dir(p) != path.Clean(l.include) || !strings.HasPrefix(path.Base(p), "sslwizard") {
			return false
		}
		return !slices.ContainsFunc(sites, func(s steps.Site) bool { return SiteFile(l.include, s.Name) == p })
	}
}
