//go:build e2e

package scenario

import (
	"strings"
	"testing"

	"github.com/c93d5bcb/sslwizard/e2e/world"
)

// TestUpgrade is a newer sslwizard that is run with the same answers, and taken back: the proxy is followed by its new
// program while requests and WebSockets go on, none is lost, and systemd knows whom it watches.
func TestUpgrade(t *testing.T) {
	onEach(t, func(t *testing.T, suite string) {
		st := begin(t, suite)
		st.answer("native")
		st.must(st.apply())
		load := st.c.Load("https://"+shop+"/a?b=1", "wss://"+shop+"/chat")
		first := st.mainPID()

		st.s.Must("sh", "-c", "cp /root/sslwizard /root/next && echo of another version >>/root/next")
		r := st.s.Exec("/root/next", "--non-interactive", answers)
		st.ends(r, 0, "/usr/local/bin/sslwizard", "reload sslwizard-proxy.service", "are live")
		second := st.mainPID()
		if second == first {
			t.Errorf("the old program goes on: %s", r)
		}
		st.s.Must("systemctl", "reload", "sslwizard-proxy.service")
		if now := st.mainPID(); now != second {
			t.Error("a reload without a new program starts one")
		}

		st.ends(st.sslwizard("undo"), 0, "Undone: ")
		if now := st.mainPID(); now == second {
			t.Error("the undone program goes on")
		}
		if restarts := strings.TrimSpace(st.s.Must("systemctl", "show", "-P", "NRestarts", "sslwizard-proxy.service")); restarts != "0" {
			t.Errorf("systemd has restarted it %s times", restarts)
		}
		tally := load.StopClean()
		t.Logf("%d requests and %d messages over a WebSocket, none lost", tally.Requests, tally.Sockets)
		st.live()

		st.s.Must("kill", "-KILL", st.mainPID()) // and systemd sees the end of a program that it did not start itself
		world.Eventually(t, "the proxy after its program was killed", func() bool {
			return strings.TrimSpace(st.s.Exec("systemctl", "show", "-P", "NRestarts", "sslwizard-proxy.service").Stdout) == "1"
		})
		st.await(443)
		st.live()
	})
}

func (st *story) mainPID() string {
	st.Helper()
	return strings.TrimSpace(st.s.Must("systemctl", "show", "-P", "MainPID", "sslwizard-proxy.service"))
}
