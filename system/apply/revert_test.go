package apply

import (
	"context"
	"io/fs"
	"slices"
	"strings"
	"testing"

	"github.com/c93d5bcb/sslwizard/e2e/failures"
	"github.com/c93d5bcb/sslwizard/steps"
	"github.com/c93d5bcb/sslwizard/system/host"
	"github.com/c93d5bcb/sslwizard/system/systemtest"
)

// ran returns the mutations from the n-th on that begin with a prefix.
func (w *world) ran(n int, prefix string) []string {
	return slices.DeleteFunc(w.Mutations()[n:], func(m string) bool { return !strings.HasPrefix(m, prefix) })
}

// A unit that took the new configuration takes the old one again, once, after the files came back.
func TestRevertReloadsLast(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.ufw()
	w.mustApply(t, nginxPlan("server { one; }\n"))
	w.prober.fail[false] = "tls.versions"
	n := len(w.Mutations())
	if res, _, err := w.apply(t, nginxPlan("server { two; }\n")); res.Outcome != steps.OutcomeReverted {
		t.Fatalf("%+v, %v", res, err)
	}
	did := slices.DeleteFunc(w.Mutations()[n:], func(m string) bool {
		return strings.Contains(m, steps.StateDir) || strings.Contains(m, steps.RecoverService)
	})
	want := []string{"write " + nginxFile, "run systemctl reload nginx.service", "write " + nginxFile, "run systemctl reload nginx.service"}
	if !slices.Equal(did, want) {
		t.Errorf("did %q, want %q", did, want)
	}
}

// A run that failed before it reloaded anything does not reload anything when it is taken back.
func TestRevertDoesNotReloadInVain(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.ufw()
	w.mustApply(t, nginxPlan("server { one; }\n"))
	w.nginx.reloads = errBroken
	w.FailAt(5, errBroken)
	n := len(w.Mutations())
	if res, _, err := w.apply(t, nginxPlan("server { two; }\n")); err == nil {
		t.Fatalf("%+v", res)
	}
	if reloads := w.ran(n, "run systemctl"); len(reloads) > 0 {
		t.Errorf("%q", reloads)
	}
}

func TestRevertHasSystemdForgetUnits(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.ufw()
	w.prober.fail[false] = "tls.versions"
	if res, _, err := w.apply(t, nativePlan()); res.Outcome != steps.OutcomeReverted {
		t.Fatalf("%+v, %v", res, err)
	}
	m := w.Mutations()
	stop, gone := slices.Index(m, "run systemctl stop sslwizard.service sslwizard.socket"), slices.Index(m, "remove "+serviceFile)
	reload := len(m) - 1 - slices.Index(reversed(m), "run systemctl daemon-reload")
	if stop < 0 || gone < stop || reload < gone {
		t.Errorf("stop %d, remove %d, daemon-reload %d in\n%s", stop, gone, reload, strings.Join(m, "\n"))
	}
}

func reversed(s []string) []string {
	s = slices.Clone(s)
	slices.Reverse(s)
	return s
}

// What was not begun is not taken back: the administrator may have done the same in the meantime.
func TestRecoverTouchesOnlyWhatWasBegun(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ufw := w.ufw()
	shown := w.preview(t, nativePlan())
	w.FailOn(func(m string) error {
		if strings.HasPrefix(m, "run ufw") {
			t.Error("killed too late")
		}
		return nil
	})
	w.DieAt(13)
	_, _ = w.Apply(t.Context(), shown, nil)
	w.Revive()
	ufw.open = true
	if _, found, err := w.Recover(t.Context(), nil); !found || err != nil {
		t.Fatal(found, err)
	}
	if !ufw.open {
		t.Error("the administrator's port was closed")
	}
}

// A folder of ours into which a package put something goes when the package went.
func TestFolderGoesAfterPackage(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.ufw()
	p := nginxPlan("server {}\n")
	p.Changes = append([]steps.Change{steps.EnsureDir{For: steps.For(steps.IDInstall), Path: "/srv/web", Mode: 0o755}}, p.Changes...)
	w.d.Archive["nginx"].Files["/srv/web/index.html"] = "hello"
	w.Dir("/srv", 0o755)
	before := w.Snapshot()
	w.prober.fail[false] = "tls.versions"
	if res, _, err := w.apply(t, p); res.Outcome != steps.OutcomeReverted {
		t.Fatalf("%+v, %v", res, err)
	}
	w.same(t, before)
}

