// Package theme is how sslwizard draws: a shape and a word for every meaning, colour only as a third sign. It knows 16
// colours, the terminal's own, and an alphabet without anything beyond ASCII.
package theme

import (
	"strings"

	"github.com/c93d5bcb/sslwizard/steps"
)

// Theme is how one terminal is drawn to. The zero value is UTF-8 without colour.
type Theme struct{ Color, ASCII bool }

// Color is one of the terminal's own colours, as an SGR parameter.
type Color string

// The colours. They never carry a meaning alone.
const (
	Plain  Color = ""
	Bold   Color = "1"
	Red    Color = "31"
	Green  Color = "32"
	Yellow Color = "33"
	Cyan   Color = "36"
	Active Color = "1;36" // what has the focus
)

// Paint wraps text in a colour.
func (t Theme) Paint(c Color, text string) string {
	if !t.Color || c == Plain || text == "" {
		return text
	}
	return "\x1b[" + string(c) + "m" + text + "\x1b[0m"
}

// Shape chooses between two drawings of the same thing.
func (t Theme) Shape(unicode, ascii string) string {
	if t.ASCII {
		return ascii
	}
	return unicode
}

// Mark is the sign and the word of a verdict, six columns wide.
func (t Theme) Mark(v steps.Verdict) string {
	switch v {
	case steps.OK:
		return t.Paint(Green, t.Shape("✓", "+")+" ok  ")
	case steps.Warn:
		return t.Paint(Yellow, "! warn")
	case steps.Fail:
		return t.Paint(Red, t.Shape("✗", "x")+" fail")
	}
	return "- skip"
}

// Status is the sign and the word of a line of a run, six columns wide or more.
func (t Theme) Status(v steps.Status) string {
	switch v {
	case steps.Done:
		return t.Paint(Green, t.Shape("✓", "+")+" done")
	case steps.Failed:
		return t.Paint(Red, t.Shape("✗", "x")+" fail")
	case steps.Undone:
		return "- undone"
	case steps.Kept:
		return "- kept  "
	}
	return t.Paint(Active, t.Shape("▸", ">")+" now ")
}

// Severity is the sign and the word of a finding, six columns wide.
func (t Theme) Severity(v steps.Severity) string {
	switch v {
	case steps.Blocker:
		return t.Paint(Red, t.Shape("✗", "x")+" stop")
	case steps.Warning:
		return t.Paint(Yellow, "! warn")
	}
	return t.Shape("·", ".") + " note"
}

// Action is the sign of an action in a listing.
func (t Theme) Action(a steps.Action) string {
	if a == steps.Execute {
		return t.Shape("»", ">")
	}
	return string(rune(a))
}

// Diff is the colour of a line of a unified diff.
func Diff(line string) Color {
	switch {
	case strings.HasPrefix(line, "+"):
		return Green
	case strings.HasPrefix(line, "-"):
		return Red
	case strings.HasPrefix(line, "@@"):
		return Cyan
	}
	return Plain
}

// Fold writes text for this alphabet: without ASCII only what it is; with it, what has no place there becomes "?".
func (t Theme) Fold(text string) string {
	if !t.ASCII {
		return text
	}
	return strings.Map(func(r rune) rune {
		switch {
		case r < 0x80:
			return r
		case r == '…':
			return '~'
		case r == '–' || r == '—':
			return '-'
		case r == '→':
			return '>'
		case r == '×':
			return 'x'
		case r == 'µ':
			return 'u'
		}
		return '?'
	}, text)
}

// Key names a key as it is on this keyboard's caps.
func (t Theme) Key(name string) string {
	if !t.ASCII {
		return name
	}
	return arrows.Replace(name)
}

var arrows = strings.NewReplacer("↑↓", "up/down", "←→", "left/right", "↑", "up", "↓", "down", "←", "left", "→", "right")

// UTF8 reports whether the locale is one that writes UTF-8; as in setlocale(3) the first of the three that is set decides.
// The terminals of the Linux console and of the VT family have too few glyphs for what we draw.
func UTF8(env func(string) string) bool {
	if term := env("TERM"); term == "linux" || strings.HasPrefix(term, "vt") {
		return false
	}
	for _, name := range []string{"LC_ALL", "LC_CTYPE", "LANG"} {
		if v := strings.ToLower(env(name)); v != "" {
			return strings.Contains(v, "utf-8") || strings.Contains(v, "utf8")
		}
	}
	return false
}
