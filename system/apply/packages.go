package apply

import (
	"context"
	"fmt"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/c93d5bcb/sslwizard/steps"
	"github.com/c93d5bcb/sslwizard/system/host"
)

const (
	aptTimeout = 25 * time.Minute // apt itself waits up to ten for its lock
	listsAge   = 24 * time.Hour   // package lists older than this are fetched anew
	policyFile = "/usr/sbin/policy-rc.d"
)

// policy has every package's own "start my service" refused while it is there (Debian policy 9.3.3.1).
var policy = []byte("#!/bin/sh\n# sslwizard: services start when the plan says so\nexit 101\n")

// packagesVerb installs packages with apt.
type packagesVerb struct{ c steps.InstallPackages }

// PackageState is what was installed before.
type PackageState struct {
	Names    []string `json:"names"`
	Present  []string `json:"present"`          // every installed package, sorted
	Remains  []string `json:"remains"`          // removed ones whose configuration was left
	Trees    []Path   `json:"trees,omitempty"`  // what was already where its configuration is
	KeepConf bool     `json:"keepConf"`         // too much was there to back it up: never purge, only remove
	Policy   bool     `json:"policy,omitempty"` // policy-rc.d is ours and goes after the installation
}

func (v packagesVerb) look(ctx context.Context, w *view) (steps.Effect, []steps.Finding, error) {
	e := steps.Effect{Change: v.c, Action: steps.Nothing}
	missing, err := v.missing(ctx, w)
	if err != nil || len(missing) == 0 {
		return e, nil, err
	}
	e.Action = steps.Create
	if broken, err := halfDone(ctx, w); err != nil {
		return e, nil, err
	} else if len(broken) > 0 && !exists(w, steps.JournalDir) { // else it may be ours, and is taken back first
		return e, []steps.Finding{{Step: v.c.Step(), Code: "H12", Severity: steps.Blocker,
			Text: "cannot install " + strings.Join(missing, ", ") + ": an installation before is not finished (" + strings.Join(broken, ", ") + ")",
			Fix:  []string{"sudo dpkg --configure -a    finishes it; dpkg --audit shows what is wrong", "the native executor needs no package: choose install.executor: native"}}}, nil
	}
	if v.stale(ctx, w, w.services.Clock(), missing) {
		e.Commands = append(e.Commands, aptUpdate().Argv)
	}
	e.Commands = append(e.Commands, aptInstall(missing).Argv)
	return e, nil, nil
}

// missing returns the wanted packages that are not installed.
func (v packagesVerb) missing(ctx context.Context, r host.Reader) ([]string, error) {
	all, _, err := packageList(ctx, r)
	if err != nil {
		return nil, err
	}
	var missing []string
	for _, name := range v.c.Names {
		if !slices.Contains(all, name) {
			missing = append(missing, name)
		}
	}
	return missing, nil
}

// halfDone lists the packages that dpkg did not bring to an end. apt would try to finish them along with whatever it is asked
// for, and fail with them.
func halfDone(ctx context.Context, r host.Reader) ([]string, error) {
	out, err := r.Query(ctx, dpkgStates)
	if err != nil {
		return nil, fmt.Errorf("cannot ask what packages are half installed: %w", err)
	}
	var broken []string
	for line := range strings.Lines(string(out.Stdout)) {
		if f := strings.Fields(line); len(f) == 2 && slices.Contains([]string{"half-installed", "unpacked", "half-configured"}, f[1]) {
			broken = append(broken, f[0])
		}
	}
	return broken, nil
}

// dpkgStates asks for every package that dpkg knows of, with its state.
var dpkgStates = host.Command{Argv: []string{"dpkg-query", "-W", "-f", `${Package} ${db:Status-Status}\n`}}

// packageList asks dpkg for what is installed (in whatever half-done state) and what only left its configuration.
func packageList(ctx context.Context, r host.Reader) (present, remains []string, err error) {
	out, err := r.Query(ctx, dpkgStates)
	if err != nil {
		return nil, nil, fmt.Errorf("cannot ask what packages are installed: %w", err)
	}
	for line := range strings.Lines(string(out.Stdout)) {
		switch f := strings.Fields(line); {
		case len(f) != 2 || f[1] == "not-installed":
		case f[1] == "config-files":
			remains = append(remains, f[0])
		default:
			present = append(present, f[0])
		}
	}
	slices.Sort(present)
	return slices.Compact(present), remains, nil
}

// stale reports whether the package lists have to be fetched first.
func (v packagesVerb) stale(ctx context.Context, w host.Reader, now time.Time, names []string) bool {
	var newest time.Time
	for _, p := range []string{"/var/lib/apt/lists", "/var/lib/apt/lists/partial", "/var/lib/apt/periodic/update-success-stamp"} {
		if f, err := w.ReadFile(p); err == nil && f.ModTime.After(newest) {
			newest = f.ModTime
		}
	}
	if now.Sub(newest) > listsAge {
		return true
	}
	out, err := w.Query(ctx, host.AptPolicy(names...)) // one for all: without its cache apt reads every list anew
	said := string(out.Stdout)
	return err != nil || strings.Count(said, "Candidate:") < len(names) || strings.Contains(said, "Candidate: (none)")
}

