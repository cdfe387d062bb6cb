package command

import (
	"context"
	"strings"
	"testing"

	"github.com/c93d5bcb/sslwizard/steps"
	"github.com/c93d5bcb/sslwizard/wizard"
)

func TestWhoIsAsked(t *testing.T) {
	t.Parallel()
	xterm := map[string]string{"TERM": "xterm-256color", "LANG": "C.UTF-8"}
	for _, c := range []struct {
		name, want string
		env        map[string]string
		args       []string
	}{
		{"a terminal", "screens", xterm, nil},
		{"plain", "lines", xterm, []string{"--plain"}},
		{"a dumb terminal", "lines", map[string]string{"TERM": "dumb"}, nil},
		{"a screen reader", "lines", map[string]string{"TERM": "xterm", "ACCESSIBLE": "1"}, nil},
		{"nobody", "", xterm, []string{"--non-interactive"}},
		{"a dry run", "", xterm, []string{"--dry-run"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			var shown string
			got := invokeAs(&machine{t: t}, c.args, func(app *App) {
				app.Interactive, app.Env = true, func(name string) string { return c.env[name] }
				app.Screens = func(context.Context, wizard.Machine, wizard.Options) int {
					shown = "screens"
					return steps.ExitReverted
				}
				app.Lines = func(context.Context, wizard.Machine, wizard.Options) int { shown = "lines"; return 0 }
			})
			if shown != c.want || shown == "screens" && got.status != steps.ExitReverted {
				t.Errorf("showed %q, exit status %d\n%s", shown, got.status, got.err)
			}
		})
	}
}

// A plan that is not the one that was agreed to is not applied.
func TestPlanOfAnotherTime(t *testing.T) {
	t.Parallel()
	m := &machine{t: t, preview: somePreview(steps.Create)}
	m.preview.Hash = strings.Repeat("ab", 32)
	for hash, want := range map[string]int{strings.Repeat("cd", 32): steps.ExitFailed, "zz": steps.ExitUsage} {
		got := invoke(m, "--non-interactive", "-", "--plan", hash)
		if got.status != want || m.applied != 0 {
			t.Errorf("%s: exit status %d, applied %d times\n%s", hash, got.status, m.applied, got.err)
		}
	}
	m.result, m.status = &steps.Result{Outcome: steps.OutcomeDone, Run: "1"}, &steps.HostStatus{}
	if got := invoke(m, "--non-interactive", "-", "--plan", m.preview.Hash); got.status != 0 || m.applied != 1 {
		t.Errorf("exit status %d, applied %d times\n%s", got.status, m.applied, got.err)
	}
}

// followed is a machine with runs of their own.
type followed struct {
	Follower
	last   string
	result steps.Result
	asked  string
}

func (f *followed) Last(context.Context) (string, error) { return f.last, nil }

func (f *followed) Follow(_ context.Context, run string, sink func(steps.Event)) (steps.Result, error) {
	f.asked = run
	sink(steps.Event{Run: run, Status: steps.Done, Text: "wrote it"})
	return f.result, f.result.Err
}

func TestAttach(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name   string
		f      followed
		args   []string
		asked  string
		status int
		says   string
	}{
		{"the last", followed{last: "r1", result: steps.Result{Run: "7", Outcome: steps.OutcomeDone}}, nil, "r1", 0, "sudo sslwizard undo 7"},
		{"a named one", followed{result: steps.Result{Outcome: steps.OutcomeReverted}}, []string{"r2"}, "r2", 4, "wrote it"},
		{"without the trusted certificate", followed{last: "r1", result: steps.Result{Run: "7", Outcome: steps.OutcomePartial}}, nil, "r1", 3, "run the same again:\n  sudo sslwizard\n"},
		{"none", followed{}, nil, "", 64, "none was started"},
		{"refused", followed{last: "r3", result: steps.Result{Err: &steps.Failure{Text: "cannot start: another run", Status: 75}}}, nil, "r3", 75, "another run"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			got := invoke(&machine{t: t, Follower: &c.f}, append([]string{"attach"}, c.args...)...)
			if got.status != c.status || c.f.asked != c.asked || !strings.Contains(got.out+got.err, c.says) {
				t.Errorf("exit status %d, followed %q\n%s%s", got.status, c.f.asked, got.out, got.err)
			}
			if said := "Following run " + c.asked + "."; c.asked != "" && !strings.HasPrefix(got.err, said) {
				t.Errorf("%q was not said first, but %q", said, got.err)
			}
		})
	}
}
