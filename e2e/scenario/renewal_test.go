//go:build e2e

package scenario

import (
	"strings"
	"testing"

	"github.com/c93d5bcb/sslwizard/e2e/world"
)

// TestRenewalThatFails has the CA be away when a certificate is to be renewed: the command, the timer's unit and the status say
// so, with what to do; the timer does not ask the CA again at once; and when the CA is back a person need not wait. The timer
// then really fires, and all is well.
func TestRenewalThatFails(t *testing.T) {
	withEach(t, func(t *testing.T, suite, executor string) {
		st := begin(t, suite)
		st.answer(executor)
		st.must(st.apply())
		first := st.serial()
		st.w.CA.Stop()
		st.ends(st.sslwizard("renew", "--force", shop), 3, "A16", "not available")
		st.ends(st.sslwizard("status"), 0, "R02", "the last attempt to renew the certificate failed", "tries at once; the timer does after")
		if r := st.s.Exec("systemctl", "start", "sslwizard-renew.service"); r.Status == 0 {
			t.Error("the timer's unit ends well while the renewal fails")
		}
		st.says("it is too early for the next", "journalctl", "-u", "sslwizard-renew.service", "--no-pager")
		if st.serial() != first {
			t.Error("the good certificate is not served any more")
		}

		st.w.CA.Start()
		st.trustPebble()
		st.ends(st.sslwizard("renew", "--force", shop), 0, "a new certificate")
		if st.serial() == first {
			t.Error("the renewed certificate is not served")
		}
		if r := st.sslwizard("status"); strings.Contains(r.Text(), "failed") {
			t.Errorf("it is still said to fail: %s", r)
		}
		st.s.Write("/etc/systemd/system/sslwizard-renew.timer.d/soon.conf", "[Timer]\nOnActiveSec=1s\nRandomizedDelaySec=0\nAccuracySec=1s\n", 0o644)
		st.s.Must("systemctl", "daemon-reload")
		st.s.Must("systemctl", "restart", "sslwizard-renew.timer")
		world.Eventually(st, "the timer's round", func() bool {
			return strings.Contains(st.s.Exec("systemctl", "show", "-p", "Result", "sslwizard-renew.service").Stdout, "Result=success")
		})
		st.live()
	})
}
