package apply

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"path"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/c93d5bcb/sslwizard/steps"
	"github.com/c93d5bcb/sslwizard/system/host"
	"github.com/c93d5bcb/sslwizard/system/systemtest"
)

// machine is a Debian in memory with what apply asks of it beyond systemtest: the list of all packages, simulated
// installations, purges that take the configuration along.
type machine struct {
	*systemtest.Host
	d      *systemtest.Debian
	after  map[string]func() // by command: what it does to files
	need   map[string]string // by package: what apt says of those that need it when it goes
	broken []string          // packages that are half configured
	cutOff []string          // packages that dpkg was killed in while it unpacked them
	noDebs bool              // apt cannot get at the archives
	beside string            // what apt says that it would do beside installing what it is asked for
	late   int               // the write, counted down, that does its work and then fails
}

// WriteFile fails late when it is its turn: the file is in its place, the disk did not say that it keeps it.
func (m *machine) WriteFile(name string, f host.File) error {
	err := m.Host.WriteFile(name, f)
	if m.late--; m.late == 0 && err == nil {
		if act := m.after["late"]; act != nil {
			act()
		}
		return errBroken
	}
	return err
}

func newMachine(t *testing.T) *machine {
	t.Helper()
	m := &machine{Host: systemtest.New(t), after: map[string]func(){}}
	m.d = m.Debian()
	m.Dir("/var/lib/apt/lists", 0o755)
	m.Dir("/etc/systemd/system/multi-user.target.wants", 0o755)
	m.File("/etc/shadow", "root:*:19000::::::\n")
	m.File("/etc/passwd-", "root:x:0:0:older:/root:/bin/bash\n")
	m.File("/etc/ufw/user.rules", "### RULES ###\n")
	m.Tool(systemtest.Stdout("4711\n"), "stat", "-c", "%i", "/var/lib/dpkg/lock-frontend")
	m.Tool(systemtest.Stdout("the journal of the unit\n"), "journalctl")
	return m
}

func (m *machine) Query(ctx context.Context, c host.Command) (host.Output, error) {
	argv := strings.Join(c.Argv, " ")
	switch {
	case strings.HasPrefix(argv, "dpkg-query -W -f ${Package} ${db:Status-Status}"):
		var out strings.Builder
		for _, name := range slices.Sorted(maps.Keys(m.d.Installed)) {
			fmt.Fprintf(&out, "%s installed\n", name)
		}
		for _, name := range m.broken {
			fmt.Fprintf(&out, "%s half-configured\n", name)
		}
		return systemtest.Stdout(out.String()), nil
	case strings.HasPrefix(argv, "dpkg-query -W -f ${Package} ${db:Status-Eflag}"):
		var out strings.Builder
		for _, name := range slices.Sorted(maps.Keys(m.d.Installed)) {
			fmt.Fprintf(&out, "%s %s\n", name, map[bool]string{true: "reinstreq", false: "ok"}[slices.Contains(m.cutOff, name)])
		}
		return systemtest.Stdout(out.String()), nil
	case strings.HasPrefix(argv, "apt-get -s "):
		var out strings.Builder
		for _, name := range c.Argv[slices.Index(c.Argv, "--")+1:] {
			if slices.Contains(c.Argv, "remove") {
				fmt.Fprintf(&out, "Remv %s [1]\n%s", name, m.need[name])
				continue
			}
			fmt.Fprintf(&out, "Inst %s (1 Debian:12 [amd64])\n%sConf %s\n", name, m.beside, name)
		}
		return systemtest.Stdout(out.String()), nil
	}
	return m.Host.Query(ctx, c)
}

func (m *machine) Run(ctx context.Context, c host.Command) (host.Output, error) {
	before := maps.Clone(m.d.Installed)
	if out, err := m.unpack(c); err != nil {
		return out, err
	}
	m.copyAccounts(c)
	out, err := m.Host.Run(ctx, c)
	if act := m.after[strings.Join(c.Argv, " ")]; act != nil && err == nil {
		act()
	}
	if err != nil || c.Argv[0] != "apt-get" || !slices.Contains(c.Argv, "purge") {
		return out, err
	}
	for name, p := range before {
		if _, still := m.d.Installed[name]; !still {
			m.purge(p)
		}
	}
	return out, err
}

