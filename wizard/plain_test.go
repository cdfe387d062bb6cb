package wizard

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/c93d5bcb/sslwizard/steps"
)

// converse has somebody type these lines, and returns what was said and the exit status.
func converse(t *testing.T, f *fake, lines ...string) (string, int) {
	t.Helper()
	return converseAt(t, f, 0, lines...)
}

// converseAt is converse on a screen of that width.
func converseAt(t *testing.T, f *fake, width int, lines ...string) (string, int) {
	t.Helper()
	f.t = t
	if f.facts == nil {
		f.facts = func() (steps.Facts, error) { f := debian(); f.Nearby = steps.Nearby{}; return f, nil }
	}
	if f.nearby == nil {
		f.nearby = func() steps.Nearby { return debian().Nearby }
	}
	var out bytes.Buffer
	in := strings.Join(lines, "\n")
	if len(lines) > 0 {
		in += "\n"
	}
	status := Plain(t.Context(), strings.NewReader(in), &out, f, Options{Version: "1.0", Called: "sslwizard", Width: width})
	return out.String(), status
}

// script are the answers that have to be typed; the rest is Enter.
var script = map[string]string{"certs.domains": "shop.example.com", "proxy.upstream": "http://127.0.0.1:3000", "trusted.email": "ops@example.com", "trusted.acceptTerms": "yes"}

// typed is what somebody types who takes every default that there is.
func typed(t *testing.T) []string {
	t.Helper()
	var lines []string
	k := answered(t)
	k.answers.Certs.Domains = []string{"shop.example.com"} // one name: nothing to choose a main one from
	for _, id := range steps.IDs() {
		ordinary, advanced := apart(k.questions(id))
		for _, q := range ordinary {
			lines = append(lines, script[q.Key])
		}
		if len(advanced) > 0 {
			lines = append(lines, "")
		}
	}
	return lines
}

// onePlan is a plan with one file in it.
func onePlan(sites []steps.Site) (steps.Preview, error) {
	c := steps.WriteFile{For: steps.For(steps.IDInstall), Path: "/etc/x", Content: []byte("x\n"), Mode: 0o644}
	return steps.Preview{Hash: "7c41e0aa11", Plan: steps.Plan{Sites: sites, Changes: []steps.Change{c}},
		Effects: []steps.Effect{{Change: c, Action: steps.Create, Diff: "+++ b/etc/x\n@@ -0,0 +1 @@\n+x\n"}}}, nil
}

// aRun is a run that does the plan.
func aRun(_ context.Context, run string, sink func(steps.Event)) (steps.Result, error) {
	sink(steps.Event{Time: noon, Run: run, Status: steps.Done, Text: "write /etc/x\x1b[2J"})
	rep := steps.Report{Target: "https://shop.example.com", Checks: []steps.Check{{Step: steps.IDWebSockets, Name: "ws", Verdict: steps.OK}}}
	sink(steps.Event{Time: noon, Run: run, Status: steps.Progress, Report: &rep})
	return steps.Result{Run: run, Outcome: steps.OutcomeDone, Reports: []steps.Report{rep}}, nil
}

func TestPlainFromStartToEnd(t *testing.T) {
	t.Parallel()
	var asked []steps.Site
	f := &fake{follow: aRun,
		plan:  func(sites []steps.Site) (steps.Preview, error) { asked = sites; return onePlan(sites) },
		start: func(steps.Preview) (string, error) { return "20261123-120000-0001", nil },
		look: func(key string, _ steps.Answers) []steps.Check {
			if key != "certs.domains" {
				return nil
			}
			return []steps.Check{{Address: "shop.example.com", Verdict: steps.OK, Detail: "leads here"}}
		}}
	said, status := converse(t, f, append(typed(t), "yes", "yes")...)
	if status != steps.ExitOK || len(asked) != 1 || asked[0].Name != "shop.example.com" {
		t.Errorf("exit status %d, asked for %+v", status, asked)
	}
	if strings.ContainsRune(said, 0x1b) {
		t.Error("an escape code came through")
	}
	if f.kept != nil {
		t.Error("the answers are kept after all was done")
	}
	comparePlain(t, "plain", said)
}

// comparePlain compares a transcript with the file; host and time are not the same everywhere.
func comparePlain(t *testing.T, name, said string) {
	t.Helper()
	first, rest, _ := strings.Cut(said, "\n")
	if !strings.Contains(first, "plain mode") {
		t.Errorf("begins with %q", first)
	}
	compare(t, name, strings.ReplaceAll(rest, noon.Local().Format("15:04:05"), "12:00:00"))
}

