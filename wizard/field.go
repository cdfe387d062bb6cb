package wizard

import (
	tea "github.com/charmbracelet/bubbletea"

	"github.com/c93d5bcb/sslwizard/steps"
	"github.com/c93d5bcb/sslwizard/wizard/theme"
)

// field is one question on a screen. What is typed into it reaches the talk at once when it can be an answer; when it
// cannot, it stays here as a draft, with what is wrong.
type field struct {
	*shared
	q     steps.Question
	input line // for what is typed
	draft bool // what the input shows is no answer yet
	err   error
	looks []steps.Check // what the world says about the present answer
	busy  bool          // the world is being asked
}

func newField(s *shared, q steps.Question) *field {
	f := &field{shared: s, q: q}
	f.input.set(s.talk.value(q.Key))
	if draft, ok := s.talk.drafts[q.Key]; ok {
		f.input.set(draft)
		f.say(draft)
	}
	return f
}

// written reports whether the answer is typed, not chosen.
func (f *field) written() bool {
	return f.q.Kind != steps.KindChoice && f.q.Kind != steps.KindBool
}

// focus shows the present answer: another answer, or later facts, may have changed it.
func (f *field) focus() {
	if !f.draft {
		f.input.set(f.talk.value(f.q.Key))
	}
}

// key lets the field have a key; it reports whether the answer changed.
func (f *field) key(msg tea.KeyMsg) bool {
	switch f.q.Kind {
	case steps.KindChoice:
		return f.choose(msg.String())
	case steps.KindBool:
		return f.toggle(msg.String())
	}
	if !f.input.key(msg) {
		return false
	}
	f.say(f.input.value())
	return true
}

// say answers the question, or says what is wrong with the answer.
func (f *field) say(text string) {
	f.err = f.talk.say(f.q, text)
	f.draft = f.err != nil
	if delete(f.talk.drafts, f.q.Key); f.draft {
		f.talk.drafts[f.q.Key] = text
	}
	f.looks, f.busy = nil, false
}

func (f *field) toggle(key string) bool {
	if key != " " && key != "left" && key != "right" {
		return false
	}
	yes := f.talk.value(f.q.Key) == "yes"
	f.say(map[bool]string{true: "no", false: "yes"}[yes])
	return true
}

// choose goes to the next or the previous option that can be chosen here.
func (f *field) choose(key string) bool {
	by := map[string]int{" ": 1, "right": 1, "left": -1}[key]
	if by == 0 {
		return false
	}
	n, count := f.chosen(), len(f.q.Options)
	for range count {
		n = (n + by + count) % count
		if f.q.Options[n].Disabled == "" {
			f.say(f.q.Options[n].Value)
			return true
		}
	}
	return false
}

func (f *field) chosen() int {
	for n, o := range f.q.Options {
		if o.Value == f.talk.value(f.q.Key) {
			return n
		}
	}
	return 0
}

// value is the answer in a few words.
func (f *field) value() string {
	value := f.talk.value(f.q.Key)
	if f.draft {
		value = f.input.value()
	}
	if f.q.Kind == steps.KindChoice {
		for _, o := range f.q.Options {
			if o.Value == value {
				value = label(o)
			}
		}
	}
	return f.theme.Fold(steps.CleanLine(value))
}

// lines draws the field: one line, or opened when it has the focus.
func (f *field) lines(focused bool, width int) []string {
	if !focused {
		return []string{f.closed(width)}
	}
	lines := []string{f.theme.Paint(theme.Active, cut(" > "+f.head(), width, f.theme))}
	lines = append(lines, f.opened(width)...)
	lines = append(lines, f.seen(width)...)
	for n, line := range wrap(f.theme.Fold(f.q.Help), width-5) {
		if n == 0 {
			lines = append(lines, "")
		}
		lines = append(lines, "     "+line)
	}
	if f.q.From != "" && f.talk.value(f.q.Key) == f.q.Default {
		lines = append(lines, cut("     "+f.theme.Fold("This was seen here: "+steps.CleanLine(f.q.From)), width, f.theme))
	}
	return append(lines, "")
}

// closed is the field in one line: the label, then the answer.
func (f *field) closed(width int) string {
	const margin = 3
	if f.q.Kind == steps.KindBool {
		return cut(pad("", margin)+f.head(), width, f.theme)
	}
	room := (width - margin) * 3 / 5
	line := pad("", margin) + pad(cut(f.head(), room-1, f.theme), room) + orNothing(f.value())
	if f.err != nil {
		line = pad("", margin) + pad(cut(f.head(), room-1, f.theme), room) + f.theme.Paint(theme.Red, f.theme.Shape("✗", "x")+" ") + f.value()
	}
	return cut(line, width, f.theme)
}

// head is the label, with the box of what is marked.
func (f *field) head() string {
	if f.q.Kind != steps.KindBool {
		return f.q.Label
	}
	box := "[ ] "
	if f.talk.value(f.q.Key) == "yes" {
		box = "[x] "
	}
	return box + f.q.Label
}

// opened is what the answer is given with.
func (f *field) opened(width int) []string {
	switch f.q.Kind {
	case steps.KindBool:
		return nil
	case steps.KindChoice:
		return f.options(width)
	}
	return []string{"     " + f.theme.Fold(steps.Clean(f.input.shown(width-8, f.theme.Shape("█", "_"), f.theme.Shape("▏", "|"))))}
}

func (f *field) options(width int) []string {
	var lines []string
	for n, o := range f.q.Options {
		mark := "( ) "
		if n == f.chosen() {
			mark = "(" + f.theme.Shape("•", "*") + ") "
		}
		text := f.theme.Fold(steps.CleanLine(label(o)))
		if o.Disabled != "" {
			mark, text = "[-] ", text+": "+o.Disabled
		}
		lines = append(lines, cut("     "+mark+text, width, f.theme))
	}
	return lines
}

// seen is what is wrong with the answer, or what the world says about it.
func (f *field) seen(width int) []string {
	if f.err != nil {
		return indented(f.theme.Mark(steps.Fail)+" ", f.theme.Fold(steps.CleanLine(f.err.Error())), width)
	}
	if f.busy {
		return []string{"     " + f.theme.Shape("…", "..") + " looking"}
	}
	var lines []string
	for _, c := range f.looks {
		text := steps.CleanLine(c.Detail)
		if c.Address != "" {
			text = steps.CleanLine(c.Address) + "  " + text
		}
		lines = append(lines, indented(f.theme.Mark(c.Verdict)+" ", f.theme.Fold(text), width)...)
	}
	return lines
}

// indented wraps a text behind a sign of seven columns.
func indented(sign, text string, width int) []string {
	const left, sized = 5, 7
	lines := wrap(text, width-left-sized)
	for n := range lines {
		if n == 0 {
			lines[n] = pad("", left) + sign + lines[n]
		} else {
			lines[n] = pad("", left+sized) + lines[n]
		}
	}
	return lines
}
