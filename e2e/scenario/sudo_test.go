//go:build e2e

package scenario

import (
	"strings"
	"testing"
)

// Sudo takes from the environment how somebody wants to be shown things; it counts all the same.
func TestSudoKeepsHowThingsAreShown(t *testing.T) {
	t.Parallel()
	st := begin(t, "trixie")
	st.s.Account("ada")
	u := st.logsIn("sudo ./sslwizard")
	u.sees("Begin", "If the connection drops").presses("ctrl+c", "ctrl+c").leaves(130)
	if !strings.Contains(u.r.Raw(), "\x1b[36m") && !strings.Contains(u.r.Raw(), "\x1b[32m") {
		t.Errorf("there is no colour to be missed: %q", u.r.Raw())
	}
	u = st.logsIn("NO_COLOR=1 sudo ./sslwizard")
	u.sees("Begin").presses("ctrl+c", "ctrl+c").leaves(130)
	if strings.Contains(u.r.Raw(), "\x1b[36m") || strings.Contains(u.r.Raw(), "\x1b[32m") {
		t.Error("who wants no colour gets it")
	}
	st.logsIn("ACCESSIBLE=1 sudo ./sslwizard").sees("plain mode").presses("ctrl+d").leaves(130)
}
