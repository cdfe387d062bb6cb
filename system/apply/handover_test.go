package apply

import (
	"slices"
	"strings"
	"testing"

	"github.com/c93d5bcb/sslwizard/steps"
	"github.com/c93d5bcb/sslwizard/system/host"
	"github.com/c93d5bcb/sslwizard/system/systemtest"
)

// migration is the kernel's setting, written as a root with tee writes it.
func (w *world) migration(value string) {
	w.File(migrateRequests, value+"\n")
	w.Answer(func(c host.Command) (host.Output, bool) {
		return host.Output{}, slices.Equal(c.Argv, []string{"tee", migrateRequests})
	})
}

func handOverPlan() steps.Plan {
	return steps.Plan{Changes: []steps.Change{steps.Drain{For: steps.For(steps.IDInstall), Unit: "sslwizard.service", HandOver: true}}}
}

// A unit that hands over its ports stops while the kernel passes on what waits for it, and only then.
func TestHandOver(t *testing.T) {
	t.Parallel()
	tee, stop := "run tee "+migrateRequests, "run systemctl stop sslwizard.service"
	for value, want := range map[string][]string{"0": {tee, stop, tee}, "1": {stop}, "": {stop}} {
		w := newWorld(t)
		w.d.Units["sslwizard.service"] = &systemtest.Unit{Active: true}
		if value != "" {
			w.migration(value)
		}
		w.mustApply(t, handOverPlan())
		var ran []string
		for _, m := range w.Mutations() {
			if m == tee || m == stop {
				ran = append(ran, m)
			}
		}
		if !slices.Equal(ran, want) {
			t.Errorf("with %q:\n%s\nwant\n%s", value, strings.Join(ran, "\n"), strings.Join(want, "\n"))
		}
	}
}

// A kernel that may not be told keeps no unit from stopping.
func TestHandOverWithoutTheKernel(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.d.Units["sslwizard.service"] = &systemtest.Unit{Active: true}
	w.File(migrateRequests, "0\n")
	w.Expect(systemtest.Exit(1, "tee: Read-only file system"), "tee", migrateRequests)
	w.mustApply(t, handOverPlan())
	if w.d.Units["sslwizard.service"].Active {
		t.Error("the unit was not stopped")
	}
}

// What a run left switched on that was killed before the unit had stopped is switched back.
func TestHandOverIsTakenBack(t *testing.T) {
	t.Parallel()
	tee := "run tee " + migrateRequests
	for n := 1; ; n++ {
		w := newWorld(t)
		w.d.Units["sslwizard.service"] = &systemtest.Unit{Active: true}
		w.migration("0")
		if !w.crash(t, handOverPlan(), n) {
			t.Fatal("no run was killed after it had told the kernel")
		}
		if ran := w.Mutations(); len(ran) == 0 || ran[len(ran)-1] != tee {
			continue
		}
		w.File(migrateRequests, "1\n") // what tee did
		if _, found, err := w.Recover(t.Context(), nil); err != nil || !found {
			t.Fatal(found, err)
		}
		if told := strings.Count(strings.Join(w.Mutations(), "\n"), tee); told != 2 || !w.d.Units["sslwizard.service"].Active {
			t.Errorf("told %d times:\n%s", told, strings.Join(w.Mutations(), "\n"))
		}
		return
	}
}
