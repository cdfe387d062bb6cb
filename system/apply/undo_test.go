package apply

import (
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"testing"

	"github.com/c93d5bcb/sslwizard/steps"
	"github.com/c93d5bcb/sslwizard/system/host"
	"github.com/c93d5bcb/sslwizard/system/systemtest"
)

// threeRuns sets up, switches the executor and edits the site: every later run has a past that a former one made.
func threeRuns(t *testing.T) (*world, systemtest.Snapshot, string) {
	t.Helper()
	w := newWorld(t)
	w.ufw()
	w.migration("0")
	before := w.Snapshot()
	first := w.mustApply(t, nativePlan())
	w.mustApply(t, switchPlan())
	w.mustApply(t, nginxPlan("server { two; }\n"))
	return w, before, first.Run
}

// clean checks that everything is as it was, without leftovers of an undo that came by twice.
func (w *world) clean(t *testing.T, before systemtest.Snapshot, except ...string) {
	t.Helper()
	w.same(t, before, except...)
	for _, m := range w.Mutations() {
		if strings.Contains(m, ".sslwizard-saved") || strings.Contains(m, ".sslwizard-kept") {
			t.Errorf("%s", m)
		}
	}
}

// A run of which nothing is left is none that can be undone: who says undo after it means the one before.
func TestUndoPassesOverARunThatLeftNothing(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.ufw()
	before := w.Snapshot()
	w.prober.fail[true] = "chain.trusted"
	first, _, _ := w.apply(t, nativePlan())
	second, _, err := w.apply(t, nativePlan())
	if first.Run == "" || second.Outcome != steps.OutcomePartial || err == nil || second.Run != "" {
		t.Fatalf("first %+v, second %+v, %v", first, second, err)
	}
	records, err := Runs(w.machine)
	if err != nil || len(records) != 2 {
		t.Fatalf("%+v, %v", records, err)
	}
	if _, err := w.Undo(t.Context(), records[0].ID, nil); err == nil {
		t.Error("a run that left nothing was undone")
	}
	if res, err := w.Undo(t.Context(), "", nil); err != nil || res.Outcome != steps.OutcomeDone {
		t.Errorf("%+v, %v", res, err)
	}
	w.same(t, before, keptByDesign...)
}

// An undo of several runs is killed before each of its mutations: the next process goes on where it was, and does not
// bring back what only the newer runs had found.
func TestUndoOfSeveralRunsSurvivesKills(t *testing.T) {
	t.Parallel()
	for n := 1; ; n++ {
		w, before, first := threeRuns(t)
		w.DieAt(n)
		_, _ = w.Undo(t.Context(), first, nil)
		died, open := w.Dead(), w.Exists(steps.JournalDir)
		w.Revive()
		if _, _, err := w.Recover(t.Context(), nil); err != nil {
			t.Fatalf("n=%d: %v\n%s", n, err, strings.Join(w.Mutations(), "\n"))
		}
		if !died || open {
			w.clean(t, before, keptByDesign...)
		}
		if t.Failed() {
			t.Fatalf("n=%d: %s", n, strings.Join(w.Mutations(), "\n"))
		}
		if !died {
			return
		}
	}
}

// An uninstall that is killed anywhere is brought to its end by the next one.
func TestUninstallSurvivesKills(t *testing.T) {
	t.Parallel()
	for n := 1; ; n++ {
		w, before, _ := threeRuns(t)
		w.DieAt(n)
		_, _ = w.UndoAll(t.Context(), false, nil)
		died := w.Dead()
		w.Revive()
		if _, err := w.UndoAll(t.Context(), false, nil); err != nil {
			t.Fatalf("n=%d: %v\n%s", n, err, strings.Join(w.Mutations(), "\n"))
		}
		w.clean(t, before)
		if t.Failed() {
			t.Fatalf("n=%d: %s", n, strings.Join(w.Mutations(), "\n"))
		}
		if !died {
			return
		}
	}
}

// An undo whose runs cannot all be read is not begun: it would stay open, in the way of everything else.
func TestUndoOfADamagedRunIsNotBegun(t *testing.T) {
	t.Parallel()
	w, _, first := threeRuns(t)
	w.File(steps.DoneDir+"/"+first+"/"+phaseName(0), "{")
	before := w.Snapshot()
	if res, err := w.Undo(t.Context(), first, nil); err == nil || res.Run != "" || w.Exists(steps.JournalDir) {
		t.Errorf("%+v, %v", res, err)
	}
	w.same(t, before)
	if _, err := w.Undo(t.Context(), "", nil); err != nil {
		t.Errorf("the newest run is whole: %v", err)
	}
}

