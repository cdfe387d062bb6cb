package apply

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/c93d5bcb/sslwizard/steps"
	"github.com/c93d5bcb/sslwizard/system/systemtest"
)

// switchPlan takes the site over from the native executor.
func switchPlan() steps.Plan {
	p := nginxPlan("server {}\n")
	at := slices.IndexFunc(p.Changes, func(c steps.Change) bool { _, ok := c.(steps.Verify); return ok })
	p.Changes = slices.Insert(p.Changes, at, takeOver()...)
	return p
}

// takeOver is what a plan has for the executor that goes.
func takeOver() []steps.Change {
	var all []steps.Change
	for _, c := range removalPlan().Changes {
		switch change := c.(type) {
		case steps.Drain:
			change.HandOver = true
			all = append(all, change)
		case steps.RemoveFile:
			if change.Path != steps.SiteFile(shop.Name) {
				all = append(all, c)
			}
		default:
			all = append(all, c)
		}
	}
	return all
}

// switchBackPlan is the way back, by another run.
func switchBackPlan() steps.Plan {
	p := nativePlan()
	at := slices.IndexFunc(p.Changes, func(c steps.Change) bool { _, ok := c.(steps.Verify); return ok })
	in := steps.For(steps.IDInstall)
	p.Changes = slices.Insert(p.Changes, at, []steps.Change{
		steps.RemoveFile{For: in, Path: nginxFile},
		steps.Drain{For: in, Unit: "nginx.service", HandOver: true},
		steps.DisableUnit{For: in, Unit: "nginx.service"},
	}...)
	return p
}

// serving fails the test at the first mutation after which nothing serves: neither nginx with its file nor the native
// service with its unit.
func (w *world) serving(t *testing.T) {
	t.Helper()
	w.FailOn(func(m string) error {
		native := w.d.Units["sslwizard.service"]
		nginx := w.d.Units["nginx.service"]
		if (native == nil || !native.Active) && (nginx == nil || !nginx.Active) {
			t.Errorf("nothing serves before %q", m)
		}
		return nil
	})
}

// switched is a machine on which the executor was changed by the last of the plans.
func switched(t *testing.T, plans ...steps.Plan) (*world, systemtest.Snapshot) {
	t.Helper()
	w := newWorld(t)
	w.ufw()
	w.migration("0")
	var before systemtest.Snapshot
	for _, plan := range plans {
		before = w.Snapshot()
		w.mustApply(t, plan)
	}
	return w, before
}

func switches() map[string][]steps.Plan {
	return map[string][]steps.Plan{
		"native to nginx": {nativePlan(), switchPlan()},
		"nginx to native": {nginxPlan("server {}\n"), switchBackPlan()},
	}
}

// The undo of a switch leaves no moment in which nobody serves, and the kernel hands over what waits.
func TestUndoOfASwitchHandsOver(t *testing.T) {
	t.Parallel()
	for name, plans := range switches() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w, before := switched(t, plans...)
			n := len(w.Mutations())
			w.serving(t)
			if res, err := w.Undo(t.Context(), "", nil); err != nil || res.Outcome != steps.OutcomeDone {
				t.Fatalf("%+v, %v", res, err)
			}
			w.same(t, before, keptByDesign...)
			told := w.ran(n, "run tee ")
			stopped := w.ran(n, "run systemctl stop ")
			if len(told) != 2 || len(stopped) == 0 {
				t.Errorf("the kernel was told %d times:\n%s", len(told), strings.Join(w.Mutations()[n:], "\n"))
			}
			m := w.Mutations()[n:]
			if on, off := slices.Index(m, told[0]), slices.Index(m, stopped[0]); on > off {
				t.Errorf("stopped before the kernel was told:\n%s", strings.Join(m, "\n"))
			}
		})
	}
}

// A switch that failed its verification is taken back in the same way.
func TestFailedSwitchHandsBack(t *testing.T) {
	t.Parallel()
	for name, plans := range switches() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w, _ := switched(t, plans[0])
			before := w.Snapshot()
			w.serving(t)
			w.prober.fail[false] = "tls.versions"
			if res, _, err := w.apply(t, plans[1]); err == nil || res.Outcome != steps.OutcomeReverted {
				t.Fatalf("%+v, %v", res, err)
			}
			w.same(t, before, keptByDesign...)
		})
	}
}

// The undo of a switch may be killed before each of its mutations.
func TestUndoOfASwitchSurvivesKills(t *testing.T) {
	t.Parallel()
	for name, plans := range switches() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for n := 1; ; n++ {
				w, before := switched(t, plans...)
				from := len(w.Mutations())
				w.DieAt(n)
				_, _ = w.Undo(t.Context(), "", nil)
				died := w.Dead()
				w.Revive()
				if told := w.ran(from, "run tee "); len(told) == 1 {
					w.File(migrateRequests, "1\n") // what it did
				}
				w.after["tee "+migrateRequests] = func() { w.File(migrateRequests, "0\n") }
				if _, _, err := w.Recover(t.Context(), nil); err != nil {
					t.Fatalf("n=%d: %v", n, err)
				}
				if w.Exists(steps.JournalDir) {
					t.Fatalf("n=%d: the undo is still open", n)
				}
				if w.preview(t, plans[len(plans)-1]).Pending() {
					w.same(t, before, keptByDesign...)
				} else if n > 8 {
					t.Error("nothing was undone")
				}
				if t.Failed() {
					t.Fatalf("n=%d: %s", n, strings.Join(w.Mutations()[from:], "\n"))
				}
				if !died {
					break
				}
			}
		})
	}
}

// Where both cannot run at once after all, what serves now stops and what served before is started then.
func TestUndoOfASwitchWithoutSharedPorts(t *testing.T) {
	t.Parallel()
	w, before := switched(t, nginxPlan("server {}\n"), switchBackPlan())
	w.d.Units["nginx.service"].FailStart = "the port is in use"
	w.after["systemctl stop sslwizard.service"] = func() { w.d.Units["nginx.service"].FailStart = "" }
	if res, err := w.Undo(t.Context(), "", nil); err != nil || res.Outcome != steps.OutcomeDone {
		t.Fatalf("%+v, %v", res, err)
	}
	w.same(t, before, keptByDesign...)
	if !w.d.Units["nginx.service"].Active {
		t.Error("nginx does not run")
	}
}

// What served before is not started on files that are not all back: it would go on with what it found.
func TestUndoOfASwitchWaitsForTheFiles(t *testing.T) {
	t.Parallel()
	w, before := switched(t, nativePlan(), switchPlan())
	n, failed := len(w.Mutations()), false
	write := "write " + steps.SiteFile(shop.Name)
	w.FailOn(func(m string) error {
		if m != write || failed {
			return nil
		}
		failed = true
		return errBroken
	})
	if res, err := w.Undo(t.Context(), "", nil); err != nil || res.Outcome != steps.OutcomeDone {
		t.Fatalf("%+v, %v", res, err)
	}
	w.same(t, before, keptByDesign...)
	written, started := "", ""
	for i, m := range w.Mutations()[n:] {
		switch {
		case m == write:
			written = fmt.Sprintf("%04d", i)
		case strings.HasPrefix(m, "run systemctl start ") && started == "":
			started = fmt.Sprintf("%04d", i)
		}
	}
	if !failed || started == "" || started < written {
		t.Errorf("started before its files were back:\n%s", strings.Join(w.Mutations()[n:], "\n"))
	}
}
