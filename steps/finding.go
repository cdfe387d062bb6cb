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
