package wizard

import (
	tea "github.com/charmbracelet/bubbletea"

	"github.com/c93d5bcb/sslwizard/steps"
)

// form is the questions of a step, one under the other. The one with the focus is open; what does not fit is scrolled.
type form struct {
	*shared
	step   steps.ID
	fields []*field
	at     int
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
	for _, q := range f.talk.questions(f.step) {
		one, ok := have[q.Key]
		if !ok {
			one = newField(f.shared, q)
		}
		one.q = q
		if q.Key == focus {
			f.at = len(f.fields)
		}
		f.fields = append(f.fields, one)
	}
	f.at = min(f.at, len(f.fields)-1)
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
	for n, one := range f.fields {
		if one.q.Key == q.Key {
			f.jump(n)
			one.err = err
		}
	}
	return true
}

// key gives a key to the field that has the focus; it reports whether an answer changed.
func (f *form) key(msg tea.KeyMsg) bool {
	if !f.focused().key(msg) {
		return false
	}
	f.refresh()
	return true
}

// lines draws the form into a room, with the focus in sight.
func (f *form) lines(width, height int) []string {
	var all []string
	from, to := 0, 0
	for n, one := range f.fields {
		drawn := one.lines(n == f.at, width)
		if n == f.at {
			from, to = len(all), len(all)+len(drawn)
		}
		all = append(all, drawn...)
	}
	if len(all) <= height {
		return all
	}
	first := max(0, min(from-1, to-height))
	if to-first > height {
		first = to - height
	}
	first = min(first, from)
	return marked(all[first:min(len(all), first+height)], first > 0, first+height < len(all), f)
}

// marked shows that there is more above or below.
func marked(lines []string, above, below bool, f *form) []string {
	if above && len(lines) > 0 && lines[0] == "" {
		lines[0] = "   " + f.theme.Shape("↑", "^") + " more"
	}
	if last := len(lines) - 1; below && last >= 0 && lines[last] == "" {
		lines[last] = "   " + f.theme.Shape("↓", "v") + " more"
	}
	return lines
}