// unpack is what apt and dpkg do of packages that were cut off while they were unpacked: none is removed but by force, and they
// are installed anew, if that is what apt is told.
func (m *machine) unpack(c host.Command) (host.Output, error) {
	if slices.Contains(c.Argv, "--force-remove-reinstreq") {
		for _, name := range m.cutOff { // its files are not known
			delete(m.d.Installed, name)
		}
		m.cutOff = nil
	}
	if c.Argv[0] != "apt-get" || len(m.cutOff) == 0 {
		return host.Output{}, nil
	}
	said := ""
	switch install := slices.Contains(c.Argv, "install"); {
	case !install:
		said = "package is in a very bad inconsistent state; you should reinstall it before attempting a removal"
	case m.noDebs:
		said = "E: Failed to fetch"
	case !slices.Contains(c.Argv, "--reinstall"): // "is already the newest version"
	default:
		m.cutOff = slices.DeleteFunc(m.cutOff, func(name string) bool { return slices.Contains(c.Argv, name) })
	}
	if said == "" {
		return host.Output{}, nil
	}
	out := systemtest.Exit(100, said)
	return out, &host.CommandError{Argv: c.Argv, Output: out, Reason: "exit status 100"}
}

// copyAccounts is what the account tools do beside their work: they keep the former files, and leave their lock.
func (m *machine) copyAccounts(c host.Command) {
	if c.Argv[0] != "useradd" && c.Argv[0] != "userdel" || m.Dead() {
		return
	}
	for _, name := range accountFiles {
		if f, err := m.ReadFile(name); err == nil {
			m.Put(name+"-", f)
		}
	}
	m.Put(accountLock, host.File{Mode: 0o600})
}

func (m *machine) purge(p systemtest.Package) {
	for file := range p.Files {
		m.Take(file)
		for dir := path.Dir(file); strings.HasPrefix(dir, "/etc/nginx") || strings.HasPrefix(dir, "/var/www"); dir = path.Dir(dir) {
			if f, err := m.ReadFile(dir); err == nil && len(f.Entries) == 0 {
				m.Take(dir)
			}
		}
	}
}

// same fails the test with every difference to an earlier snapshot, except the log of runs and the lock.
func (m *machine) same(t *testing.T, before systemtest.Snapshot, except ...string) {
	t.Helper()
	out := append([]string{steps.DoneDir, steps.LockFile}, except...)
	diff := before.Without(out...).Diff(m.Snapshot().Without(out...))
	diff = slices.DeleteFunc(diff, func(d string) bool { return strings.HasPrefix(d, "+ "+steps.StateDir+": ") })
	if len(diff) > 0 {
		t.Errorf("the machine is not what it was:\n%s", strings.Join(diff, "\n"))
	}
}

// store is a certificate store of versions and a link, as far as apply sees it.
type store struct {
	mu   sync.Mutex
	fail error
}

func (s *store) Pending(_ context.Context, r host.Reader, c steps.Change) (steps.Action, string, error) {
	site, source := certOf(c)
	f, err := r.ReadFile(steps.CertsDir + "/" + site + "/current")
	switch {
	case err == nil && (strings.HasSuffix(f.Link, source) || source == "local"):
		return steps.Nothing, "", nil
	case err == nil:
		return steps.Modify, "a certificate of a CA", nil
	}
	return steps.Create, "there is none", nil
}

func certOf(c steps.Change) (site, source string) {
	switch c := c.(type) {
	case steps.IssueLocal:
		return c.Site, "local"
	case steps.ObtainCertificate:
		return c.Site, "acme"
	case steps.ImportCertificate:
		return c.Site, "files"
	}
	panic("no certificate")
}

