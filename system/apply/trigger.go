package apply

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/c93d5bcb/sslwizard/steps"
	"github.com/c93d5bcb/sslwizard/system/host"
)

// The triggered changes have something to do only because others have: they leave nothing of their own behind.

// ReloadState is what has to take its configuration again when files are taken back.
type ReloadState struct {
	Daemon   bool   `json:"daemon,omitempty"` // systemd itself
	Unit     string `json:"unit,omitempty"`
	Executor string `json:"executor,omitempty"`
	Restart  bool   `json:"restart,omitempty"`
	Ran      bool   `json:"ran,omitempty"` // before the run began
}

// triggerVerb is a triggered change.
type triggerVerb struct {
	c        steps.Change
	on       []string // nil: whatever comes before it
	commands [][]string
	reload   *ReloadState
	act      func(context.Context, *doing) error
}

func triggered(c steps.Change) (verb, error) {
	v := triggerVerb{c: c}
	switch c := c.(type) {
	case steps.ReloadUnits:
		v.on, v.commands = c.On, [][]string{{"systemctl", "daemon-reload"}}
		v.reload, v.act = &ReloadState{Daemon: true}, v.run
	case steps.Restart:
		v.on, v.commands = c.On, [][]string{{"systemctl", "restart", c.Unit}}
		v.reload = &ReloadState{Unit: c.Unit, Restart: true}
		v.act = func(ctx context.Context, d *doing) error { return d.unit(ctx, c.Unit, v.commands) }
	case steps.Reload:
		v.on, v.commands = c.On, [][]string{{"systemctl", "reload", c.Unit}}
		v.reload = &ReloadState{Unit: c.Unit, Executor: c.Executor}
		v.act = func(ctx context.Context, d *doing) error { return d.reload(ctx, c) }
	case steps.TestConfig:
		v.on = c.On
		v.act = func(ctx context.Context, d *doing) error { return d.test(ctx, c) }
	case steps.Rehearse:
		v.on = c.On
		v.act = func(ctx context.Context, d *doing) error { return d.rehearse(ctx, c) }
	case steps.Verify:
		v.act = func(ctx context.Context, d *doing) error { return d.verify(ctx, c) }
	case steps.Checkpoint:
		v.act = func(context.Context, *doing) error { return nil }
	default:
		return nil, failf("cannot do a change of type %T: it is not known", c)
	}
	return v, nil
}

func (v triggerVerb) look(_ context.Context, w *view) (steps.Effect, []steps.Finding, error) {
	e := steps.Effect{Change: v.c, Action: steps.Nothing}
	if reload, ok := v.c.(steps.Reload); ok && w.fresh(reload.Unit, v.on) {
		return e, nil, nil // there is nothing that it has not read
	}
	if v.on == nil && v.always() && len(w.pending) > 0 || w.on(v.on) {
		e.Action, e.Commands = steps.Execute, v.commands
	}
	if restart, ok := v.c.(steps.Restart); ok && e.Action != steps.Nothing {
		w.starts(restart.Unit)
	}
	return e, nil, nil
}

// always reports the changes that follow whatever comes before them.
func (v triggerVerb) always() bool {
	switch v.c.(type) {
	case steps.Verify, steps.Checkpoint:
		return true
	}
	return false
}

func (v triggerVerb) record(ctx context.Context, r *recorder) (Before, error) {
	if v.reload == nil || v.reload.Unit == "" {
		return Before{Reload: v.reload}, nil
	}
	was := *v.reload
	now, err := unitState(ctx, r, was.Unit)
	was.Ran = now.active()
	return Before{Reload: &was}, err
}

func (v triggerVerb) do(ctx context.Context, d *doing) error { return v.act(ctx, d) }

func (v triggerVerb) run(ctx context.Context, d *doing) error {
	_, err := d.Run(ctx, systemctl(v.commands[0][1:]...))
	return err
}

func (d *doing) reload(ctx context.Context, c steps.Reload) error {
	x, err := d.executor(c.Executor)
	if err != nil {
		return err
	}
	return x.Reload(ctx, d, c.Unit)
}

func (d *doing) test(ctx context.Context, c steps.TestConfig) error {
	x, err := d.executor(c.Executor)
	if err != nil {
		return err
	}
	return x.Test(ctx, d)
}

func (d *doing) rehearse(ctx context.Context, c steps.Rehearse) error {
	x, err := d.executor(c.Executor)
	if err != nil {
		return err
	}
	report, err := x.Rehearse(ctx, d, c.Sites)
	if len(report.Checks) > 0 {
		d.report(report)
	}
	if err != nil {
		return err
	}
	return failedChecks("cannot keep the change: the rehearsal failed", report.Failed())
}

// verify probes the live sites. With Trusted false the trusted certificate is not judged: it comes later. An
// application that is down, or that speaks no WebSocket, is no reason to take a good set-up back: it is told at the end.
func (d *doing) verify(ctx context.Context, c steps.Verify) error {
	if d.services.Prober == nil {
		return failf("cannot verify the sites: this build has no probe")
	}
	var failed []steps.Check
	for _, site := range c.Sites {
		report, err := d.services.Prober.Probe(ctx, site, c.Trusted, d.seen)
		if err != nil {
			return fmt.Errorf("cannot verify %s: %w", site.Name, err)
		}
		d.report(report)
		for _, f := range report.Failed() {
			switch {
			case f.Blame == "app":
				d.unproven([]steps.Check{f})
			case c.Trusted || f.Step != steps.IDTrusted:
				failed = append(failed, f)
			}
		}
	}
	return failedChecks("cannot keep the change: the verification failed", failed)
}

// failedChecks makes one error of checks that failed: all are said, the first names the error.
func failedChecks(what string, failed []steps.Check) error {
	if len(failed) == 0 {
		return nil
	}
	var said, fixes []string
	for _, c := range failed {
		said = once(said, steps.CleanLine(strings.TrimSpace(c.Name+" "+c.Address+": "+c.Detail)))
		for _, fix := range c.Fix {
			fixes = once(fixes, fix)
		}
	}
	return &steps.Failure{
		Text: what + ": " + strings.Join(said, "; "), Code: failed[0].Code, Fixes: fixes,
	}
}

// once adds a line that is not there yet: several names and addresses fail in the same way.
func once(lines []string, line string) []string {
	if slices.Contains(lines, line) {
		return lines
	}
	return append(lines, line)
}

var _ host.Host = (*doing)(nil)
