package wizard

import (
	"slices"

	tea "github.com/charmbracelet/bubbletea"

	"github.com/c93d5bcb/sslwizard/steps"
	"github.com/c93d5bcb/sslwizard/wizard/theme"
)

// form is the questions of a step, one under the other. The one with the focus is open; what does not fit is scrolled.
type form struct {
	*shared
	step   steps.ID
	fields []*field
	at     int
	whole  bool // the advanced questions are shown too
}

func newForm(s *shared, step steps.ID) *form {
	f := &form{shared: s, step: step}
	f.refresh()
	f.focused().focus()
	return f
}

// refresh asks which questions make sense now: one answer may bring another question. Fields that stay keep what is
// typed in them.
func (f *form) refresh() {
	have := map[string]*field{}
	for _, old := range f.fields {
		have[old.q.Key] = old
	}
	focus := ""
	if f.at < len(f.fields) {
		focus = f.fields[f.at].q.Key
	}
	f.fields = nil
	for _, q := range f.asked() {
		one, ok := have[q.Key]
		if !ok {
			one = newField(f.shared, q)
		}
		one.q = q
		one.cursor = max(0, min(one.cursor, len(q.Options)-1))
		if q.Key == focus {
			f.at = len(f.fields)
		}
		f.fields = append(f.fields, one)
	}
	f.at = min(f.at, len(f.fields)-1)
}

// asked are the questions that are shown: the advanced ones at the end, or the row that stands for them.
func (f *form) asked() []steps.Question {
	ordinary, advanced := apart(f.talk.questions(f.step))
	f.whole = f.whole || f.talk.special(advanced)
	if f.whole || len(advanced) == 0 {
		return append(ordinary, advanced...)
	}
	return append(ordinary, more(advanced))
}

// unfold shows the advanced questions; the focus goes to the first of them if it was on the row that stood for them.
func (f *form) unfold() {
	f.whole = true
	f.refresh()
	f.focused().focus()
}

func (f *form) focused() *field { return f.fields[f.at] }

// move gives the focus to another field; it reports false at the ends.
func (f *form) move(by int) bool {
	next := f.at + by
	if next < 0 || next >= len(f.fields) {
		return false
	}
	f.jump(next)
	return true
}

func (f *form) jump(to int) {
	f.at = to
	f.focused().focus()
}

// missing gives the focus to the first field without an answer that can be right, and reports whether there is one.
func (f *form) missing() bool {
	for n, one := range f.fields {
		if one.draft {
			f.jump(n)
			return true
		}
	}
	q, err := f.talk.missing(f.step)
	if err == nil {
		return false
	}
	if q.Advanced {
		f.unfold()
	}
	for n, one := range f.fields {
		if one.q.Key == q.Key {
			f.jump(n)
			one.err = f.why(q, err)
		}
	}
	return true
}

// why is what is missing, in words for people.
func (f *form) why(q steps.Question, err error) error {
	switch {
	case q.Consent:
		return errConsent
	case q.Required && f.talk.value(q.Key) == "":
		return errMissing
	}
	return err
}

// key gives a key to the field that has the focus; it reports whether an answer changed.
func (f *form) key(msg tea.KeyMsg) bool {
	if f.focused().folded() {
		if key := msg.String(); key == " " || key == "right" {
			f.unfold()
		}
		return false
	}
	if !f.focused().key(msg) {
		return false
	}
	f.refresh()
	return true
}

// lines draws the form into a room, with the focus in sight. Where it does not fit, the first and the last line say that
// there is more.
func (f *form) lines(width, height int) []string {
	var all []string
	from, to := 0, 0
	for n, one := range f.fields {
		drawn := one.lines(n == f.at, width, height)
		if n == f.at {
			from, to = len(all), len(all)+len(drawn)
		}
		all = append(all, drawn...)
	}
	if n := len(all) - 1; n >= 0 && all[n] == "" {
		all = all[:n] // the space below the open field
	}
	return window(all, from, min(to, len(all)), height, f.theme)
}

// window is the part of lines that fits into a height, with the lines from one to another in sight as far as they fit.
func window(lines []string, from, to, height int, t theme.Theme) []string {
	if len(lines) <= height || height < 3 {
		return lines[:min(len(lines), max(0, height))]
	}
	first := 0
	if to > height-1 { // the last line is taken by what says that there is more
		first = min(from-1, to-height+1)
	}
	first = max(0, min(first, len(lines)-height))
	shown := slices.Clone(lines[first : first+height])
	if first > 0 {
		shown[0] = "   " + t.Shape("↑", "^") + " more"
	}
	if first+height < len(lines) {
		shown[height-1] = "   " + t.Shape("↓", "v") + " more"
	}
	return shown
}