func (s *store) Make(_ context.Context, h host.Host, c steps.Change, progress func(string)) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	site, source := certOf(c)
	progress("making it")
	gid, err := host.LookupGroup(h, steps.ProxyUser)
	if err != nil {
		gid = 0
	}
	dir := steps.CertsDir + "/" + site
	made := []struct {
		path string
		f    host.File
	}{
		{dir, host.File{Mode: fs.ModeDir | 0o750, GID: gid}},
		{dir + "/v-" + source, host.File{Mode: fs.ModeDir | 0o750, GID: gid}},
		{dir + "/v-" + source + "/key.pem", host.File{Data: []byte("key of " + source), Mode: 0o640, GID: gid}},
		{dir + "/current", host.File{Mode: fs.ModeSymlink, Link: "v-" + source}},
	}
	if source == "local" {
		made = append(made[:2:2], append([]struct {
			path string
			f    host.File
		}{{steps.CADir, host.File{Mode: fs.ModeDir | 0o700}}, {steps.CADir + "/ca.pem", host.File{Data: []byte("ca"), Mode: 0o600}}}, made[2:]...)...)
	}
	if source == "acme" {
		made = append([]struct {
			path string
			f    host.File
		}{{steps.ACMEDir, host.File{Mode: fs.ModeDir | 0o700}}, {steps.ACMEDir + "/ledger.json", host.File{Data: []byte("account"), Mode: 0o600}}}, made...)
	}
	for _, m := range made {
		if err := h.WriteFile(m.path, m.f); err != nil {
			return err
		}
	}
	return s.fail
}

type executor struct {
	name              string
	rehearse, reloads error
	reload            func(context.Context, host.Host, string) error
	test              func(context.Context, host.Host) error
	report            steps.Report
}

func (x *executor) Name() string { return x.name }
func (x *executor) Test(ctx context.Context, h host.Host) error {
	if x.test == nil {
		return nil
	}
	return x.test(ctx, h)
}

func (x *executor) Rehearse(context.Context, host.Host, []steps.Site) (steps.Report, error) {
	return x.report, x.rehearse
}

func (x *executor) Reload(ctx context.Context, h host.Host, unit string) error {
	if x.reloads != nil {
		return x.reloads
	}
	if x.reload != nil {
		return x.reload(ctx, h, unit)
	}
	_, err := h.Run(ctx, systemctl("reload", unit))
	return err
}

type prober struct {
	noQUIC string          // why HTTP/3 is not reached
	fail   map[bool]string // by trusted: the name of the check that fails
	blame  string          // whom it blames
}

func (p *prober) Probe(_ context.Context, site steps.Site, trusted bool, seen func(steps.Check)) (steps.Report, error) {
	r := steps.Report{Target: "https://" + site.Name, Checks: []steps.Check{{Step: steps.IDSSL, Name: "tls.versions", Verdict: steps.OK}}}
	if name := p.fail[trusted]; name != "" {
		r.Checks = append(r.Checks, steps.Check{Step: steps.IDSSL, Name: name, Verdict: steps.Fail, Detail: "bad\x1b[2J", Code: "N06", Blame: p.blame, Fix: []string{"do this"}})
	}
	for _, c := range r.Checks {
		seen(c)
	}
	return r, nil
}

// HTTP3 reaches a site unless the test says why not.
func (p *prober) HTTP3(context.Context, steps.Site) (bool, string) { return p.noQUIC == "", p.noQUIC }

// memoryLock is the lock of a machine in memory.
type memoryLock struct{ mu sync.Mutex }

func (l *memoryLock) Lock(string) (func(), error) {
	if !l.mu.TryLock() {
		return nil, &steps.Failure{Text: "cannot start", Code: "H02", Status: steps.ExitTryLater}
	}
	return l.mu.Unlock, nil
}

func (l *memoryLock) Free() error {
	release, err := l.Lock("")
	if err == nil {
		release()
	}
	return err
}

// world is an engine on a machine with everything around it.
type world struct {
	*machine
	*Engine
	store    *store
	prober   *prober
	nginx    *executor
	services Services
}

