package apply

import (
	"context"
	"slices"
	"strings"
	"testing"

	"github.com/c93d5bcb/sslwizard/steps"
	"github.com/c93d5bcb/sslwizard/system/host"
)

// TestApplicationDownIsKept is for a set-up that is right while its application is not: nothing is taken back, and the
// run says what could not be seen.
func TestApplicationDownIsKept(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.ufw()
	w.prober.blame, w.prober.fail = "app", map[bool]string{false: "proxy.answer", true: "proxy.answer"}
	res, _, err := w.apply(t, nginxPlan("server {}\n"))
	if res.Outcome != steps.OutcomeUnverified || steps.ExitStatus(res.Outcome, err) != steps.ExitUnverified || len(res.Undone) > 0 {
		t.Fatalf("%+v, %v", res, err)
	}
	if n := strings.Count(err.Error(), "proxy.answer"); n != 1 {
		t.Errorf("it is said %d times: %v", n, err)
	}
	shown := w.preview(t, nginxPlan("server {}\n"))
	if shown.Pending() {
		t.Error("something is left to do")
	}
	before := len(w.Mutations())
	again, err := w.Apply(t.Context(), shown, nil)
	if again.Outcome != steps.OutcomeUnverified || steps.ExitStatus(again.Outcome, err) != steps.ExitUnverified || len(w.Mutations()) != before {
		t.Errorf("a second run: %+v, %v", again, err)
	}
	w.prober.fail = nil
	if again, err = w.Apply(t.Context(), shown, nil); again.Outcome != steps.OutcomeNothing || err != nil || len(again.Reports) != 1 {
		t.Errorf("a second run, the application is up: %+v, %v", again, err)
	}
	if res, err := w.Undo(t.Context(), res.Run, func(steps.Event) {}); err != nil || res.Outcome != steps.OutcomeDone {
		t.Errorf("undo: %+v, %v", res, err)
	}
}

// TestRehearsalLooksAhead is for what changes only after the rehearsal, in the same phase: it has to be rehearsed.
func TestRehearsalLooksAhead(t *testing.T) {
	t.Parallel()
	file := func(path string) steps.Change {
		return steps.WriteFile{For: steps.For(steps.IDSSL), Path: path, Content: []byte("x\n"), Mode: 0o644}
	}
	for _, c := range []struct {
		name string
		plan []steps.Change
		want steps.Action
	}{
		{"same phase", []steps.Change{rehearsal("/etc/a"), file("/etc/a")}, steps.Execute},
		{"another file", []steps.Change{rehearsal("/etc/b"), file("/etc/a")}, steps.Nothing},
		{"a later phase", []steps.Change{rehearsal("/etc/a"), steps.Checkpoint{}, file("/etc/a")}, steps.Nothing},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			shown := newWorld(t).preview(t, steps.Plan{Changes: c.plan})
			if got := shown.Effects[0].Action; got != c.want {
				t.Errorf("got %c, want %c", got, c.want)
			}
		})
	}
}

func rehearsal(on string) steps.Change {
	return steps.Rehearse{For: steps.For(steps.IDSSL), Executor: "native", On: []string{steps.FileKey(on)}}
}

// TestRefusedReloadIsNotProvedAgain is for a unit that went on with its old configuration: the files are put back, it is told so, in
// case that it took a part, and that is all there is to do.
func TestRefusedReloadIsNotProvedAgain(t *testing.T) {
	t.Parallel()
	for code, want := range map[string]steps.Outcome{"N05": steps.OutcomeReverted, "N09": steps.OutcomeReverted, "N06": steps.OutcomeInconsistent} {
		t.Run(code, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.ufw()
			w.mustApply(t, nginxPlan("server { one; }\n"))
			w.nginx.reloads = &steps.Failure{Text: "cannot reload", Code: code}
			before := len(w.Mutations())
			res, _, err := w.apply(t, nginxPlan("server { two; }\n"))
			if res.Outcome != want {
				t.Errorf("%s: %+v, %v", code, res, err)
			}
			last := w.Mutations()[before:]
			if told := slices.ContainsFunc(last, func(m string) bool { return strings.Contains(m, "systemctl reload nginx.service") }); told != (want == steps.OutcomeReverted) {
				t.Errorf("%s: told to reload: %t: %q", code, told, last)
			}
		})
	}
}

