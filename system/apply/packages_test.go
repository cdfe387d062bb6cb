package apply

import (
	"strings"
	"syscall"
	"testing"

	"github.com/c93d5bcb/sslwizard/e2e/failures"
	"github.com/c93d5bcb/sslwizard/steps"
	"github.com/c93d5bcb/sslwizard/system/host"
)

// A package of somebody's that is half configured makes every use of apt fail, also that which would take ours away again.
func TestNothingIsInstalledBesideAHalfDonePackage(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.ufw()
	w.broken = []string{"theirs"}
	shown, err := w.Preview(t.Context(), w.machine, nginxPlan("server {}\n"))
	found := blockers(shown)
	if err != nil || len(found) != 1 || found[0].Code != "H12" || !strings.Contains(found[0].Text, "theirs") || len(found[0].Fix) == 0 {
		t.Errorf("%+v, %v", found, err)
	}
	if shown, err := w.Preview(t.Context(), w.machine, nativePlan()); err != nil || len(blockers(shown)) != 0 {
		t.Errorf("where nothing is installed it does not matter: %+v, %v", blockers(shown), err)
	}
}

// The user's own policy-rc.d has nginx started as soon as it is installed, with the configuration that it brought: started
// by the plan, it has to run with ours.
func TestWhatThePackageStartedIsStartedAnew(t *testing.T) {
	t.Parallel()
	const stop = "systemctl stop nginx.service"
	for policy, stops := range map[string]bool{"": false, "#!/bin/sh\nexit 0\n": true} {
		w := newWorld(t)
		w.ufw()
		if policy != "" {
			w.File(policyFile, policy)
		}
		w.mustApply(t, nginxPlan("server {}\n"))
		if did := strings.Contains(strings.Join(w.Mutations(), "\n"), stop); did != stops {
			t.Errorf("policy %q: stopped %t\n%s", policy, did, strings.Join(w.Mutations(), "\n"))
		}
		if !w.d.Units["nginx.service"].Active || policy != "" && w.Content(policyFile) != policy {
			t.Errorf("policy %q: %+v", policy, w.d.Units["nginx.service"])
		}
	}
}

// lockedHost is one whose files have flags of chattr.
type lockedHost struct {
	*machine
	locked map[string]error
}

func (h lockedHost) Writable(name string) error { return h.locked[name] }

var lockedPlaces = map[string]struct {
	err  error
	code string
}{
	serviceFile:               {&host.FolderError{Folder: "/etc/systemd/system", Reason: "it belongs to user id 1000"}, "H18"},
	steps.BinaryPath:          {syscall.EROFS, "H07"},
	"/etc/shadow":             {&host.LockedError{Path: "/etc/shadow", Flag: "immutable"}, "H20"},
	steps.SiteFile(shop.Name): {&host.LockedError{Path: "/etc/sslwizard", Flag: "append-only"}, "H20"},
}

// What cannot be written is seen before anything is begun.
func TestAPlaceThatCannotBeWrittenStopsTheRun(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.ufw()
	for name, c := range lockedPlaces {
		shown, err := w.Preview(t.Context(), lockedHost{w.machine, map[string]error{name: c.err}}, nativePlan())
		found := blockers(shown)
		failures.MetFindings(t, found)
		if err != nil || len(found) != 1 || found[0].Code != c.code || !strings.Contains(found[0].Text, c.err.Error()) || len(found[0].Fix) == 0 || found[0].Step == "" {
			t.Errorf("%s: %+v, %v", name, found, err)
		}
	}
	if shown, err := w.Preview(t.Context(), lockedHost{w.machine, nil}, nativePlan()); err != nil || len(blockers(shown)) != 0 {
		t.Errorf("%+v, %v", blockers(shown), err)
	}
}
