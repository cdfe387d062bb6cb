package wizard

import (
	"fmt"

	"github.com/c93d5bcb/sslwizard/steps"
	"github.com/c93d5bcb/sslwizard/wizard/theme"
)

// railWidth is how wide the list of steps is, and from which width of the screen on it is there.
const (
	railWidth = 20
	railFrom  = 79
)

// rail is the list of the steps at the left, with the one that is open.
func rail(s *shared, open steps.ID, height int) []string {
	var lines []string
	for n, step := range steps.All() {
		mark := " "
		switch {
		case step.ID() == open:
			mark = s.theme.Shape("▸", ">")
		case s.passed[step.ID()]:
			mark = s.theme.Shape("✓", "+")
		}
		text := pad(fmt.Sprintf(" %d %s", n+1, short7(step)), railWidth-3) + mark + " "
		if step.ID() == open {
			text = s.theme.Paint(theme.Active, text)
		}
		lines = append(lines, text+s.theme.Shape("│", "|"))
	}
	for len(lines) < height {
		lines = append(lines, pad("", railWidth-1)+s.theme.Shape("│", "|"))
	}
	return lines
}

// short7 is the title of a step for a narrow place.
func short7(s steps.Step) string {
	if s.ID() == steps.IDTrusted {
		return "Trusted certs"
	}
	return s.Title()
}

// beside puts two columns side by side.
func beside(left, right []string, height int) []string {
	lines := make([]string, height)
	for n := range lines {
		l, r := pad("", railWidth), ""
		if n < len(left) {
			l = left[n]
		}
		if n < len(right) {
			r = right[n]
		}
		lines[n] = l + r
	}
	return lines
}
