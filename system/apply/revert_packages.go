package apply

import (
	"bytes"
	"context"
	"errors"
	"slices"
	"strings"

	"github.com/c93d5bcb/sslwizard/system/host"
)

// removePackages purges exactly what we had apt install: what apt said that it would install, was not there before, and
// is there now. It never autoremoves. A package whose configuration somebody has worked on since is left alone.
func (u *undoing) removePackages(ctx context.Context, s *PackageState, seen *Seen) error {
	// While the policy is there, nothing is started by what is finished; what is removed has to be stopped again.
	if err := errors.Join(u.finishDpkg(ctx, seen), u.removePolicy()); err != nil {
		return err
	}
	ours, err := u.addedPackages(ctx, s, seen)
	if err != nil {
		return err
	}
	if len(ours) == 0 {
		return u.restoreTrees(s)
	}
	if why := u.needed(ctx, s, seen, ours, nil); why != "" {
		u.keepOnce("packages "+strings.Join(ours, ", "), "you use them since ("+why+")")
		return nil
	}
	left, err := u.makeWhole(ctx, s, seen, ours)
	if err != nil {
		return err
	}
	if err := u.takePackages(ctx, s, left); err != nil {
		return err
	}
	u.undone("removed the packages " + strings.Join(ours, ", "))
	if err := u.restoreConfig(ctx, s, s.taken("remove", left)); err != nil {
		return err
	}
	return u.restoreTrees(s)
}

// removePolicy removes a policy-rc.d of ours that a kill left, whatever was there when the packages were installed: one that
// stays has no service start any more that anybody installs.
func (u *undoing) removePolicy() error {
	f, err := u.ReadFile(policyFile)
	if absent(err) || err == nil && !bytes.Equal(f.Data, policy) {
		return nil
	}
	if err == nil {
		err = u.Remove(policyFile)
	}
	return err
}

// dpkgUpdates has a file with a number for a name while dpkg is at work. Where one is left, apt-get does nothing more.
const dpkgUpdates = "/var/lib/dpkg/updates"

// finishDpkg has dpkg end what it was killed in, where it was at work for us: also when nothing of ours is left to remove,
// nobody could install anything otherwise.
func (u *undoing) finishDpkg(ctx context.Context, seen *Seen) error {
	if seen == nil || seen.Packages == nil || !u.dpkgCutOff() || packageLock(ctx, u) != "" {
		return nil
	}
	// That it ends well is not asked for: a package of ours that cannot be configured is removed all the same.
	if _, err := u.Run(ctx, dpkgConfigure()); err != nil && u.dpkgCutOff() {
		return err
	}
	return nil
}

func (u *undoing) dpkgCutOff() bool {
	f, err := u.ReadFile(dpkgUpdates)
	return err == nil && slices.ContainsFunc(f.Entries, func(name string) bool { return strings.Trim(name, "0123456789") == "" })
}

// dpkgConfigure keeps the configuration that is there, as our installation does: a question would be its end.
func dpkgConfigure() host.Command {
	return host.Command{Argv: []string{"dpkg", "--force-confold", "--configure", "-a"}, Env: aptEnv, Timeout: aptTimeout}
}