func (v packagesVerb) record(ctx context.Context, r *recorder) (Before, error) {
	present, remains, err := packageList(ctx, r)
	if err != nil {
		return Before{}, err
	}
	s := &PackageState{Names: v.c.Names, Present: present, Remains: remains}
	p, err := r.path(policyFile, &State{Kind: kindFile, SHA256: hashOf(policy), Mode: 0o755})
	if err != nil {
		return Before{}, err
	}
	b := Before{Packages: s}
	if s.Policy = p.Before.Kind == kindNone; s.Policy {
		b.Paths = []Path{p}
	}
	return b, r.trees(s)
}

// configOf are the places where a package of this name has its configuration, by Debian's custom; a purge empties them.
func configOf(name string) []string {
	return []string{path.Join("/etc", name), path.Join("/etc/default", name), path.Join("/etc/init.d", name),
		path.Join("/etc/logrotate.d", name), path.Join("/etc/ufw/applications.d", name)}
}

// walkConfig calls visit with all that is there of the packages' configuration.
func walkConfig(r host.Reader, names []string, visit func(string, host.File)) error {
	for _, name := range names {
		for _, root := range configOf(name) {
			if err := walk(r, root, visit); err != nil {
				return err
			}
		}
	}
	return nil
}

// trees backs up what is already where a purge would take it away.
func (r *recorder) trees(s *PackageState) error {
	const maxFiles, maxBytes = 2000, 16 << 20
	var size int
	return walkConfig(r, s.Names, func(p string, f host.File) {
		size += len(f.Data)
		if len(s.Trees) >= maxFiles || size > maxBytes {
			s.KeepConf = true
			return
		}
		before := stateOf(f)
		if before.Kind == kindFile {
			before.Backup = fmt.Sprintf("%s%03d", r.prefix, len(r.backups)+1)
			r.backups[before.Backup] = f
		}
		s.Trees = append(s.Trees, Path{Path: p, Before: before})
	})
}

func (v packagesVerb) do(ctx context.Context, d *doing) error {
	missing, err := v.missing(ctx, d)
	if err != nil || len(missing) == 0 {
		return err
	}
	if who := packageLock(ctx, d); who != "" {
		d.progress(who + " is using the package manager; waiting up to 10 minutes")
	}
	if v.stale(ctx, d, d.services.Clock(), missing) {
		d.progress("fetching the package lists")
		if _, err := d.Run(ctx, aptUpdate()); err != nil {
			return v.explain(err)
		}
	}
	if err := v.announce(ctx, d, missing); err != nil {
		return err
	}
	if err := v.install(ctx, d, missing); err != nil {
		return v.explain(err)
	}
	if err := v.rest(ctx, d, missing); err != nil {
		return err
	}
	return v.observe(d)
}

// rest stops what the new packages started where the policy is the user's own and let them: it runs with the configuration
// that they brought, and the plan is about to start it with ours.
func (v packagesVerb) rest(ctx context.Context, d *doing, fresh []string) error {
	if d.before.Packages.Policy {
		return nil
	}
	for _, name := range fresh {
		out, err := d.Query(ctx, systemctl("is-active", name+".service"))
		if err != nil || out.Status != 0 {
			continue
		}
		if _, err := d.Run(ctx, systemctl("stop", name+".service")); err != nil {
			return err
		}
	}
	return nil
}

// announce has the journal know what apt is going to install before it does: only that is ever removed again.
func (v packagesVerb) announce(ctx context.Context, d *doing, names []string) error {
	sim := simulation(aptInstall(names))
	out, err := d.Query(ctx, sim)
	if err != nil {
		return v.explain(err)
	}
	if out.Status != 0 {
		return v.explain(&host.CommandError{Argv: sim.Argv, Output: out, Reason: fmt.Sprintf("exit status %d", out.Status)})
	}
	seen := Seen{Packages: []string{}}
	installed, removed := simulated(out)
	if len(removed) > 0 {
		return failf("cannot install %s: apt would remove %s for it", strings.Join(names, ", "), removed[0])
	}
	seen.Packages = append(seen.Packages, installed...)
	d.progress("installing " + strings.Join(seen.Packages, ", "))
	return d.observe(seen)
}

func (v packagesVerb) install(ctx context.Context, d *doing, names []string) error {
	ours := d.before.Packages.Policy
	if ours {
		if err := d.WriteFile(policyFile, host.File{Data: policy, Mode: 0o755}); err != nil {
			return err
		}
	}
	_, err := d.Run(ctx, aptInstall(names))
	if ours && err == nil {
		err = d.Remove(policyFile)
	}
	return err // a policy-rc.d that is left goes with the revert
}

