package wizard

import (
	"context"
	"slices"

	tea "github.com/charmbracelet/bubbletea"
	"github.com/charmbracelet/x/ansi"

	"github.com/c93d5bcb/sslwizard/steps"
	"github.com/c93d5bcb/sslwizard/wizard/theme"
)

// Options say how one wizard is to be.
type Options struct {
	Version string
	Theme   theme.Theme
	SSH     bool           // somebody is connected over SSH: say what happens when the link drops
	Answers *steps.Answers // answers to begin with, from a file
	Only    []steps.ID     // the steps that are asked; empty: all
	Width   int            // columns of the terminal, for the plain mode; 0: nobody knows
	Called  string         // how the program was called, for what is to be typed: "sslwizard", "./sslwizard"
}

// shared is what all screens of a wizard have in common.
type shared struct {
	ctx     context.Context
	machine Machine
	options Options
	theme   theme.Theme
	talk    *talk
	host    string            // name of this server, for the head line
	passed  map[steps.ID]bool // steps that were left with everything said
	kept    keeping           // what the machine keeps of the talk
	preview *steps.Preview    // what was agreed to; nil for a run that is only followed
}

// asked are the steps that this wizard asks.
func (s *shared) asked() []steps.ID {
	if len(s.options.Only) == 0 {
		return steps.IDs()
	}
	return slices.DeleteFunc(steps.IDs(), func(id steps.ID) bool { return !slices.Contains(s.options.Only, id) })
}

// model is the whole wizard: a pile of screens, of which the top one is seen.
type model struct {
	*shared
	frame   frame
	pile    []screen
	overlay screen // help, or the question whether to quit
	end     *ending
}

func newModel(s *shared, first screen) model {
	return model{shared: s, frame: frame{theme: s.theme, width: 80, height: 24}, pile: []screen{first}}
}

// Init implements tea.Model.
func (m model) Init() tea.Cmd { return begin(m.top()) }

func begin(s screen) tea.Cmd {
	if s, ok := s.(starter); ok {
		return s.start()
	}
	return nil
}

func (m model) top() screen { return m.pile[len(m.pile)-1] }

// Update implements tea.Model.
func (m model) Update(msg tea.Msg) (tea.Model, tea.Cmd) {
	switch msg := msg.(type) {
	case tea.WindowSizeMsg:
		m.frame.width, m.frame.height = msg.Width, msg.Height
		m.resize()
		return m, tea.ClearScreen // v1 leaves pieces of the old frame behind
	case openMsg:
		m.overlay = nil
		m.pile = append(slices.Clone(m.pile), msg.screen)
		m.resize()
		return m, begin(msg.screen)
	case replaceMsg:
		m.overlay = nil
		m.pile = append(slices.Clone(m.pile[:len(m.pile)-1]), msg.screen)
		m.resize()
		return m, begin(msg.screen)
	case backMsg:
		return m.back()
	case leaveMsg:
		m.end = &msg.end
		return m, tea.Quit
	case tea.KeyMsg:
		return m.key(msg)
	case everywhere:
		return m.tell(msg)
	}
	return m.pass(msg)
}

// tell gives a message to every screen of the pile: somebody may have gone on before the answer came.
func (m model) tell(msg tea.Msg) (tea.Model, tea.Cmd) {
	m.pile = slices.Clone(m.pile)
	var all []tea.Cmd
	for n, s := range m.pile {
		next, cmd := s.update(msg)
		m.pile[n] = next
		all = append(all, cmd)
	}
	return m, tea.Batch(all...)
}

func (m model) resize() {
	for _, s := range append(slices.Clone(m.pile), m.overlay) {
		if s, ok := s.(resized); ok {
			s.resize(m.frame.columns(), m.frame.lines())
		}
	}
}

