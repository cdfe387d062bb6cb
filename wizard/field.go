package wizard

import (
	"context"
	"errors"
	"slices"

	tea "github.com/charmbracelet/bubbletea"

	"github.com/c93d5bcb/sslwizard/steps"
)

// field is one question on a screen. What is typed into it reaches the talk at once when it can be an answer; when it
// cannot, it stays here as a draft, with what is wrong.
type field struct {
	*shared
	q      steps.Question
	input  line   // what is typed, for an answer of one line
	list   list   // the items, for an answer of several
	cursor int    // the option under the cursor, for a choice
	note   string // why the last key was not taken
	draft  bool   // what is shown is no answer yet
	err    error
	looks  []steps.Check // what the world says about the present answer
	busy   bool          // the world is being asked
	stop   context.CancelFunc
}

func newField(s *shared, q steps.Question) *field {
	f := &field{shared: s, q: q, list: newList(q.Kind), stop: func() {}}
	f.show(s.talk.value(q.Key))
	f.cursor = max(0, f.chosen())
	if draft, ok := s.talk.drafts[q.Key]; ok {
		f.show(draft)
		f.say(draft)
	}
	return f
}

// written reports whether the answer is typed, not chosen.
func (f *field) written() bool {
	return f.q.Kind != steps.KindChoice && f.q.Kind != steps.KindBool && !f.folded()
}

// folded reports whether it is no question but the row that stands for the advanced ones.
func (f *field) folded() bool { return f.q.Kind == kindMore }

// listed reports whether the answer is a list of items.
func (f *field) listed() bool { return f.q.Kind == steps.KindList || f.q.Kind == steps.KindHeaders }

// show puts an answer where it can be changed.
func (f *field) show(text string) {
	if f.listed() {
		f.list.set(text)
		return
	}
	f.input.refresh(text)
}

// text is what is shown, whether it can be an answer or not.
func (f *field) text() string {
	switch {
	case f.listed():
		return f.list.value()
	case f.written():
		return f.input.value()
	}
	return f.talk.value(f.q.Key)
}

// focus shows the present answer: another answer, or later facts, may have changed it.
func (f *field) focus() {
	f.note = ""
	if f.cursor = max(0, f.chosen()); !f.draft {
		f.show(f.talk.value(f.q.Key))
	}
}

// walk moves the cursor within the field; it reports false when it would leave it.
func (f *field) walk(by int) bool {
	f.note = ""
	switch {
	case f.listed():
		return f.list.walk(by)
	case f.q.Kind == steps.KindChoice:
		next := f.cursor + by
		if next < 0 || next >= len(f.q.Options) {
			return false
		}
		f.cursor = next
		return true
	}
	return false
}

// key lets the field have a key; it reports whether the answer changed.
func (f *field) key(msg tea.KeyMsg) bool {
	f.note = ""
	changed := false
	switch {
	case f.q.Kind == steps.KindChoice:
		return f.choose(msg.String())
	case f.q.Kind == steps.KindBool:
		return f.toggle(msg.String())
	case msg.Type == tea.KeyCtrlN:
		changed = f.fill()
	case f.listed():
		changed, f.note = f.list.key(msg), f.list.refused
	default:
		changed, f.note = f.input.key(msg), f.input.refused
	}
	if changed {
		f.say(f.text())
	}
	return changed
}

// say answers the question, or says what is wrong with the answer.
func (f *field) say(text string) {
	f.stop()
	f.looks, f.busy = nil, false
	f.err = f.talk.say(f.q, text)
	if f.err != nil && text == "" && f.q.Required {
		f.err = errMissing
	}
	f.draft = f.err != nil
	if delete(f.talk.drafts, f.q.Key); f.draft {
		f.talk.drafts[f.q.Key] = text
	}
}

// What is missing, where the words of an answers file would not help.
var (
	errMissing = errors.New("this has to be said")
	errConsent = errors.New("only you can say this: space says yes")
)

func (f *field) toggle(key string) bool {
	yes := f.talk.value(f.q.Key) == "yes"
	switch {
	case key == " " || key == "left" || key == "right":
		yes = !yes
	case key == "y" && !yes:
		yes = true
	case key == "n" && yes:
		yes = false
	default:
		return false
	}
	if f.err = nil; f.q.Consent && !yes {
		f.talk.withdraw(f.q) // it is no answer, but it must not stay a yes
		return true
	}
	f.say(map[bool]string{true: "yes", false: "no"}[yes])
	return true
}

// choose takes the option under the cursor, or the next one.
func (f *field) choose(key string) bool {
	by := map[string]int{"right": 1, "left": -1}[key]
	if key != " " && by == 0 {
		return false
	}
	if count := len(f.q.Options); count > 0 {
		f.cursor = (f.cursor + by + count) % count
	}
	return f.take()
}

// take answers with the option under the cursor.
func (f *field) take() bool {
	if f.q.Kind != steps.KindChoice || f.cursor == f.chosen() {
		return false
	}
	f.say(f.q.Options[f.cursor].Value)
	return true
}

// chosen is the option that is the answer; -1 as long as there is none.
func (f *field) chosen() int {
	value := f.talk.value(f.q.Key)
	return slices.IndexFunc(f.q.Options, func(o steps.Option) bool { return o.Value == value })
}
