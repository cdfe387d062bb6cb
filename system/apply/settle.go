package apply

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/c93d5bcb/sslwizard/steps"
)

// outcome is how a run ends in which nothing failed.
func (s *session) outcome() steps.Outcome {
	if len(s.open) > 0 {
		return steps.OutcomeUnverified
	}
	return steps.OutcomeDone
}

// unproven notes what the application did not do. Both verifications of a run see the same application: each is noted
// once.
func (s *session) unproven(checks []steps.Check) {
	if s.open == nil {
		s.open = map[string]steps.Check{}
	}
	for _, c := range checks {
		s.open[c.Name+" "+c.Address] = c
	}
}

// unverified is the error of a run that is live although its application did not answer as it should.
func (s *session) unverified() error {
	var checks []steps.Check
	for _, key := range slices.Sorted(maps.Keys(s.open)) {
		checks = append(checks, s.open[key])
	}
	return unverified("cannot prove the whole", checks)
}

// unverified is the error for what is live but was not seen to work.
func unverified(what string, checks []steps.Check) error {
	err := failedChecks(what, checks)
	if f, ok := errors.AsType[*steps.Failure](err); ok {
		f.Status = steps.ExitUnverified
	}
	return err
}

// refusedUnit is the unit that did not take a reload, when it is known that it still runs with what it had (N05), or was not even told (N09).
func refusedUnit(c steps.Change, err error) string {
	reload, ok := c.(steps.Reload)
	if f, is := errors.AsType[*steps.Failure](err); ok && is && (f.Code == "N05" || f.Code == "N09") {
		return reload.Unit
	}
	return ""
}

// takeBack ends a run that failed.
func (s *session) takeBack(ctx context.Context, cause error) (steps.Result, error) {
	text := "undoing what this run did"
	if s.phase > 0 {
		text = "undoing what was begun since; what was live and verified before it stays"
	}
	s.say(nil, steps.Progress, text)
	done := func(i int) bool { return s.j.begun[i] }
	u := s.e.undoing(s.j, s.events, done, false)
	u.refused = s.refused
	_, u.declined = errors.AsType[steps.Declined](cause)
	err := u.last(ctx)
	res := s.e.settle(u, cause, err)
	res.Reports = s.reports
	s.finish(steps.Failed, string(res.Outcome), res.Err)
	return res, res.Err
}

// settle writes down how a run ended that was taken back, and says so.
func (e *Engine) settle(u *undoing, cause, revertErr error) steps.Result {
	last := u.j.phases[len(u.j.phases)-1].Number
	res := steps.Result{Run: u.j.m.ID, Outcome: steps.OutcomeReverted, Err: cause, Undone: u.did, Kept: u.kept}
	if last > 0 {
		res.Outcome = steps.OutcomePartial
	}
	if revertErr != nil {
		res.Outcome = steps.OutcomeInconsistent
		res.Err = u.j.keep(inconsistent(cause, revertErr)) // the run stays open: the next start tries again
		return res
	}
	end := result{Outcome: res.Outcome, Time: e.s.Clock().UTC(), Reverted: []int{last}, Undone: u.did, Kept: u.kept, Receipt: u.j.receipt([]int{last})}
	if end.Blank = len(u.j.phases) == 1; end.Blank && last > 0 {
		res.Run = "" // what is live is an earlier run's work: there is nothing of this one to undo
	}
	if cause != nil {
		end.Error = steps.Clean(cause.Error())
	}
	if err := u.j.close(end); err != nil && last == 0 {
		err = u.j.unlink() // everything is as it was: a run without a result is one that never began
		if err != nil {
			res.Outcome, res.Err = steps.OutcomeInconsistent, inconsistent(cause, err)
		}
	} else if err != nil {
		res.Err = errors.Join(cause, fmt.Errorf("cannot close the journal: %w", err))
	}
	return res
}

func inconsistent(cause, err error) error {
	if _, said := errors.AsType[*steps.Failure](err); !said {
		err = diskFault(err)
	}
	f := &steps.Failure{
		Text: "cannot undo everything", Status: steps.ExitInconsistent, Err: err,
		Fixes: []string{"repair what is said above, then run: sudo sslwizard undo", "what was there before is kept below " + steps.DoneDir},
	}
	if why, ok := errors.AsType[*steps.Failure](err); ok { // what stands in the way has a name and a way on of its own
		f.Code, f.Fixes = why.Code, append(slices.Clone(why.Fixes), f.Fixes...)
	}
	if cause != nil {
		f.Text += " after this failed: " + steps.Clean(cause.Error()) + ". What could not be undone"
	}
	return f
}
