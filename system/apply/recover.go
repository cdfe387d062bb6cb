package apply

import (
	"context"
	"fmt"
	"path"

	"github.com/c93d5bcb/sslwizard/steps"
)

// Recover takes back a run that never ended, because it was killed or the machine lost power (H03, H22, H23); the bool
// reports whether there was one. An undo that never ended is brought to its end. It may itself be killed at any moment
// and called again. Without such a run it writes nothing.
func (e *Engine) Recover(ctx context.Context, sink func(steps.Event)) (steps.Result, bool, error) {
	if !e.open() {
		return steps.Result{}, false, nil
	}
	release, err := e.s.Locker.Lock("undoing a run that never ended")
	if err != nil {
		return steps.Result{}, true, err
	}
	defer release()
	events := newFeed(sink)
	defer events.close()
	res, found, err := e.recover(context.WithoutCancel(ctx), events)
	return res, found, err
}

// recover does it under the lock. The error is for what could not be taken back; that a run had to be taken back is
// none.
func (e *Engine) recover(ctx context.Context, events *feed) (steps.Result, bool, error) {
	if s, _, err := stateAt(e.h, steps.JournalDir); err == nil && s.Kind == kindLink && validID(path.Base(s.Link)) {
		if err := bringBack(e.h, path.Base(s.Link)); err != nil {
			return steps.Result{}, true, err
		}
	}
	j, err := unfinished(e.h)
	if err != nil || j == nil {
		return steps.Result{}, err != nil, err
	}
	var end result
	if err := readJSON(e.h, j.file(resultName), &end); err == nil {
		return steps.Result{Run: j.m.ID, Outcome: end.Outcome, Undone: end.Undone, Kept: end.Kept}, true, j.unlink()
	} else if !absent(err) {
		return steps.Result{}, true, err
	}
	events.send(steps.Event{Time: e.s.Clock(), Run: j.m.ID, Status: steps.Progress, Text: "the run " + j.m.ID + " never ended; undoing it"})
	if j.m.Kind == kindUndo {
		return e.finishUndo(ctx, j, events)
	}
	if len(j.phases) == 0 { // a run is opened after the record of its first phase
		return steps.Result{}, true, damaged(j.dir(), fmt.Errorf("it has no phase"))
	}
	u := e.undoing(j, events, func(i int) bool { return j.begun[i] }, true)
	res := e.settle(u, nil, u.last(ctx))
	if res.Outcome == steps.OutcomeInconsistent {
		return res, true, res.Err
	}
	res.Err = &steps.Failure{Text: "cannot tell why run " + j.m.ID + " ended early: it was killed, or the machine stopped; it was undone", Code: "H03",
		Fixes: []string{"journalctl --boot -1    shows how it ended, if the machine stopped", "run the same command again"}}
	return res, true, nil
}

func (e *Engine) finishUndo(ctx context.Context, j *journal, events *feed) (steps.Result, bool, error) {
	res, err := e.undo(ctx, j, events)
	return res, true, err
}
