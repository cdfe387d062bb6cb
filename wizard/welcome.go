package wizard

import (
	"fmt"
	"slices"
	"time"

	tea "github.com/charmbracelet/bubbletea"

	"github.com/c93d5bcb/sslwizard/steps"
	"github.com/c93d5bcb/sslwizard/wizard/theme"
)

// welcome looks at the server and says what it sees, before anything is asked.
type welcome struct {
	*shared
	facts  *steps.Facts
	err    error
	nearby bool           // what is around was looked for
	kept   *steps.Session // a conversation that was begun
	run    string         // a run that goes on
	at     int
	full   bool // every check with its fix
	began  bool // somebody has been at the steps already: their answers are in the talk, not only kept
	scroll int
}

// What comes back from looking.
type (
	factsMsg  struct{ facts steps.Facts }
	nearbyMsg struct{ nearby steps.Nearby }
	keptMsg   struct{ session *steps.Session }
	activeMsg struct{ run string }
	failedMsg struct{ err error }
)

func (factsMsg) everywhere()  {}
func (nearbyMsg) everywhere() {}
func (keptMsg) everywhere()   {}
func (activeMsg) everywhere() {}
func (failedMsg) everywhere() {}

func newWelcome(s *shared) *welcome { return &welcome{shared: s} }

func (w *welcome) title() string { return "welcome" }

// start implements starter.
func (w *welcome) start() tea.Cmd {
	ctx, machine := w.ctx, w.machine
	facts := func() tea.Msg {
		f, err := machine.Facts(ctx)
		if err != nil {
			return failedMsg{err}
		}
		return factsMsg{f}
	}
	kept := func() tea.Msg {
		session, ok, err := machine.Load(ctx)
		if err != nil || !ok {
			return keptMsg{}
		}
		return keptMsg{&session}
	}
	active := func() tea.Msg {
		run, _ := machine.Active(ctx)
		return activeMsg{run}
	}
	return tea.Batch(facts, kept, active)
}

func (w *welcome) update(msg tea.Msg) (screen, tea.Cmd) {
	switch msg := msg.(type) {
	case failedMsg:
		w.err = msg.err
	case factsMsg:
		return w, w.learn(msg.facts)
	case nearbyMsg:
		w.facts.Nearby, w.nearby = msg.nearby, true
		w.talk.learn(*w.facts)
		return w, func() tea.Msg { return learntMsg{} }
	case keptMsg:
		w.kept = msg.session
	case activeMsg:
		w.run = msg.run
	case tea.KeyMsg:
		return w.key(msg.String())
	}
	return w, nil
}

// learn begins the talk with what the server is, and looks around.
func (w *welcome) learn(f steps.Facts) tea.Cmd {
	if w.facts != nil {
		f.Nearby = w.facts.Nearby // until it is looked for again
	}
	w.facts, w.err = &f, nil
	if w.talk == nil {
		w.talk = newTalk(f)
		if w.options.Answers != nil {
			w.talk = resumeTalk(f, *w.options.Answers)
		}
	} else {
		w.talk.learn(f)
	}
	ctx, machine := w.ctx, w.machine
	return func() tea.Msg { return nearbyMsg{machine.Nearby(ctx, f)} }
}

// choice is one thing that can be done from here.
type choice struct {
	label, note string
	do          func() tea.Cmd
}

func (w *welcome) choices() []choice {
	var all []choice
	if w.run != "" {
		all = append(all, choice{"Follow the run that goes on", "it was started before", func() tea.Cmd { return open(newApply(w.shared, w.run)) }})
	}
	if w.facts == nil {
		return all
	}
	if w.kept != nil && (w.began || w.options.Answers == nil) {
		return append(all, choice{fmt.Sprintf("Go on at step %d", number(w.open())), "answered " + w.kept.Time.Local().Format("2 January 15:04"), w.resume},
			choice{"Start over", "forgets these answers", w.anew})
	}
	return append(all, choice{"Begin", "", w.begin})
}

// open is the step at which the kept conversation was.
func (w *welcome) open() steps.ID {
	if asked := w.asked(); !slices.Contains(asked, w.kept.Step) {
		return asked[0]
	}
	return w.kept.Step
}

func (w *welcome) begin() tea.Cmd {
	w.began = true
	return open(newStep(w.shared, w.asked()[0]))
}

// anew forgets what was answered and begins with what the server suggests.
func (w *welcome) anew() tea.Cmd {
	w.talk, w.kept = newTalk(*w.facts), nil
	clear(w.passed)
	ctx, machine := w.ctx, w.machine
	forget := func() tea.Msg {
		_ = machine.Forget(ctx) // what cannot be forgotten is overwritten by the next step
		return nil
	}
	return tea.Batch(forget, w.begin())
}

