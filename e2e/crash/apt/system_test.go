//go:build linux && amd64

package apt

import (
	"context"
	"crypto/sha256"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/c93d5bcb/sslwizard/e2e/crash/trace"
	"github.com/c93d5bcb/sslwizard/system/host"
)

// system is a package system in a folder: the real apt and dpkg, and an archive of a few packages.
type system struct {
	*host.Linux
	t    *testing.T
	home string // has the system itself in root, its archive in archive
	kill int    // the call of the next installation before which all of it is killed; 0: none
	hit  string // the call that was killed
	away bool   // the archive goes with the kill
	said []string
}

// parcels are the packages: ones that need another have another hash in apt's eyes once they are unpacked, others have not.
var parcels = []struct{ name, needs string }{{"base", ""}, {"ngx-common", ""}, {"ngx-extra", "base"}, {"ngx", "ngx-common, ngx-extra"}}

func newSystem(t *testing.T) *system {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("needs root: the programs that are killed are traced")
	}
	home := t.TempDir()
	s := &system{Linux: host.New(filepath.Join(home, "root")), t: t, home: home}
	for _, dir := range []string{"root/etc/apt/apt.conf.d", "root/etc/apt/preferences.d", "root/var/lib/dpkg/updates", "root/var/lib/dpkg/info",
		"root/var/lib/dpkg/triggers", "root/var/lib/apt/lists/partial", "root/var/cache/apt/archives/partial", "root/var/log/apt", "root/usr/sbin", "root/tmp", "archive", "older"} {
		s.must(os.MkdirAll(filepath.Join(home, dir), 0o755))
	}
	root := s.path("/")
	s.write("apt.conf", fmt.Sprintf("Dir %q;\nDir::State::status %q;\nDir::Bin::dpkg \"/usr/bin/dpkg\";\nDir::Bin::Methods \"/usr/lib/apt/methods/\";\n"+
		"DPkg::Options:: \"--root=%s\";\nDPkg::Options:: \"--force-not-root\";\nAPT::Sandbox::User \"root\";\nDebug::NoLocking \"1\";\n",
		root, s.path("/var/lib/dpkg/status"), root))
	s.write("root/etc/apt/sources.list", "deb [trusted=yes] file:"+filepath.Join(home, "archive")+" ./\n")
	s.write("root/var/lib/dpkg/status", "")
	s.write("root/var/lib/dpkg/available", "")
	s.archive()
	s.do("apt-get", "update")
	s.do("apt-get", "-y", "install", "base")
	return s
}

// archive makes the packages.
func (s *system) archive() {
	var index strings.Builder
	for _, p := range parcels {
		control, deb := s.build("archive", p.name, p.needs, "1")
		data, err := os.ReadFile(deb)
		s.must(err)
		fmt.Fprintf(&index, "%sFilename: ./%s\nSize: %d\nSHA256: %x\n\n", control, filepath.Base(deb), len(data), sha256.Sum256(data))
	}
	s.write("archive/Packages", index.String())
}

// build makes a package, which has a configuration file and two others, and returns what it says of itself and where it is.
func (s *system) build(in, name, needs, version string) (control, deb string) {
	tree := filepath.Join(s.home, name)
	control = "Package: " + name + "\nVersion: " + version + "\nArchitecture: all\nMaintainer: Nobody <nobody@example.com>\n"
	if needs != "" {
		control += "Depends: " + needs + "\n"
	}
	control += "Description: made for a test\n"
	config, data, program := "/etc/"+name+"/conf", "/usr/share/"+name+"/data", "/usr/sbin/"+name
	sums := ""
	for _, file := range []string{config, data, program} {
		s.write(name+file, file+" of "+version+"\n")
		if file != config {
			sums += s.sum(tree, file)
		}
	}
	s.write(name+"/DEBIAN/control", control)
	s.write(name+"/DEBIAN/conffiles", config+"\n")
	s.write(name+"/DEBIAN/md5sums", sums)
	deb = filepath.Join(s.home, in, name+"_"+version+"_all.deb")
	s.do("dpkg-deb", "-Znone", "--build", tree, deb)
	return control, deb
}

func (s *system) sum(tree, name string) string {
	out, err := exec.Command("md5sum", filepath.Join(tree, name)).Output()
	s.must(err)
	return string(out[:32]) + "  " + name[1:] + "\n"
}

func (s *system) path(name string) string { return filepath.Join(s.home, "root") + name }

func (s *system) write(name, text string) {
	s.must(os.MkdirAll(filepath.Dir(filepath.Join(s.home, name)), 0o755))
	s.must(os.WriteFile(filepath.Join(s.home, name), []byte(text), 0o644))
}

func (s *system) must(err error) {
	s.t.Helper()
	if err != nil {
		s.t.Fatal(err)
	}
}

// do runs a command that has to work.
func (s *system) do(argv ...string) {
	s.t.Helper()
	if out, err := s.Run(s.t.Context(), host.Command{Argv: argv}); err != nil {
		s.t.Fatalf("%v: %s", err, out.Stderr)
	}
}