var testTime = time.Date(2026, 11, 22, 22, 57, 4, 0, time.UTC)

func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{machine: newMachine(t), store: &store{}, prober: &prober{fail: map[bool]string{}}, nginx: &executor{name: "nginx"}}
	var mu sync.Mutex
	now := testTime
	w.services = Services{
		Certificates: w.store, Prober: w.prober, Locker: &memoryLock{},
		Executors: []Executor{w.nginx, &executor{name: "native"}},
		Self:      func() ([]byte, error) { return self, nil },
		BootUnit:  func() []byte { return []byte("[Unit]\n") },
		Clock: func() time.Time {
			mu.Lock()
			defer mu.Unlock()
			now = now.Add(time.Second)
			return now
		},
	}
	w.Engine = New(w.machine, w.services)
	return w
}

var self = []byte("\x7fELF sslwizard")

func (w *world) preview(t *testing.T, p steps.Plan) steps.Preview {
	t.Helper()
	shown, err := w.Preview(t.Context(), w.machine, p)
	if err != nil {
		t.Fatal(err)
	}
	return shown
}

// apply previews and applies; the events that were sent come back too.
func (w *world) apply(t *testing.T, p steps.Plan) (steps.Result, []steps.Event, error) {
	t.Helper()
	var events []steps.Event
	res, err := w.Apply(t.Context(), w.preview(t, p), func(e steps.Event) { events = append(events, e) })
	return res, events, err
}

func (w *world) mustApply(t *testing.T, p steps.Plan) steps.Result {
	t.Helper()
	res, _, err := w.apply(t, p)
	if err != nil || res.Outcome != steps.OutcomeDone {
		t.Fatalf("apply: %+v, %v", res, err)
	}
	return res
}

// The plans have the shapes of the real ones.

var shop = steps.Site{Name: "shop.example.com"}

func base(executor, group string, serve []steps.Change, renewed steps.Change) steps.Plan {
	in, certs, trusted := steps.For(steps.IDInstall), steps.For(steps.IDCerts), steps.For(steps.IDTrusted)
	sites := []steps.Site{shop}
	changes := []steps.Change{
		steps.EnsureDir{For: in, Path: steps.SitesDir, Mode: 0o755},
		steps.EnsureDir{For: in, Path: steps.StateDir, Mode: 0o711},
		steps.EnsureDir{For: in, Path: steps.CertsDir, Mode: 0o750, Group: group},
		steps.WriteFile{For: in, Path: steps.SiteFile(shop.Name), Content: []byte("kind: Answers\nexecutor: " + executor + "\n"), Mode: 0o600},
		steps.OpenPort{For: in, Firewall: "ufw", Port: steps.Port{Number: 443, Proto: "tcp"}},
		steps.IssueLocal{For: certs, Site: shop.Name, Group: group},
	}
	changes = append(changes, serve...)
	changes = append(changes,
		steps.Verify{For: certs, Sites: sites},
		steps.Checkpoint{For: certs},
		steps.ObtainCertificate{For: trusted, Site: shop.Name, Group: group},
		renewed,
		steps.Verify{For: trusted, Sites: sites, Trusted: true})
	return steps.Plan{Sites: sites, Executor: executor, Changes: changes}
}

const (
	serviceFile = "/etc/systemd/system/sslwizard.service"
	socketFile  = "/etc/systemd/system/sslwizard.socket"
)