// observe remembers the configuration as the packages brought it: what differs from it later is the user's.
func (v packagesVerb) observe(d *doing) error {
	seen := Seen{Files: map[string]string{}}
	if err := walkConfig(d, v.c.Names, func(p string, f host.File) {
		if s := stateOf(f); s.Kind == kindFile {
			seen.Files[p] = s.SHA256
		}
	}); err != nil {
		return err
	}
	return d.observe(seen)
}

// explain names the usual reasons why apt fails.
func (v packagesVerb) explain(err error) error {
	said := err.Error()
	f := failf("cannot install %s", strings.Join(v.c.Names, ", "))
	f.Err = err
	switch {
	case containsAny(said, "Could not get lock", "Unable to acquire the dpkg", "Unable to lock"):
		f.Code, f.Status = "H11", steps.ExitTryLater
		f.Fixes = []string{"another package manager runs; wait for it, then run this again"}
	case containsAny(said, "dpkg was interrupted", "dpkg --configure -a"):
		f.Code = "H12"
		f.Fixes = []string{"sudo dpkg --configure -a", "then run this again"}
	case containsAny(said, "Could not resolve", "Temporary failure", "Failed to fetch", "Could not connect", "Connection failed",
		"Unable to locate package", "has no installation candidate", "Network is unreachable", "Some index files failed", "does not have a Release file"):
		f.Code, f.Status = "H14", steps.ExitUnavailable
		f.Fixes = []string{"the native executor needs no package: choose install.executor: native", "or repair the package sources: sudo apt-get update"}
	case containsAny(said, "No space left"):
		f.Code = "H06"
		f.Fixes = []string{"make room: sudo apt-get clean", "then run this again"}
	default:
		f.Code = "H13"
		f.Fixes = []string{"see what apt says: sudo apt-get install " + strings.Join(v.c.Names, " "), "the native executor needs no package: choose install.executor: native"}
	}
	return f
}

func containsAny(s string, parts ...string) bool {
	return slices.ContainsFunc(parts, func(p string) bool { return strings.Contains(s, p) })
}

// simulation has apt only say what it would do.
func simulation(c host.Command) host.Command {
	c.Argv = append([]string{"apt-get", "-s"}, c.Argv[1:]...)
	return c
}

// simulated are the packages that apt said it would install, and those that it would remove.
func simulated(out host.Output) (installed, removed []string) {
	for line := range strings.Lines(string(out.Stdout)) {
		switch f := strings.Fields(line); {
		case len(f) < 2:
		case f[0] == "Inst":
			installed = append(installed, bare(f[1]))
		case f[0] == "Remv":
			removed = append(removed, bare(f[1]))
		}
	}
	return installed, removed
}

// bare takes the architecture off a package name ("libc6:amd64").
func bare(name string) string {
	name, _, _ = strings.Cut(name, ":")
	return name
}

func aptUpdate() host.Command { return apt("update") }

func aptInstall(names []string, options ...string) host.Command {
	return apt(slices.Concat([]string{"-y", "--no-install-recommends", "-o", "Dpkg::Options::=--force-confold"}, options, []string{"install", "--"}, names)...)
}

func aptTake(verb string, names []string) host.Command {
	return apt(append([]string{"-y", verb, "--"}, names...)...)
}

// aptEnv has packages ask nothing, and nothing of others be restarted.
var aptEnv = []string{"DEBIAN_FRONTEND=noninteractive", "NEEDRESTART_SUSPEND=1"}

func apt(args ...string) host.Command {
	return host.Command{
		Argv:    append([]string{"apt-get", "-o", "DPkg::Lock::Timeout=600"}, args...),
		Env:     aptEnv,
		Timeout: aptTimeout,
	}
}

// packageLock returns who holds dpkg's lock ("unattended-upgr, pid 812"), or nothing.
func packageLock(ctx context.Context, r host.Reader) string {
	out, err := r.Query(ctx, host.Command{Argv: []string{"stat", "-c", "%i", "/var/lib/dpkg/lock-frontend"}})
	locks, lerr := r.ReadFile("/proc/locks")
	inode := strings.TrimSpace(string(out.Stdout))
	if err != nil || lerr != nil || inode == "" {
		return ""
	}
	for line := range strings.Lines(string(locks.Data)) {
		f := strings.Fields(line) // 1: POSIX ADVISORY WRITE 812 fe:01:1234 0 EOF
		if len(f) < 6 || !strings.HasSuffix(f[5], ":"+inode) {
			continue
		}
		name := "somebody"
		if comm, err := r.ReadFile("/proc/" + f[4] + "/comm"); err == nil {
			name = steps.CleanLine(string(comm.Data))
		}
		return fmt.Sprintf("%s (pid %s)", name, f[4])
	}
	return ""
}
