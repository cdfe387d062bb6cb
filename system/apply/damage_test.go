package apply

import (
	"bytes"
	"errors"
	"path"
	"testing"

	"github.com/c93d5bcb/sslwizard/steps"
	"github.com/c93d5bcb/sslwizard/system/host"
)

// interrupted is a machine with a short run that was killed in the middle, and the folder of that run.
func interrupted(t *testing.T) (*world, string) {
	t.Helper()
	w := newWorld(t)
	w.ufw()
	plan := nativePlan()
	plan.Changes = plan.Changes[:8]
	if !w.crash(t, plan, 18) {
		t.Fatal("not killed")
	}
	link, err := w.ReadFile(steps.JournalDir)
	if err != nil {
		t.Fatal(err)
	}
	return w, path.Join(steps.StateDir, link.Link)
}

// TestEveryByteOfTheJournal has the disk give back one bit wrong, in every byte of what recovering goes by. A flipped bit
// may be JSON as well and mean another change: whatever is not what was written is refused, and nothing is touched.
func TestEveryByteOfTheJournal(t *testing.T) {
	t.Parallel()
	w, dir := interrupted(t)
	before := w.Snapshot()
	for _, name := range []string{manifestName, phaseName(0), eventsName} {
		whole, err := w.ReadFile(path.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		for n := range whole.Data {
			turned := bytes.Clone(whole.Data)
			turned[n] ^= 1 << (n % 8)
			w.Put(path.Join(dir, name), host.File{Data: turned, Mode: whole.Mode})
			w.refusesDamage(t, name, n)
			if t.Failed() {
				return
			}
		}
		w.Put(path.Join(dir, name), whole)
	}
	w.same(t, before)
	if _, found, err := w.Recover(t.Context(), nil); !found || err != nil {
		t.Errorf("the journal is whole again: %t, %v", found, err)
	}
}

// TestTheEndOfTheLogIsGone has the log end at every earlier byte, the end of a line too: what was begun last would be left as
// it is.
func TestTheEndOfTheLogIsGone(t *testing.T) {
	t.Parallel()
	w, dir := interrupted(t)
	whole, err := w.ReadFile(path.Join(dir, eventsName))
	if err != nil {
		t.Fatal(err)
	}
	for n := range whole.Data {
		w.Put(path.Join(dir, eventsName), host.File{Data: whole.Data[:n], Mode: whole.Mode})
		w.refusesDamage(t, eventsName, n)
		if t.Failed() {
			return
		}
	}
}

// refusesDamage recovers and wants to be refused, with a name and a way on, before anything is changed.
func (w *world) refusesDamage(t *testing.T, name string, n int) {
	t.Helper()
	changes := len(w.Mutations())
	_, found, err := w.Recover(t.Context(), nil)
	var named *steps.Failure
	if !found || !errors.As(err, &named) || named.Code != "H05" && named.Code != "H04" || len(named.Fixes) == 0 {
		t.Errorf("%s, byte %d: %t, %v", name, n, found, err)
	}
	if done := w.Mutations()[changes:]; len(done) > 0 {
		t.Errorf("%s, byte %d: it changed the machine: %q", name, n, done)
	}
}
