package wizard

import (
	"slices"
	"strings"

	tea "github.com/charmbracelet/bubbletea"

	"github.com/c93d5bcb/sslwizard/steps"
	"github.com/c93d5bcb/sslwizard/wizard/theme"
)

// stopBox is what ctrl+c opens while a run goes on: leaving is not stopping.
type stopBox struct {
	at   int
	kept bool // what works so far stays: stopping takes back only what came after it
}

// What can be done about a run that goes on.
const (
	keepWatching = iota
	leaveRunning
	stopRun
)

func (b *stopBox) choices() []string {
	stop := "Stop after this change, and put everything back"
	if b.kept {
		stop = "Stop after this change; the site stays up as it is"
	}
	return []string{"Keep watching", "Leave; the run goes on", stop}
}

// stopMsg is what came of asking a run to stop.
type stopMsg struct{ err error }

// interrupt implements stubborn.
func (a *apply) interrupt() (screen, tea.Cmd) {
	if a.end != nil {
		return a, nil
	}
	if a.asking != nil { // twice: leave at once
		return a, leave(a.left())
	}
	a.asking = &stopBox{kept: a.checkpointed()}
	return a, nil
}

// checkpointed reports whether the run has come to where what works is kept.
func (a *apply) checkpointed() bool {
	mark := steps.Checkpoint{}.Key()
	return slices.ContainsFunc(a.rows, func(r row) bool { return r.key == mark && r.status == steps.Done })
}

func (a *apply) answer(key string) (screen, tea.Cmd) {
	a.asking.at = pressed(key).among(a.asking.at, len(a.asking.choices()))
	switch key {
	case "esc":
		a.asking = nil
	case "tab":
		a.asking.at = min(len(a.asking.choices())-1, a.asking.at+1)
	case "enter":
		chosen := a.asking.at
		a.asking = nil
		switch chosen {
		case leaveRunning:
			return a, leave(a.left())
		case stopRun:
			ctx, machine, run := a.ctx, a.machine, a.run
			return a, func() tea.Msg { return stopMsg{machine.Stop(ctx, run)} }
		}
	}
	return a, nil
}

// left is the end of a wizard whose run goes on.
func (a *apply) left() ending {
	return ending{status: steps.ExitOK, report: []string{
		"sslwizard: " + strings.TrimSpace("the run "+steps.CleanLine(a.name)) + " goes on.",
		"  sudo " + a.options.Called + " attach    follows it"}}
}

func (b *stopBox) body(t theme.Theme) []string {
	lines := []string{"", "", "", "   The run goes on.", ""}
	for n, text := range b.choices() {
		if n == b.at {
			lines = append(lines, " "+t.Paint(theme.Active, "> "+text))
		} else {
			lines = append(lines, "   "+text)
		}
	}
	return lines
}
