//go:build e2e

package scenario

import (
	"testing"
)

// freeze stops the main job at the moment in which a condition of the shell comes true.
const freeze = `set -eu
until eval "$1"; do :; done 2>/dev/null
kill -STOP $(pgrep -f -- '^/root/sslwizard --non-interactive')`

// TestPowerCut has the power fail in the middle of a first set-up. At the next boot, before anything serves, the run is undone:
// nobody has to come by. Who logs in is told.
func TestPowerCut(t *testing.T) {
	t.Parallel()
	st := begin(t, "trixie")
	st.answer("native")
	before := st.s.Manifest()
	st.cut("systemctl is-active sslwizard-proxy.service")
	st.undoneAtBoot()
	st.restored(before)
	st.must(st.apply())
	st.live()
}

// TestPowerCutOfAChange has it fail while a site that nginx serves is changed: it is served as it was.
func TestPowerCutOfAChange(t *testing.T) {
	t.Parallel()
	st := begin(t, "bookworm")
	st.answer("nginx")
	st.must(st.apply())
	before := st.s.Manifest()
	st.answer("nginx", `{upstream: "http://127.0.0.1:3000"}`, `{upstream: "http://127.0.0.1:3000", maxBody: 7M}`)
	st.cut("grep -q 'client_max_body_size 7m' -r /etc/nginx")
	st.undoneAtBoot()
	st.await(443)
	st.live()
	st.answer("nginx")
	st.restored(before)
	st.ends(st.apply(), 0, "Nothing to do")
}

// cut has the power fail when a condition comes true while the answers are applied.
func (st *story) cut(when string) {
	st.Helper()
	frozen := st.s.Background("bash", "-c", freeze, "freeze", when)
	st.s.Background("/root/sslwizard", "--non-interactive", answers)
	st.must(frozen())
	if !st.s.Has("/var/lib/sslwizard/journal") || !st.s.Has("/etc/systemd/system/sslwizard-recover.service") {
		st.Fatal("no run is open and guarded: the power would fail too late")
	}
	st.s.PowerCut()
	st.s.PowerOn()
}

// undoneAtBoot checks that nothing is open, and that it is told.
func (st *story) undoneAtBoot() {
	st.Helper()
	if st.s.Has("/var/lib/sslwizard/journal") || st.s.Has("/etc/systemd/system/sslwizard-recover.service") {
		st.Fatalf("the run is still open:\n%s", st.s.Exec("journalctl", "-b", "-u", "sslwizard-recover.service"))
	}
	st.ends(st.s.Exec("cat", "/run/motd.d/sslwizard"), 0, "at boot", "it was undone: the server is as it was before.")
}