// TestDeclinedReloadIsNotToldAgain: a second reload may end what the first one left running.
func TestDeclinedReloadIsNotToldAgain(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.ufw()
	w.mustApply(t, nginxPlan("server { one; }\n"))
	w.nginx.reloads = &steps.Failure{Text: "cannot reload", Code: "N05", Err: steps.Declined("too many open files")}
	before := len(w.Mutations())
	res, _, err := w.apply(t, nginxPlan("server { two; }\n"))
	last := w.Mutations()[before:]
	if res.Outcome != steps.OutcomeReverted || slices.ContainsFunc(last, func(m string) bool { return strings.Contains(m, "systemctl reload nginx.service") }) {
		t.Errorf("%+v, %v: %q", res, err, last)
	}
}

// TestUnitThatDiesOfAReloadRunsAgain: it ran before, so it runs afterwards, on what it had; one that did not run stays off.
func TestUnitThatDiesOfAReloadRunsAgain(t *testing.T) {
	t.Parallel()
	for _, code := range []string{"N05", "N06"} {
		w := newWorld(t)
		w.ufw()
		w.mustApply(t, nginxPlan("server { one; }\n"))
		w.nginx.reload = func(ctx context.Context, h host.Host, unit string) error {
			if _, err := h.Run(ctx, systemctl("stop", unit)); err != nil {
				return err
			}
			return &steps.Failure{Text: "cannot reload", Code: code}
		}
		res, _, err := w.apply(t, nginxPlan("server { two; }\n"))
		now, asked := unitState(t.Context(), w, "nginx.service")
		if res.Outcome != steps.OutcomeReverted || asked != nil || !now.up() || !slices.Contains(res.Undone, "started nginx.service") {
			t.Errorf("%s: %+v, %v; %+v, %v", code, res, err, now, asked)
		}
	}
}

// TestUnitThatDiesWithUsRunsAgain: the recovery of a run that never ended starts it, unless the machine is starting everything by itself;
// so does it not for a unit that was not told to reload yet: that one was stopped by somebody.
func TestUnitThatDiesWithUsRunsAgain(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ booting, told, want bool }{
		"killed": {told: true, want: true}, "at boot": {booting: true, told: true}, "stopped by somebody": {},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.ufw()
			w.mustApply(t, nginxPlan("server { one; }\n"))
			dies := func(ctx context.Context, h host.Host) error {
				if _, err := h.Run(ctx, systemctl("stop", "nginx.service")); err != nil {
					return err
				}
				w.DieAt(1)
				_, err := h.Run(ctx, systemctl("reload", "nginx.service"))
				return err
			}
			if c.told {
				w.nginx.reload = func(ctx context.Context, h host.Host, _ string) error { return dies(ctx, h) }
			} else {
				w.nginx.test = dies
			}
			_, _ = w.Apply(t.Context(), w.preview(t, nginxPlan("server { two; }\n")), nil)
			w.Revive()
			w.services.Booting, w.nginx.reload, w.nginx.test = c.booting, nil, nil
			w.Engine = New(w.machine, w.services)
			res, found, err := w.Recover(t.Context(), nil)
			now, asked := unitState(t.Context(), w, "nginx.service")
			if !found || err != nil || asked != nil || now.up() != c.want {
				t.Errorf("it runs: %t, want %t: %+v, found %t, %v, %v", now.up(), c.want, res, found, err, asked)
			}
		})
	}
}

// TestNothingToUndoLeavesNoTrace is for a host on which nothing was ever done.
func TestNothingToUndoLeavesNoTrace(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for _, undo := range []func() (steps.Result, error){
		func() (steps.Result, error) { return w.Undo(t.Context(), "", nil) },
		func() (steps.Result, error) { return w.UndoAll(t.Context(), false, nil) },
	} {
		if res, err := undo(); err != nil || res.Outcome != steps.OutcomeNothing {
			t.Errorf("%+v, %v", res, err)
		}
	}
	if _, err := w.Undo(t.Context(), "no-such-run", nil); steps.ExitStatus("", err) != steps.ExitUsage {
		t.Errorf("got %v", err)
	}
	if len(w.Mutations()) > 0 {
		t.Errorf("it wrote %q", w.Mutations())
	}
}