// A run is taken back as it was recorded or not at all: the disk gives a byte of it back wrong, or the end of a file, or
// the file not at all.
func TestUndoOfARunThatIsNotWhatWasWritten(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.ufw()
	res := w.mustApply(t, nativePlan())
	dir := steps.DoneDir + "/" + res.Run + "/"
	before := w.Snapshot()
	for _, name := range []string{manifestName, phaseName(0), phaseName(1), eventsName, resultName} {
		whole := w.Content(dir + name)
		refused := func(what string) {
			t.Helper()
			got, err := w.Undo(t.Context(), "", nil)
			f, ok := errors.AsType[*steps.Failure](err)
			if !ok || f.Code != "H05" && f.Code != "H04" || got.Run != "" {
				t.Errorf("%s, %s: %+v, %v", name, what, got, err)
			}
			w.File(dir+name, whole)
			w.same(t, before)
		}
		for at := 0; at < len(whole); at += 1 + len(whole)/40 {
			wrong := []byte(whole)
			wrong[at] ^= 1
			w.File(dir+name, string(wrong))
			refused(fmt.Sprintf("the byte %d", at))
			w.File(dir+name, whole[:at])
			refused(fmt.Sprintf("the first %d bytes", at))
		}
		if name != resultName { // without a result it is a run that never began
			w.Take(dir + name)
			refused("the file")
		}
		if t.Failed() {
			return
		}
	}
	if res, err := w.Undo(t.Context(), "", nil); err != nil || res.Outcome != steps.OutcomeDone {
		t.Errorf("the whole run: %+v, %v", res, err)
	}
}

// A newer version may seal its records in another way, and mean another thing by them: that is said, and nothing is done after it
// either, an undo of an older run or a run of ours.
func TestRunOfANewerVersion(t *testing.T) {
	t.Parallel()
	w, _, first := threeRuns(t)
	runs, err := listRuns(w)
	if err != nil {
		t.Fatal(err)
	}
	newest := runs[len(runs)-1].m.ID
	w.File(steps.DoneDir+"/"+newest+"/"+manifestName, `{"version": 2, "sealed": "otherwise"}`)
	before := w.Snapshot()
	wantNewer := func(what string, err error) {
		t.Helper()
		if f, ok := errors.AsType[*steps.Failure](err); !ok || f.Code != "H04" || !strings.Contains(f.Text, newest) {
			t.Errorf("%s: %v", what, err)
		}
		w.same(t, before)
	}
	_, err = w.Undo(t.Context(), "", nil)
	wantNewer("undo", err)
	_, err = w.Undo(t.Context(), first, nil)
	wantNewer("undo of the first", err)
	_, err = w.Preview(t.Context(), w, nativePlan())
	wantNewer("preview", err)
	_, err = Runs(w)
	wantNewer("the list", err)
}

// What was set up cannot be taken back without the log: then its certificates are not removed either.
func TestUninstallWithoutTheLog(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.ufw()
	w.mustApply(t, nativePlan())
	if err := removeAll(w, steps.DoneDir); err != nil {
		t.Fatal(err)
	}
	before := w.Snapshot()
	res, err := w.UndoAll(t.Context(), false, nil)
	if f, ok := errors.AsType[*steps.Failure](err); !ok || f.Code != "H05" || len(f.Fixes) == 0 || res.Outcome != "" {
		t.Errorf("%+v, %v", res, err)
	}
	w.same(t, before)
}

// A link to a run that is gone is damage, and said to be.
func TestJournalOfALostRun(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.ufw()
	if !w.crash(t, nativePlan(), 20) {
		t.Fatal("not killed")
	}
	f, err := w.ReadFile(steps.JournalDir)
	if err != nil {
		t.Fatal(err)
	}
	w.Take(steps.StateDir + "/" + f.Link + "/" + manifestName)
	_, found, err := w.Recover(t.Context(), nil)
	if failure, ok := err.(*steps.Failure); !found || !ok || failure.Code != "H05" {
		t.Errorf("%t, %v", found, err)
	}
}

// A unit that could not be disabled keeps its file: without it nothing could disable it any more. The next start goes on.
func TestUndoStopsWhereAUnitStaysEnabled(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.ufw()
	before := w.Snapshot()
	w.mustApply(t, nativePlan())
	w.FailOn(func(m string) error {
		if strings.HasPrefix(m, "run systemctl disable ") {
			return errBroken
		}
		return nil
	})
	res, err := w.Undo(t.Context(), "", nil)
	if err == nil || res.Outcome != steps.OutcomeInconsistent || !w.Exists(serviceFile) {
		t.Fatalf("%+v, %v", res, err)
	}
	w.FailOn(nil)
	if _, found, err := w.Recover(t.Context(), nil); !found || err != nil {
		t.Fatal(err)
	}
	w.same(t, before, keptByDesign...)
}

// An uninstall takes away what a killed or failed write left in our own folder too.
func TestUninstallSweepsOurFolder(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.ufw()
	w.mustApply(t, nativePlan())
	w.Put(steps.StateDir+"/.sslwizard-ABCDEFGHIJKLMNOPQRSTUVWXYZ", host.File{Mode: fs.ModeSymlink, Link: "done/x"})
	failed := false
	w.FailOn(func(m string) error {
		if m != "remove "+steps.JournalDir || failed {
			return nil
		}
		failed = true
		return errBroken
	})
	if res, err := w.UndoAll(t.Context(), false, nil); err != nil || !failed || w.Exists(steps.StateDir) {
		t.Errorf("%+v, %v: %t", res, err, failed)
	}
}
