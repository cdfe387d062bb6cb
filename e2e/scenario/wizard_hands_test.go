//go:build e2e

package scenario

import (
	"os/exec"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/c93d5bcb/sslwizard/e2e/world"
	"github.com/c93d5bcb/sslwizard/steps"
)

// TestWizardHands is what hands do at a keyboard and to a window, on every screen: back and forth, other sizes, ctrl+c,
// keys that arrive in pieces, text that is pasted. Nothing is lost and nothing is changed by it, and then the run goes well
// while nobody reads the terminal.
func TestWizardHands(t *testing.T) {
	t.Parallel()
	st := begin(t, "trixie")
	before := st.s.Manifest()
	u := st.sits(st.s.Terminal("/root/sslwizard"))
	u.opens()
	u.sees("Begin", "application  app.service").handles("Begin").presses("enter").sees(step(1)).handles(step(1))
	u.tears("down", "> ( ) nginx").tears("up", "> (•) sslwizard itself").presses("enter").sees(step(2))
	u.pastes(shop+"\n"+www+"\n").sees(shop, www, step(2)).handles(step(2), www)
	for n := 3; n <= 7; n++ {
		u.presses("enter").sees(step(n)).handles(step(n))
	}
	u.presses("tab").caOfThisWorld().presses("tab", "space").sees("[✓] yes, I agree").presses("enter").sees(planScreen).handles(planScreen)
	hash := u.hash()
	u.walksBack().confirms()
	if again := u.hash(); again != hash {
		t.Errorf("the plan was %s, after a walk back and forth it is %s", hash, again)
	}
	u.presses("enter").sees("line 1 to").handles("line 1 to").presses("esc").sees(planScreen)
	u.presses("a").sees("and press enter:").handles("and press enter:")
	u.pastes("yes\n").sees("Pasted text does not count").presses("enter").sees("Pasted text does not count")
	st.untouched(before)
	st.nobodyReads(u)
	u.sees("are live").resizes("are live").presses("enter").leaves(0)
	st.live()
}

// opens sees the first frame. The terminal answers nothing, and it is asked nothing: Bubble Tea would wait for seconds.
func (u *user) opens() {
	u.Helper()
	const seconds = 4 * time.Second // the wait that there would be is of 5
	begun := time.Now()
	u.sees("sslwizard", "welcome")
	took := time.Since(begun)
	u.Logf("the first frame came after %s, the way into the server included", took.Round(time.Millisecond))
	if took > seconds {
		u.Errorf("the first frame came after %s", took)
	}
	u.asksNothing()
}

// query is what a terminal would answer: colours (OSC 10 to 12), position and status (DSR), attributes (DA), modes
// (DECRQM), version (XTVERSION).
var query = regexp.MustCompile("\x1b\\]1[0-2];\\?|\x1b\\[\\??[0-9]*n|\x1b\\[[>=]?[0-9]*c|\x1b\\[\\??[0-9;]*\\$p|\x1b\\[>[0-9]*q")

func (u *user) asksNothing() {
	u.Helper()
	if found := query.FindString(u.r.Raw()); found != "" {
		u.Errorf("the terminal was asked with %q", found)
	}
}

// handles does to a screen what is possible on every screen: ctrl+c asks and is thought better of, and the window gets other
// sizes. Afterwards it shows the same.
func (u *user) handles(texts ...string) *user {
	u.Helper()
	u.presses("ctrl+c").sees("Quit sslwizard?", "> Keep going").presses("esc").sees(texts...)
	return u.resizes(texts...)
}

// resizes makes the window small, large and as it was; each time the frame fills it and shows the texts.
func (u *user) resizes(texts ...string) *user {
	u.Helper()
	for _, size := range [][2]int{{60, 16}, {120, 40}, {columns, rows}} {
		if err := u.r.Resize(size[0], size[1]); err != nil {
			u.Fatal(err)
		}
		u.waits("the frame of the new size", func(screen string) bool { return fills(screen, size[0], size[1]) })
		if size[1] >= rows {
			u.sees(texts...)
		}
	}
	return u
}

// fills reports whether the screen is one whole frame: two rules as wide as it may be, the keys in the last line.
func fills(screen string, columns, rows int) bool {
	lines := strings.Split(screen, "\n")
	rule := strings.Repeat("─", columns-1)
	return len(lines) == rows && strings.HasPrefix(lines[0], " sslwizard") && lines[1] == rule && lines[rows-3] == rule &&
		strings.Count(screen, rule) == 2
}

// tears presses a key whose bytes arrive one by one; it is still that key.
func (u *user) tears(key, shows string) *user {
	u.Helper()
	if err := u.r.PressTorn(key); err != nil {
		u.Fatal(err)
	}
	return u.sees(shows)
}

// pastes pastes text. Its ends of line press nothing.
func (u *user) pastes(text string) *user {
	u.Helper()
	if err := u.r.Paste(text); err != nil {
		u.Fatal(err)
	}
	return u
}

// walksBack goes from the plan back to the first step; what was said is there on every screen.
func (u *user) walksBack() *user {
	u.Helper()
	said := map[int]string{7: world.Directory, 2: www, 1: "(•) sslwizard itself"}
	for n := 7; n > 0; n-- {
		u.presses("esc").sees(step(n), said[n])
	}
	return u
}

// nobodyReads starts the run and lets the terminal take nothing from then on, as when a laptop sleeps with the lid open: the
// run goes on and ends. Then the terminal takes it all, and there is a window of another size.
func (st *story) nobodyReads(u *user) {
	st.Helper()
	held := st.s.Background("bash", "-c", hold, "hold", "rehearse:")
	u.presses("yes").sees("yes█").presses("enter")
	pid := strings.TrimSpace(st.must(held()).Stdout)
	u.sees(applyScreen).resizes(applyScreen)
	u.presses("ctrl+c").sees("> Keep watching").presses("enter").sees(applyScreen)
	u.r.Stall(true)
	st.s.Must("kill", "-CONT", pid)
	st.finishes()
	u.r.Stall(false)
}

// finishes waits for the end of the run, whoever looks on.
func (st *story) finishes() {
	st.Helper()
	world.Within(st, "the end of the run", longRun, func() bool {
		return st.s.Exec("systemctl", "list-units", "--all", "--no-legend", "sslwizard-run-*").Stdout == ""
	})
}

// TestWizardHangup: the terminal is closed in the middle of a run, and no signal says so, for the first process in it does
// not care. The wizard ends, the run does not.
func TestWizardHangup(t *testing.T) {
	t.Parallel()
	st := begin(t, "trixie")
	st.answer("native")
	u := st.sits(outlived(st.s.Terminal("/root/sslwizard", "--answers", answers)))
	u.begins().confirms()
	held := st.s.Background("bash", "-c", hold, "hold", "verify:false")
	u.agrees()
	pid := strings.TrimSpace(st.must(held()).Stdout)
	u.sees(applyScreen)
	if err := u.r.Hangup(); err != nil {
		t.Fatal(err)
	}
	u.leaves(steps.ExitCancelled)
	st.s.Must("kill", "-CONT", pid)
	st.finishes()
	st.live()
	st.ends(st.sslwizard("attach"), 0, "verify "+shop+" as a browser would", "done")
}

// outlived has the way into the server outlive a hang-up and wait for what it started. The kernel tells the first process of
// a terminal alone.
func outlived(cmd *exec.Cmd) *exec.Cmd {
	return exec.Command("sh", append([]string{"-c", `trap "" HUP; exec "$@"`, "sh"}, cmd.Args...)...)
}