// addedPackages are those that are there because of us.
func (u *undoing) addedPackages(ctx context.Context, s *PackageState, seen *Seen) ([]string, error) {
	present, remains, err := packageList(ctx, u)
	if err != nil {
		return nil, err
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
	return ours, nil
}

// needed says why packages of ours have to stay: somebody has worked on their configuration, but for what is still ours
// there, or other packages need them. It is empty when they may go.
func (u *undoing) needed(ctx context.Context, s *PackageState, seen *Seen, names []string, still []Path) string {
	if used := u.usedSince(s, seen, still); used != "" {
		return used + " is yours"
	}
	if others := u.dragged(ctx, names); len(others) > 0 {
		return strings.Join(others, ", ") + " would go with them"
	}
	return ""
}

// stayOn are the units that this phase started and that go on, because their packages have to stay: whatever they serve
// by now is not ours to stop.
func (u *undoing) stayOn(ctx context.Context, p phase) []string {
	var still []Path
	for _, e := range p.Entries {
		still = append(still, e.Before.Paths...)
	}
	var units []string
	for _, e := range p.Entries {
		s, seen := e.Before.Packages, u.j.seen[e.Index]
		if s == nil || !u.begun(e.Index) {
			continue
		}
		ours, err := u.addedPackages(ctx, s, seen)
		if err != nil || len(ours) == 0 || u.needed(ctx, s, seen, ours, still) == "" {
			continue
		}
		for _, name := range s.Names {
			units = append(units, name+".service")
		}
	}
	return units
}

// added reports whether a package is there because of us.
func (s *PackageState) added(name string, seen *Seen) bool {
	if seen == nil || seen.Packages == nil { // killed before apt was asked: nothing was installed
		return false
	}
	_, before := slices.BinarySearch(s.Present, name)
	return !before && slices.Contains(seen.Packages, name)
}

// usedSince returns a configuration file that is not as the packages brought it, nor as a change of ours that is not taken
// back yet left it.
func (u *undoing) usedSince(s *PackageState, seen *Seen, still []Path) string {
	if seen == nil || seen.Files == nil {
		return "" // killed during the installation: nobody can have used it
	}
	used := ""
	_ = walkConfig(u, s.Names, func(p string, f host.File) {
		now := stateOf(f)
		ours := slices.ContainsFunc(still, func(o Path) bool { return o.Path == p && o.After != nil && now.same(*o.After) })
		if now.Kind == kindFile && seen.Files[p] != now.SHA256 && !ours && used == "" {
			used = p
		}
	})
	return used
}

// dragged are the packages of others that apt would remove along with these, because they need them. Where apt cannot tell,
// because an installation was cut off, there are none: nobody can have installed anything since.
func (u *undoing) dragged(ctx context.Context, names []string) []string {
	out, err := u.Query(ctx, simulation(aptTake("remove", names)))
	if err != nil || out.Status != 0 {
		return nil
	}
	_, removed := simulated(out)
	return slices.DeleteFunc(removed, func(name string) bool { return slices.Contains(names, name) })
}

func (u *undoing) takePackages(ctx context.Context, s *PackageState, names []string) error {
	for _, verb := range []string{"remove", "purge"} {
		if group := s.taken(verb, names); len(group) > 0 {
			if err := u.take(ctx, verb, group); err != nil {
				return err
			}
		}
	}
	return nil
}

// taken are those of the packages that are to be removed, or purged: what had left its configuration before leaves it again.
func (s *PackageState) taken(verb string, names []string) []string {
	var group []string
	for _, name := range names {
		if (s.KeepConf || slices.Contains(s.Remains, name)) == (verb == "remove") {
			group = append(group, name)
		}
	}
	return group
}

// take has apt remove or purge packages. apt does nothing where somebody else's is broken: then dpkg itself is asked, for
// ours alone.
func (u *undoing) take(ctx context.Context, verb string, names []string) error {
	_, err := u.Run(ctx, aptTake(verb, names))
	if err == nil {
		return nil
	}
	if _, cerr := u.Run(ctx, dpkgConfigure()); cerr == nil {
		if _, again := u.Run(ctx, aptTake(verb, names)); again == nil {
			return nil
		}
	}
	if _, alone := u.Run(ctx, dpkgTake(verb, names)); alone != nil {
		return err
	}
	return nil
}

// dpkgTake has dpkg take packages without asking for any other.
func dpkgTake(verb string, names []string, force ...string) host.Command {
	return host.Command{Argv: slices.Concat([]string{"dpkg"}, force, []string{"--" + verb, "--"}, names), Timeout: aptTimeout}
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
