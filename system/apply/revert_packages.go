package apply

import (
	"context"
	"path"
	"slices"
	"strings"

	"github.com/c93d5bcb/sslwizard/system/host"
)

// removePackages purges exactly what we had apt install: what apt said that it would install, was not there before, and
// is there now. It never autoremoves. A package whose configuration somebody has worked on since is left alone.
func (u *undoing) removePackages(ctx context.Context, s *PackageState, seen *Seen) error {
	present, remains, err := packageList(ctx, u)
	if err != nil {
		return err
	}
	var ours []string
	for _, name := range present {
		if s.added(name, seen) {
			ours = append(ours, name)
		}
	}
	for _, name := range remains { // purging was interrupted
		if s.added(name, seen) && !slices.Contains(s.Remains, name) {
			ours = append(ours, name)
		}
	}
	if len(ours) == 0 {
		return u.restoreTrees(s)
	}
	if used := u.usedSince(s, seen); used != "" {
		u.keepOnce("packages "+strings.Join(ours, ", "), "you use them since ("+used+" is yours)")
		return nil
	}
	if err := u.takePackages(ctx, s, ours); err != nil {
		return err
	}
	u.undone("removed the packages " + strings.Join(ours, ", "))
	return u.restoreTrees(s)
}

// added reports whether a package is there because of us.
func (s *PackageState) added(name string, seen *Seen) bool {
	if seen == nil || seen.Packages == nil { // killed before apt was asked: nothing was installed
		return false
	}
	_, before := slices.BinarySearch(s.Present, name)
	return !before && slices.Contains(seen.Packages, name)
}

// usedSince returns a configuration file that is not as the packages brought it.
func (u *undoing) usedSince(s *PackageState, seen *Seen) string {
	if seen == nil || seen.Files == nil {
		return "" // killed during the installation: nobody can have used it
	}
	used := ""
	for _, name := range s.Names {
		_ = walk(u, path.Join("/etc", name), func(p string, f host.File) {
			if now := stateOf(f); now.Kind == kindFile && seen.Files[p] != now.SHA256 && used == "" {
				used = p
			}
		})
	}
	return used
}

func (u *undoing) takePackages(ctx context.Context, s *PackageState, names []string) error {
	var purge, remove []string
	for _, name := range names {
		if s.KeepConf || slices.Contains(s.Remains, name) {
			remove = append(remove, name)
		} else {
			purge = append(purge, name)
		}
	}
	for _, t := range []struct {
		verb  string
		names []string
	}{{"remove", remove}, {"purge", purge}} {
		if len(t.names) == 0 {
			continue
		}
		if _, err := u.Run(ctx, aptTake(t.verb, t.names)); err != nil {
			if _, cerr := u.Run(ctx, host.Command{Argv: []string{"dpkg", "--configure", "-a"}, Timeout: aptTimeout}); cerr != nil {
				return err
			}
			if _, err := u.Run(ctx, aptTake(t.verb, t.names)); err != nil {
				return err
			}
		}
	}
	return nil
}

// restoreTrees puts back what a purge took of what was there before.
func (u *undoing) restoreTrees(s *PackageState) error {
	for _, p := range s.Trees {
		now, _, err := stateAt(u, p.Path)
		if err != nil {
			return err
		}
		if now.Kind != kindNone || p.Before.Kind == kindOther {
			continue
		}
		if err := u.write(p.Path, p.Before); err != nil {
			return err
		}
	}
	return nil
}
