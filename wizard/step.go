package wizard

import (
	"context"
	"fmt"
	"slices"
	"time"

	tea "github.com/charmbracelet/bubbletea"

	"github.com/c93d5bcb/sslwizard/steps"
)

// rest is how long somebody has to stop typing before the world is asked about an answer.
var rest = 300 * time.Millisecond // tests do not rest

// stepScreen is one of the seven steps.
type stepScreen struct {
	*shared
	step    steps.Step
	form    *form
	changes int  // counts changes of answers: what the world says about an older one is dropped
	alone   bool // the steps before are not below it in the pile: it was resumed
	mending bool // it was opened from the plan, to put one thing right
}

// What comes back while somebody types.
type (
	restedMsg struct {
		key     string
		changes int
	}
	lookedMsg struct {
		key, value string
		checks     []steps.Check
		stopped    bool // nobody waits for it any more
	}
	learntMsg struct{} // the talk knows more about this server
)

func (learntMsg) everywhere() {}

func newStep(s *shared, id steps.ID) *stepScreen {
	for _, step := range steps.All() {
		if step.ID() == id {
			return &stepScreen{shared: s, step: step, form: newForm(s, id)}
		}
	}
	return nil
}

// resumeStep is a step that is opened in the middle. What was said before it stands.
func resumeStep(s *shared, id steps.ID) *stepScreen {
	for _, before := range s.asked()[:slices.Index(s.asked(), id)] {
		if _, err := s.talk.missing(before); err == nil {
			s.passed[before] = true
		}
	}
	step := newStep(s, id)
	step.alone = true
	return step
}

// mendStep is a step that is opened to put one thing right; it leads back to where somebody came from.
func mendStep(s *shared, id steps.ID) *stepScreen {
	step := newStep(s, id)
	step.mending = true
	return step
}

func (s *stepScreen) title() string {
	return fmt.Sprintf("Step %d of 7  %s", number(s.step.ID()), s.step.Title())
}

// start implements starter: the answers may have been filled in by facts, so the world is asked about them at once.
func (s *stepScreen) start() tea.Cmd {
	s.form.refresh()
	s.form.focused().focus()
	return s.lookAll()
}

// learnt shows what facts that came late have filled in. Whoever is typing or choosing is not disturbed.
func (s *stepScreen) learnt() tea.Cmd {
	s.form.refresh()
	for _, f := range s.form.fields {
		if !f.draft && f.text() != s.talk.value(f.q.Key) {
			f.show(s.talk.value(f.q.Key))
			f.looks = nil
		}
	}
	return s.lookAll()
}

// lookAll has the world asked about every answer that it was not asked about yet.
func (s *stepScreen) lookAll() tea.Cmd {
	var all []tea.Cmd
	for _, f := range s.form.fields {
		if f.looks == nil && !f.draft && !f.busy {
			all = append(all, s.look(f))
		}
	}
	return tea.Batch(all...)
}

// again has the world asked about all answers once more.
func (s *stepScreen) again() tea.Cmd {
	for _, f := range s.form.fields {
		f.looks = nil
	}
	return s.start()
}

func (s *stepScreen) update(msg tea.Msg) (screen, tea.Cmd) {
	switch msg := msg.(type) {
	case restedMsg:
		if f := s.field(msg.key); f != nil && msg.changes == s.changes && !f.draft {
			return s, tea.Batch(s.keep(s.step.ID()), s.look(f)) // the connection may break while somebody thinks
		}
	case lookedMsg:
		if f := s.field(msg.key); f != nil && !msg.stopped && !f.draft && s.talk.value(msg.key) == msg.value {
			f.looks, f.busy = msg.checks, false
		}
	case learntMsg:
		return s, s.learnt()
	case tea.KeyMsg:
		return s.key(msg)
	}
	return s, nil
}

func (s *stepScreen) field(key string) *field {
	for _, f := range s.form.fields {
		if f.q.Key == key {
			return f
		}
	}
	return nil
}

func (s *stepScreen) key(msg tea.KeyMsg) (screen, tea.Cmd) {
	if msg.Type == tea.KeyRunes && s.form.focused().written() {
		return s.typed(msg) // whatever it says: "tab" is text too
	}
	if by := pressed(msg.String()).vertical(); by != 0 {
		s.walk(by)
		return s, nil
	}
	switch msg.String() {
	case "enter":
		return s.next()
	case "esc":
		return s, s.previous()
	case "ctrl+r":
		return s, s.again()
	case "tab":
		s.form.move(1)
		return s, nil
	case "shift+tab":
		if !s.form.move(-1) {
			return s, s.previous()
		}
		return s, nil
	}
	return s.typed(msg)
}

// walk moves the cursor within the open field, and over its edge to the next.
func (s *stepScreen) walk(by int) {
	if f := s.form.focused(); !f.walk(by) {
		s.form.move(by)
	}
}

// typed gives a key to the field, and has the world asked when somebody stops typing.
func (s *stepScreen) typed(msg tea.KeyMsg) (screen, tea.Cmd) {
	if !s.form.key(msg) {
		return s, nil
	}
	s.changes++
	key, changes := s.form.focused().q.Key, s.changes
	return s, tea.Tick(rest, func(time.Time) tea.Msg { return restedMsg{key, changes} })
}

// look asks the world about the present answer.
func (s *stepScreen) look(f *field) tea.Cmd {
	key, value := f.q.Key, s.talk.value(f.q.Key)
	if value == "" || f.q.Kind != steps.KindText && f.q.Kind != steps.KindList {
		return nil
	}
	f.stop()
	f.busy = true
	ctx, stop := context.WithCancel(s.ctx)
	f.stop = stop
	machine, answers := s.machine, s.talk.answers
	return func() tea.Msg {
		defer stop()
		return lookedMsg{key, value, machine.Look(ctx, key, answers), ctx.Err() != nil}
	}
}

// next goes to the next step, when everything was said that this one needs.
func (s *stepScreen) next() (screen, tea.Cmd) {
	f := s.form.focused()
	if f.folded() {
		s.form.unfold()
		return s, s.lookAll()
	}
	if f.take(); f.note != "" {
		return s, nil
	}
	s.form.refresh()
	if s.form.missing() {
		return s, nil
	}
	s.passed[s.step.ID()] = true
	if s.mending {
		return s, s.leaving(s.step.ID(), back())
	}
	asked := s.asked()
	n := slices.Index(asked, s.step.ID())
	if n+1 < len(asked) {
		return s, s.leaving(asked[n+1], open(newStep(s.shared, asked[n+1])))
	}
	return s, s.leaving(s.step.ID(), open(newPlan(s.shared)))
}

// previous goes back a step, from the first one to the screen that led here.
func (s *stepScreen) previous() tea.Cmd {
	asked := s.asked()
	n := slices.Index(asked, s.step.ID())
	if n < 1 || s.mending {
		return s.leaving(s.step.ID(), back())
	}
	if s.alone {
		return s.leaving(asked[n-1], replace(resumeStep(s.shared, asked[n-1])))
	}
	return s.leaving(asked[n-1], back())
}

// leaving keeps what was answered before somebody goes elsewhere, with the step that will be open then.
func (s *stepScreen) leaving(to steps.ID, then tea.Cmd) tea.Cmd {
	for _, f := range s.form.fields {
		f.stop()
		f.busy = false
	}
	return tea.Batch(s.keep(to), then)
}