func TestUserAddedInTheMeantimeKeepsCopies(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.ufw()
	plan := steps.Plan{Changes: []steps.Change{steps.EnsureUser{For: steps.For(steps.IDInstall), Name: steps.ProxyUser}}}
	w.mustApply(t, plan)
	w.File("/etc/passwd", w.Content("/etc/passwd")+"alice:x:1000:1000::/home/alice:/bin/bash\n")
	w.File("/etc/passwd-", "a copy with bob\nbob:x:1001:\n")
	if _, err := w.Undo(t.Context(), "", nil); err != nil {
		t.Fatal(err)
	}
	if text := w.Content("/etc/passwd"); strings.Contains(text, steps.ProxyUser) || !strings.Contains(text, "alice") {
		t.Errorf("passwd: %q", text)
	}
	if text := w.Content("/etc/passwd-"); !strings.Contains(text, "alice") {
		t.Errorf("passwd- lost what somebody else did: %q", text)
	}
}

func TestMaskedUnitBlocks(t *testing.T) {
	t.Parallel()
	h := systemtest.New(t)
	h.Tool(systemtest.Stdout("LoadState=masked\nActiveState=inactive\n"), "systemctl", "show")
	h.Tool(systemtest.Exit(1, "masked\n"), "systemctl", "is-enabled")
	e := New(h, Services{Locker: &memoryLock{}})
	p, err := e.Preview(t.Context(), h, steps.Plan{Changes: []steps.Change{steps.EnableUnit{Unit: "nginx.service", Start: true}}})
	failures.MetFindings(t, blockers(p))
	if b := blockers(p); err != nil || len(b) != 1 || b[0].Code != "N14" {
		t.Errorf("%+v, %v", b, err)
	}
}

// The reasons why apt fails have their names.
func TestPackageFailures(t *testing.T) {
	t.Parallel()
	for said, want := range map[string]string{
		"E: Could not get lock /var/lib/dpkg/lock-frontend. It is held by process 812 (apt-get)":     "H11",
		"E: dpkg was interrupted, you must manually run 'dpkg --configure -a'":                       "H12",
		"dpkg: error processing package nginx (--configure)":                                         "H13",
		"E: Unable to locate package nginx":                                                          "H14",
		"E: The repository 'http://192.0.2.1/debian bookworm Release' does not have a Release file.": "H14",
		"Temporary failure resolving 'deb.debian.org'":                                               "H14",
		"No space left on device":                                                                    "H06",
	} {
		err := packagesVerb{steps.InstallPackages{Names: []string{"nginx"}}}.explain(&host.CommandError{
			Argv: []string{"apt-get"}, Reason: "exit status 100", Output: host.Output{Stderr: []byte(said), Status: 100}})
		f, ok := err.(*steps.Failure)
		failures.MetError(t, err)
		if !ok || f.Code != want || len(f.Fixes) == 0 {
			t.Errorf("%q: %v", said, err)
		}
	}
}

func TestPackageLockIsNamed(t *testing.T) {
	t.Parallel()
	m := newMachine(t)
	m.File("/proc/locks", "1: FLOCK  ADVISORY  WRITE 99 fe:01:4712 0 EOF\n2: POSIX  ADVISORY  WRITE 812 fe:01:4711 0 EOF\n")
	m.File("/proc/812/comm", "unattended-upgr\n")
	if who := packageLock(t.Context(), m); who != "unattended-upgr (pid 812)" {
		t.Errorf("%q", who)
	}
}

// Every change of the closed set has a verb.
func TestEveryChangeHasAVerb(t *testing.T) {
	t.Parallel()
	for _, c := range []steps.Change{
		steps.InstallPackages{}, steps.EnsureUser{}, steps.EnsureDir{}, steps.WriteFile{}, steps.RemoveFile{}, steps.InstallBinary{},
		steps.ReloadUnits{}, steps.EnableUnit{}, steps.DisableUnit{}, steps.OpenPort{}, steps.IssueLocal{}, steps.ImportCertificate{},
		steps.ObtainCertificate{}, steps.TestConfig{}, steps.Rehearse{}, steps.Reload{}, steps.Restart{}, steps.Verify{}, steps.Checkpoint{}, steps.Drain{}, steps.Announce{},
	} {
		if _, err := steps.EncodeChange(c); err != nil {
			t.Error(err)
		}
		if _, err := verbOf(c); err != nil {
			t.Error(err)
		}
	}
}

func TestNewIDIsMonotone(t *testing.T) {
	t.Parallel()
	if id := newID(testTime, nil); id != "20261122-225704-0001" || !validID(id) {
		t.Errorf("first %q", id)
	}
	for _, last := range []string{"20261122-225704-0001", "20270101-000000-0041"} {
		if id := newID(testTime, []string{"20200101-000000-0001", last}); id <= last || !validID(id) {
			t.Errorf("%q after %q", id, last)
		}
	}
}

