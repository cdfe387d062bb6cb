package apply

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/c93d5bcb/sslwizard/steps"
	"github.com/c93d5bcb/sslwizard/system/systemtest"
)

func TestUnended(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.ufw()
	if id, err := Unended(w.machine); id != "" || err != nil {
		t.Errorf("%q, %v", id, err)
	}
	w.crash(t, nativePlan(), 20)
	if id, err := Unended(w.machine); !validID(id) || err != nil {
		t.Errorf("%q, %v", id, err)
	}
}

// A run is named by what it does: what it takes away, not what it leaves.
func TestWhatARunIs(t *testing.T) {
	t.Parallel()
	if got, want := what(nativePlan()), "apply "+shop.Name+" (native)"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
	p := removalPlan()
	p.Sites = []steps.Site{{Name: "other.example.com"}}
	if got, want := what(p), "remove "+shop.Name+" (native)"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
}

// A run that goes on is told from one that never ended by the lock.
func TestBusy(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	if w.Busy() {
		t.Error("nobody is at work")
	}
	release, err := w.services.Locker.Lock("a test")
	if err != nil {
		t.Fatal(err)
	}
	if !w.Busy() {
		t.Error("somebody is at work")
	}
	release()
	if w.Busy() {
		t.Error("still")
	}
}

// The package lists are fetched when they are older than a day, or do not know the package.
func TestPackageListsAreFetchedWhenStale(t *testing.T) {
	t.Parallel()
	m := newMachine(t)
	v := packagesVerb{}
	f, err := m.ReadFile("/var/lib/apt/lists")
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		age  time.Duration
		name string
		want bool
	}{{time.Hour, "nginx", false}, {25 * time.Hour, "nginx", true}, {time.Hour, "unknown", true}} {
		if got := v.stale(t.Context(), m, f.ModTime.Add(c.age), []string{c.name}); got != c.want {
			t.Errorf("%v old, %s: %t", c.age, c.name, got)
		}
	}
}

// A change of a folder's mode is taken back; a mode that somebody set since stays.
func TestFolderMode(t *testing.T) {
	t.Parallel()
	plan := steps.Plan{Changes: []steps.Change{steps.EnsureDir{For: steps.For(steps.IDInstall), Path: "/srv", Mode: 0o750}}}
	for _, edited := range []bool{false, true} {
		w := newWorld(t)
		w.Dir("/srv", 0o755)
		w.mustApply(t, plan)
		if edited {
			w.Dir("/srv", 0o700)
		}
		res, err := w.Undo(t.Context(), "", nil)
		f, _ := w.ReadFile("/srv")
		if want := map[bool]uint32{false: 0o755, true: 0o700}[edited]; err != nil || uint32(f.Mode.Perm()) != want || edited != (len(res.Kept) == 1) {
			t.Errorf("edited %t: mode %v, %+v, %v", edited, f.Mode, res, err)
		}
	}
}

func TestUnitThatFailsToStart(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.ufw()
	before := w.Snapshot()
	w.d.Units["sslwizard.service"] = &systemtest.Unit{FailStart: "the start limit was hit"}
	res, _, err := w.apply(t, nativePlan())
	if res.Outcome != steps.OutcomeReverted || !strings.Contains(err.Error(), "the journal of the unit") || len(steps.Fixes(err)) == 0 {
		t.Errorf("%+v, %v", res, err)
	}
	w.same(t, before)
}

func TestLockWhereNobodyMayWrite(t *testing.T) {
	t.Parallel()
	root := t.TempDir()
	if err := os.WriteFile(filepath.Join(root, "var"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	_, err := FileLock{Root: root}.Lock("x")
	if err == nil || !strings.HasPrefix(err.Error(), "cannot take the lock") {
		t.Errorf("%v", err)
	}
}

// A visitor who is quicker than us starts the service through its socket. It is waited for like one that we start.
func TestEnableWaitsForWhatIsStarting(t *testing.T) {
	t.Parallel()
	v := enableVerb{steps.EnableUnit{Unit: "sslwizard.service", Start: true}}
	for active, want := range map[string]int{"inactive": 1, "activating": 1, "active": 0, "reloading": 0} {
		if got := v.commands(UnitState{Unit: v.c.Unit, File: "enabled", Active: active}); len(got) != want {
			t.Errorf("%s: %q", active, got)
		}
	}
}

// A unit that the run itself starts has read what was written before; what comes later it has to be told.
func TestReloadAfterStart(t *testing.T) {
	t.Parallel()
	in := steps.For(steps.IDInstall)
	file := func(name string) steps.Change {
		return steps.WriteFile{For: in, Path: name, Content: []byte("x"), Mode: 0o644}
	}
	on := []string{steps.FileKey("/etc/a"), steps.FileKey("/etc/b")}
	start, reload := steps.EnableUnit{For: in, Unit: "nginx.service", Start: true}, steps.Reload{For: in, Executor: "nginx", Unit: "nginx.service", On: on}
	for name, c := range map[string]struct {
		active bool
		plan   []steps.Change
		want   int
	}{
		"started after it":            {false, []steps.Change{file("/etc/a"), start, reload}, 0},
		"it runs already":             {true, []steps.Change{file("/etc/a"), start, reload}, 1},
		"something came later":        {false, []steps.Change{file("/etc/a"), start, file("/etc/b"), reload}, 1},
		"something else came later":   {false, []steps.Change{file("/etc/a"), start, file("/etc/c"), reload}, 0},
		"it is restarted after it":    {true, []steps.Change{file("/etc/a"), start, steps.Restart{For: in, Unit: "nginx.service", On: on}, reload}, 0},
		"it is not started":           {true, []steps.Change{file("/etc/a"), reload}, 1},
		"only at the next boot":       {true, []steps.Change{file("/etc/a"), steps.EnableUnit{For: in, Unit: "nginx.service"}, reload}, 1},
		"another one is started":      {true, []steps.Change{file("/etc/a"), steps.EnableUnit{For: in, Unit: "other.service", Start: true}, reload}, 1},
		"drained, then started again": {true, []steps.Change{steps.Drain{For: in, Unit: "nginx.service"}, file("/etc/a"), start, reload}, 0},
	} {
		w := newWorld(t)
		w.d.Units["nginx.service"] = &systemtest.Unit{Active: c.active}
		w.d.Units["other.service"] = &systemtest.Unit{}
		w.mustApply(t, steps.Plan{Changes: c.plan})
		if got := w.ran(0, "run systemctl reload nginx.service"); len(got) != c.want || !w.d.Units["nginx.service"].Active {
			t.Errorf("%s: %q", name, got)
		}
	}
}
