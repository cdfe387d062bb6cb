//go:build e2e

package scenario

import (
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/c93d5bcb/sslwizard/steps"
)

// stoppedAt is what plain mode says when the input ends; it may be wrapped anywhere.
var stoppedAt = regexp.MustCompile(`input ended at ([\w.]+(?: [\w.]+)*); nothing was changed\.`)

// thePlan is where the input ends after the last question.
const thePlan = "the plan"

// TestWizardPlainEnds: in plain mode the input ends at every question, one after the other, at the plan and at the last
// question before the run. It is said where, and not one byte of the server is another.
func TestWizardPlainEnds(t *testing.T) {
	t.Parallel()
	st := begin(t, "trixie")
	st.answer("native")
	before := st.s.Manifest()
	var places []string
	end := -1
	for end < 0 || len(places) < end+2 { // whether to show the changes, and whether to apply
		places = append(places, st.stopsAfter(len(places))...)
		end = slices.Index(places, thePlan)
	}
	places = places[:end+2] // behind that an empty line goes back
	for n, at := range places {
		if twice := slices.Index(places, at) != n; twice && n < end || n >= end && at != thePlan {
			t.Errorf("%s is not where question %d stops: %q", at, n+1, places)
		}
	}
	t.Logf("the input ended at %q", places)
	const least = 15
	if end < least {
		t.Errorf("only %d questions were asked: %q", len(places), places)
	}
	st.untouched(before)
}

// stopsAfter starts several at once, who answer that many questions with enter, one more, and so on, and then end the input.
// It returns where each of them was told to have stopped.
func (st *story) stopsAfter(answered int) []string {
	st.Helper()
	const together = 5
	var users []*user
	for n := range together {
		u := st.sits(st.s.Terminal("/root/sslwizard", "--plain", "--answers", answers))
		users = append(users, u.presses(strings.Repeat("\r", answered+n)+"\x04"))
	}
	var places []string
	for _, u := range users {
		said := strings.Join(strings.Fields(u.leaves(steps.ExitCancelled).r.Raw()), " ")
		at := stoppedAt.FindStringSubmatch(said)
		if at == nil {
			st.Fatalf("after %d answers it is not said where it stopped:\n%s", answered, said)
		}
		places = append(places, at[1])
	}
	return places
}
