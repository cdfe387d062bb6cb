package wizard

import (
	"cmp"
	"fmt"
	"strings"

	"github.com/c93d5bcb/sslwizard/steps"
	"github.com/c93d5bcb/sslwizard/wizard/theme"
)

// railWidth is how wide the list of steps is, and from which width of the screen on it is there.
const (
	railWidth = 20
	railFrom  = 79
	roomy     = 14 // lines that the steps with their answers need
)

// gist is the answer that counts of a step, in a few letters.
func gist(t *talk, id steps.ID) string {
	a := t.answers
	switch id {
	case steps.IDInstall:
		return a.Install.Executor
	case steps.IDCerts:
		if more := len(a.Certs.Domains) - 1; more > 0 {
			return fmt.Sprintf("%s +%d", cut(a.Certs.Domains[0], railWidth-8, theme.Theme{}), more)
		}
		return t.value("certs.domains")
	case steps.IDSSL:
		return a.SSL.Profile
	case steps.IDRedirect:
		if !a.Redirect.Enabled {
			return "http stays"
		}
		return fmt.Sprintf("%d to https", a.Redirect.Status)
	case steps.IDProxy:
		_, address, _ := strings.Cut(a.Proxy.Upstream, "://")
		return cmp.Or(address, a.Proxy.Upstream)
	case steps.IDWebSockets:
		if !a.WebSockets.Enabled {
			return "none"
		}
		return "on " + strings.Join(a.WebSockets.Paths, ", ")
	}
	return a.Trusted.Source
}

// rail is the list of the steps at the left, with the one that is open.
func rail(s *shared, open steps.ID, height int) []string {
	var lines []string
	for n, step := range steps.All() {
		mark := " "
		switch {
		case step.ID() == open:
			mark = s.theme.Shape("▸", ">")
		case s.passed[step.ID()]:
			mark = s.theme.Paint(theme.Green, s.theme.Shape("✓", "+"))
		}
		text := pad(fmt.Sprintf(" %d %s", n+1, railTitle(step)), railWidth-3) + mark + " "
		if step.ID() == open {
			text = s.theme.Paint(theme.Active, text)
		}
		lines = append(lines, text+s.theme.Shape("│", "|"))
		if said := gist(s.talk, step.ID()); s.passed[step.ID()] && step.ID() != open && height >= roomy {
			said = cut(s.theme.Fold(steps.CleanLine(said)), railWidth-5, s.theme)
			lines = append(lines, pad("   "+said, railWidth-1)+s.theme.Shape("│", "|"))
		}
	}
	for len(lines) < height {
		lines = append(lines, pad("", railWidth-1)+s.theme.Shape("│", "|"))
	}
	return lines
}

// railTitle is the title of a step for a narrow place.
func railTitle(s steps.Step) string {
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
