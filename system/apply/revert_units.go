package apply

import (
	"context"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/c93d5bcb/sslwizard/system/host"
)

// refusedTime is how long a unit may take for a reload that it did not take before.
const refusedTime = 15 * time.Second

func (u *undoing) daemonReload(ctx context.Context, entries []entry) {
	for _, e := range entries {
		if r := e.Before.Reload; r != nil && r.Daemon && (u.always || u.begun(e.Index)) {
			_, err := u.Run(ctx, systemctl("daemon-reload"))
			u.try("have systemd read its unit files again", err)
			return
		}
	}
}

// reloads has what runs take its configuration again, each unit once.
func (u *undoing) reloads(ctx context.Context, p phase) {
	todo := map[string]ReloadState{}
	for _, e := range p.Entries {
		r := e.Before.Reload
		if r == nil || r.Unit == "" || !u.always && !u.begun(e.Index) {
			continue
		}
		have := todo[r.Unit]
		have.Unit, have.Restart, have.Ran = r.Unit, have.Restart || r.Restart, have.Ran || r.Ran && u.begun(e.Index)
		if r.Executor != "" {
			have.Executor = r.Executor
		}
		todo[r.Unit] = have
	}
	for _, unit := range slices.Sorted(maps.Keys(todo)) {
		u.try("reload "+unit, u.reload(ctx, todo[unit]))
	}
}

func (u *undoing) reload(ctx context.Context, r ReloadState) error {
	now, err := unitState(ctx, u, r.Unit)
	switch {
	case err != nil:
		return err
	case !now.active() && (u.e.s.Booting || u.ended || !r.Ran):
		return nil // it starts on what is there then: at boot nothing runs yet, and since a run ended somebody may have stopped it
	case !now.active(): // it ran, and did not live through what it was told
		u.systemctl(ctx, "start", []string{r.Unit}, "started ")
		return nil
	case r.Unit == u.refused:
		// Nothing is proved of this: it is told once more because it may have taken in part what it did not show to have taken,
		// as an nginx does that has two masters while its program is exchanged. Not if it said that it took nothing: whatever kept it
		// from it may bring it down now, as too few open files do with the workers of an nginx.
		if !u.declined {
			_, _ = u.Run(ctx, host.Command{Argv: []string{"systemctl", "reload", r.Unit}, Timeout: refusedTime})
		}
		u.kept = append(u.kept, r.Unit+": it still runs with the configuration that it had")
		return nil
	}
	x, err := u.e.executor(r.Executor)
	switch {
	case r.Restart:
		_, err = u.Run(ctx, systemctl("restart", r.Unit))
	case err != nil:
		_, err = u.Run(ctx, systemctl("reload", r.Unit))
	default:
		err = x.Reload(ctx, u, r.Unit)
	}
	if err == nil {
		u.undone("reloaded " + r.Unit)
	}
	return err
}

// firstStates returns each unit of the phase as it was before the first change of it.
func (u *undoing) firstStates(p phase) []UnitState {
	var states []UnitState
	for _, e := range p.Entries {
		s := e.Before.Unit
		if s == nil || !u.begun(e.Index) || slices.ContainsFunc(states, func(x UnitState) bool { return x.Unit == s.Unit }) {
			continue
		}
		states = append(states, *s)
	}
	return states
}

// unitsOff stops and disables the units that were off, but for those that stay, and reports whether all of them are
// disabled.
func (u *undoing) unitsOff(ctx context.Context, p phase, over bool, stay []string) bool {
	var stop, disable, failed []string
	for _, was := range slices.Backward(u.firstStates(p)) {
		if slices.Contains(stay, was.Unit) {
			u.keepOnce(was.Unit, "it goes on, for you use it since")
			continue
		}
		now, err := unitState(ctx, u, was.Unit)
		if err != nil {
			u.try("stop "+was.Unit, err)
			continue
		}
		if now.active() && !was.active() {
			stop = append(stop, was.Unit)
		}
		if now.File == "enabled" && was.File != "enabled" {
			disable = append(disable, was.Unit)
		}
		if now.Active == "failed" && was.Active != "failed" {
			failed = append(failed, was.Unit)
		}
	}
	if over {
		u.stepAside(ctx, stop)
	} else {
		u.systemctl(ctx, "stop", stop, "stopped ") // together: a socket would start its service again
	}
	disabled := u.systemctl(ctx, "disable", disable, "disabled ")
	u.systemctl(ctx, "reset-failed", failed, "cleared the failure of ")
	return disabled
}

// unitsOn enables and starts the units that were on. One that was only about to run is only asked to: if it could not run before, it is
// no fault of the undoing that it cannot now.
func (u *undoing) unitsOn(ctx context.Context, p phase) {
	var enable, start, ask, again []string
	for _, was := range u.firstStates(p) {
		now, err := unitState(ctx, u, was.Unit)
		if err != nil {
			u.try("start "+was.Unit, err)
			continue
		}
		if was.File == "enabled" && now.File != "enabled" {
			enable = append(enable, was.Unit)
		}
		switch {
		case was.up() && !now.up():
			start = append(start, was.Unit)
		case was.active() && !now.active():
			ask = append(ask, was.Unit)
		case was.up() && u.startedEarly(p, was.Unit):
			again = append(again, was.Unit)
		}
	}
	u.systemctl(ctx, "enable", enable, "enabled ")
	u.systemctl(ctx, "start", start, "started ")
	u.systemctl(ctx, "start --no-block", ask, "asked to start ")
	u.systemctl(ctx, "reload-or-restart", again, "reloaded ")
}

// startedEarly reports a service that an earlier attempt to take this back may have started before all of its files were there again: a
// disk that takes nothing for a while has the way back end in the middle.
func (u *undoing) startedEarly(p phase, unit string) bool {
	if !u.always || u.e.s.Booting || !strings.HasSuffix(unit, ".service") {
		return false
	}
	return !slices.ContainsFunc(p.Entries, func(e entry) bool { return e.Before.Reload != nil && e.Before.Reload.Unit == unit })
}

// systemctl reports whether it could be done.
func (u *undoing) systemctl(ctx context.Context, verb string, units []string, said string) bool {
	if len(units) == 0 {
		return true
	}
	args := append(strings.Fields(verb), units...)
	if verb == "start" && u.e.s.Booting {
		args = append([]string{"--no-block"}, args...) // they wait for this to be over
	}
	_, err := u.Run(ctx, systemctl(args...))
	if err == nil {
		u.undone(said + strings.Join(units, ", "))
	}
	u.try(verb+" "+strings.Join(units, ", "), err)
	return err == nil
}
