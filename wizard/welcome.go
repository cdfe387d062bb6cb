package wizard

import (
	"fmt"
	"slices"
	"time"

	tea "github.com/charmbracelet/bubbletea"

	"github.com/c93d5bcb/sslwizard/steps"
)

// welcome looks at the server and says what it sees, before anything is asked.
type welcome struct {
	*shared
	facts   *steps.Facts
	err     error
	nearby  bool           // what is around was looked for
	earlier *steps.Session // a conversation that was begun
	run     string         // a run that goes on
	unseen  string         // a run of the earlier conversation: nobody saw on a screen that it went well
	at      int
	full    bool // every check with its fix
	began   bool // somebody has been at the steps already: their answers are in the talk, not only kept
	scroll  int
}

// What comes back from looking.
type (
	factsMsg  struct{ facts steps.Facts }
	nearbyMsg struct{ nearby steps.Nearby }
	keptMsg   struct {
		session *steps.Session
		run     string
	}
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
		return keptMsg{&session, machine.Since(ctx, session.Time)}
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
		w.earlier, w.unseen = msg.session, msg.run
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
		all = append(all, choice{"Follow the run that goes on", "it was started before", func() tea.Cmd { return w.follow(w.run) }})
	}
	if w.run == "" && w.unseen != "" {
		all = append(all, choice{"See how the last run ended", "it went on without you", func() tea.Cmd { return w.follow(w.unseen) }})
	}
	if w.facts == nil {
		return all
	}
	if w.earlier != nil && (w.began || w.options.Answers == nil) {
		return append(all, choice{fmt.Sprintf("Go on at step %d", number(w.open())), "answered " + w.earlier.Time.Local().Format("2 January 15:04"), w.resume},
			choice{"Start over", "forgets these answers", w.anew})
	}
	if w.options.Answers != nil || len(w.facts.Managed.Sites) == 0 {
		return append(all, choice{"Begin", "", w.begin})
	}
	return append(append(all, w.changes()...), choice{"Set up another site", "", w.anew})
}

// changes offers the sites that are set up here, as many as the screen has room for.
func (w *welcome) changes() []choice {
	const most = 3
	var all []choice
	for _, site := range w.facts.Managed.Sites[:min(most, len(w.facts.Managed.Sites))] {
		all = append(all, choice{"Change " + site.Name, "begins with its answers", func() tea.Cmd {
			w.talk = resumeTalk(*w.facts, site.Answers())
			clear(w.passed)
			return w.begin()
		}})
	}
	return all
}

// follow opens a run of which this wizard knows no more than what it writes down.
func (w *welcome) follow(run string) tea.Cmd {
	w.preview = nil
	return open(newApply(w.shared, run))
}

// open is the step at which the kept conversation was.
func (w *welcome) open() steps.ID {
	if asked := w.asked(); !slices.Contains(asked, w.earlier.Step) {
		return asked[0]
	}
	return w.earlier.Step
}

func (w *welcome) begin() tea.Cmd {
	w.began = true
	return open(newStep(w.shared, w.asked()[0]))
}

// anew forgets what was answered and begins with what the server suggests.
func (w *welcome) anew() tea.Cmd {
	w.talk, w.earlier, w.unseen = newTalk(*w.facts), nil, ""
	clear(w.passed)
	return tea.Batch(w.forget(), w.begin())
}

// resume takes the answers that were kept, unless this very wizard still knows them.
func (w *welcome) resume() tea.Cmd {
	if w.began {
		return open(resumeStep(w.shared, w.open()))
	}
	answers, err := steps.ParseAnswers("kept answers", w.earlier.Answers)
	if err != nil || len(answers) != 1 {
		w.earlier, w.err = nil, fmt.Errorf("cannot read the answers that were kept; please begin anew")
		return nil
	}
	w.talk, w.began = resumeTalk(*w.facts, answers[0]), true
	return open(resumeStep(w.shared, w.open()))
}

func (w *welcome) key(key string) (screen, tea.Cmd) {
	const page = 3
	choices := w.choices()
	w.at = pressed(key).among(w.at, len(choices))
	switch key {
	case "pgdown":
		w.scroll += page
	case "pgup":
		w.scroll = max(0, w.scroll-page)
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

// elapsed is a time in the form m:ss.
func elapsed(d time.Duration) string {
	return fmt.Sprintf("%d:%02d", int(d.Minutes()), int(d.Seconds())%60)
}
