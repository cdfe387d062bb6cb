package apply

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/c93d5bcb/sslwizard/e2e/failures"
	"github.com/c93d5bcb/sslwizard/steps"
	"github.com/c93d5bcb/sslwizard/system/host"
	"github.com/c93d5bcb/sslwizard/system/systemtest"
)

// crash applies a plan on a machine whose process is killed just before its n-th mutation, and reports whether it was.
func (w *world) crash(t *testing.T, plan steps.Plan, n int) bool {
	t.Helper()
	shown := w.preview(t, plan)
	w.DieAt(n)
	_, _ = w.Apply(t.Context(), shown, nil)
	died := w.Dead()
	w.Revive()
	w.Engine = New(w.machine, w.services) // another process
	return died
}

// settled checks that the machine is as before, as at the checkpoint, or as asked.
func (w *world) settled(t *testing.T, before systemtest.Snapshot, plan steps.Plan) {
	t.Helper()
	if w.Exists(steps.JournalDir) {
		t.Error("the run is still open")
	}
	f, err := w.ReadFile(steps.CertsDir + "/" + shop.Name + "/current")
	switch {
	case err != nil:
		w.same(t, before)
	case f.Link == "v-local":
		w.checkpointed(t)
		for _, e := range w.preview(t, plan).Effects {
			if _, end := e.Change.(steps.Checkpoint); end {
				break
			}
			if e.Action != steps.Nothing {
				t.Errorf("before the checkpoint %s would still be done", e.Change.Key())
			}
		}
	default:
		if w.preview(t, plan).Pending() {
			t.Error("the run ended, but the plan is not done")
		}
	}
	records, err := Runs(w.machine)
	if err != nil || len(records) > 0 && records[0].Outcome == steps.OutcomeDone && w.preview(t, plan).Pending() {
		t.Errorf("the journal says %+v, but the plan is not done (%v)", records, err)
	}
	if res, found, err := w.Recover(t.Context(), nil); found || err != nil {
		t.Errorf("recovered twice: %+v, %v", res, err)
	}
}

// TestRecoverAfterEveryKill kills a run before each of its mutations: the next process finds two outcomes only.
func TestRecoverAfterEveryKill(t *testing.T) {
	t.Parallel()
	for name, plan := range plans() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			points, named := 0, 0
			for n := 1; ; n++ {
				w := newWorld(t)
				w.ufw()
				before := w.Snapshot()
				if !w.crash(t, plan, n) {
					break
				}
				points++
				open := w.Exists(steps.JournalDir)
				res, found, err := w.Recover(t.Context(), nil)
				if err != nil || found != open {
					t.Fatalf("n=%d: %+v, %t, %v", n, res, found, err)
				}
				failures.MetError(t, res.Err)
				if why, ok := res.Err.(*steps.Failure); res.Err != nil && (!ok || why.Code != "H03" || len(why.Fixes) == 0) {
					t.Errorf("n=%d: what was undone says %v", n, res.Err)
				} else if ok {
					named++
				}
				w.settled(t, before, plan)
				if t.Failed() {
					t.Fatalf("n=%d: after %q", n, w.Mutations())
				}
			}
			if points < 30 || named < 20 {
				t.Errorf("only %d kills, of which %d are named", points, named)
			}
		})
	}
}

// TestRecoverSurvivesItsOwnKill kills a run, and then its recovery before each of its mutations.
func TestRecoverSurvivesItsOwnKill(t *testing.T) {
	t.Parallel()
	for name, plan := range plans() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			total := countMutations(t, plan)
			for n := 8; n <= total; n += 7 {
				for k := 1; twice(t, plan, n, k); k++ {
				}
			}
		})
	}
}

// twice reports whether the recovery was long enough to be killed at its k-th mutation.
func twice(t *testing.T, plan steps.Plan, n, k int) bool {
	t.Helper()
	w := newWorld(t)
	w.ufw()
	before := w.Snapshot()
	w.crash(t, plan, n)
	w.DieAt(k)
	_, _, _ = w.Recover(t.Context(), nil)
	died := w.Dead()
	w.Revive()
	if _, _, err := w.Recover(t.Context(), nil); err != nil {
		t.Fatalf("n=%d, k=%d: %v", n, k, err)
	}
	w.settled(t, before, plan)
	if t.Failed() {
		t.Fatalf("n=%d, k=%d: %s", n, k, strings.Join(w.Mutations(), "\n"))
	}
	return died
}