// A unit that is drained by the plan is started again by it.
func TestEnableAfterDrain(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.d.Units["sslwizard.service"] = &systemtest.Unit{Enabled: true, Active: true}
	in := steps.For(steps.IDInstall)
	w.mustApply(t, steps.Plan{Changes: []steps.Change{
		steps.Drain{For: in, Unit: "sslwizard.service"},
		steps.EnableUnit{For: in, Unit: "sslwizard.service", Start: true},
	}})
	if u := w.d.Units["sslwizard.service"]; !u.Active {
		t.Error("it was left stopped")
	}
}

// What we installed and somebody uses since stays, and goes on: neither their site nor their package is taken along.
func TestUsedPackagesStayOn(t *testing.T) {
	t.Parallel()
	const theirs = "/etc/nginx/conf.d/theirs.conf"
	for name, use := range map[string]func(*world){
		"a site":    func(w *world) { w.File(theirs, "server { listen 8080; }\n") },
		"a package": func(w *world) { w.need = map[string]string{"nginx": "Remv certbot-nginx [1] [nginx:amd64 ]\n"} },
		"nobody":    func(*world) {},
	} {
		w := newWorld(t)
		w.ufw()
		before := w.Snapshot()
		w.mustApply(t, nginxPlan("server { one; }\n"))
		use(w)
		res, err := w.Undo(t.Context(), "", nil)
		if err != nil || w.Exists(nginxFile) {
			t.Fatalf("%s: %+v, %v", name, res, err)
		}
		unit, installed := w.d.Units["nginx.service"], w.d.Installed["nginx"].Files != nil
		said := slices.ContainsFunc(res.Kept, func(line string) bool { return strings.HasPrefix(line, "nginx.service: it goes on") })
		if name == "nobody" {
			if installed || said {
				t.Errorf("nginx stayed: %+v", res)
			}
			w.same(t, before, keptByDesign...)
			continue
		}
		if !installed || !unit.Active || !unit.Enabled || !said {
			t.Errorf("%s: installed %t, %+v, said %t: %+v", name, installed, unit, said, res)
		}
	}
}

// What one phase leaves and an older one takes is not said to be kept.
func TestKeptIsStillThere(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.ufw()
	w.mustApply(t, nativePlan())
	current := steps.CertsDir + "/" + shop.Name + "/current"
	w.File(steps.CertsDir+"/"+shop.Name+"/v-renewed/key.pem", "the key of a renewal")
	w.Put(current, host.File{Mode: fs.ModeSymlink | 0o777, Link: "v-renewed"})
	res, err := w.Undo(t.Context(), "", nil)
	if _, gone := w.ReadFile(current); err != nil || gone == nil {
		t.Fatalf("%+v, %v, %v", res, err, gone)
	}
	for _, line := range res.Kept {
		if strings.HasPrefix(line, current+":") {
			t.Errorf("kept: %s", line)
		}
	}
}

// A link into the certificate store is not put back to a version that is gone.
func TestUndoLeavesNoDanglingCertificate(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.ufw()
	w.prober.fail[true] = "chain.trusted"
	if res, _, err := w.apply(t, nativePlan()); res.Outcome != steps.OutcomePartial {
		t.Fatal(res, err)
	}
	w.prober.fail = nil
	w.mustApply(t, nativePlan())
	w.Take(steps.CertsDir + "/" + shop.Name + "/v-local")
	res, err := w.Undo(t.Context(), "", nil)
	if f, _ := w.ReadFile(steps.CertsDir + "/" + shop.Name + "/current"); err != nil || f.Link != "v-acme" || len(res.Kept) == 0 {
		t.Errorf("current is %q: %+v, %v", f.Link, res, err)
	}
}

// Packages have configuration outside of their own folder too: who edited that uses them.
func TestPackageStaysForItsDefaults(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"/etc/default/nginx", "/etc/logrotate.d/nginx", "/etc/init.d/nginx", "/etc/ufw/applications.d/nginx"} {
		w := newWorld(t)
		w.ufw()
		w.d.Archive["nginx"].Files[name] = "as packaged\n"
		w.mustApply(t, nginxPlan("server {}\n"))
		w.File(name, "mine\n")
		res, err := w.Undo(t.Context(), "", nil)
		if err != nil || w.Content(name) != "mine\n" {
			t.Fatalf("%s: %+v, %v", name, res, err)
		}
		if _, installed := w.d.Installed["nginx"]; !installed || !strings.Contains(strings.Join(res.Kept, "\n"), name+" is yours") {
			t.Errorf("%s: installed %t, kept %q", name, installed, res.Kept)
		}
	}
}

