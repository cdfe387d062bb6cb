package apply

import (
	"context"
	"slices"
	"strings"

	"github.com/c93d5bcb/sslwizard/steps"
)

// Undo takes back a finished run and every run after it, the newest first, so that the host is what it was before that
// run; "" is the last one that changed something. A run that never ended is the last one: with "" taking it back is all
// that is done. What somebody edited since stays and is reported in Kept.
func (e *Engine) Undo(ctx context.Context, runID string, sink func(steps.Event)) (steps.Result, error) {
	choose := func(runs []run) ([]string, error) { return upTo(runs, runID) }
	if res, nothing, err := e.nothingToUndo(choose); nothing || err != nil {
		return res, err
	}
	release, err := e.s.Locker.Lock(strings.TrimSpace("undo " + runID))
	if err != nil {
		return steps.Result{}, err
	}
	defer release()
	events := newFeed(sink)
	defer events.close()
	if res, found, err := e.recover(context.WithoutCancel(ctx), events); err != nil || found && runID == "" {
		res.Err = nil
		return res, err
	}
	return e.undoChosen(ctx, events, choose)
}

// nothingToUndo looks before the lock is taken: where nothing was done, even a lock would be a trace.
func (e *Engine) nothingToUndo(choose func([]run) ([]string, error)) (steps.Result, bool, error) {
	if e.open() {
		return steps.Result{}, false, nil
	}
	runs, err := listRuns(e.h)
	if err != nil {
		return steps.Result{}, false, err
	}
	ids, err := choose(runs)
	if err != nil {
		return steps.Result{}, false, err
	}
	return steps.Result{Outcome: steps.OutcomeNothing}, len(ids) == 0, nil
}

func (e *Engine) undoChosen(ctx context.Context, events *feed, choose func([]run) ([]string, error)) (steps.Result, error) {
	runs, err := listRuns(e.h)
	if err != nil {
		return steps.Result{}, err
	}
	ids, err := choose(runs)
	if err != nil {
		return steps.Result{}, err
	}
	if len(ids) == 0 {
		return steps.Result{Outcome: steps.OutcomeNothing}, nil
	}
	if err := cancelled(ctx); err != nil {
		return steps.Result{}, err
	}
	for _, id := range ids { // an undo that cannot be brought to its end is not begun
		if _, err := loadRun(e.h, id); err != nil {
			return steps.Result{}, err
		}
	}
	j, err := e.newRun(manifest{Kind: kindUndo, What: "undo " + strings.Join(ids, ", "), Undoes: ids}, func(m *manifest) error {
		m.Kernel = resetting(e.h)
		return nil
	})
	if err != nil {
		return steps.Result{}, err
	}
	if err := j.open(); err != nil {
		j.discard()
		return steps.Result{}, unwritten(err)
	}
	return e.undo(context.WithoutCancel(ctx), j, events)
}

// upTo returns the runs to undo, the newest first.
func upTo(runs []run, id string) ([]string, error) {
	var ids []string
	for _, r := range slices.Backward(runs) {
		if r.undoable() {
			ids = append(ids, r.m.ID)
			if id == "" || r.m.ID == id {
				return ids, nil
			}
		}
	}
	if id == "" {
		return nil, nil
	}
	return nil, &steps.Failure{
		Text: "cannot undo the run " + steps.CleanLine(id) + ": there is no such run that changed something and was not undone yet", Status: steps.ExitUsage,
		Fixes: []string{"sudo sslwizard status    lists the runs"},
	}
}

// undo brings an opened undo to its end; it may have begun before.
func (e *Engine) undo(ctx context.Context, j *journal, events *feed) (steps.Result, error) {
	res := steps.Result{Run: j.m.ID, Outcome: steps.OutcomeDone}
	end := result{Outcome: steps.OutcomeDone, Receipt: receipt{}}
	for _, id := range j.m.Undoes {
		target, err := loadRun(e.h, id)
		if err != nil {
			return e.undoFailed(res, j, err)
		}
		u := e.undoing(target.journal, events, func(int) bool { return true }, true)
		u.kernel, u.ended = j.m.Kernel, true
		err = e.undoRun(ctx, j, u, target)
		res.Undone, res.Kept = append(res.Undone, u.did...), append(res.Kept, u.kept...)
		if err != nil {
			return e.undoFailed(res, j, err)
		}
		end.Receipt = target.m.Receipt
	}
	res.Kept = slices.DeleteFunc(res.Kept, e.goneSince) // what a newer phase had left, and an older one took
	end.Time, end.Undone, end.Kept = e.s.Clock().UTC(), res.Undone, res.Kept
	if err := j.close(end); err != nil {
		return e.undoFailed(res, j, err)
	}
	return res, nil
}

