//go:build e2e

package scenario

import (
	"fmt"
	"regexp"
	"strings"
	"time"

	"github.com/c93d5bcb/sslwizard/e2e/world"
)

// longRun is the patience with a run that installs a package and asks a CA, on a busy machine.
const longRun = 2 * time.Minute

// Texts by which a person knows where they are.
const (
	planScreen  = "Nothing has been changed yet."
	applyScreen = "Safe to close"
)

func step(n int) string { return fmt.Sprintf("Step %d of 7", n) }

// begins leaves the welcome screen when all that is around was looked for.
func (u *user) begins() *user {
	u.Helper()
	return u.sees("Begin", "application  app.service").presses("enter").sees(step(1))
}

// chooses answers step 1.
func (u *user) chooses(executor string) *user {
	u.Helper()
	if executor == "nginx" {
		u.presses("down", "space")
	}
	return u.presses("enter").sees(step(2))
}

// names types the names of the site; the space begins the next one.
func (u *user) names() *user {
	u.Helper()
	return u.presses(shop + " " + www).sees(www).presses("enter").sees(step(3))
}

// defaults takes what is offered in steps 3 to 6.
func (u *user) defaults() *user {
	u.Helper()
	for n := 4; n <= 7; n++ {
		u.presses("enter").sees(step(n))
	}
	return u
}

// caOfThisWorld types the CA of this world into step 7, from the question about the directory on.
func (u *user) caOfThisWorld() *user {
	u.Helper()
	u.presses("ctrl+u", world.Directory).sees(world.Directory + "█")
	u.presses("tab", "/root/ca.pem").sees("/root/ca.pem█")
	return u.presses("tab", "ops@example.com").sees("ops@example.com█")
}

// confirms takes all seven steps as they are, to the plan.
func (u *user) confirms() *user {
	u.Helper()
	for n := 2; n <= 7; n++ {
		u.presses("enter").sees(step(n))
	}
	return u.presses("enter").sees(planScreen)
}

// agrees types the yes that starts the run.
func (u *user) agrees() *user {
	u.Helper()
	return u.presses("a").sees("and press enter:").presses("yes").sees("yes█").presses("enter")
}

// hash is what the plan screen says that its plan is.
func (u *user) hash() string {
	u.Helper()
	found := regexp.MustCompile(`Plan ([0-9a-f]{8})`).FindStringSubmatch(u.r.Screen())
	if found == nil {
		u.Fatalf("no plan on the screen:\n%s", u.r.Screen())
	}
	return found[1]
}

// chosen is the line under the cursor of a list.
func chosen(screen string) string {
	for line := range strings.Lines(screen) {
		if strings.HasPrefix(line, " > ") {
			return line
		}
	}
	return ""
}

// moves presses down until the line under the cursor has a text.
func (u *user) moves(to string) *user {
	u.Helper()
	for line := chosen(u.r.Screen()); !strings.Contains(line, to); line = chosen(u.r.Screen()) {
		u.presses("down").waits("another line than"+line, func(screen string) bool {
			return chosen(screen) != "" && chosen(screen) != line
		})
	}
	return u
}

// lines are those of the screen between the rules.
func (u *user) lines() []string {
	all := strings.Split(u.r.Screen(), "\n")
	return all[2 : len(all)-3]
}