// However much was typed before the input ends: nothing is changed, and it is said where it stopped.
// The answers of the one site that is there are the defaults, so that enter alone leads through all of them.
func TestPlainChangesTheSiteThatIsThere(t *testing.T) {
	t.Parallel()
	var asked []steps.Site
	f := &fake{facts: func() (steps.Facts, error) { return *withSite(t), nil },
		plan: func(sites []steps.Site) (steps.Preview, error) { asked = sites; return onePlan(sites) }}
	said, _ := converse(t, f, make([]string, 40)...)
	if !strings.Contains(said, "shop.example.com is set up here: its answers are offered as defaults.") {
		t.Errorf("it does not say so:\n%s", said)
	}
	if len(asked) != 1 || asked[0].Name != "shop.example.com" {
		t.Errorf("the plan is for %v", asked)
	}
}

func TestPlainEndOfInputAnywhere(t *testing.T) {
	t.Parallel()
	all := append(typed(t), "no")
	for n := range len(all) + 1 {
		said, status := converse(t, &fake{plan: onePlan}, all[:n]...)
		if status != steps.ExitCancelled || !strings.Contains(said, "input ended at ") || !strings.HasSuffix(said, "nothing was changed.\n") {
			t.Errorf("after %d lines: exit status %d, and at the end\n%s", n, status, tail(said))
		}
	}
}

func tail(text string) string { return text[max(0, len(text)-400):] }

func TestPlainWords(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name  string
		lines []string
		want  []string
	}{
		{"help", []string{"?"}, []string{"By hand you would type:", "apt-get install"}},
		{"wrong number", []string{"9"}, []string{"Error: a number from 1 to 2, please."}},
		{"by its value", []string{"nginx"}, []string{"Chosen: nginx."}},
		{"back at the first", []string{"<"}, []string{"Back in step 1: Install.", "Step 1 of 7"}},
		{"quit", []string{"quit"}, []string{"stopped; nothing was changed."}},
		{"no plan yet", []string{"plan"}, []string{"Still missing:", "trusted.acceptTerms"}},
		{"a bad name", []string{"", "", "shop_.example.com"}, []string{"Error: "}},
		{"a URL as name", []string{"", "", "https://shop.example.com"}, []string{"did you mean \"shop.example.com\"?\n"}},
		{"a name for a local CA", []string{"", "", "intranet"}, []string{"Chosen: intranet."}},
		{"hostile", []string{"", "", "\x1b[2Jevil\u202e.example.com"}, []string{"Error: "}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			said, status := converse(t, &fake{}, c.lines...)
			for _, want := range c.want {
				if !strings.Contains(said, want) {
					t.Errorf("no %q in\n%s", want, said)
				}
			}
			if status != steps.ExitCancelled || strings.ContainsRune(said, 0x1b) || strings.ContainsRune(said, 0x202e) {
				t.Errorf("exit status %d\n%q", status, said)
			}
		})
	}
}

// At the plan only a whole yes does something, and every other word does what it does elsewhere.
func TestPlainWordsAtThePlan(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		lines []string
		want  string
	}{
		{[]string{"no", "quit"}, "stopped; nothing was changed."},
		{[]string{"quit"}, "stopped; nothing was changed."},
		{[]string{"no", "y"}, "That was not \"yes\": nothing was changed.\nBack in step 7: Trusted certificate."},
		{[]string{"no", "<"}, "Back in step 7: Trusted certificate."},
		{[]string{"<"}, "Back in step 7: Trusted certificate."},
	} {
		said, status := converse(t, &fake{plan: onePlan}, append(typed(t), c.lines...)...)
		if _, after, _ := strings.Cut(said, "Looking at this server."); status != steps.ExitCancelled || !strings.Contains(after, c.want) {
			t.Errorf("%q: exit status %d, no %q in\n%s", c.lines, status, c.want, after)
		}
	}
}

// What stands in the way is no plan, and the server is not called as asked.
// Where there is nothing to do the proof is made all the same.
func TestPlainNothingToDo(t *testing.T) {
	t.Parallel()
	f := &fake{follow: aRun, plan: func(sites []steps.Site) (steps.Preview, error) {
		return steps.Preview{Plan: steps.Plan{Sites: sites}}, nil
	},
		start: func(steps.Preview) (string, error) { return "20261123-120000-0001", nil }}
	said, status := converse(t, f, typed(t)...)
	if status != steps.ExitOK || !strings.Contains(said, "Nothing to do: this server is as asked. This is the proof.\n") || !strings.Contains(said, "https://shop.example.com") {
		t.Errorf("exit status %d\n%s", status, tail(said))
	}
}

func TestPlainBlocked(t *testing.T) {
	t.Parallel()
	stopped := func([]steps.Site) (steps.Preview, error) {
		return steps.Preview{Findings: []steps.Finding{{Severity: steps.Blocker, Text: "cannot listen on port 80", Fix: []string{"sudo systemctl disable --now apache2"}}}}, nil
	}
	said, status := converse(t, &fake{plan: stopped}, typed(t)...)
	_, said, _ = strings.Cut(said, "Looking at this server.")
	if status != steps.ExitFailed || strings.Contains(said, "Plan") || strings.Contains(said, "as asked") || !strings.Contains(said, "stop: cannot listen on port 80\n    sudo systemctl disable") {
		t.Errorf("exit status %d\n%s", status, said)
	}
}

