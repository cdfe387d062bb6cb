package apply

import (
	"io/fs"
	"path"

	"github.com/c93d5bcb/sslwizard/steps"
	"github.com/c93d5bcb/sslwizard/system/host"
)

// An open run is guarded: should the power fail, the next boot undoes it before anything serves (H23). The unit that does it is
// there exactly as long as the run is open, so that a server without one has nothing of it. systemd reads it at boot only.

var guardFile = path.Join(steps.UnitDir, steps.RecoverService)

// wanting are the folders of which one has to want the unit; every installation has one of them.
var wanting = []string{"multi-user.target.wants", "sysinit.target.wants", "sockets.target.wants", "timers.target.wants"}

func guardLink(folder string) string {
	return path.Join(steps.UnitDir, folder, steps.RecoverService)
}

// guard makes the unit. The run is open already.
func (j *journal) guard() error {
	if len(j.unit) == 0 {
		return nil
	}
	for _, folder := range wanting {
		if !exists(j.h, path.Dir(guardLink(folder))) {
			continue
		}
		if err := j.h.WriteFile(guardFile, host.File{Data: j.unit, Mode: 0o644}); err != nil {
			return err
		}
		return j.h.WriteFile(guardLink(folder), host.File{Mode: fs.ModeSymlink | fs.ModePerm, Link: guardFile})
	}
	return nil
}

// unguard takes it away, whatever of it there is, with what a making of it that was killed left. The run is still open.
func (j *journal) unguard() error {
	var gone []string
	for _, folder := range wanting {
		gone = append(gone, guardLink(folder))
	}
	gone = append(gone, guardFile)
	for _, name := range gone {
		if err := host.SweepTemps(j.h, path.Dir(name)); err != nil {
			return err
		}
		if _, err := j.h.ReadFile(name); absent(err) {
			continue
		}
		if err := j.h.Remove(name); err != nil {
			return err
		}
	}
	return nil
}
