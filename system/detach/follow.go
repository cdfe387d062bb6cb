package detach

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	"path"
	"slices"
	"time"

	"github.com/c93d5bcb/sslwizard/steps"
)

// Follow streams the events of a run from its beginning until it has ended, or the context has. A run that was killed
// has no end of its own: that is said, and what to do.
func (r Runner) Follow(ctx context.Context, run string, sink func(steps.Event)) (steps.Result, error) {
	if !valid(run) {
		return steps.Result{}, unknown(run)
	}
	run = r.named(run)
	if _, err := r.Host.ReadFile(dirOf(run)); errors.Is(err, fs.ErrNotExist) {
		return steps.Result{}, unknown(run)
	}
	tick := time.NewTicker(lookEvery)
	defer tick.Stop()
	seen, dead := 0, false
	for n := 0; ; n++ {
		now, ended, end := r.read(run, seen, sink)
		if ended {
			return end.result, end.err
		}
		if seen = now; dead {
			return steps.Result{}, r.unended(run)
		}
		if n%askEvery == askEvery-1 {
			alive, err := r.alive(ctx, run)
			if err != nil && ctx.Err() == nil {
				return steps.Result{}, err
			}
			dead = !alive // its last lines may have come since the last look
		}
		select {
		case <-ctx.Done():
			return steps.Result{}, ctx.Err()
		case <-tick.C:
		}
	}
}

// named is the run of that name. People know a run by its name in the journal, which is what the screens and `status`
// show and what an undo takes; it stands in all that the run says.
func (r Runner) named(name string) string {
	runs := r.runs()
	if slices.Contains(runs, name) {
		return name
	}
	for _, run := range runs {
		found := false
		r.read(run, 0, func(e steps.Event) { found = found || e.Run == name })
		if found {
			return run
		}
	}
	return name
}

// end is how a run ended.
type end struct {
	result steps.Result
	err    error
}

// read gives the events after the first seen bytes to the sink, and returns how far it came. A line that is not whole
// yet is left for the next time; one that cannot be read is passed over, for those after it can.
func (r Runner) read(run string, seen int, sink func(steps.Event)) (int, bool, end) {
	f, err := r.Host.ReadFile(path.Join(dirOf(run), eventsName))
	if err != nil {
		return seen, false, end{} // it has not begun to write
	}
	for seen < len(f.Data) {
		length := bytes.IndexByte(f.Data[seen:], '\n')
		if length < 0 {
			break
		}
		line := f.Data[seen : seen+length]
		seen += length + 1
		result, ended, err := steps.ReadLine(line, sink)
		if ended {
			return seen, true, end{result, err}
		}
	}
	return seen, false, end{}
}

// unended is the error for a run that does not go on and did not say how it ended. That it never began, so that nothing was changed, is
// only known when its folder is there and has no events.
func (r Runner) unended(run string) error {
	_, err := r.Host.ReadFile(path.Join(dirOf(run), eventsName))
	_, folder := r.Host.ReadFile(dirOf(run))
	switch {
	case errors.Is(err, fs.ErrNotExist) && folder == nil:
		return neverBegan(run)
	case err != nil:
		f := killed(run)
		f.Text, f.Err = "cannot say how run "+run+" ended: it does not go on, and what it wrote cannot be read", err
		return f
	}
	return killed(run)
}

func killed(run string) *steps.Failure {
	return &steps.Failure{Text: "cannot say how run " + run + " ended: it was killed before it was done", Status: steps.ExitInconsistent,
		Fixes: []string{"sudo sslwizard undo    puts back what it had begun", "journalctl -u " + unit(run) + "    shows what it said last"}}
}

func neverBegan(run string) error {
	return &steps.Failure{Text: "cannot follow the run " + run + ": it never began, and nothing was changed", Status: steps.ExitFailed,
		Fixes: []string{"sudo sslwizard    begins anew; your answers are kept"}}
}