func nativePlan() steps.Plan {
	in := steps.For(steps.IDInstall)
	units := []string{steps.FileKey(serviceFile), steps.FileKey(socketFile)}
	p := base("native", steps.ProxyUser, []steps.Change{
		steps.InstallBinary{For: in, Path: steps.BinaryPath, SHA256: hashOf(self), Size: int64(len(self))},
		steps.Rehearse{For: in, Executor: "native", Sites: []steps.Site{shop}, On: []string{steps.FileKey(steps.SiteFile(shop.Name))}},
		steps.WriteFile{For: in, Path: serviceFile, Content: []byte("[Service]\n"), Mode: 0o644},
		steps.WriteFile{For: in, Path: socketFile, Content: []byte("[Socket]\n"), Mode: 0o644},
		steps.ReloadUnits{For: in, On: units},
		steps.EnableUnit{For: in, Unit: "sslwizard.socket", Start: true},
		steps.EnableUnit{For: in, Unit: "sslwizard.service", Start: true},
		steps.Restart{For: in, Unit: "sslwizard.service", On: append(units, steps.FileKey(steps.BinaryPath))},
		steps.Reload{For: in, Executor: "native", Unit: "sslwizard.service", On: []string{steps.FileKey(steps.SiteFile(shop.Name)), steps.CertKey(shop.Name)}},
	}, steps.Reload{For: steps.For(steps.IDTrusted), Executor: "native", Unit: "sslwizard.service", On: []string{steps.CertKey(shop.Name)}})
	p.Changes = append([]steps.Change{steps.EnsureUser{For: in, Name: steps.ProxyUser}}, p.Changes...)
	return p
}

const nginxFile = "/etc/nginx/conf.d/sslwizard-shop.example.com.conf"

func nginxPlan(content string) steps.Plan {
	in := steps.For(steps.IDInstall)
	on := []string{steps.FileKey(nginxFile), steps.CertKey(shop.Name)}
	p := base("nginx", "", []steps.Change{
		steps.Rehearse{For: in, Executor: "nginx", Sites: []steps.Site{shop}, On: on},
		steps.WriteFile{For: in, Path: nginxFile, Content: []byte(content), Mode: 0o644},
		steps.TestConfig{For: in, Executor: "nginx", On: on},
		steps.EnableUnit{For: in, Unit: "nginx.service", Start: true},
		steps.Reload{For: in, Executor: "nginx", Unit: "nginx.service", On: on},
	}, steps.Reload{For: steps.For(steps.IDTrusted), Executor: "nginx", Unit: "nginx.service", On: []string{steps.CertKey(shop.Name)}})
	p.Changes = append([]steps.Change{steps.InstallPackages{For: in, Names: []string{"nginx"}}}, p.Changes...)
	return p
}

// removalPlan is a switch to nothing: units off, files away.
func removalPlan() steps.Plan {
	in := steps.For(steps.IDInstall)
	return steps.Plan{Executor: "native", Changes: []steps.Change{
		steps.Drain{For: in, Unit: "sslwizard.service", Wait: time.Second},
		steps.DisableUnit{For: in, Unit: "sslwizard.service"},
		steps.DisableUnit{For: in, Unit: "sslwizard.socket"},
		steps.RemoveFile{For: in, Path: serviceFile},
		steps.RemoveFile{For: in, Path: socketFile},
		steps.RemoveFile{For: in, Path: steps.SiteFile(shop.Name)},
		steps.ReloadUnits{For: in, On: []string{steps.FileKey(serviceFile), steps.FileKey(socketFile)}},
	}}
}

// ufwTool is ufw in memory: it has the port or not.
func (w *world) ufw() *ufwState {
	s := &ufwState{}
	w.Answer(s.answer)
	return s
}

type ufwState struct{ open bool }

func (s *ufwState) answer(c host.Command) (host.Output, bool) {
	switch strings.Join(c.Argv, " ") {
	case "ufw status":
		if s.open {
			return systemtest.Stdout("Status: active\n\n443/tcp    ALLOW       Anywhere     # sslwizard\n443/tcp (v6)   ALLOW   Anywhere (v6)  # sslwizard\n"), true
		}
		return systemtest.Stdout("Status: active\n\n22/tcp    ALLOW       Anywhere\n22/tcp (v6)   ALLOW   Anywhere (v6)\n"), true
	case "ufw allow 443/tcp comment sslwizard":
		s.open = true
		return host.Output{}, true
	case "ufw delete allow 443/tcp":
		s.open = false
		return host.Output{}, true
	}
	return host.Output{}, false
}

var errBroken = errors.New("broken on purpose")