// resume takes the answers that were kept, unless this very wizard still knows them.
func (w *welcome) resume() tea.Cmd {
	if w.began {
		return open(resumeStep(w.shared, w.open()))
	}
	answers, err := steps.ParseAnswers("kept answers", w.kept.Answers)
	if err != nil || len(answers) != 1 {
		w.kept, w.err = nil, fmt.Errorf("cannot read the answers that were kept; please begin anew")
		return nil
	}
	w.talk, w.began = resumeTalk(*w.facts, answers[0]), true
	return open(resumeStep(w.shared, w.open()))
}

func (w *welcome) key(key string) (screen, tea.Cmd) {
	choices := w.choices()
	w.at = max(0, min(w.at, len(choices)-1))
	switch key {
	case "up", "k":
		w.at = max(0, w.at-1)
	case "down", "j":
		w.at = max(0, min(len(choices)-1, w.at+1))
	case "pgdown":
		w.scroll++
	case "pgup":
		w.scroll = max(0, w.scroll-1)
	case "f":
		w.full, w.scroll = !w.full, 0
	case "r":
		return w, w.start()
	case "esc":
		return w, back()
	case "q":
		return w, leave(stopped(w.shared))
	case "enter":
		if w.at < len(choices) {
			return w, choices[w.at].do()
		}
	}
	return w, nil
}

func (w *welcome) body(width, height int) []string {
	lines := []string{""}
	for _, line := range wrap("HTTPS and WSS for the application on your port, in seven steps. Nothing changes until you have read the plan and typed \"yes\".", min(width, 79)-4) {
		lines = append(lines, "  "+line)
	}
	lines = append(lines, "")
	bottom := w.bottom(width)
	room := height - len(lines) - len(bottom)
	lines = append(lines, w.checks(width, room)...)
	for len(lines) < height-len(bottom) {
		lines = append(lines, "")
	}
	return append(lines, bottom...)
}

// checks are what was seen, as far as there is room; with "f" all of it can be read.
func (w *welcome) checks(width, room int) []string {
	switch {
	case w.err != nil:
		return indented(w.theme.Mark(steps.Fail)+" ", w.theme.Fold(steps.CleanLine(w.err.Error())), width)
	case w.facts == nil:
		return []string{"  " + w.theme.Shape("…", "..") + " looking at this server"}
	}
	var lines []string
	for _, c := range steps.Preflight(*w.facts) {
		lines = append(lines, cut(fmt.Sprintf("  %s  %-12s %s", w.theme.Mark(c.Verdict), c.Name, w.theme.Fold(steps.CleanLine(c.Detail))), width, w.theme))
		if !w.full && c.Verdict != steps.Fail {
			continue
		}
		for _, fix := range c.Fix {
			command, comment := steps.SplitFix(fix)
			lines = append(lines, cut("                        "+w.theme.Fold(command), width, w.theme))
			if comment != "" && w.full {
				lines = append(lines, cut("                          "+w.theme.Fold(comment), width, w.theme))
			}
		}
	}
	if !w.nearby {
		lines = append(lines, "  "+w.theme.Shape("…", "..")+" looking for applications and names")
	}
	w.scroll = max(0, min(w.scroll, len(lines)-room))
	return lines[w.scroll:min(len(lines), w.scroll+max(0, room))]
}

func (w *welcome) bottom(width int) []string {
	lines := []string{""}
	if w.options.SSH && w.run == "" {
		for _, line := range wrap("If the connection drops, answers are kept and a run that was started goes on.", width-3) {
			lines = append(lines, "  "+line)
		}
		lines = append(lines, "")
	}
	choices := w.choices()
	w.at = max(0, min(w.at, len(choices)-1)) // what was looked for may have taken a choice away
	for n, c := range choices {
		text := "   " + pad(c.label, 30) + c.note
		if n == w.at {
			text = w.theme.Paint(theme.Active, " > "+pad(c.label, 30)) + c.note
		}
		lines = append(lines, cut(text, width, w.theme))
	}
	return lines
}

func (w *welcome) status() string {
	if w.facts == nil {
		return ""
	}
	fails, warns := 0, 0
	for _, c := range steps.Preflight(*w.facts) {
		switch c.Verdict {
		case steps.Fail:
			fails++
		case steps.Warn:
			warns++
		}
	}
	switch {
	case fails > 0:
		return fmt.Sprintf("%d of these must be put right before a run; f shows how.", fails)
	case warns > 0:
		return "Worth knowing, and no obstacle: what has a \"!\"."
	}
	return "This server is ready."
}

func (w *welcome) help() []string {
	return []string{"sslwizard sets up HTTPS and WebSockets over TLS for one application on this server: it asks seven short steps, shows every change as a diff, makes all of them or none, and proves the result with a live probe.",
		"Whatever it did can be undone: sudo " + w.options.Called + " undo"}
}

func (w *welcome) keys() []key {
	return []key{{"↑↓", "move"}, {"enter", "choose"}, {"r", "look again"}, {"f", "in full"}, {"?", "help"}, {"ctrl+c", "quit"}}
}

// elapsed is a time in the form m:ss.
func elapsed(d time.Duration) string {
	return fmt.Sprintf("%d:%02d", int(d.Minutes()), int(d.Seconds())%60)
}
