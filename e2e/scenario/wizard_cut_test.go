//go:build e2e

package scenario

import (
	"cmp"
	"fmt"
	"path"
	"strings"
	"testing"

	"github.com/c93d5bcb/sslwizard/e2e/world"
)

// cut is one way to lose the connection in the middle of a run, and to come back.
type cut struct {
	executor string
	at       string // the change that the run is at, by its key; "": in the moment in which the yes is sent
	asleep   bool   // a laptop is closed: nothing gets through, nobody is told, and the run ends meanwhile; else ssh is killed
	back     string // what is typed after the next login
}

const (
	attach = "sudo ./sslwizard attach"
	again  = "sudo ./sslwizard"
)

var cuts = []cut{
	{executor: "native", back: attach},
	{executor: "nginx", at: "packages:", asleep: true, back: again},
	{executor: "native", at: "file:/usr/local/bin/sslwizard", back: attach},
	{executor: "nginx", at: "unit:nginx.service", back: again},
	{executor: "native", at: "unit:sslwizard-proxy.service", asleep: true, back: attach},
	{executor: "nginx", at: theOrder, back: again},
	{executor: "nginx", back: again},
	{executor: "native", at: "user:", back: again},
	{executor: "native", at: "dir:/etc/sslwizard", asleep: true, back: again},
	{executor: "native", at: "rehearse:", back: attach},
	{executor: "native", at: "daemon-reload:", back: again},
	{executor: "native", at: "verify:false", asleep: true, back: attach},
	{executor: "native", at: theOrder, back: attach},
	{executor: "native", at: "verify:true", asleep: true, back: again},
	{executor: "nginx", at: "cert:" + shop + ":local", back: attach},
	{executor: "nginx", at: "rehearse:", asleep: true, back: again},
	{executor: "nginx", at: "file:/etc/nginx/conf.d/", back: attach},
	{executor: "nginx", at: "test:", asleep: true, back: again},
	{executor: "nginx", at: "verify:false", back: attach},
	{executor: "nginx", at: "verify:true", back: again},
}

// theOrder is the change that asks the CA.
const theOrder = "cert:" + shop + ":acme"

// TestWizardCut: over ssh with sudo, the connection is lost at twenty points of a run. The run goes on; whoever logs in again
// sees it live or how it ended, and the site is proven.
func TestWizardCut(t *testing.T) {
	t.Parallel()
	for n, c := range cuts {
		t.Run(c.String(), func(t *testing.T) {
			t.Parallel()
			st := begin(t, world.Suites[n%len(world.Suites)])
			st.s.Account("ada")
			st.answer(c.executor)
			u := st.logsIn("sudo ./sslwizard --answers " + answers)
			u.begins().confirms()
			goOn := st.loses(u, c)
			st.comesBack(c, goOn)
			st.live()
		})
	}
}

// String is a name for the test.
func (c cut) String() string {
	how := map[bool]string{true: "laptop closed", false: "ssh killed"}[c.asleep]
	at, _, _ := strings.Cut(cmp.Or(c.at, "yes"), shop)
	return fmt.Sprintf("%s at %s, %s, %s", c.executor, path.Base(at), how, strings.TrimPrefix(c.back, "sudo ./"))
}

// loses starts the run and cuts the connection when it is at that change. It is held there until what is returned is
// called: most changes are gone too quickly to be met.
func (st *story) loses(u *user, c cut) (goOn func()) {
	st.Helper()
	goOn = func() {}
	if c.at == "" {
		u.agrees()
	} else {
		held := st.s.Background("bash", "-c", hold, "hold", c.at)
		u.agrees()
		pid := strings.TrimSpace(st.must(held()).Stdout)
		goOn = func() { st.s.Must("kill", "-CONT", pid) }
	}
	if c.asleep {
		st.c.Cut()
		defer st.c.Mend()
		goOn()
		world.Eventually(st, "the end of the run", func() bool {
			return st.s.Exec("systemctl", "list-units", "--all", "--no-legend", "sslwizard-run-*").Stdout == ""
		})
	}
	if err := u.r.Process().Kill(); err != nil {
		st.Fatal(err)
	}
	return goOn
}

// hold stops the process of a run as soon as it says that it is at a change, and prints its number. It starts no program
// while it looks, for many changes are made in less time than that takes.
const hold = `set -eu
until events=$(echo /run/sslwizard/runs/*/events.jsonl) && [ -e "$events" ]; do :; done
pid=$(systemctl show --property=MainPID --value 'sslwizard-run-*')
until [[ $(<"$events") == *'"type":"event"'*'"key":"'"$1"* ]]; do :; done
kill -STOP "$pid"
echo "$pid"`

// comesBack logs in once more and sees the run, or its end.
func (st *story) comesBack(c cut, goOn func()) {
	st.Helper()
	if c.at == "" && st.isLost() {
		st.logsIn("sudo ./sslwizard --answers "+answers).begins().confirms().agrees().seesWithin(longRun, "are live")
	}
	runs := !c.asleep && c.at != ""
	u, live, watching := st.logsIn(c.back), "✓ ok    7 Trusted certificate", "✓ done"
	if c.back == again {
		choice := map[bool]string{true: "> Follow the run that goes on", false: "> See how the last run ended"}[runs]
		u.waits(choice, func(screen string) bool {
			return strings.Contains(screen, choice) || c.at == "" && strings.Contains(screen, "> Follow the run")
		}).presses("enter")
		live, watching = "are live", applyScreen
	}
	if runs {
		u.waits("the run, going on", func(screen string) bool { return strings.Contains(screen, watching) && !strings.Contains(screen, live) })
		goOn()
	}
	u.seesWithin(longRun, live)
	if c.back == again {
		u.presses("enter")
	}
	u.leaves(0)
}

// isLost reports whether the yes was lost with the connection: the session is over, and nothing was begun.
func (st *story) isLost() bool {
	st.Helper()
	world.Eventually(st, "the end of the first session", func() bool { return st.s.Exec("pgrep", "-f", "^(./sslwizard --answers|systemd-run )").Status != 0 })
	lost := st.s.Exec("find", "/run/sslwizard/runs", "-name", "events.jsonl").Stdout == ""
	st.Logf("the yes was lost: %t", lost)
	return lost
}
