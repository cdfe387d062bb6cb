package apply

import (
	"context"
	"maps"
	"path"
	"slices"
	"strings"

	"github.com/c93d5bcb/sslwizard/steps"
	"github.com/c93d5bcb/sslwizard/system/host"
)

// makeWhole has apt unpack once more those of our packages that dpkg was killed in while it unpacked them: neither apt nor
// dpkg removes one before, nor one that it needs, since what of it is there is not known. Where that cannot be, dpkg is
// made to let go of them first of all. It returns which of ours are there then.
func (u *undoing) makeWhole(ctx context.Context, s *PackageState, seen *Seen, ours []string) ([]string, error) {
	half := u.cutOff(ctx, ours)
	if len(half) == 0 {
		return ours, nil
	}
	u.unpackAgain(ctx, s, seen, half)
	ours, err := u.addedPackages(ctx, s, seen) // and what they need, which may not have been there yet
	if err != nil {
		return nil, err
	}
	if half = u.cutOff(ctx, ours); len(half) == 0 {
		return ours, nil
	}
	if err := u.forceAway(ctx, s, half); err != nil {
		return nil, err
	}
	return u.addedPackages(ctx, s, seen)
}

// cutOff are those of the packages that dpkg was killed in while it unpacked them: it refuses to remove them, since it
// does not know what of them is there (the flag reinst-required, deb-status of dpkg-query(1)).
func (u *undoing) cutOff(ctx context.Context, names []string) []string {
	out, err := u.Query(ctx, host.Command{Argv: []string{"dpkg-query", "-W", "-f", `${Package} ${db:Status-Eflag}\n`}})
	if err != nil {
		return nil
	}
	var half []string
	for line := range strings.Lines(string(out.Stdout)) {
		if f := strings.Fields(line); len(f) == 2 && f[1] == "reinstreq" && slices.Contains(names, f[0]) {
			half = append(half, f[0])
		}
	}
	return half
}

// unpackAgain installs packages once more, from the archives that apt has fetched for the first time, so that dpkg knows
// their files. Nothing starts meanwhile. Whether it helped is seen when they are to go.
func (u *undoing) unpackAgain(ctx context.Context, s *PackageState, seen *Seen, half []string) {
	again, ok := u.again(ctx, s, seen, half)
	if !ok {
		return
	}
	u.say(steps.Progress, "unpacking "+strings.Join(half, ", ")+" once more, to be removed whole")
	if !exists(u, policyFile) {
		defer func() { u.try("remove "+policyFile, u.removePolicy()) }()
		if u.WriteFile(policyFile, host.File{Data: policy, Mode: 0o755}) != nil {
			return // it may be there all the same
		}
	}
	_, _ = u.Run(ctx, again)
}

// again is the command that unpacks packages once more. Without --reinstall apt takes one that it knows for installed. It is
// asked first what it would do, for it may have other packages to choose from by now: anything but ours is not touched. Where
// what they need was to be unpacked after them, it has to be told that too.
func (u *undoing) again(ctx context.Context, s *PackageState, seen *Seen, half []string) (host.Command, bool) {
	present, _, err := packageList(ctx, u)
	if err != nil {
		return host.Command{}, false
	}
	all := slices.Clone(half)
	for _, name := range seen.Packages {
		if s.added(name, seen) && !slices.Contains(present, name) {
			all = append(all, name)
		}
	}
	for _, names := range [][]string{half, all} {
		c := aptInstall(names, "--reinstall")
		out, err := u.Query(ctx, simulation(c))
		if err != nil || out.Status != 0 {
			continue
		}
		installed, removed := simulated(out)
		foreign := slices.ContainsFunc(installed, func(name string) bool { return !s.added(name, seen) })
		return c, !foreign && len(removed) == 0
	}
	return host.Command{}, false
}