// A dpkg that was killed while it worked for us is brought to its end, also when nothing of ours is left: apt-get would do
// nothing for anybody any more.
func TestRevertEndsWhatDpkgWasKilledIn(t *testing.T) {
	t.Parallel()
	const update = "/var/lib/dpkg/updates/0001"
	w := newWorld(t)
	w.File(update, "")
	w.Tool(host.Output{}, "dpkg", "--force-confold", "--configure", "-a")
	w.after["dpkg --force-confold --configure -a"] = func() {
		if w.Content(policyFile) != string(policy) {
			t.Error("the policy is gone before dpkg has ended: services would be started")
		}
		w.Take(update)
	}
	u := w.undoing(newJournal(w.machine, manifest{}), newFeed(nil), func(int) bool { return true }, true)
	for n, seen := range []*Seen{nil, {Packages: []string{"nginx"}}} {
		w.File(policyFile, string(policy))
		if err := u.removePackages(t.Context(), &PackageState{Names: []string{"nginx"}}, seen); err != nil {
			t.Fatal(err)
		}
		if w.Exists(policyFile) {
			t.Errorf("%+v: the policy is left", seen)
		}
		if done := w.ran(0, "run dpkg --force-confold --configure"); len(done) != n || w.Exists(update) != (n == 0) {
			t.Errorf("%+v: %q", seen, w.Mutations())
		}
	}
}

// What an undo that was killed left of its own writing is swept, in every folder in which it writes.
func TestRevertSweepsWhereItWrites(t *testing.T) {
	t.Parallel()
	const temp = "/.sslwizard-ABCDEFGHIJKLMNOPQRSTUVWXYZ"
	w := newWorld(t)
	w.ufw()
	w.File("/etc/nginx/mine/own.conf", "mine\n")
	before := w.Snapshot()
	w.mustApply(t, nginxPlan("server {}\n"))
	w.mustApply(t, userPlan())
	for _, dir := range []string{"/etc", "/etc/ufw", "/etc/nginx/mine", "/etc/nginx/conf.d"} {
		w.File(dir+temp, "half")
	}
	if _, err := w.UndoAll(t.Context(), false, nil); err != nil {
		t.Fatal(err)
	}
	w.same(t, before, keptByDesign...)
}

// A run whose disk refused the write, and then the clearing away of what was written of it, clears it away when it is taken back.
func TestFailedRunLeavesNoTemp(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.ufw()
	w.mustApply(t, nginxPlan("server { one; }\n"))
	before := w.Snapshot()
	w.nginx.reload = func(context.Context, host.Host, string) error {
		w.nginx.reload = nil // the one of the undoing works
		w.File("/etc/nginx/conf.d/.sslwizard-ABCDEFGHIJKLMNOPQRSTUVWXYZ", "half")
		return errBroken
	}
	if res, _, err := w.apply(t, nginxPlan("server { two; }\n")); res.Outcome != steps.OutcomeReverted {
		t.Fatalf("%+v, %v", res, err)
	}
	w.same(t, before, keptByDesign...)
}

// A way back that ended in the middle has started nginx before its files were all there again. The next one has it read them.
func TestServiceThatWasStartedEarlyIsReloaded(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.ufw()
	w.mustApply(t, nginxPlan("server { one; }\n"))
	w.d.Units["gone.service"] = &systemtest.Unit{Active: true, Enabled: true}
	before := w.Snapshot()
	stop := steps.Plan{Executor: "nginx", Changes: []steps.Change{
		steps.RemoveFile{For: steps.For(steps.IDInstall), Path: nginxFile},
		steps.DisableUnit{For: steps.For(steps.IDInstall), Unit: "nginx.service"},
		steps.DisableUnit{For: steps.For(steps.IDInstall), Unit: "gone.service"},
	}}
	w.FailOn(func(m string) error {
		if m == "write "+nginxFile || strings.HasSuffix(m, "disable gone.service") {
			return full{}
		}
		return nil
	})
	if res, _, err := w.apply(t, stop); res.Outcome != steps.OutcomeInconsistent {
		t.Fatalf("%+v, %v", res, err)
	}
	w.FailOn(nil)
	n := len(w.Mutations())
	if _, found, err := w.Recover(t.Context(), nil); err != nil || !found {
		t.Fatal(found, err)
	}
	if len(w.ran(n, "run systemctl reload-or-restart nginx.service")) != 1 {
		t.Errorf("%q", w.Mutations()[n:])
	}
	w.same(t, before, keptByDesign...)
}
