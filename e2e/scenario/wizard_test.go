//go:build e2e

package scenario

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/c93d5bcb/sslwizard/e2e/world"
)

const (
	dozen  = 12      // keys beyond typed text, from the first screen to the plan
	budget = 100_000 // bytes to the terminal for a whole set-up
)

// TestWizard is the product's face: a person logs in over ssh, types sudo ./sslwizard, and has proven HTTPS and WSS with
// a dozen keys beyond the names. The answers make the same plan again, from a file and on another server.
func TestWizard(t *testing.T) {
	t.Parallel()
	for executor, suite := range map[string]string{"native": "trixie", "nginx": "bookworm"} {
		t.Run(executor, func(t *testing.T) {
			t.Parallel()
			st := begin(t, suite)
			st.s.Account("ada")
			u := st.logsIn("sudo ./sslwizard")
			u.begins().chooses(executor).names().defaults()
			u.presses("enter").sees("[ ] yes, I agree").presses("space").sees("[✓] yes").presses("enter").sees(planScreen)
			if u.strokes > dozen {
				t.Errorf("%d keys beyond typed text lead to the plan, want at most %d", u.strokes, dozen)
			}
			strokes := u.strokes
			u.presses("esc").sees(step(7)).presses("shift+tab", "shift+tab", "shift+tab").caOfThisWorld().presses("enter").sees(planScreen)
			hash := u.hash()
			diff := u.readsDiff()
			u.agrees().seesWithin(longRun, "https://"+shop, "are live")
			u.presses("enter").leaves(0).sees("sslwizard: done and proven.", "checks passed", "Undo", "Replay")
			if u.r.Bytes() > budget {
				t.Errorf("%d bytes went to the terminal, want at most %d", u.r.Bytes(), budget)
			}
			t.Logf("%d keys beyond typed text to the plan; %d keys with every letter and the CA of this world; %d bytes to the terminal", strokes, u.keys, u.r.Bytes())
			st.live()
			stored := st.s.Read("/etc/sslwizard/sites/" + shop + ".yaml")
			for _, line := range diff {
				if !strings.Contains("\n"+stored, "\n"+line+"\n") {
					t.Errorf("the diff had a line %q, which is not in the file:\n%s", line, stored)
				}
			}
			if len(diff) < 5 {
				t.Errorf("no diff: %q", diff)
			}
			st.replays(suite, hash)
		})
	}
}

// readsDiff opens the change that writes the stored site. What is shown can be copied: lines of the file with nothing
// beside them. It returns them.
func (u *user) readsDiff() []string {
	u.Helper()
	u.moves("/etc/sslwizard/sites/"+shop+".yaml").presses("enter").sees("+kind: Answers", "line 1 to")
	var lines []string
	for _, line := range u.lines() {
		if text, ok := strings.CutPrefix(line, " +"); ok && !strings.HasPrefix(text, "++") && !strings.HasPrefix(text, " ") {
			lines = append(lines, text)
		}
	}
	u.presses("esc").sees("seen")
	return lines
}

// replays sees that the stored answers are the whole of it: here nothing is left to do, on a server like this one they
// make the plan that was on the screen, and in the wizard they are there before anybody types.
func (st *story) replays(suite, hash string) {
	st.Helper()
	text := st.s.Must("/home/ada/sslwizard", "answers", "print")
	st.s.Write(answers, text, 0o600)
	st.ends(st.apply(), 0, "Nothing to do")

	twin := &story{T: st.T, w: st.w, s: st.w.Boot(suite, world.With(application("app", "--listen 127.0.0.1:3000"))), c: st.c}
	twin.trustPebble()
	twin.await(3000)
	twin.s.Write(answers, text, 0o600)
	if got := twin.planned(); !strings.HasPrefix(got, hash) {
		st.Errorf("the screen showed the plan %s, from the file it is %s", hash, got)
	}
	u := twin.sits(twin.s.Terminal("/root/sslwizard", "--answers", answers))
	u.begins().confirms()
	if got := u.hash(); got != hash {
		st.Errorf("the screen showed the plan %s, with the file's answers it is %s", hash, got)
	}
	u.presses("ctrl+c").sees("Quit sslwizard?").presses("ctrl+c").leaves(130)
}

// planned is the hash of the plan of the answers file.
func (st *story) planned() string {
	st.Helper()
	r := st.must(st.sslwizard("--non-interactive", "--dry-run", "-o", "json", answers))
	for line := range strings.Lines(r.Stdout) {
		var o struct{ Type, Plan string }
		if err := json.Unmarshal([]byte(line), &o); err != nil {
			st.Fatalf("%q: %v", line, err)
		}
		if o.Type == "plan" {
			return o.Plan
		}
	}
	st.Fatalf("no plan in\n%s", r)
	return ""
}

// TestWizardOnly asks one step again: it opens there, the plan has nothing else in it, and the site does what was said.
func TestWizardOnly(t *testing.T) {
	t.Parallel()
	st := begin(t, "trixie")
	st.answer("native")
	st.must(st.apply())
	u := st.sits(st.s.Terminal("/root/sslwizard", "--only", "redirect"))
	u.sees("Begin").presses("enter").sees(step(4)).presses("tab").sees("(•) 301").presses("down", "space").sees("(•) 308")
	u.presses("enter").sees(planScreen, "/etc/sslwizard/sites/"+shop+".yaml")
	u.agrees().seesWithin(longRun, "are live").presses("enter").leaves(0)
	if status, target := st.c.Redirects("http://" + shop + "/a?b=1"); status != "308" || target != "https://"+shop+"/a?b=1" {
		t.Errorf("http is redirected with %s to %q", status, target)
	}
}
