package command

import (
	"strings"

	"github.com/c93d5bcb/sslwizard/steps"
)

// style is how marks are drawn: shape and word always, colour only where it is wanted.
type style struct{ color, ascii bool }

func (a *App) style() style {
	return style{color: a.wantColor(), ascii: a.flags.ascii || !utf8Locale(a.Env)}
}

func (a *App) wantColor() bool {
	switch a.flags.color {
	case "always":
		return true
	case "never":
		return false
	}
	return a.Interactive && a.Env("NO_COLOR") == "" && a.Env("CLICOLOR") != "0" && a.Env("TERM") != "dumb"
}

// utf8Locale follows setlocale(3): the first of the three that is set decides.
func utf8Locale(env func(string) string) bool {
	for _, name := range []string{"LC_ALL", "LC_CTYPE", "LANG"} {
		if v := strings.ToLower(env(name)); v != "" {
			return strings.Contains(v, "utf-8") || strings.Contains(v, "utf8")
		}
	}
	return false
}

// paint wraps s in one of the 16 ANSI colours.
func (s style) paint(color, text string) string {
	if !s.color || color == "" {
		return text
	}
	return "\x1b[" + color + "m" + text + "\x1b[0m"
}

const (
	red    = "31"
	green  = "32"
	yellow = "33"
	cyan   = "36"
)

// mark is the sign and the word of a verdict, five columns wide.
func (s style) mark(v steps.Verdict) string {
	switch v {
	case steps.OK:
		return s.paint(green, s.shape("✓", "+")+" ok  ")
	case steps.Warn:
		return s.paint(yellow, "! warn")
	case steps.Fail:
		return s.paint(red, s.shape("✗", "x")+" fail")
	}
	return "- skip"
}

// status is the sign and the word of a line of a run, six columns wide or more.
func (s style) status(v steps.Status) string {
	switch v {
	case steps.Done:
		return s.paint(green, s.shape("✓", "+")+" done")
	case steps.Failed:
		return s.paint(red, s.shape("✗", "x")+" fail")
	case steps.Undone:
		return "- undone"
	case steps.Kept:
		return "- kept  "
	}
	return s.paint(cyan, s.shape("▸", ">")+" now ")
}

// severity is the sign and the word of a finding.
func (s style) severity(v steps.Severity) string {
	switch v {
	case steps.Blocker:
		return s.paint(red, s.shape("✗", "x")+" stop")
	case steps.Warning:
		return s.paint(yellow, "! warn")
	}
	return s.shape("·", ".") + " note"
}

func (s style) shape(unicode, ascii string) string {
	if s.ascii {
		return ascii
	}
	return unicode
}

// words of an action, for listings.
func actionWord(a steps.Action) string {
	switch a {
	case steps.Create:
		return "create"
	case steps.Modify:
		return "change"
	case steps.Delete:
		return "remove"
	case steps.Execute:
		return "run"
	}
	return "same"
}

// action draws the rune; » is > in ASCII.
func (s style) action(a steps.Action) string {
	if a == steps.Execute {
		return s.shape("»", ">")
	}
	return string(rune(a))
}
