package wizard

import (
	"slices"
	"strings"

	"github.com/charmbracelet/x/ansi"

	"github.com/c93d5bcb/sslwizard/steps"
)

// beside puts what the world says about a value at the right end of its line.
func (f *field) beside(shown, value string, width int) string {
	said, _ := f.about(value, width)
	if said == "" {
		return shown
	}
	return pad(shown, width-ansi.StringWidth(said)) + said
}

// about is what the world says about one value in the room beside it, and whether that is all of it.
func (f *field) about(value string, width int) (said string, all bool) {
	const cursor, gap = 1, 2
	room := width - ansi.StringWidth(steps.CleanLine(value)) - cursor - gap
	for _, c := range f.looks {
		if value == "" || c.Address != value && (f.listed() || c.Address != "") {
			continue
		}
		text := f.theme.Fold(steps.CleanLine(c.Detail))
		if said = f.sign(c.Verdict) + " " + text; ansi.StringWidth(said) <= room && len(c.Fix) == 0 {
			return said, true
		}
		if said = strings.TrimSpace(f.theme.Mark(c.Verdict)); f.listed() && ansi.StringWidth(said) <= room {
			return said, false
		}
		return "", false // it stands below, and a value alone needs no second mark
	}
	if said = f.theme.Shape("…", "~") + " looking"; f.busy && value != "" && ansi.StringWidth(said) <= room {
		return said, true
	}
	return "", false
}

// seen is what is wrong with the answer, or what the world says about it.
func (f *field) seen(width int) []string {
	if f.err != nil {
		return indented(f.theme.Mark(steps.Fail)+" ", f.theme.Fold(steps.CleanLine(f.err.Error())), width)
	}
	var lines []string
	for n, c := range f.looks {
		if f.stands(n, width) {
			continue // beside the value
		}
		text := steps.CleanLine(c.Detail)
		if f.listed() || c.Address != f.text() {
			text = aboutWhat(c) + text
		}
		lines = append(lines, indented(f.theme.Mark(c.Verdict)+" ", f.theme.Fold(text), width)...)
		for _, fix := range c.Fix {
			command, _ := steps.SplitFix(fix)
			lines = append(lines, hung(f.theme.Fold(command), inset+7, width)...)
		}
	}
	return lines
}

// stands reports whether all of a check stands beside its value: it is the first one about that value.
func (f *field) stands(n, width int) bool {
	about := func(c steps.Check) string {
		if c.Address == "" && !f.listed() {
			return f.text()
		}
		return c.Address
	}
	value := about(f.looks[n])
	for _, before := range f.looks[:n] {
		if about(before) == value {
			return false
		}
	}
	_, all := f.about(value, width-inset)
	return all && (f.listed() && slices.Contains(f.list.items(), value) || value == f.text())
}
