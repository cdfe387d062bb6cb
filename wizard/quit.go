package wizard

import (
	tea "github.com/charmbracelet/bubbletea"

	"github.com/c93d5bcb/sslwizard/steps"
	"github.com/c93d5bcb/sslwizard/wizard/theme"
)

// quitBox asks before the wizard is left. While nothing runs, leaving changes nothing.
type quitBox struct {
	*shared
	quit bool // what is chosen
}

func newQuitBox(s *shared) *quitBox { return &quitBox{shared: s} }

func (b *quitBox) title() string { return "Quit?" }

func (b *quitBox) update(msg tea.Msg) (screen, tea.Cmd) {
	key, ok := msg.(tea.KeyMsg)
	if !ok {
		return b, nil
	}
	if pressed(key.String()).vertical() != 0 {
		b.quit = !b.quit
	}
	switch key.String() {
	case "tab", "shift+tab":
		b.quit = !b.quit
	case "enter":
		if b.quit {
			return b, leave(stopped(b.shared))
		}
		return nil, nil // the overlay closes
	case "q", "y":
		return b, leave(stopped(b.shared))
	}
	return b, nil
}

func (b *quitBox) body(int, int) []string {
	choice := func(chosen bool, text string) string {
		if chosen {
			return " " + b.theme.Paint(theme.Active, "> "+text)
		}
		return "   " + text
	}
	kept := "Your answers are kept for 7 days; the next start offers them again."
	if b.forgets() {
		kept = "Your answers will be gone: without root they are not kept."
	}
	return []string{"", "", "", "   Quit sslwizard?", "",
		"     Nothing has been changed on this server.",
		"     " + kept,
		"     sudo " + b.options.Called, "",
		choice(!b.quit, "Keep going"), choice(b.quit, "Quit")}
}

func (b *quitBox) status() string { return "" }

func (b *quitBox) keys() []key {
	return []key{{"↑↓", "move"}, {"enter", "choose"}, {"esc", "keep going"}, {"ctrl+c", "quit now"}}
}

// stopped is the end of a wizard that somebody left before anything was applied.
func stopped(s *shared) ending {
	said, again := "Your answers are kept.", "offers them again"
	if s.forgets() {
		said, again = "Your answers are not kept.", "can do it, and keeps them"
	}
	return ending{status: steps.ExitCancelled, report: []string{
		"sslwizard: stopped; nothing was changed on this server. " + said,
		"  sudo " + s.options.Called + "    " + again}}
}
