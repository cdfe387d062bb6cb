package steps

import "errors"

// The exit statuses of sslwizard. Those from 64 on are those of sysexits(3).
const (
	ExitOK           = 0   // done, or nothing to do
	ExitFailed       = 1   // any other failure
	ExitPending      = 2   // dry run with --detailed-exitcode: changes are pending
	ExitUnverified   = 3   // applied, but the verification failed, or the trusted certificate is not there yet
	ExitReverted     = 4   // apply failed, everything was undone
	ExitInconsistent = 5   // apply failed and the undo is incomplete
	ExitUsage        = 64  // the command line is wrong
	ExitAnswers      = 65  // the answers file is wrong
	ExitUnavailable  = 69  // an ACME server or package mirror is out of reach
	ExitFault        = 70  // sslwizard itself has a fault
	ExitTryLater     = 75  // a lock is held, or a rate limit was met
	ExitNotRoot      = 77  // root is needed
	ExitBroken       = 78  // the server's own configuration was broken before we began
	ExitCancelled    = 130 // stopped by the user; nothing changed, or it was undone
)

// Coded is an error that knows its exit status and the ways on. Every package may implement it; Failure is the usual
// way to.
type Coded interface {
	error
	ExitStatus() int
	Fix() []string // each a line to read or to type; may be empty
}

// Failure is an error for people. The zero Status stands for ExitFailed.
type Failure struct {
	Text   string   // begins "cannot …"; says what was seen
	Code   string   // row of the failure catalogue ("H02"), or empty
	Status int      // exit status
	Fixes  []string // the ways on
	Err    error    // the cause; its text follows Text
}

// Declined is what a server says of a configuration that it read and took nothing of.
type Declined string

func (d Declined) Error() string { return string(d) }

var _ Coded = (*Failure)(nil)

// Error implements error. The cause is cleaned: its text often comes from outside.
func (f *Failure) Error() string {
	if f.Err == nil {
		return f.Text
	}
	return f.Text + ": " + Clean(f.Err.Error())
}

// Unwrap returns the cause.
func (f *Failure) Unwrap() error { return f.Err }

// ExitStatus implements Coded.
func (f *Failure) ExitStatus() int {
	if f.Status == ExitOK {
		return ExitFailed
	}
	return f.Status
}

// Fix implements Coded.
func (f *Failure) Fix() []string { return f.Fixes }

// ExitStatus is the status with which a run ends: its outcome decides, and where there is none (nothing was applied)
// the error does. A run that the user stopped is ExitCancelled if it was undone.
func ExitStatus(outcome Outcome, err error) int {
	switch outcome {
	case OutcomeDone, OutcomeNothing:
		return ExitOK
	case OutcomePartial, OutcomeUnverified:
		return ExitUnverified
	case OutcomeInconsistent:
		return ExitInconsistent
	case OutcomeReverted:
		if errorStatus(err) == ExitCancelled {
			return ExitCancelled
		}
		return ExitReverted
	}
	return errorStatus(err)
}

// Fixes returns the ways on that the error, or what it wraps, carries.
func Fixes(err error) []string {
	var coded Coded
	if errors.As(err, &coded) {
		return coded.Fix()
	}
	return nil
}

func errorStatus(err error) int {
	var coded Coded
	switch {
	case err == nil:
		return ExitOK
	case errors.As(err, &coded):
		return coded.ExitStatus()
	}
	return ExitFailed
}
