//go:build e2e

package scenario

import (
	"fmt"
	"os"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/c93d5bcb/sslwizard/e2e/world"
)

// cut is one way to lose the connection in the middle of a run, and to come back.
type cut struct {
	executor string
	done     int    // changes that were seen to be done; 0: in the moment in which the yes was sent
	asks     bool   // the run is waiting for the CA, and does so until somebody is back
	asleep   bool   // a laptop that was closed: nothing gets through, and nobody is told; else ssh is killed
	back     string // what is typed after the next login
}

const (
	attach = "sudo ./sslwizard attach"
	again  = "sudo ./sslwizard"
)

// cuts are told from the beginning of a run to its end. The first of them are what CI runs; all with this variable.
const everyCut = "SSLWIZARD_E2E_ALL"

var cuts = []cut{
	{executor: "native", done: 0, back: attach},
	{executor: "nginx", done: 1, asleep: true, back: again},
	{executor: "native", done: 8, back: attach},
	{executor: "nginx", done: 12, back: again},
	{executor: "native", asks: true, asleep: true, back: again},
	{executor: "nginx", asks: true, back: attach},
	{executor: "native", done: 1, asleep: true, back: attach},
	{executor: "native", done: 3, back: again},
	{executor: "native", done: 6, asleep: true, back: again},
	{executor: "native", done: 12, asleep: true, back: attach},
	{executor: "native", done: 16, back: again},
	{executor: "native", done: 20, asleep: true, back: attach},
	{executor: "native", asks: true, back: attach},
	{executor: "nginx", done: 0, back: attach},
	{executor: "nginx", done: 2, back: attach},
	{executor: "nginx", done: 6, asleep: true, back: attach},
	{executor: "nginx", done: 10, back: again},
	{executor: "nginx", done: 16, asleep: true, back: again},
	{executor: "nginx", done: 20, back: attach},
	{executor: "nginx", asks: true, asleep: true, back: again},
}

const fewCuts = 6

// TestWizardCut: over ssh with sudo, the connection is lost in the middle of a run. The run goes on; whoever logs in again
// sees it live or how it ended, and the site is proven.
func TestWizardCut(t *testing.T) {
	t.Parallel()
	chosen := cuts[:fewCuts]
	if os.Getenv(everyCut) != "" {
		chosen = cuts
	}
	for n, c := range chosen {
		t.Run(c.String(), func(t *testing.T) {
			t.Parallel()
			st := begin(t, world.Suites[n%len(world.Suites)])
			st.s.Account("ada")
			st.answer(c.executor)
			u := st.logsIn("sudo ./sslwizard --answers " + answers)
			u.begins().confirms()
			if c.asks {
				st.w.CA.Freeze()
			}
			u.agrees()
			st.loses(u, c)
			st.comesBack(c)
			st.live()
		})
	}
}

// String is a name for the test.
func (c cut) String() string {
	what := fmt.Sprintf("%s after %d", c.executor, c.done)
	if c.asks {
		what = c.executor + " asks the CA"
	}
	if c.asleep {
		what += ", laptop closed"
	}
	return what + ", then " + strings.TrimPrefix(c.back, "sudo ./")
}

// loses cuts the connection when the run is that far.
func (st *story) loses(u *user, c cut) {
	st.Helper()
	switch {
	case c.asks:
		u.seesWithin(longRun, "▸ now   "+asking)
	case c.done > 0:
		u.waits(fmt.Sprintf("%d changes done", c.done), func(screen string) bool { return done(screen) >= c.done })
	}
	st.Logf("cut when the screen said: %s", strings.TrimSpace(bar.FindString(u.r.Screen())))
	if c.asleep {
		st.c.Cut()
		if !c.asks {
			world.Eventually(st, "the end of the run", func() bool {
				return st.s.Exec("systemctl", "list-units", "--all", "--no-legend", "sslwizard-run-*").Stdout == ""
			})
		}
		defer st.c.Mend()
	}
	if err := u.r.Process().Kill(); err != nil {
		st.Fatal(err)
	}
}

// bar is where the screen says how much is done.
var bar = regexp.MustCompile(`[█░]  +(\d+) of \d+`)

// done is how many changes the screen says are done; all of them when it shows how the run ended.
func done(screen string) int {
	if strings.Contains(screen, "are live") {
		return 1 << 10
	}
	found := bar.FindStringSubmatch(screen)
	if found == nil {
		return -1
	}
	n, _ := strconv.Atoi(found[1])
	return n
}

// comesBack logs in once more and sees the run, or its end.
func (st *story) comesBack(c cut) {
	st.Helper()
	if c.done == 0 && !c.asks {
		// The yes may have been lost with the connection: what was there before is over then, and nothing was begun.
		world.Eventually(st, "the end of the first session", func() bool { return st.s.Exec("pgrep", "-f", "^./sslwizard --answers").Status != 0 })
		if st.s.Exec("ls", "/run/sslwizard/runs").Status != 0 {
			st.Log("the yes was lost")
			st.logsIn("sudo ./sslwizard --answers "+answers).begins().confirms().agrees().seesWithin(longRun, "are live")
		}
	}
	u := st.logsIn(c.back)
	if c.back == again {
		what := "> See how the last run ended"
		if c.asks {
			what = "> Follow the run that goes on"
		}
		u.waits("the run", func(screen string) bool {
			return strings.Contains(screen, what) || !c.asks && strings.Contains(screen, "> Follow the run")
		}).presses("enter")
	}
	live := "are live"
	if c.back == attach {
		live = "✓ ok    7 Trusted certificate"
	}
	if c.asks {
		u.waits("the run, asking", func(screen string) bool {
			return strings.Contains(screen, "can be proved from outside") && !strings.Contains(screen, live)
		})
		st.w.CA.Thaw()
	}
	u.seesWithin(longRun, live)
	if c.back == again {
		u.presses("enter")
	}
	u.leaves(0)
}
