package apply

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/c93d5bcb/sslwizard/steps"
	"github.com/c93d5bcb/sslwizard/system/host"
)

// unitTimeout is how long a unit may take to start or stop; systemd's own default is 90 seconds.
const unitTimeout = 2 * time.Minute

// UnitState is what systemd says about a unit.
type UnitState struct {
	Unit   string `json:"unit"`
	Load   string `json:"load"`   // "loaded", "not-found", "masked"
	File   string `json:"file"`   // "enabled", "disabled", "static", …
	Active string `json:"active"` // "active", "inactive", "failed", …
}

func (u UnitState) active() bool {
	return u.Active == "active" || u.Active == "activating" || u.Active == "reloading"
}

// up reports a unit that answers. One that is activating may have been started by its socket a moment ago: starting it
// once more does nothing but wait for it.
func (u UnitState) up() bool { return u.Active == "active" || u.Active == "reloading" }

// enabled reports whether the unit starts at boot as far as enabling can do it: a static unit is started by others.
func (u UnitState) enabled() bool {
	switch u.File {
	case "enabled", "static", "alias", "indirect", "generated":
		return true
	}
	return false
}

// unitState asks systemd. Whether a unit starts at boot is asked from its files: what `systemctl show` says of it is
// remembered from before they changed.
func unitState(ctx context.Context, r host.Reader, unit string) (UnitState, error) {
	s := UnitState{Unit: unit}
	out, err := r.Query(ctx, systemctl("show", "-p", "LoadState,ActiveState", unit))
	if err != nil {
		return s, fmt.Errorf("cannot ask systemd about %s: %w", unit, err)
	}
	is := host.Properties(string(out.Stdout))
	s.Load, s.Active = is["LoadState"], is["ActiveState"]
	if s.Load == "" {
		return s, failf("cannot ask systemd about %s: it gave no answer (%s)", unit, steps.CleanLine(string(out.Stderr)))
	}
	out, err = r.Query(ctx, systemctl("is-enabled", unit))
	s.File = strings.TrimSpace(string(out.Stdout))
	return s, err
}

func systemctl(args ...string) host.Command {
	return host.Command{Argv: append([]string{"systemctl"}, args...), Timeout: unitTimeout}
}

// enableVerb has a unit start at boot and, if asked, now.
type enableVerb struct{ c steps.EnableUnit }

func (v enableVerb) look(ctx context.Context, w *view) (steps.Effect, []steps.Finding, error) {
	e := steps.Effect{Change: v.c, Action: steps.Nothing}
	now, err := unitState(ctx, w, v.c.Unit)
	if err != nil {
		return e, nil, err
	}
	if w.on([]string{steps.Drain{Unit: v.c.Unit}.Key()}) {
		now.Active = "inactive" // it will be, when it is this change's turn
	}
	if e.Commands = v.commands(now); len(e.Commands) > 0 {
		e.Action = steps.Execute
	}
	if v.c.Start && !now.up() {
		w.starts(v.c.Unit)
	}
	if now.Load == "masked" {
		return e, []steps.Finding{masked(v.c, v.c.Unit)}, nil
	}
	return e, nil, nil
}

func (v enableVerb) commands(now UnitState) [][]string {
	var commands [][]string
	if !now.enabled() {
		// Reading all units again would take longer than all else here, and nothing that runs has to know.
		commands = append(commands, []string{"systemctl", "--no-reload", "enable", v.c.Unit})
	}
	if v.c.Start && !now.up() {
		commands = append(commands, []string{"systemctl", "start", v.c.Unit})
	}
	return commands
}

func (v enableVerb) record(ctx context.Context, r *recorder) (Before, error) {
	return recordUnit(ctx, r, v.c.Unit)
}

func (v enableVerb) do(ctx context.Context, d *doing) error {
	now, err := unitState(ctx, d, v.c.Unit)
	if err != nil {
		return err
	}
	return d.unit(ctx, v.c.Unit, v.commands(now))
}

// disableVerb has a unit neither run nor start at boot.
type disableVerb struct{ c steps.DisableUnit }

func (v disableVerb) look(ctx context.Context, w *view) (steps.Effect, []steps.Finding, error) {
	e := steps.Effect{Change: v.c, Action: steps.Nothing}
	now, err := unitState(ctx, w, v.c.Unit)
	if err != nil {
		return e, nil, err
	}
	if e.Commands = v.commands(now); len(e.Commands) > 0 {
		e.Action = steps.Execute
	}
	return e, nil, nil
}

