package steps

// Action is what a change would do on this host now; the rune is its mark in every listing.
type Action rune

// The actions.
const (
	Nothing Action = '='
	Create  Action = '+'
	Modify  Action = '~'
	Delete  Action = '-'
	Execute Action = '»'
)

// Effect is one change against the host as it is: what a preview reports.
type Effect struct {
	Change   Change
	Action   Action
	Diff     string     // unified diff of a text file; empty otherwise
	Commands [][]string // every command that would be run, argv by argv
	Note     string     // one line about what is not a diff ("binary, 14.2 MB"), or why it waits
}

// Preview is the whole plan against the host as it is.
type Preview struct {
	Plan     Plan
	Effects  []Effect // one for each change of the plan, in its order
	Findings []Finding
	Hash     string // of the plan and the actions: the same answers on the same host give the same
}

// Pending reports whether anything would change.
func (p Preview) Pending() bool {
	for _, e := range p.Effects {
		if e.Action != Nothing {
			return true
		}
	}
	return false
}
