package wizard

import (
	"strings"
	"time"

	"github.com/c93d5bcb/sslwizard/steps"
	"github.com/c93d5bcb/sslwizard/wizard/theme"
)

// longestLog bounds the entries that are kept of a run.
const longestLog = 5000

// entry is one thing that a run says: words, a line of a command, or a change with how it ended.
type entry struct {
	at    time.Time
	mark  steps.Status // Done or Failed for a change; "" for words
	text  string
	times int // said so often, one after the other
}

// record is all that a run has said, the newest last.
type record []entry

// note takes what an event says.
func (r *record) note(e steps.Event) {
	if e.Change != nil && (e.Status == steps.Done || e.Status == steps.Failed) {
		r.add(entry{at: e.Time, mark: e.Status, text: steps.CleanLine(e.Change.Summary())})
	}
	text := steps.CleanLine(e.Text + e.Output)
	if said := endWords[steps.Outcome(text)]; said != "" && e.Change == nil {
		text = said
	}
	if text != "" && e.Status != steps.Started {
		r.add(entry{at: e.Time, text: text})
	}
}

// endWords are for the event with which a run says how it ended.
var endWords = map[steps.Outcome]string{
	steps.OutcomeDone:         "The run is done.",
	steps.OutcomeNothing:      "There was nothing to do.",
	steps.OutcomeUnverified:   "The run is done, but not all of it could be proven.",
	steps.OutcomePartial:      "The run is done, without the trusted certificate.",
	steps.OutcomeReverted:     "The run did not succeed, and was taken back.",
	steps.OutcomeInconsistent: "The run failed, and not everything could be put back.",
}

// add makes one entry of what is said several times, where only the time of the next attempt differs.
func (r *record) add(e entry) {
	const untilThen = "; asking again in "
	e.times = 1
	if n := len(*r) - 1; n >= 0 && e.mark == "" && (*r)[n].mark == "" {
		before, _, waits := strings.Cut((*r)[n].text, untilThen)
		if now, _, again := strings.Cut(e.text, untilThen); waits && again && now == before {
			e.times += (*r)[n].times
			*r = (*r)[:n]
		}
	}
	*r = append((*r)[max(0, len(*r)-longestLog+1):], e)
}

// words are the newest entries that are not told by the list of the changes.
func (r record) words(most int) []entry {
	var all []entry
	for n := len(r) - 1; n >= 0 && len(all) < most; n-- {
		if r[n].mark == "" {
			all = append([]entry{r[n]}, all...)
		}
	}
	return all
}

// when is the time of an entry, as it stands before it.
func (e entry) when() string { return e.at.Local().Format(time.TimeOnly) + " " }

// says is an entry in one line, however long.
func (e entry) says(t theme.Theme) string {
	text := t.Fold(e.text) + times(e.times, t)
	if e.mark != "" {
		text = t.Status(e.mark) + "  " + text
	}
	return text
}

// lines are all entries in full, broken at words.
func (r record) lines(t theme.Theme, width int) []string {
	const under = len(" 15:04:05 ")
	var all []string
	for _, e := range r {
		for n, line := range wrap(e.says(t), width-under) {
			if n == 0 {
				all = append(all, " "+e.when()+line)
			} else {
				all = append(all, pad("", under)+line)
			}
		}
	}
	return all
}