func (v disableVerb) commands(now UnitState) [][]string {
	var commands [][]string
	if now.active() {
		commands = append(commands, []string{"systemctl", "stop", v.c.Unit})
	}
	if now.File == "enabled" || now.File == "enabled-runtime" {
		commands = append(commands, []string{"systemctl", "disable", v.c.Unit})
	}
	return commands
}

func (v disableVerb) record(ctx context.Context, r *recorder) (Before, error) {
	return recordUnit(ctx, r, v.c.Unit)
}

func (v disableVerb) do(ctx context.Context, d *doing) error {
	now, err := unitState(ctx, d, v.c.Unit)
	if err != nil {
		return err
	}
	return d.unit(ctx, v.c.Unit, v.commands(now))
}

// drainVerb stops a unit and gives it time to answer what it took: both executors do that when they are stopped.
type drainVerb struct{ c steps.Drain }

func (v drainVerb) look(ctx context.Context, w *view) (steps.Effect, []steps.Finding, error) {
	e := steps.Effect{Change: v.c, Action: steps.Nothing}
	now, err := unitState(ctx, w, v.c.Unit)
	if err != nil || !now.active() {
		return e, nil, err
	}
	e.Action, e.Commands = steps.Execute, [][]string{{"systemctl", "stop", v.c.Unit}}
	if was := v.migrating(w); was != nil {
		e.Commands = [][]string{setKernel(was.Path, "1").Argv, e.Commands[0], setKernel(was.Path, was.Value).Argv}
		e.Note = "net.ipv4.tcp_migrate_req is 1 meanwhile and " + was.Value + " again after it: the kernel hands over connections that wait"
	}
	return e, nil, nil
}

func (v drainVerb) record(ctx context.Context, r *recorder) (Before, error) {
	before, err := recordUnit(ctx, r, v.c.Unit)
	before.Kernel = v.migrating(r)
	return before, err
}

func (v drainVerb) do(ctx context.Context, d *doing) error {
	stop := func() error {
		c := systemctl("stop", v.c.Unit)
		c.Timeout = v.c.Wait + unitTimeout
		_, err := d.Run(ctx, c)
		return err
	}
	if was := d.before.Kernel; was != nil {
		return handOver(ctx, d, *was, stop)
	}
	return stop()
}

func recordUnit(ctx context.Context, r *recorder, unit string) (Before, error) {
	s, err := unitState(ctx, r, unit)
	return Before{Unit: &s}, err
}

// unit runs commands on a unit; what systemd has to say about a failure is in its status, not in its answer.
func (d *doing) unit(ctx context.Context, unit string, commands [][]string) error {
	for _, argv := range commands {
		if _, err := d.Run(ctx, systemctl(argv[1:]...)); err != nil {
			return unitFault(ctx, d, unit, argv[len(argv)-2], err)
		}
	}
	return nil
}

func unitFault(ctx context.Context, r host.Reader, unit, verb string, err error) error {
	f := failf("cannot %s %s", verb, unit)
	f.Code, f.Err = "N14", err
	f.Fixes = []string{"systemctl status " + unit, "journalctl -u " + unit + " -n 50"}
	if n := restarts(ctx, r, unit); n >= crashing {
		f.Code, f.Text = "N18", fmt.Sprintf("%s: it ended by itself whenever it was started, and was started again %d times", f.Text, n)
	}
	if out, qerr := r.Query(ctx, host.Command{Argv: []string{"journalctl", "-u", unit, "-n", "10", "-o", "cat", "--no-pager"}}); qerr == nil {
		if said := strings.TrimSpace(string(out.Stdout)); said != "" {
			f.Err = fmt.Errorf("%w; its journal ends: %s", err, strings.ReplaceAll(said, "\n", " | "))
		}
	}
	return f
}

// crashing is how often a unit has to be started again by systemd until it is clear that the next time will be no better.
const crashing = 2

// restarts is how often systemd started a unit again that had ended by itself; 0 if it does not say.
func restarts(ctx context.Context, r host.Reader, unit string) int {
	out, err := r.Query(ctx, systemctl("show", "-p", "NRestarts", "--value", unit))
	if err != nil {
		return 0
	}
	n, _ := strconv.Atoi(strings.TrimSpace(string(out.Stdout)))
	return n
}

func masked(c steps.Change, unit string) steps.Finding {
	return steps.Finding{
		Step: c.Step(), Code: "N14", Severity: steps.Blocker,
		Text: "cannot start " + unit + ": it was masked by the administrator",
		Fix:  []string{"systemctl unmask " + unit, "or choose the other executor"},
	}
}
