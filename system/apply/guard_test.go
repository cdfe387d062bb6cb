package apply

import (
	"slices"
	"strings"
	"testing"

	"github.com/c93d5bcb/sslwizard/steps"
)

// TestGuardedWhileOpen: whatever a run does to the server it does while the next boot would undo it, and afterwards there is no
// unit for that.
func TestGuardedWhileOpen(t *testing.T) {
	t.Parallel()
	link := guardLink("multi-user.target.wants")
	for name, plan := range plans() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.ufw()
			w.mustApply(t, plan)
			all := w.Mutations()
			from, to := slices.Index(all, "write "+link), slices.Index(all, "remove "+link)
			if from < 0 || to < from || slices.Index(all, "write "+guardFile) > from || slices.Index(all, "write "+steps.JournalDir) > from {
				t.Fatalf("guarded from %d to %d: %q", from, to, all)
			}
			for i, m := range all {
				ours := strings.Contains(m, " "+steps.StateDir) && !strings.HasPrefix(m, "run ") || strings.Contains(m, steps.RecoverService)
				if !ours && (i < from || i > to) {
					t.Errorf("%q is not guarded", m)
				}
			}
			if w.Exists(guardFile) || w.Exists(link) {
				t.Error("the unit is left")
			}
		})
	}
}

// TestBootOnlyAsksUnitsToStart: at boot they wait for the undo, and it may not wait for them.
func TestBootOnlyAsksUnitsToStart(t *testing.T) {
	t.Parallel()
	for name, plan := range plans() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for n := 10; ; n += 5 {
				w := newWorld(t)
				w.ufw()
				before := w.Snapshot()
				if !w.crash(t, plan, n) {
					break
				}
				w.services.Booting = true
				w.Engine = New(w.machine, w.services)
				done := len(w.Mutations())
				if _, _, err := w.Recover(t.Context(), nil); err != nil {
					t.Fatal(err)
				}
				for _, m := range w.Mutations()[done:] {
					if strings.HasPrefix(m, "run systemctl start") || strings.HasPrefix(m, "run systemctl restart") {
						t.Errorf("n=%d: %q waits for who waits for it", n, m)
					}
				}
				w.settled(t, before, plan)
			}
		})
	}
}