// TestUndoSurvivesKills kills an undo before each of its mutations: the next process brings it to its end.
func TestUndoSurvivesKills(t *testing.T) {
	t.Parallel()
	for name, plan := range plans() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for n := 1; ; n++ {
				w := newWorld(t)
				w.ufw()
				before := w.Snapshot()
				w.mustApply(t, plan)
				w.DieAt(n)
				_, _ = w.Undo(t.Context(), "", nil)
				died := w.Dead()
				w.Revive()
				if _, _, err := w.Recover(t.Context(), nil); err != nil {
					t.Fatalf("n=%d: %v", n, err)
				}
				if w.preview(t, plan).Pending() {
					w.same(t, before, keptByDesign...)
				} else if n > 8 {
					t.Error("nothing was undone")
				}
				if t.Failed() {
					t.Fatalf("n=%d: %s", n, strings.Join(w.Mutations(), "\n"))
				}
				if !died {
					break
				}
			}
		})
	}
}

// A run that was killed is recovered by the next one, whatever that is.
func TestApplyRecoversFirst(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.ufw()
	shown := w.preview(t, nativePlan())
	if !w.crash(t, nativePlan(), 25) {
		t.Fatal("not killed")
	}
	var events []steps.Event
	res, err := w.Apply(t.Context(), shown, func(e steps.Event) { events = append(events, e) })
	if err != nil || res.Outcome != steps.OutcomeDone {
		t.Fatalf("%+v, %v", res, err)
	}
	if !slices.ContainsFunc(events, func(e steps.Event) bool { return e.Status == steps.Undone }) {
		t.Error("nothing was taken back first")
	}
}

func TestRecoverKeepsEdits(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.ufw()
	w.mustApply(t, nginxPlan("server { one; }\n"))
	shown := w.preview(t, nginxPlan("server { two; }\n"))
	total := len(w.Mutations())
	w.DieAt(12) // after the file was written
	_, _ = w.Apply(t.Context(), shown, nil)
	w.Revive()
	if w.Content(nginxFile) != "server { two; }\n" {
		t.Fatalf("killed too early: %q", w.Mutations()[total:])
	}
	w.File(nginxFile, "server { mine; }\n")
	res, found, err := w.Recover(t.Context(), nil)
	if !found || err != nil || len(res.Kept) != 1 || w.Content(nginxFile) != "server { mine; }\n" {
		t.Errorf("%+v, %v", res, err)
	}
}

// Damage to the journal stops everything; nothing is guessed.
func TestDamagedJournal(t *testing.T) {
	t.Parallel()
	cases := []struct {
		name, file, content, code string
	}{
		{"half a manifest", manifestName, `{"version": 1, "id"`, "H05"},
		{"a newer version", manifestName, `{"version": 2, "id": "ID"}`, "H04"},
		{"another run", manifestName, `{"version": 1, "id": "20000101-000000-0001"}`, "H05"},
		{"half a phase", "phase-0.json", `{`, "H05"},
		{"half a log", eventsName, `{`, "H05"},
		{"an empty phase", "phase-0.json", "null\n", "H05"},
		{"a phase that nobody wrote", "phase-0.json", `{"number": 0, "entries": []}` + "\n", "H05"},
		{"another phase", "phase-0.json", string(sealed([]byte(`{"number": 1}` + "\n"))), "H05"},
		{"no phase", "phase-0.json", "", "H05"},
		{"a change before the plan", "phase-0.json", string(sealed([]byte(`{"entries": [{"index": -1}]}` + "\n"))), "H05"},
		{"a change after the plan", "phase-0.json", string(sealed([]byte(`{"entries": [{"index": 99999}]}` + "\n"))), "H05"},
		{"a phase without what was begun", "phase-0.json", string(sealed([]byte(`{"entries": [{"index": 0}]}` + "\n"))), "H05"},
	}
	for _, c := range cases {
		w := newWorld(t)
		w.ufw()
		w.crash(t, nativePlan(), 30)
		f, err := w.ReadFile(steps.JournalDir)
		if err != nil {
			t.Fatal(err)
		}
		id := strings.TrimPrefix(f.Link, "done/")
		w.File(steps.DoneDir+"/"+id+"/"+c.file, strings.ReplaceAll(c.content, "ID", id))
		if c.content == "" {
			w.Take(steps.DoneDir + "/" + id + "/" + c.file)
		}
		before := w.Snapshot()
		_, found, err := w.Recover(t.Context(), nil)
		failure, ok := err.(*steps.Failure)
		failures.MetError(t, err)
		if !found || !ok || failure.Code != c.code || len(failure.Fixes) == 0 {
			t.Errorf("%s: %t, %v", c.name, found, err)
		}
		w.same(t, before)
	}
}

