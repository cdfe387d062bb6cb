package apply

import (
	"slices"
	"strings"
	"testing"

	"github.com/c93d5bcb/sslwizard/steps"
)

// TestUndoAllLeavesWhatIsNotOurs has the user put files into our folders: an uninstall erases around them, says that they
// are left, and a second one has nothing to add.
func TestUndoAllLeavesWhatIsNotOurs(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.ufw()
	w.mustApply(t, nativePlan())
	theirs := []string{
		steps.CertsDir + "/mine.pem", steps.CertsDir + "/" + shop.Name + "/notes", steps.CertsDir + "/" + shop.Name + "/v-acme/mine.txt",
		steps.Webroot + "/index.html", steps.Webroot + steps.CAPath + "logo.png", steps.ACMEDir + "/README", steps.CADir + "/mine.key", steps.RenewDir + "/hook.sh",
	}
	for _, name := range theirs {
		w.File(name, "mine\n")
	}
	res, err := w.UndoAll(t.Context(), false, nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range theirs {
		if !w.Exists(name) || w.Content(name) != "mine\n" {
			t.Errorf("%s is lost", name)
		}
		if !slices.ContainsFunc(res.Kept, func(k string) bool { return strings.HasPrefix(k, name+": ") }) {
			t.Errorf("nobody says that %s stays: %q", name, res.Kept)
		}
	}
	for _, name := range []string{
		steps.CertsDir + "/" + shop.Name + "/v-acme/key.pem", steps.CertsDir + "/" + shop.Name + "/current", steps.ACMEDir + "/ledger.json", steps.DoneDir, steps.LockFile,
	} {
		if w.Exists(name) {
			t.Errorf("%s, which is ours, is left", name)
		}
	}
}
