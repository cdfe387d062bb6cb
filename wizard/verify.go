package wizard

import (
	"fmt"
	"time"

	"github.com/c93d5bcb/sslwizard/steps"
	"github.com/c93d5bcb/sslwizard/wizard/theme"
)

// atLeast is how long a verification is to be seen that was over in no time.
const atLeast = time.Second

// looks is a verification while it goes on: what was seen so far, the newest last.
type looks struct {
	of     string // key of the change that it is
	what   string
	seen   sights
	counts map[steps.Verdict]int
	began  time.Time
	over   bool
	view   growing
}

// looked takes a check. One of another verification begins anew.
func (a *apply) looked(e steps.Event) {
	key, what := "", "looking at what is served"
	if e.Change != nil {
		key, what = e.Change.Key(), e.Change.Summary()
	}
	if a.looks == nil || a.looks.of != key {
		a.looks = &looks{of: key, what: steps.CleanLine(what), counts: map[steps.Verdict]int{}, began: e.Time}
	}
	a.looks.seen.take(*e.Check)
	a.looks.counts[e.Check.Verdict]++
}

// verifying reports whether the verification is what has to be seen now.
func (a *apply) verifying() bool {
	return a.looks != nil && (!a.looks.over || a.now.Sub(a.looks.began) < atLeast)
}

// lines are the checks so far, with what is being done at their end.
func (l *looks) lines(a *apply, width, height int) []string {
	lines := []string{""}
	for _, s := range l.seen {
		lines = append(lines, s.line(a.theme, width))
	}
	if !l.over {
		now := a.theme.Paint(theme.Active, a.theme.Shape("▸", ">")+" now ") + "  " + cut(a.theme.Fold(l.what), width-21, a.theme)
		lines = append(lines, "   "+pad(now, width-11)+fmt.Sprintf("%8s", seconds(a.now.Sub(l.began))))
	}
	return l.view.shown(lines, height)
}

// tally is how it stands.
func (l *looks) tally() string {
	said := fmt.Sprintf("%d passed, %d failed", l.counts[steps.OK], l.counts[steps.Fail])
	if n := l.counts[steps.Warn]; n > 0 {
		said += fmt.Sprintf(", %d %s", n, many(n, "warning", "warnings"))
	}
	return said
}