// undoRun takes the phases of one run back, the newest first, and notes each that is done. Going on after an
// interruption begins with the next one: by then the host is what it was before a newer phase, and taking that one back
// again would bring its own past back.
func (e *Engine) undoRun(ctx context.Context, j *journal, u *undoing, target loaded) error {
	for _, p := range slices.Backward(target.phases) {
		key := target.m.ID + "/" + phaseName(p.Number)
		if slices.Contains(target.end.Reverted, p.Number) || j.back[key] {
			continue
		}
		if err := u.phase(ctx, p); err != nil {
			return err
		}
		j.note(record{Time: e.s.Clock(), Index: -1, What: recordBack, Text: key})
		if err := j.flush(); err != nil {
			return err
		}
	}
	return nil
}

// undoFailed leaves the undo open: the next start goes on with it.
func (e *Engine) undoFailed(res steps.Result, j *journal, err error) (steps.Result, error) {
	res.Outcome, res.Err = steps.OutcomeInconsistent, inconsistent(nil, err)
	if j != nil {
		res.Err = j.keep(res.Err)
	}
	return res, res.Err
}

// UndoAll takes back every run, for an uninstall. Afterwards it removes our own folders: the log of runs always, the
// certificates, account keys and the local CA only with keepCertificates false. What then stays is in Kept, and in no
// event: while the runs are taken back it is not known yet. The result has no run, for there is none to undo any more.
func (e *Engine) UndoAll(ctx context.Context, keepCertificates bool, sink func(steps.Event)) (steps.Result, error) {
	if !exists(e.h, steps.StateDir) {
		return steps.Result{Outcome: steps.OutcomeNothing}, nil
	}
	release, err := e.s.Locker.Lock("uninstall")
	if err != nil {
		return steps.Result{}, err
	}
	defer release()
	events := newFeed(withoutKept(sink))
	defer events.close()
	if res, _, err := e.recover(context.WithoutCancel(ctx), events); err != nil {
		return res, err
	}
	res, err := e.undoChosen(ctx, events, everything)
	if err != nil {
		return res, err
	}
	if res.Outcome == steps.OutcomeNothing {
		if err := e.orphans(); err != nil {
			return steps.Result{}, err
		}
	}
	if err := e.hush(ctx); err != nil {
		return e.undoFailed(res, nil, err)
	}
	secrets := !keepCertificates && (exists(e.h, steps.CertsDir) || exists(e.h, steps.ACMEDir))
	left, err := e.erase(keepCertificates)
	if err != nil {
		return e.undoFailed(res, nil, err)
	}
	res.Kept = append(res.Kept, left...)
	if secrets {
		res.Undone = append(res.Undone, "removed the certificates, their keys and the ACME accounts")
	}
	res.Kept = slices.DeleteFunc(res.Kept, e.goneSince)
	res.Run, res.Outcome = "", steps.OutcomeDone
	return res, nil
}

// hush stops what tells people of certificates, which a channel that hangs can keep at it for minutes. What waits to be told is
// removed, and the program too, mostly.
func (e *Engine) hush(ctx context.Context) error {
	if !exists(e.h, steps.NotifyLock) { // nobody was ever told anything
		return nil
	}
	now, err := unitState(ctx, e.h, steps.NotifyService)
	if err == nil && now.active() {
		_, err = e.h.Run(ctx, systemctl("stop", steps.NotifyService))
	}
	return err
}

// orphans refuses to remove the certificates of sites that are still set up: the log of the runs that did it is gone, so
// that they were not taken back.
func (e *Engine) orphans() error {
	dir, err := e.h.ReadFile(steps.SitesDir)
	if absent(err) {
		return nil
	}
	if err != nil {
		return err
	}
	for _, name := range dir.Entries {
		if site, ok := strings.CutSuffix(name, ".yaml"); ok {
			return &steps.Failure{
				Text: "cannot uninstall: " + steps.CleanLine(site) + " is still set up, and the log of the run that did it is gone; nothing was touched", Code: "H05",
				Fixes: []string{"put " + steps.DoneDir + " back from a backup, then run this again", "sudo sslwizard remove " + steps.CleanLine(site) + "    takes the site away and keeps its certificate"},
			}
		}
	}
	return nil
}

func withoutKept(sink func(steps.Event)) func(steps.Event) {
	if sink == nil {
		return nil
	}
	return func(event steps.Event) {
		if event.Status != steps.Kept {
			sink(event)
		}
	}
}

// goneSince reports a line of Kept about a path that is not there any more.
func (e *Engine) goneSince(line string) bool {
	name, _, _ := strings.Cut(line, ": ")
	if !strings.HasPrefix(name, "/") || strings.Contains(line, ".sslwizard-") {
		return false
	}
	_, err := e.h.ReadFile(name)
	return absent(err)
}

func everything(runs []run) ([]string, error) {
	var ids []string
	for _, r := range slices.Backward(runs) {
		if r.undoable() {
			ids = append(ids, r.m.ID)
		}
	}
	return ids, nil
}