func TestTamperedBackupIsRefused(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.ufw()
	w.mustApply(t, nginxPlan("server { one; }\n"))
	res := w.mustApply(t, nginxPlan("server { two; }\n"))
	dir := steps.DoneDir + "/" + res.Run + "/" + backupDir
	f, err := w.ReadFile(dir)
	if err != nil || len(f.Entries) == 0 {
		t.Fatalf("no backups: %v", err)
	}
	for _, name := range f.Entries {
		w.Put(dir+"/"+name, host.File{Data: []byte("evil"), Mode: 0o600})
	}
	res, err = w.Undo(t.Context(), "", nil)
	if res.Outcome != steps.OutcomeInconsistent || err == nil || w.Content(nginxFile) != "server { two; }\n" {
		t.Errorf("%+v, %v: %s", res, err, w.Content(nginxFile))
	}
	var named *steps.Failure
	failures.MetError(t, err)
	if !errors.As(err, &named) || named.Code != "X07" || len(named.Fixes) == 0 {
		t.Errorf("what was tampered with has no name: %v", err)
	}
}

// TestWriteFailsLate has every write in turn fail after it took effect, with and without a kill while it is taken back.
func TestWriteFailsLate(t *testing.T) {
	t.Parallel()
	for name, plan := range plans() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for n := 1; failLate(t, plan, n, 0); n++ {
				failLate(t, plan, n, 1+n%5)
			}
		})
	}
}

// TestRecordFailsLate does it for the two records that decide how far a run came, with every kill after it.
func TestRecordFailsLate(t *testing.T) {
	t.Parallel()
	for _, record := range []string{phaseName(1), resultName} {
		w := newWorld(t)
		w.ufw()
		w.mustApply(t, nativePlan())
		writes := w.ran(0, "write ")
		n := 1 + slices.IndexFunc(writes, func(m string) bool { return strings.HasSuffix(m, record) })
		for k := 1; k <= 45; k++ {
			failLate(t, nativePlan(), n, k)
		}
	}
}

// failLate reports whether there was an n-th write; k is the mutation after it at which the process is killed.
func failLate(t *testing.T, plan steps.Plan, n, k int) bool {
	t.Helper()
	w := newWorld(t)
	w.ufw()
	before := w.Snapshot()
	shown := w.preview(t, plan)
	w.late = n
	if k > 0 {
		w.after["late"] = func() { w.DieAt(k) }
	}
	res, err := w.Apply(t.Context(), shown, nil)
	w.Revive()
	if _, _, err := w.Recover(t.Context(), nil); err != nil {
		t.Fatalf("n=%d, k=%d: %v", n, k, err)
	}
	w.settled(t, before, plan)
	if t.Failed() {
		t.Fatalf("n=%d, k=%d: %+v, %v\n%s", n, k, res, err, strings.Join(w.Mutations(), "\n"))
	}
	return w.late <= 0
}

// Undo after a kill takes the interrupted run back, and not the one before it as well.
func TestUndoOfAnInterruptedRun(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.ufw()
	w.mustApply(t, nginxPlan("server { one; }\n"))
	if !w.crash(t, nginxPlan("server { two; }\n"), 11) {
		t.Fatal("not killed")
	}
	var said []string
	res, err := w.Undo(t.Context(), "", func(e steps.Event) {
		if e.Status != steps.Started { // printers leave those out
			said = append(said, e.Text)
		}
	})
	if err != nil || res.Outcome != steps.OutcomeReverted || w.Content(nginxFile) != "server { one; }\n" {
		t.Errorf("%+v, %v: %q", res, err, w.Content(nginxFile))
	}
	if len(said) == 0 || !strings.Contains(said[0], "never ended") {
		t.Errorf("nobody is told why things are taken back: %q", said)
	}
}
