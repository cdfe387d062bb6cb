//go:build e2e

package scenario

import (
	"strings"
	"testing"

	"github.com/c93d5bcb/sslwizard/e2e/world"
)

// TestKilledRun kills a run of the wizard, as a server without memory does. What it had begun is taken back at once, nobody
// has to come by for that, and who watches sees it.
func TestKilledRun(t *testing.T) {
	t.Parallel()
	for executor, at := range map[string]string{"native": "verify:false", "nginx": "unit:nginx.service"} {
		t.Run(executor, func(t *testing.T) {
			t.Parallel()
			st := begin(t, "trixie")
			st.s.Account("ada")
			st.answer(executor)
			u := st.logsIn("sudo ./sslwizard --answers " + answers)
			u.begins().confirms()
			before := st.s.Manifest()
			held := st.s.Background("bash", "-c", hold, "hold", at)
			u.agrees()
			st.s.Must("kill", "-KILL", strings.TrimSpace(st.must(held()).Stdout))
			world.Eventually(st, "the end of the run", func() bool {
				return st.s.Exec("systemctl", "list-units", "--all", "--no-legend", "sslwizard-run-*").Stdout == ""
			})
			st.restored(before)
			u.seesWithin(longRun, "undone")
			if st.s.Has("/var/lib/sslwizard/journal") {
				t.Error("the run is still open")
			}
			st.must(st.apply())
			st.live()
		})
	}
}
