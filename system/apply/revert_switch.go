package apply

import (
	"context"
	"slices"
	"strings"

	"github.com/c93d5bcb/sslwizard/steps"
	"github.com/c93d5bcb/sslwizard/system/host"
)

// A switch from one executor to another is taken back as it was made: both listen for a moment, and the one that goes
// hands over what waits for it.

// handsOver reports whether an executor gave its ports to another one in this phase.
func (j *journal) handsOver(p phase) bool {
	return slices.ContainsFunc(p.Entries, func(e entry) bool {
		if e.Index >= len(j.m.Changes) {
			return false
		}
		c, err := steps.DecodeChange(j.m.Changes[e.Index])
		drain, ok := c.(steps.Drain)
		return err == nil && ok && drain.HandOver
	})
}

// comeBack has what served before serve again, beside what serves now, and reports whether it could. What fails here is
// tried once more, and then told, when the ports are free: the way back may not depend on sharing them. Nothing is started
// on files that are not all back: it would go on with what it found.
func (u *undoing) comeBack(ctx context.Context, p phase, reverse []entry) bool {
	told := len(u.errs)
	for _, e := range reverse {
		u.try("undo "+e.Key, u.restored(e))
	}
	if len(u.errs) > told {
		u.errs = u.errs[:told]
		return false
	}
	if touchesUnits(reverse, kindFile) {
		u.daemonReload(ctx, reverse)
	}
	u.unitsOn(ctx, p)
	u.errs = u.errs[:told]
	return true
}

// restored takes back what an entry changed of what was there. What it added stays while something still runs on it.
func (u *undoing) restored(e entry) error {
	for _, p := range slices.Backward(e.Before.Paths) {
		if p.Before.Kind == kindNone {
			continue
		}
		if err := u.path(p, e.Before, u.j.seen[e.Index]); err != nil {
			return err
		}
	}
	return nil
}

// touchesUnits reports whether unit files that were there before (kindFile), or that were not (kindNone), changed.
func touchesUnits(entries []entry, before string) bool {
	for _, e := range entries {
		for _, p := range e.Before.Paths {
			if p.Before.Kind == before && strings.HasPrefix(p.Path, steps.UnitDir+"/") {
				return true
			}
		}
	}
	return false
}

// stepAside stops units whose ports others share by now. The sockets go first: what still listens while its service
// answers what it took would let others wait.
func (u *undoing) stepAside(ctx context.Context, units []string) {
	if len(units) == 0 {
		return
	}
	isSocket := func(unit string) bool { return strings.HasSuffix(unit, ".socket") }
	sockets := slices.DeleteFunc(slices.Clone(units), func(unit string) bool { return !isSocket(unit) })
	rest := slices.DeleteFunc(slices.Clone(units), isSocket)
	stop := func() error {
		u.systemctl(ctx, "stop", sockets, "stopped ")
		u.systemctl(ctx, "stop", rest, "stopped ")
		return nil
	}
	if u.kernel == nil {
		_ = stop() // it tells its failures itself
		return
	}
	u.try("set the kernel back", handOver(ctx, u, *u.kernel, stop))
}

// kernelOf is what a run that did not end, or its recovery, may have left changed: its record says what was before.
func kernelOf(p phase) *KernelState {
	for _, e := range p.Entries {
		if e.Before.Kernel != nil {
			return e.Before.Kernel
		}
	}
	return nil
}

// undoKernel gives a setting its value back, where a run, or its undo, was killed between the two.
func (u *undoing) undoKernel(ctx context.Context) error {
	if u.kernel == nil {
		return nil
	}
	now := kernelState(u, u.kernel.Path)
	if now == nil || now.Value != "1" || u.kernel.Value == now.Value {
		return nil
	}
	_, err := u.Run(ctx, setKernel(u.kernel.Path, u.kernel.Value))
	if err == nil {
		u.undone("set " + u.kernel.Path + " back to " + steps.CleanLine(u.kernel.Value))
	}
	return err
}

var _ host.Host = (*undoing)(nil)