// On a screen no word is torn at its edge; what may be copied is whole.
func TestPlainIsWrapped(t *testing.T) {
	t.Parallel()
	const width = 60
	words := append([]string{"?"}, typed(t)...)
	said, _ := converseAt(t, &fake{plan: onePlan}, width, words...)
	whole, _ := converseAt(t, &fake{plan: onePlan}, 0, words...)
	if strings.Join(strings.Fields(said), " ") != strings.Join(strings.Fields(whole), " ") {
		t.Errorf("wrapped\n%s\nwhole\n%s", said, whole)
	}
	command := "    sudo apt-get install --no-install-recommends nginx\n"
	if !strings.Contains(whole, command) || !strings.Contains(said, command) {
		t.Errorf("no %q in\n%s", command, said)
	}
	typed := strings.NewReplacer("]: ", "]:\n", ": Chosen", ":\nChosen").Replace(said) // Enter is on the screen only
	for line := range strings.Lines(typed) {
		if n := len([]rune(strings.TrimSuffix(line, "\n"))); n >= width && !strings.HasPrefix(line, "    ") {
			t.Errorf("%d columns: %s", n, line)
		}
	}
}

// A session that goes ends what follows a run, by SIGTERM of sudo, and not the run. Only who interrupts it wants that.
func TestPlainToldToEnd(t *testing.T) {
	t.Parallel()
	if !errors.Is(ErrTerminated, context.Canceled) {
		t.Error("who asks whether the context was cancelled is told that it failed")
	}
	for cause, stops := range map[error]int{ErrTerminated: 0, nil: 1} {
		ctx, cancel := context.WithCancelCause(t.Context())
		f := &fake{active: "r7"}
		f.follow = func(context.Context, string, func(steps.Event)) (steps.Result, error) {
			cancel(cause)
			for range 100 { // the run goes on for a while, or until it is told to stop
				time.Sleep(10 * time.Millisecond)
			}
			return steps.Result{Run: "r7", Outcome: steps.OutcomeReverted}, nil
		}
		var out strings.Builder
		status := Plain(ctx, strings.NewReader(""), &out, f, Options{Width: 80})
		if len(f.stopped) != stops || stops == 0 && status != steps.ExitCancelled {
			t.Errorf("%v: exit status %d, told to stop: %q\n%s", cause, status, f.stopped, out.String())
		}
	}
}

// Consent is never taken from an empty line, and an interrupt at any question changes nothing.
func TestPlainConsent(t *testing.T) {
	t.Parallel()
	lines := typed(t)
	for n, line := range lines {
		if line == "yes" {
			lines[n] = ""
		}
	}
	said, status := converse(t, &fake{}, lines...)
	if status != steps.ExitCancelled || !strings.Contains(said, "never assumed") {
		t.Errorf("exit status %d\n%s", status, tail(said))
	}
}

func TestPlainFailedRun(t *testing.T) {
	t.Parallel()
	f := &fake{plan: onePlan, start: func(steps.Preview) (string, error) { return "r", nil },
		follow: func(context.Context, string, func(steps.Event)) (steps.Result, error) {
			err := &steps.Failure{Text: "cannot reload nginx", Fixes: []string{"journalctl -u nginx    shows why"}}
			return steps.Result{Run: "r", Outcome: steps.OutcomeReverted, Err: err}, err
		}}
	said, status := converse(t, f, append(typed(t), "no", "yes")...)
	if status != steps.ExitReverted || !strings.Contains(said, "taken back") || !strings.Contains(said, "journalctl -u nginx    shows why") {
		t.Errorf("exit status %d\n%s", status, tail(said))
	}
	if f.kept == nil {
		t.Error("the answers are lost")
	}
}

// What was kept is offered again.
func TestPlainResumes(t *testing.T) {
	t.Parallel()
	f := &fake{plan: onePlan}
	_, _ = converse(t, f, "", "", "other.example.com", "", "")
	if f.kept == nil {
		t.Fatal("nothing was kept")
	}
	said, _ := converse(t, f, "", "")
	if !strings.Contains(said, "[other.example.com]") {
		t.Errorf("not offered:\n%s", said)
	}
}

func TestPlainFollowsARunThatGoesOn(t *testing.T) {
	t.Parallel()
	said, status := converse(t, &fake{active: "r7", follow: aRun})
	if status != steps.ExitOK || !strings.Contains(said, "A run goes on already") || !strings.Contains(said, "undo r7") {
		t.Errorf("exit status %d\n%s", status, said)
	}
}

func TestPlainCannotLook(t *testing.T) {
	t.Parallel()
	f := &fake{facts: func() (steps.Facts, error) { return steps.Facts{}, fmt.Errorf("cannot read /proc") }}
	said, status := converse(t, f)
	if status != steps.ExitFailed || !strings.Contains(said, "cannot read /proc") {
		t.Errorf("exit status %d\n%s", status, said)
	}
}
