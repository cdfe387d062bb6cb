package wizard

import (
	"strings"

	"github.com/charmbracelet/x/ansi"

	"github.com/c93d5bcb/sslwizard/steps"
	"github.com/c93d5bcb/sslwizard/wizard/theme"
)

// inset is how far what belongs to the open field stands in.
const inset = 5

// tight is the height of a form from which on less is said about each question; the help has it all.
const tight = 14

// lines draws the field: one line, or opened when it has the focus. The height is that of the whole form.
func (f *field) lines(focused bool, width, height int) []string {
	if !focused {
		return f.closed(width)
	}
	var lines []string
	for n, line := range wrap(f.theme.Fold(f.q.Label), width-inset) {
		lines = append(lines, f.theme.Paint(theme.Active, map[bool]string{true: " > ", false: "   "}[n == 0]+line))
	}
	lines = append(lines, f.opened(width, height)...)
	lines = append(lines, f.seen(width)...)
	if height >= tight {
		lines = append(lines, "")
	}
	lines = append(lines, f.told(width, height)...)
	return append(append(lines, f.origin(width)...), "")
}

// told is what the question is about.
func (f *field) told(width, height int) []string {
	lines := wrap(f.theme.Fold(f.q.Help), width-inset)
	if few := 2; height < tight && len(lines) > few {
		lines[few-1] = cut(lines[few-1]+" "+lines[few], width-inset, f.theme)
		lines = lines[:few]
	}
	for n := range lines {
		lines[n] = pad("", inset) + lines[n]
	}
	return lines
}

// closed is the field in one line: the label, the answer at the right end, and what is thought of it. A label for which
// there is no room goes on in the next line.
func (f *field) closed(width int) []string {
	const margin, gap, marks = 3, 2, 3
	room := width - margin - marks
	label := f.theme.Fold(strings.TrimSuffix(f.q.Label, "?"))
	value := cut(f.value(), max(room/2, room-gap-ansi.StringWidth(label)), f.theme)
	lines := wrap(label, room-gap-ansi.StringWidth(value))
	for n := range lines {
		lines[n] = pad("", margin) + lines[n]
	}
	last := len(lines) - 1
	lines[last] = pad(lines[last], margin+room-ansi.StringWidth(value)) + value + " " + f.mark()
	return lines
}

// mark is what is thought of the answer, one column wide. The words stand in the open field.
func (f *field) mark() string {
	worst := steps.Skip
	for _, c := range f.looks {
		if c.Verdict == steps.Fail || c.Verdict == steps.Warn && worst != steps.Fail || c.Verdict == steps.OK && worst == steps.Skip {
			worst = c.Verdict
		}
	}
	switch {
	case f.err != nil:
		return f.theme.Paint(theme.Red, f.theme.Shape("✗", "x"))
	case f.busy:
		return f.theme.Shape("…", "~")
	case worst == steps.Skip:
		return " "
	}
	return f.sign(worst)
}

// sign is the mark of a verdict without its word.
func (f *field) sign(v steps.Verdict) string {
	switch v {
	case steps.OK:
		return f.theme.Paint(theme.Green, f.theme.Shape("✓", "+"))
	case steps.Warn:
		return f.theme.Paint(theme.Yellow, "!")
	case steps.Fail:
		return f.theme.Paint(theme.Red, f.theme.Shape("✗", "x"))
	}
	return "-"
}

// value is the answer in a few words.
func (f *field) value() string {
	value := f.text()
	switch {
	case f.folded():
		return ""
	case value == "" && (f.q.Required || f.q.Kind == steps.KindChoice), f.q.Consent && value != "yes":
		return "to be said"
	case value == "":
		return "none"
	case f.q.Kind == steps.KindChoice:
		value = label(f.q.Options[max(0, f.chosen())])
		if end := strings.IndexAny(value, ",:"); end > 0 {
			value = value[:end] // the rest explains it
		}
	}
	return f.theme.Fold(steps.CleanLine(value))
}

// opened is what the answer is given with.
func (f *field) opened(width, height int) []string {
	switch {
	case f.folded():
		return nil
	case f.q.Consent:
		return []string{pad("", inset) + box(f.talk.value(f.q.Key) == "yes", f.theme) + "yes, I agree"}
	case f.q.Kind == steps.KindBool:
		yes := f.talk.value(f.q.Key) == "yes"
		return []string{pad("", inset) + radio(yes, f.theme) + "yes    " + radio(!yes, f.theme) + "no"}
	case f.q.Kind == steps.KindChoice:
		return f.options(width)
	case f.listed():
		items := f.items(width)
		return window(items, f.list.at, f.list.at+1, max(4, height/2), f.theme)
	}
	return []string{pad("", inset) + f.beside(f.typed(&f.input, width-inset-2), f.input.value(), width-inset)}
}

func radio(on bool, t theme.Theme) string {
	if on {
		return "(" + t.Shape("•", "*") + ") "
	}
	return "( ) "
}

func box(on bool, t theme.Theme) string {
	if on {
		return "[" + t.Shape("✓", "x") + "] "
	}
	return "[ ] "
}

// typed is a line with its cursor, which needs no colour and does not blink.
func (f *field) typed(l *line, width int) string {
	return f.theme.Fold(steps.Clean(l.shown(width, f.theme.Shape("█", "_"), f.theme.Shape("▏", "|"))))
}

func (f *field) options(width int) []string {
	var lines []string
	for n, o := range f.q.Options {
		text := f.theme.Fold(steps.CleanLine(label(o)))
		text = cut(radio(n == f.chosen(), f.theme)+text, width-inset, f.theme)
		if n == f.cursor {
			lines = append(lines, f.theme.Paint(theme.Active, pad("", inset-2)+"> "+text))
			continue
		}
		lines = append(lines, pad("", inset)+text)
	}
	return lines
}

// items are the items of a list, each with what the world says about it.
func (f *field) items(width int) []string {
	var lines []string
	for n := range f.list.rows {
		row := &f.list.rows[n]
		text := f.theme.Fold(steps.CleanLine(row.value()))
		switch {
		case n == f.list.at:
			text = f.typed(row, width-inset-2)
		case row.value() == "":
			text = "+ another"
		}
		lines = append(lines, pad("", inset)+cut(f.beside(text, row.value(), width-inset), width-inset, f.theme))
	}
	return lines
}

// indented wraps a text behind a sign of seven columns.
func indented(sign, text string, width int) []string {
	const sized = 7
	lines := wrap(text, width-inset-sized)
	for n := range lines {
		if n == 0 {
			lines[n] = pad("", inset) + sign + lines[n]
		} else {
			lines[n] = pad("", inset+sized) + lines[n]
		}
	}
	return lines
}
