package wizard

import (
	"fmt"
	"slices"

	"github.com/c93d5bcb/sslwizard/steps"
	"github.com/c93d5bcb/sslwizard/wizard/theme"
)

// roomyWelcome is the height from which on there is room for more than the checks and the choices.
const roomyWelcome = 14

func (w *welcome) body(width, height int) []string {
	text := "HTTPS and WSS for the application on your port, in seven steps. Nothing changes until you have read the plan and typed \"yes\"."
	var lines []string
	if height >= roomyWelcome {
		lines = append(lines, "")
	}
	if !w.full || height >= roomyWelcome {
		lines = append(append(lines, prose(text, width)...), "")
	}
	bottom := w.bottom(width, height)
	lines = append(lines, w.checks(width, height-len(lines)-len(bottom))...)
	for len(lines) < height-len(bottom) {
		lines = append(lines, "")
	}
	return append(lines, bottom...)
}

// prose is a text in lines that people like to read.
func prose(text string, width int) []string {
	const margin, longest = 2, 78
	lines := wrap(text, min(width, longest)-2*margin)
	for n := range lines {
		lines[n] = pad("", margin) + lines[n]
	}
	return lines
}

// checks are what was seen. Where there is not room for all of it, what matters most comes first.
func (w *welcome) checks(width, room int) []string {
	switch {
	case w.err != nil:
		return w.failure(width)
	case w.facts == nil:
		return []string{"  " + w.theme.Shape("…", "~") + " looking at this server"}
	}
	checks := steps.Preflight(*w.facts)
	lines := w.drawn(checks, width, room)
	if len(lines) > room {
		slices.SortStableFunc(checks, func(a, b steps.Check) int { return urgency(b.Verdict) - urgency(a.Verdict) })
		lines = w.drawn(checks, width, room)
	}
	w.scroll = max(0, min(w.scroll, len(lines)-room+1))
	return window(lines, w.scroll, w.scroll+room-1, max(0, room), w.theme)
}

func urgency(v steps.Verdict) int {
	return map[steps.Verdict]int{steps.Fail: 2, steps.Warn: 1}[v]
}

// drawn are the checks as lines.
func (w *welcome) drawn(checks []steps.Check, width, room int) []string {
	var lines []string
	for _, c := range checks {
		lines = append(lines, w.check(c, width, w.full || c.Verdict == steps.Fail && room >= roomyWelcome/2)...)
	}
	if !w.nearby {
		lines = append(lines, "  "+w.theme.Shape("…", "~")+" looking for applications and names")
	}
	return lines
}

// check is one check: its mark, its name and what was seen; when it is to be told in full, also the ways on.
func (w *welcome) check(c steps.Check, width int, full bool) []string {
	const column = 23
	text := w.theme.Fold(steps.CleanLine(c.Detail))
	said := wrap(text, width-column-1)
	if !full && len(said) > 1 {
		said = []string{cut(text, width-column-1, w.theme)}
	}
	var lines []string
	for n, line := range said {
		if n == 0 {
			lines = append(lines, fmt.Sprintf("  %s  %-12s %s", w.theme.Mark(c.Verdict), c.Name, line))
			continue
		}
		lines = append(lines, pad("", column)+line)
	}
	if !full {
		return lines
	}
	return append(lines, w.ways(c.Fix, column, width)...)
}

// ways are what can be done about something, each a line, with its comment below when all of it is to be read.
func (w *welcome) ways(fixes []string, column, width int) []string {
	var lines []string
	for _, fix := range fixes {
		command, comment := steps.SplitFix(fix)
		for _, line := range wrap(w.theme.Fold(command), width-column-3) {
			lines = append(lines, pad("", column+2)+line)
		}
		if w.full && comment != "" {
			for _, line := range wrap(w.theme.Fold(comment), width-column-5) {
				lines = append(lines, pad("", column+4)+line)
			}
		}
	}
	return lines
}

// failure is what is shown when the server could not be looked at.
func (w *welcome) failure(width int) []string {
	lines := indented(w.theme.Mark(steps.Fail)+" ", w.theme.Fold(steps.CleanLine(w.err.Error())), width)
	return append(lines, w.ways(steps.Fixes(w.err), inset+5, width)...)
}

// bottom is what can be done from here.
func (w *welcome) bottom(width, height int) []string {
	lines := []string{""}
	if w.options.SSH && w.run == "" && height >= roomyWelcome {
		said := "If the connection drops, your answers are kept, and a run that has started goes on."
		if w.forgets() {
			said = "Without root nothing can be done, and if the connection drops your answers are gone."
		}
		lines = append(append(lines, prose(said, width)...), "")
	}
	choices := w.choices()
	w.at = max(0, min(w.at, len(choices)-1)) // what was looked for may have taken a choice away
	for n, c := range choices {
		const labels = 34
		text := "   " + c.label
		if n == w.at {
			text = " > " + c.label
		}
		if c.note != "" {
			text = pad(text, labels) + c.note
		}
		if text = cut(text, width, w.theme); n == w.at {
			text = w.theme.Paint(theme.Active, text)
		}
		lines = append(lines, text)
	}
	return lines
}

func (w *welcome) status() string {
	if w.err != nil {
		return "r looks again."
	}
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
	case fails == 1:
		return "One thing has to be put right before a run; f shows all about it."
	case fails > 1:
		return fmt.Sprintf("%d things have to be put right before a run; f shows all about them.", fails)
	case warns > 0:
		return "What has a ! is worth knowing; f shows more. It does not stop you."
	}
	return "This server is ready."
}

func (w *welcome) help() []string {
	return []string{"sslwizard sets up HTTPS and WebSockets over TLS for one application on this server: it asks seven short steps, shows every change as a diff, makes all of them or none, and proves the result with a live probe.",
		"Whatever it did can be undone: sudo " + w.options.Called + " undo"}
}

func (w *welcome) keys() []key {
	return []key{{"↑↓", "move"}, {"enter", "choose"}, {"r", "look again"}, {"f", "in full"}, {"?", "help"}, {"ctrl+c", "quit"}, {"pgup pgdn", "scroll the checks"}}
}
