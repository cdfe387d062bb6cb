package steps

// Severity says what a Finding means for the run.
type Severity string

// Blocker stops before any change; Warning is shown and goes on; Info is worth knowing.
const (
	Blocker Severity = "blocker"
	Warning Severity = "warning"
	Info    Severity = "info"
)

// Finding is something that was noticed, with what to do about it. A Blocker always has a Fix; a test keeps it so.
type Finding struct {
	Step     ID       `json:"step"`
	Code     string   `json:"code"` // row of the failure catalogue ("N01"), or a short name of our own
	Severity Severity `json:"severity"`
	Text     string   `json:"text"` // what was seen, one sentence, begins "cannot …" when it blocks
	Fix      []string `json:"fix"`  // the ways on, each a line to read or to type; SplitFix parts a command from its comment
}

// ExitStatus is that of a run which the finding stopped, and ExitOK where it stops none.
func (f Finding) ExitStatus() int {
	if f.Severity != Blocker {
		return ExitOK
	}
	switch f.Code {
	case "H01":
		return ExitNotRoot
	case "H02", "H11", "A14", "A15":
		return ExitTryLater
	case "N03", "N02", "H12":
		return ExitBroken
	case "H14", "A16":
		return ExitUnavailable
	}
	return ExitFailed
}