// back goes to the screen below; below the first there is only leaving.
func (m model) back() (tea.Model, tea.Cmd) {
	m.overlay = nil
	if len(m.pile) == 1 {
		m.overlay = newQuitBox(m.shared)
		return m, nil
	}
	m.pile = slices.Clone(m.pile[:len(m.pile)-1])
	m.resize()
	return m, begin(m.top())
}

// key handles what is the same on all screens; the rest is the screen's.
func (m model) key(msg tea.KeyMsg) (tea.Model, tea.Cmd) {
	if letters := msg.Type == tea.KeyRunes; letters && m.typing() {
		return m.pass(msg) // text, whatever it says: Bubble Tea writes the letters "ctrl+c" as it writes the key
	} else if letters && len(msg.Runes) > 1 && !msg.Paste {
		return m.keys(msg.Runes)
	}
	_, quitting := m.overlay.(*quitBox)
	switch {
	case msg.String() == "ctrl+c" && quitting:
		return m, leave(stopped(m.shared))
	case msg.String() == "ctrl+c":
		if s, ok := m.top().(stubborn); ok {
			next, cmd := s.interrupt()
			m.setTop(next)
			return m, cmd
		}
		m.overlay = newQuitBox(m.shared)
		return m, nil
	case m.overlay != nil && msg.String() == "esc":
		m.overlay = nil
		return m, nil
	case m.overlay == nil && m.asksHelp(msg):
		m.overlay = newHelp(m.shared, m.top())
		m.overlay.(*help).resize(m.frame.columns(), m.frame.lines())
		return m, nil
	}
	return m.pass(msg)
}

// typing reports whether letters are text now.
func (m model) typing() bool {
	t, ok := m.top().(typist)
	return m.overlay == nil && ok && t.typing()
}

// keys are letters that arrived together, as they do over a slow connection: where they are no text each is a key of its
// own, and "tab" is not the tab key.
func (m model) keys(letters []rune) (tea.Model, tea.Cmd) {
	var all []tea.Cmd
	for _, r := range letters {
		next, cmd := m.key(tea.KeyMsg{Type: tea.KeyRunes, Runes: []rune{r}})
		m = next.(model)
		all = append(all, cmd)
	}
	return m, tea.Batch(all...)
}

// asksHelp reports whether the key asks for help. In a text field it has gone as text before.
func (m model) asksHelp(msg tea.KeyMsg) bool {
	return !msg.Paste && (msg.String() == "ctrl+g" || msg.String() == "?")
}

// pass gives a message to whoever is on top. Messages that are no keys come from commands of the screens, and an overlay
// must not swallow them.
func (m model) pass(msg tea.Msg) (tea.Model, tea.Cmd) {
	if _, isKey := msg.(tea.KeyMsg); isKey && m.overlay != nil {
		var cmd tea.Cmd
		m.overlay, cmd = m.overlay.update(msg)
		return m, cmd
	}
	next, cmd := m.top().update(msg)
	m.setTop(next)
	return m, cmd
}

func (m *model) setTop(s screen) {
	m.pile = slices.Clone(m.pile)
	m.pile[len(m.pile)-1] = s
}

// View implements tea.Model.
func (m model) View() string {
	if m.end != nil {
		return ""
	}
	s := m.top()
	if m.overlay != nil {
		s = m.overlay
	} else if s, ok := s.(bare); ok {
		if text, now := s.bare(); now {
			return text
		}
	}
	left := "sslwizard " + m.options.Version + "  " + m.host
	body := s.body(m.frame.columns(), m.frame.lines())
	return m.frame.draw(left, s.title(), body, s.status(), m.keyLine(s.keys()))
}

// keyLine writes bindings as one line; the help has those that do not fit.
func (m model) keyLine(all []key) string {
	line := ""
	for _, k := range all {
		more := m.theme.Paint(theme.Bold, m.theme.Key(k.key)) + " " + k.does
		if line != "" {
			more = line + "   " + more
		}
		if ansi.StringWidth(more) < m.frame.columns() {
			line = more
		}
	}
	return line
}
