//go:build e2e

package scenario

import (
	"strings"
	"testing"

	"github.com/c93d5bcb/sslwizard/steps"
)

// TestWizardUndo: nginx refuses what would be written, because of a setting that somebody made before. The screen has
// nginx's own words, the server is as it was, and once that is put right the way back to the plan leads to the site.
func TestWizardUndo(t *testing.T) {
	t.Parallel()
	st := begin(t, "bookworm")
	st.s.Install("nginx")
	const theirs = "/etc/nginx/conf.d/cache.conf"
	st.s.Write(theirs, "ssl_session_cache shared:sslwizard:2m;\n", 0o644)
	st.reloadNginx()
	st.answer("nginx")
	u := st.sits(st.s.Terminal("/root/sslwizard", "--answers", answers))
	u.begins().confirms()
	before := st.s.Manifest()
	u.agrees().seesWithin(longRun, "> Back to the plan", "nginx", "sslwizard", "size")
	st.restored(before)
	u.presses("l").sees("line ").presses("esc").sees("> Back to the plan")
	st.s.Must("rm", theirs)
	st.reloadNginx()
	u.presses("enter").sees(planScreen)
	u.agrees().seesWithin(longRun, "are live").presses("enter").leaves(0)
	st.live()
}

// TestWizardPlanOfAnotherTime: between the plan and the yes somebody changes the server. What was agreed to is not what
// would be done, so nothing is; the screen says so, and the way back shows the plan as it is now.
func TestWizardPlanOfAnotherTime(t *testing.T) {
	t.Parallel()
	st := begin(t, "bookworm")
	st.s.Install("nginx")
	st.answer("nginx")
	u := st.sits(st.s.Terminal("/root/sslwizard", "--answers", answers))
	u.begins().confirms()
	hash := u.hash()
	before := st.s.Manifest()
	const theirs = "/etc/nginx/conf.d/zz-theirs.conf"
	st.s.Write(theirs, "server { listen 8443 nonsense; }\n", 0o644)
	changed := st.s.Manifest()
	u.agrees().seesWithin(longRun, "the plan is not the same any more", "nothing was changed", "> Back to the plan")
	if strings.Contains(u.r.Screen(), "put back") {
		t.Errorf("something is said to have been put back:\n%s", u.r.Screen())
	}
	st.untouched(changed)
	u.presses("enter").sees("nonsense")
	st.s.Must("rm", theirs)
	u.presses("r").sees(planScreen)
	if again := u.hash(); again != hash {
		t.Errorf("the plan was %s, with the server as it was it is %s", hash, again)
	}
	u.presses("ctrl+c").sees("Quit sslwizard?").presses("ctrl+c").leaves(steps.ExitCancelled)
	st.restored(before)
}

// TestWizardAppStops: between the plan and the yes the application stops. HTTPS is set up, the screen says what is missing,
// and when the application is back there is nothing left to do but to prove it.
func TestWizardAppStops(t *testing.T) {
	t.Parallel()
	st := begin(t, "trixie")
	st.answer("native")
	u := st.sits(st.s.Terminal("/root/sslwizard", "--answers", answers))
	u.begins().confirms()
	st.s.Must("systemctl", "stop", "app")
	u.agrees().seesWithin(longRun, "not proven", "nothing listens there", "r try again")
	u.presses("e").sees("> Back to the report", "start the application").presses("esc").sees("r try again")
	st.s.Must("systemctl", "start", "app")
	st.await(3000)
	u.presses("r").sees("this server is as asked", "v prove it now").presses("v").seesWithin(longRun, "are live", "checks passed").presses("enter").leaves(0)
	st.live()
}
