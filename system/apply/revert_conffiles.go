package apply

import (
	"context"
	"crypto/md5"
	"fmt"
	"slices"
	"strings"

	"github.com/c93d5bcb/sslwizard/system/host"
)

// restoreConfig has the configuration of packages that were only removed be what it was before they were installed again: dpkg
// leaves what it had unpacked beside it and, of a newer version, has put its own there for what nobody had worked on.
// Only what is the packages' own, by its name or by dpkg's sums, is touched.
func (u *undoing) restoreConfig(ctx context.Context, s *PackageState, names []string) error {
	for name, sum := range u.conffiles(ctx, names) {
		dist := name + ".dpkg-dist" // by its sum, or, where dpkg was killed before it noted that, because it was not there before
		for beside, ours := range map[string]bool{name + fresh: true, dist: u.sumOf(dist) == sum || s.looked(dist)} {
			if ours && !s.had(beside) && exists(u, beside) {
				if err := u.Remove(beside); err != nil {
					return err
				}
			}
		}
		if err := u.restoreOwn(s, name, sum); err != nil {
			return err
		}
	}
	return nil
}

// looked reports whether it is known what was at a place before.
func (s *PackageState) looked(name string) bool {
	in := func(root string) bool { return strings.HasPrefix(name, root+"/") }
	return !s.KeepConf && slices.ContainsFunc(s.Names, func(p string) bool { return slices.ContainsFunc(configOf(p), in) })
}

// restoreOwn puts a configuration file back that is as the package brought it, and was not so before. Where dpkg was killed
// before it noted that, it may be somebody's: then it stays, what was there before is put beside it, and that is said.
func (u *undoing) restoreOwn(s *PackageState, name, sum string) error {
	at := slices.IndexFunc(s.Trees, func(p Path) bool { return p.Path == name })
	if at < 0 {
		return nil
	}
	now, f, err := stateAt(u, name)
	switch before := s.Trees[at].Before; {
	case err != nil || before.Kind != kindFile || now.Kind != kindFile || now.same(before):
		return err
	case u.sumOf(name) == sum:
		return u.write(name, before)
	}
	return u.keepTheirs(s.Trees[at], now, f)
}

// conffiles are the configuration files of packages, with the sums of what they brought.
func (u *undoing) conffiles(ctx context.Context, names []string) map[string]string {
	if len(names) == 0 {
		return nil
	}
	out, err := u.Query(ctx, host.Command{Argv: append([]string{"dpkg-query", "-W", "-f", `${Conffiles}\n`, "--"}, names...)})
	if err != nil {
		return nil
	}
	sums := map[string]string{}
	for line := range strings.Lines(string(out.Stdout)) {
		if f := strings.Fields(line); len(f) > 1 && strings.HasPrefix(f[0], "/") { // "/etc/nginx/nginx.conf SUM obsolete"
			sums[f[0]] = f[1]
		}
	}
	return sums
}

// sumOf is the sum of a file as dpkg writes it, "" where there is none.
func (u *undoing) sumOf(name string) string {
	f, err := u.ReadFile(name)
	if err != nil || !f.Mode.IsRegular() {
		return ""
	}
	return fmt.Sprintf("%x", md5.Sum(f.Data))
}