// forceAway has dpkg let go of packages that it does not know the files of. What they leave is removed as far as it can be
// told, and said.
func (u *undoing) forceAway(ctx context.Context, s *PackageState, half []string) error {
	files, listed := u.unpacked(s, half)
	for _, verb := range []string{"remove", "purge"} {
		if group := s.taken(verb, half); len(group) > 0 {
			if _, err := u.Run(ctx, dpkgTake(verb, group, "--force-remove-reinstreq")); err != nil {
				return err
			}
		}
	}
	if err := u.sweepUnpacked(ctx, s, files, listed); err != nil {
		return err
	}
	names := strings.Join(half, " ")
	u.keepOnce("packages "+strings.Join(half, ", "), "dpkg was killed while it unpacked them, and apt could not have it done again, so links and folders of them may be left; "+
		"sudo apt-get install "+names+", then sudo apt-get purge "+names+", takes them away")
	return nil
}

// dpkgUnpacks is where dpkg keeps what it knows of the package that it unpacks, until it has noted the files.
const dpkgUnpacks = "/var/lib/dpkg/tmp.ci/"

// fresh is what dpkg adds to the name of a file until the file takes it.
const fresh = ".dpkg-new"

// unpacked are the files that were certainly unpacked for these packages: those that dpkg was about to give their names, and
// those that have them already and are, by their sums, the packages' own. What was to be unpacked comes too, as far as it is known.
func (u *undoing) unpacked(s *PackageState, half []string) (files, listed []string) {
	sums := u.beingUnpacked(half)
	for name, sum := range sums {
		listed = append(listed, name)
		if exists(u, name+fresh) {
			files = append(files, name+fresh)
		}
		if sum != "" && u.sumOf(name) == sum {
			files = append(files, name)
		}
	}
	if !s.KeepConf { // else it is not known what was there before
		_ = walkConfig(u, slices.Concat(half, s.Names), func(p string, _ host.File) {
			if strings.HasSuffix(p, fresh) && !s.had(p) {
				files = append(files, p)
			}
		})
	}
	slices.Sort(files)
	return slices.Compact(files), listed
}

// beingUnpacked are the files of the package that dpkg is at, where it is one of these, with their sums: configuration has none,
// it gets its names later.
func (u *undoing) beingUnpacked(half []string) map[string]string {
	text := func(name string) string {
		f, _ := u.ReadFile(dpkgUnpacks + name)
		return string(f.Data)
	}
	mine := func(line string) bool {
		name, ok := strings.CutPrefix(line, "Package:")
		return ok && slices.Contains(half, strings.TrimSpace(name))
	}
	if !slices.ContainsFunc(strings.Split(text("control"), "\n"), mine) {
		return nil
	}
	sums := map[string]string{}
	for line := range strings.Lines(text("conffiles")) {
		if name := strings.TrimSpace(line); path.IsAbs(name) {
			sums[path.Clean(name)] = ""
		}
	}
	for line := range strings.Lines(text("md5sums")) {
		if sum, name, ok := strings.Cut(strings.TrimSpace(line), "  "); ok {
			sums[path.Join("/", name)] = sum
		}
	}
	return sums
}

func (s *PackageState) had(name string) bool {
	return slices.ContainsFunc(s.Trees, func(p Path) bool { return p.Path == name })
}

// sweepUnpacked removes such files, and the folders of all that was to be unpacked that are empty and nobody's.
func (u *undoing) sweepUnpacked(ctx context.Context, s *PackageState, files, listed []string) error {
	for _, name := range files {
		if err := u.Remove(name); err != nil {
			return err
		}
	}
	above := map[string]bool{}
	for _, name := range slices.Concat(files, listed) {
		for dir := path.Dir(name); dir != "/"; dir = path.Dir(dir) {
			above[dir], above[dir+fresh] = true, true
		}
	}
	for _, dir := range slices.Backward(slices.Sorted(maps.Keys(above))) { // what is in a folder before it
		if err := u.sweepFolder(ctx, s, dir); err != nil {
			return err
		}
	}
	return nil
}

func (u *undoing) sweepFolder(ctx context.Context, s *PackageState, dir string) error {
	f, err := u.ReadFile(dir)
	if err != nil || !f.Mode.IsDir() || len(f.Entries) > 0 || s.had(dir) {
		return nil
	}
	owner, err := u.Query(ctx, host.Command{Argv: []string{"dpkg-query", "-S", "--", dir}})
	if err != nil || owner.Status == 0 {
		return nil
	}
	return u.Remove(dir)
}
