package steps

import "time"

// Status is how far a change has come.
type Status string

// The states of a change in a run. Undone and Kept come only when the run is reverted.
const (
	Started   Status = "started"
	Progress  Status = "progress"
	Done      Status = "done"
	Unchanged Status = "unchanged"
	Failed    Status = "failed"
	Undone    Status = "undone"
	Kept      Status = "kept"
)

// Event is one line of a run: the same on a screen and in JSON. One with an Output or a Check says nothing else: it is for
// who watches, and who only wants to know how the run goes on may pass it over.
type Event struct {
	Time    time.Time
	Run     string
	Change  Change // nil for events of the run as a whole
	Status  Status
	Text    string // for people; cleaned
	Output  string // a line of what a command does: "$ nginx -t" when it begins, then what it writes; cleaned
	Check   *Check // one thing that a verification looked at, as it is seen; all of them come again in its Report
	Report  *Report
	Err     error
	Elapsed time.Duration
}

// Outcome is how a run ended.
type Outcome string

// The outcomes, each with its exit status in ExitStatus.
const (
	OutcomeDone         Outcome = "done"         // applied and verified
	OutcomeNothing      Outcome = "nothing"      // there was nothing to do
	OutcomeUnverified   Outcome = "unverified"   // live as asked, but the application behind it did not answer as it should
	OutcomePartial      Outcome = "partial"      // steps 1 to 6 are live; the trusted certificate is not there yet
	OutcomeReverted     Outcome = "reverted"     // failed, everything was undone
	OutcomeInconsistent Outcome = "inconsistent" // failed, and the undo is incomplete
)

// Result is a finished run.
type Result struct {
	Run     string
	Outcome Outcome
	Err     error // why it is not OutcomeDone or OutcomeNothing
	Undone  []string
	Kept    []string
	Reports []Report
}
