package wizard

import (
	"strings"

	"github.com/charmbracelet/x/ansi"

	"github.com/c93d5bcb/sslwizard/wizard/theme"
)

// The smallest terminal in which the screens are drawn, and the lines that are not a screen's own.
const (
	minWidth  = 60
	minHeight = 16
	chrome    = 5 // head, rule, rule, status, keys
)

// frame is the one way in which a screen reaches the terminal: exactly height lines, none of which touches the last
// column, where a glyph of doubtful width would wrap.
type frame struct {
	theme         theme.Theme
	width, height int
}

// columns is how wide a line may be.
func (f frame) columns() int { return f.width - 1 }

// lines is how many lines the body of a screen has.
func (f frame) lines() int { return f.height - chrome }

// draw puts a screen together. Left and right are the ends of the head line.
func (f frame) draw(left, right string, body []string, status, keys string) string {
	if f.width < minWidth || f.height < minHeight {
		return f.tooSmall()
	}
	rule := strings.Repeat(f.theme.Shape("─", "-"), f.columns())
	out := make([]string, 0, f.height)
	out = append(out, f.ends(" "+left, right+" "), rule)
	for n := range f.lines() {
		line := ""
		if n < len(body) {
			line = body[n]
		}
		out = append(out, f.fit(line))
	}
	out = append(out, rule, f.fit(" "+status), f.fit(" "+keys))
	return strings.Join(out, "\n")
}

// ends writes two texts at the two ends of a line.
func (f frame) ends(left, right string) string {
	room := f.columns() - ansi.StringWidth(right)
	if room < 1 {
		return f.fit(right)
	}
	return pad(cut(left, room-1, f.theme), room) + right
}

// fit cuts a line that is too wide.
func (f frame) fit(line string) string { return cut(line, f.columns(), f.theme) }

func (f frame) tooSmall() string {
	text := "sslwizard needs 60x16; or start it with --plain"
	out := make([]string, max(1, f.height))
	out[len(out)/2] = ansi.Truncate(text, max(0, f.columns()), "")
	return strings.Join(out, "\n")
}

// cut shortens a text, which may have colours, to a width, with a sign that something is missing.
func cut(text string, width int, t theme.Theme) string {
	if ansi.StringWidth(text) <= width {
		return text
	}
	return ansi.Truncate(text, max(0, width), t.Shape("…", "~"))
}

// pad fills a text up to a width.
func pad(text string, width int) string {
	return text + strings.Repeat(" ", max(0, width-ansi.StringWidth(text)))
}

// wrap breaks a plain text into lines at spaces; a word that is too long is broken itself. A hyphen is no place to break
// at: it is part of an option or of a path.
func wrap(text string, width int) []string {
	if text == "" {
		return nil
	}
	const hyphen, unbroken = "-", "\u2011"
	text = ansi.Wrap(strings.ReplaceAll(text, hyphen, unbroken), max(1, width), "")
	return strings.Split(strings.ReplaceAll(text, unbroken, hyphen), "\n")
}