// command is the one that does for this system what another does for the machine.
func (s *system) command(c host.Command) host.Command {
	root := filepath.Join(s.home, "root")
	c.Env = append(slices.Clone(c.Env), "APT_CONFIG="+filepath.Join(s.home, "apt.conf"))
	switch c.Argv[0] {
	case "dpkg":
		c.Argv = slices.Concat([]string{"dpkg", "--root=" + root, "--force-not-root"}, c.Argv[1:])
	case "dpkg-query":
		c.Argv = slices.Concat([]string{"dpkg-query", "--admindir=" + root + "/var/lib/dpkg"}, c.Argv[1:])
	case "systemctl":
		c.Argv = []string{"false"} // there are no services
	case "stat":
		c.Argv = slices.Clone(c.Argv)
		c.Argv[len(c.Argv)-1] = root + c.Argv[len(c.Argv)-1]
	}
	return c
}

func (s *system) Query(ctx context.Context, c host.Command) (host.Output, error) {
	return s.machine().Query(ctx, s.command(c))
}

// machine runs commands: they are the machine's own.
func (s *system) machine() *host.Linux { return host.New("") }

func (s *system) Run(ctx context.Context, c host.Command) (host.Output, error) {
	if s.kill == 0 || c.Argv[0] != "apt-get" || !slices.Contains(c.Argv, "install") {
		out, err := s.machine().Run(ctx, s.command(c))
		s.said = append(s.said, fmt.Sprintf("$ %s -> %d %s", strings.Join(c.Argv, " "), out.Status, out.Stderr))
		return out, err
	}
	at := s.kill
	s.kill = 0
	r := s.traced(ctx, s.command(c), at)
	if !r.Killed {
		return host.Output{}, nil
	}
	s.hit = fmt.Sprintf("%s %s", r.Calls[at-1].Name, strings.TrimPrefix(r.Calls[at-1].To+r.Calls[at-1].Path, s.path("")))
	if s.away {
		s.must(os.RemoveAll(filepath.Join(s.home, "archive")))
	}
	return host.Output{Status: 137}, &host.CommandError{Argv: c.Argv, Reason: "killed"}
}

// traced runs a command, and kills it and all that it has started before a call that changes the system.
func (s *system) traced(ctx context.Context, c host.Command, at int) trace.Report {
	program, err := exec.LookPath(c.Argv[0])
	s.must(err)
	o := trace.Order{Argv: append([]string{program}, c.Argv[1:]...), Env: append(os.Environ(), c.Env...), Dir: "/", Kill: at, Counts: s.counts}
	r, err := trace.Run(ctx, o)
	s.must(err)
	return r
}

// counts: renaming is how dpkg has a file, or its own notes, be there.
func (s *system) counts(c trace.Call) bool {
	return strings.HasPrefix(c.Name, "rename") && (strings.HasPrefix(c.Path, s.path("/var/lib/dpkg/")) || strings.HasPrefix(c.Path, s.path("/usr/")) || strings.HasPrefix(c.Path, s.path("/etc/")))
}

// seen is what is there of the packages: their states, and every file and folder below /etc and /usr.
func (s *system) seen() []string {
	out, err := s.Query(s.t.Context(), host.Command{Argv: []string{"dpkg-query", "-W", "-f", `${Package} ${db:Status-Want} ${db:Status-Status} ${db:Status-Eflag}\n`}})
	s.must(err)
	all := slices.DeleteFunc(strings.Split(string(out.Stdout), "\n"), func(line string) bool { return line == "" || strings.Contains(line, " not-installed ") })
	for _, dir := range []string{"/etc", "/usr", "/var/lib/dpkg/updates"} {
		s.must(filepath.WalkDir(s.path(dir), func(name string, d fs.DirEntry, err error) error {
			if err != nil {
				return err
			}
			name = strings.TrimPrefix(name, s.path(""))
			if !d.Type().IsRegular() {
				name += "/"
			} else if text, err := os.ReadFile(s.path(name)); err != nil {
				return err
			} else if !strings.HasPrefix(name, "/var") {
				name += ": " + string(text)
			}
			all = append(all, name)
			return nil
		}))
	}
	slices.Sort(all)
	return all
}

// again lays the system out anew as it was kept.
func (s *system) again() {
	s.must(os.RemoveAll(s.path("")))
	s.must(os.RemoveAll(filepath.Join(s.home, "archive")))
	s.do("cp", "-a", filepath.Join(s.home, "debs"), filepath.Join(s.home, "archive"))
	s.do("cp", "-a", filepath.Join(s.home, "kept"), s.path(""))
}

func (s *system) keep() {
	s.do("cp", "-a", s.path(""), filepath.Join(s.home, "kept"))
	s.do("cp", "-a", filepath.Join(s.home, "archive"), filepath.Join(s.home, "debs"))
}
