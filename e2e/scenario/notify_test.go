//go:build e2e

package scenario

import (
	"strings"
	"testing"
	"time"

	"github.com/c93d5bcb/sslwizard/e2e/world"
	"github.com/c93d5bcb/sslwizard/steps"
	"github.com/c93d5bcb/sslwizard/system/cert"
)

// What was told, by the program of the user's and by mail.
const (
	toldFile  = "/var/log/told"
	mailFile  = "/var/log/mailed"
	afterFile = "/var/log/delivered" // by what the mail program left running
)

// TestSomebodyIsTold has a certificate not be renewable when its end is near, and then be; and the renewal itself be killed:
// a program, the mail program and who logs in are told of each, once, and when all is well again.
func TestSomebodyIsTold(t *testing.T) {
	withEither(t, toldStory)
}

func toldStory(t *testing.T, suite, executor string) {
	t.Helper()
	st := begin(t, suite)
	before := st.s.Manifest()
	wish := strings.Replace(alone, "caPage: TRUST", "caPage: TRUST, notify: {command: /opt/tell, email: ops@example.com}", 1)
	st.s.Write(answers, strings.NewReplacer("EXECUTOR", executor, "TRUST", "false").Replace(wish), 0o644)
	st.ends(st.apply(), 1, "R12", "cannot send mail to ops@example.com", "there is no such file")

	st.s.Write("/opt/tell", "#!/bin/sh\necho \"$SSLWIZARD_ABOUT: $SSLWIZARD_TEXT\" >>"+toldFile+"\n", 0o755)
	st.s.Write("/usr/sbin/sendmail", "#!/bin/sh\n{ echo \"$@\"; cat; } >>"+mailFile+"\n{ sleep 1; echo delivered >>"+afterFile+"; } >/dev/null 2>&1 &\n", 0o755)
	st.must(st.apply())
	st.ends(st.apply(), 0, "Nothing to do")
	st.ends(st.sslwizard("notify", "test"), 0, "command /opt/tell: has it", "email ops@example.com: has it")
	st.told("test: this is a test, and nothing is wrong")
	if mail := st.s.Read(mailFile); !strings.HasPrefix(mail, "-i -- ops@example.com\nTo: ops@example.com\nSubject: sslwizard on ") {
		t.Errorf("the mail is\n%s", mail)
	}

	key := st.s.Read(cert.CAKeyFile)
	st.ages(330 * 24 * time.Hour)
	st.s.Write(cert.CAKeyFile, "no key\n", 0o600)
	st.round()
	for range 2 {
		st.s.Exec("systemctl", "start", "sslwizard-renew.service")
		st.told("warning: the certificate of " + shop + " cannot be renewed")
	}
	st.greets("sslwizard: the certificate of " + shop + " cannot be renewed")
	world.Eventually(st, "the mail program to deliver in the background", func() bool {
		return st.s.Has(afterFile) && strings.Count(st.s.Read(afterFile), "delivered") == 2 // the test, and this
	})
	st.ends(st.sslwizard("status"), 0, "R02")
	st.s.Write(cert.CAKeyFile, key, 0o600)
	st.ends(st.sslwizard("renew"), 0, "a new certificate")
	st.greets("")
	st.s.Must("systemctl", "start", "sslwizard-renew.service")
	st.told("well: all is well again with the certificate of " + shop)

	const dropIn = "/etc/systemd/system/sslwizard-renew.service.d/dies.conf"
	dies := func() {
		st.s.Write(dropIn, "[Service]\nExecStart=\nExecStart=/bin/sh -c 'kill -9 $$$$'\n", 0o644)
		st.s.Must("systemctl", "daemon-reload")
		st.s.Exec("systemctl", "start", "sslwizard-renew.service")
	}
	dies()
	st.told("broken: certificates are not renewed: sslwizard-renew.service was ended (signal)")
	st.greets("sslwizard: certificates are not renewed")
	st.s.Must("rm", "-r", "/etc/systemd/system/sslwizard-renew.service.d")
	st.s.Must("systemctl", "daemon-reload")
	st.s.Must("systemctl", "start", "sslwizard-renew.service")
	st.told("well: the renewal of certificates runs again")
	st.greets("")

	st.s.Write("/opt/tell", "#!/bin/sh\nexec sleep 1234567\n", 0o755)
	dies()
	world.Eventually(st, "somebody being told", func() bool { return st.s.Exec("pgrep", "-fx", "sleep 1234567").Status == 0 })
	st.s.Must("rm", "-r", "/etc/systemd/system/sslwizard-renew.service.d")
	st.ends(st.sslwizard("uninstall"), 0)
	if st.s.Exec("pgrep", "-fx", "sleep 1234567").Status == 0 || st.s.Exec("systemctl", "is-active", steps.NotifyService).Status == 0 {
		t.Error("somebody is still told after the uninstall")
	}
	st.same("not as it was before", before.Restored(st.s.Manifest(), left, "/opt/tell", "/usr/sbin/sendmail", toldFile, mailFile, afterFile, "/root"))
}

// tellingEnds waits until nobody is being told: what is started meanwhile would tell nothing new.
func (st *story) tellingEnds() {
	st.Helper()
	world.Eventually(st, "the end of sslwizard-notify.service", func() bool {
		return strings.TrimSpace(st.s.Exec("systemctl", "is-active", steps.NotifyService).Stdout) == "inactive"
	})
}

// told waits for what the program of the user's was told last, and sees that all was told once.
func (st *story) told(last string) {
	st.Helper()
	var lines []string
	world.Eventually(st, "told: "+last, func() bool {
		if !st.s.Has(toldFile) {
			return false
		}
		lines = strings.Split(strings.TrimSpace(st.s.Read(toldFile)), "\n")
		return strings.HasPrefix(lines[len(lines)-1], last)
	})
	seen := map[string]bool{}
	for _, line := range lines {
		if seen[line] {
			st.Errorf("told twice: %s", line)
		}
		seen[line] = true
	}
	st.tellingEnds()
}

// greets looks at what is said to who logs in; nothing is all well.
func (st *story) greets(want string) {
	st.Helper()
	world.Eventually(st, "the greeting "+want, func() bool {
		said := st.s.Must("/etc/update-motd.d/95-sslwizard")
		return strings.HasPrefix(said, want) && (said == "") == (want == "")
	})
}
