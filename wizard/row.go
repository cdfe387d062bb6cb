package wizard

import (
	"fmt"
	"path"
	"strings"
	"time"

	"github.com/charmbracelet/x/ansi"

	"github.com/c93d5bcb/sslwizard/steps"
	"github.com/c93d5bcb/sslwizard/wizard/theme"
)

// longestSaid bounds what is kept of the lines that the commands of one change write.
const longestSaid = 400

// row is one change of the run.
type row struct {
	key, text string
	step      steps.ID
	status    steps.Status
	began     time.Time
	took      time.Duration
	said      []string // what its commands are, and what they write
}

func rowOf(c steps.Change) row {
	return row{key: c.Key(), text: c.Summary(), step: c.Step()}
}

func (r *row) become(e steps.Event) {
	if r.began.IsZero() {
		r.began = e.Time
	}
	if e.Output != "" {
		r.said = append(r.said[max(0, len(r.said)-longestSaid+1):], steps.CleanLine(e.Output))
	}
	switch e.Status {
	case steps.Started, steps.Done, steps.Failed:
		r.status, r.took = e.Status, e.Elapsed
	case steps.Unchanged:
		r.status = steps.Done
	case steps.Progress:
		r.status = steps.Started
	}
}

// words are what the last command of a change wrote, with the command itself.
func (r row) words() []string {
	from := 0
	for n, line := range r.said {
		if strings.HasPrefix(line, "$ ") {
			from = n
		}
	}
	return r.said[from:]
}

func (r row) draw(t theme.Theme, now time.Time, width int) string {
	sign, took := t.Shape("○", ".")+" next", ""
	switch r.status {
	case steps.Started:
		sign, took = t.Status(r.status), seconds(now.Sub(r.began))
	case steps.Done, steps.Failed:
		sign, took = t.Status(r.status), seconds(r.took)
	}
	return "   " + sign + "  " + pad(brief(r.text, width-22, t), width-21) + fmt.Sprintf("%8s", took)
}

// seconds is a time as short as it can be; under a tenth of a second it says nothing.
func seconds(d time.Duration) string {
	switch {
	case d < 100*time.Millisecond:
		return ""
	case d >= 100*time.Second:
		return elapsed(d)
	}
	return fmt.Sprintf("%.1f s", d.Seconds())
}

// brief shortens what a change does so that the name of its file stays: first it loses what is in brackets at the end,
// then the folders, the outermost first.
func brief(text string, width int, t theme.Theme) string {
	text = t.Fold(steps.CleanLine(text))
	if ansi.StringWidth(text) <= width {
		return text
	}
	if open := strings.LastIndex(text, " ("); open > 0 && strings.HasSuffix(text, ")") {
		text = text[:open]
	}
	words := strings.Fields(text)
	for n, word := range words {
		if !strings.HasPrefix(word, "/") {
			continue
		}
		for rest := word; ansi.StringWidth(text) > width && rest != "/"+path.Base(word); text = strings.Join(words, " ") {
			rest = rest[1+strings.IndexByte(rest[1:], '/'):]
			words[n] = t.Shape("…", "~") + rest
		}
	}
	return cut(text, width, t)
}
