package steps

import "time"

// Verdict is the outcome of a check of the probe.
type Verdict string

// The verdicts. Skip says in Detail what was missing to judge.
const (
	OK   Verdict = "ok"
	Warn Verdict = "warn"
	Fail Verdict = "fail"
	Skip Verdict = "skip"
)

// Check is one thing that the probe looked at.
type Check struct {
	Step     ID            `json:"step"`
	Name     string        `json:"name"`              // stable: "tls.versions", "ws.accept"
	Address  string        `json:"address,omitempty"` // the address that was asked, "203.0.113.7:443"
	Verdict  Verdict       `json:"verdict"`
	Detail   string        `json:"detail"`             // what was seen; cleaned
	Code     string        `json:"code,omitempty"`     // row of the failure catalogue
	Evidence string        `json:"evidence,omitempty"` // what was seen, and by whom; cleaned
	Browser  string        `json:"browser,omitempty"`  // what a browser calls this failure ("ERR_CERT_DATE_INVALID")
	Blame    string        `json:"blame,omitempty"`    // "proxy", "app" or "network", when it could be told
	Fix      []string      `json:"fix,omitempty"`
	Elapsed  time.Duration `json:"elapsed"` // nanoseconds
}

// Report is what the probe found at one site.
type Report struct {
	Target string        `json:"target"` // "https://shop.example.com"
	Checks []Check       `json:"checks"`
	Took   time.Duration `json:"took"` // nanoseconds
}

// Verdict is the worst verdict of the checks of a step, Skip when there are none.
func (r Report) Verdict(step ID) Verdict {
	worst := Skip
	for _, c := range r.Checks {
		if c.Step == step && rank(c.Verdict) > rank(worst) {
			worst = c.Verdict
		}
	}
	return worst
}

// Failed returns the checks that failed.
func (r Report) Failed() []Check {
	var failed []Check
	for _, c := range r.Checks {
		if c.Verdict == Fail {
			failed = append(failed, c)
		}
	}
	return failed
}

func rank(v Verdict) int {
	switch v {
	case Fail:
		return 3
	case Warn:
		return 2
	case OK:
		return 1
	}
	return 0
}
