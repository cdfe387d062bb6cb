package apply

import (
	"errors"
	"strings"
	"syscall"
	"testing"

	"github.com/c93d5bcb/sslwizard/steps"
	"github.com/c93d5bcb/sslwizard/system/systemtest"
)

// broken lets a run get as far as the unit's file; from then on the disk can only be read, but for what lies below one folder.
// It returns what the server was, the mended server, and how the run ended.
func broken(t *testing.T, but string) (*world, systemtest.Snapshot, string, *steps.Failure) {
	t.Helper()
	w := newWorld(t)
	w.ufw()
	w.File(socketFile, "theirs\n")
	before := w.Snapshot()
	ill := false
	w.FailOn(func(m string) error {
		ill = ill || strings.HasPrefix(m, "write "+socketFile)
		_, name, _ := strings.Cut(m, " ")
		if ill && !strings.HasPrefix(name, but) {
			return syscall.EROFS
		}
		return nil
	})
	w.services.Replace = []string{socketFile}
	w.Engine = New(w.machine, w.services)
	res, _, err := w.apply(t, nativePlan())
	w.FailOn(nil)
	f, ok := errors.AsType[*steps.Failure](err)
	if !ok || res.Outcome != steps.OutcomeInconsistent || steps.ExitStatus(res.Outcome, err) != steps.ExitInconsistent {
		t.Fatalf("%+v, %v", res, err)
	}
	return w, before, res.Run, f
}

// TestEmergencyCopy: where the journal's own disk takes nothing more, what is needed to go on is somewhere else, the message
// says where, and the next start goes on with it although the journal was lost.
func TestEmergencyCopy(t *testing.T) {
	t.Parallel()
	for _, lost := range []string{"nothing", manifestName, "phase-0.json", eventsName, backupDir, ""} {
		t.Run(lost, func(t *testing.T) {
			t.Parallel()
			w, before, id, f := broken(t, "/run")
			where := "/run/" + emergencyName(id)
			if !strings.Contains(strings.Join(f.Fixes, "\n"), "a copy of it is in "+where) {
				t.Errorf("it does not say where: %q", f.Fixes)
			}
			w.Take(strings.TrimSuffix(steps.DoneDir+"/"+id+"/"+lost, "/"))
			res, found, err := w.Recover(t.Context(), nil)
			if err != nil || !found || res.Outcome != steps.OutcomeReverted {
				t.Fatalf("%+v, %v", res, err)
			}
			w.same(t, before, keptByDesign...)
			if exists(w, where) {
				t.Errorf("%s is left", where)
			}
		})
	}
}

// TestEmergencyCopyNowhere: where no disk takes it, the message says what is to be put back, and from where.
func TestEmergencyCopyNowhere(t *testing.T) {
	t.Parallel()
	w, before, _, f := broken(t, "/nowhere")
	said := strings.Join(f.Fixes, "\n")
	if !strings.Contains(said, "By hand: put back "+socketFile+" (as "+steps.DoneDir) || !strings.Contains(said, serviceFile) {
		t.Errorf("%q", said)
	}
	if _, _, err := w.Recover(t.Context(), nil); err != nil { // the journal itself is whole
		t.Fatal(err)
	}
	w.same(t, before, keptByDesign...)
}

// TestEmergencyCopyOfOthers: a copy that is not what was written, or leads out of the run's folder, is not used.
func TestEmergencyCopyOfOthers(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(string) string{
		"another text": func(text string) string { return strings.Replace(text, "manifest.json", "manifest.yaml", 1) },
		"another path": func(string) string {
			return string(sealed([]byte(`{"version":1,"run":"ID","files":{"../../../../etc/passwd":"eA=="}}` + "\n")))
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w, _, id, _ := broken(t, "/run")
			where := "/run/" + emergencyName(id)
			w.File(where, change(w.Content(where)))
			w.Take(steps.DoneDir + "/" + id + "/" + manifestName)
			passwd := w.Content("/etc/passwd")
			_, found, err := w.Recover(t.Context(), nil)
			if f, ok := errors.AsType[*steps.Failure](err); !found || !ok || f.Code != "H05" {
				t.Errorf("%v", err)
			}
			if w.Content("/etc/passwd") != passwd || !exists(w, where) {
				t.Error("it was used")
			}
		})
	}
}
