package wizard

import (
	"strings"

	"github.com/c93d5bcb/sslwizard/steps"
	"github.com/c93d5bcb/sslwizard/wizard/theme"
)

func (s *stepScreen) typing() bool { return s.form.focused().written() }

func (s *stepScreen) help() []string {
	q := s.form.focused().q
	paragraphs := []string{q.Label}
	for _, line := range explanation(q) {
		if strings.HasPrefix(line, "  ") { // one of several commands
			paragraphs[len(paragraphs)-1] += "\n" + line
			continue
		}
		paragraphs = append(paragraphs, line)
	}
	for _, f := range s.talk.findings(s.step.ID()) {
		text := steps.CleanLine(f.Text)
		for _, fix := range f.Fix {
			text += "\n  " + steps.CleanLine(fix)
		}
		paragraphs = append(paragraphs, text)
	}
	for n := range paragraphs {
		paragraphs[n] = s.theme.Fold(strings.ReplaceAll(steps.Clean(paragraphs[n]), "\t", " "))
	}
	return paragraphs
}

// widest is how wide a form is at most: an answer far from its question is hard to read.
const widest = 78

func (s *stepScreen) body(width, height int) []string {
	right := width
	if width >= railFrom {
		right -= railWidth
	}
	right = min(right, widest)
	lines := append([]string{""}, s.form.lines(right, height-1)...)
	lines = append(lines, s.found(right, height-len(lines))...)
	if width < railFrom {
		return lines
	}
	return beside(rail(s.shared, s.step.ID(), height), lines, height)
}

// found are the findings of the step, as many as there is room for.
func (s *stepScreen) found(width, room int) []string {
	var lines []string
	for _, f := range s.talk.findings(s.step.ID()) {
		sign := s.theme.Severity(f.Severity) + " "
		lines = append(lines, indented(sign, s.theme.Fold(steps.CleanLine(f.Text)), width)...)
		lines = append(lines, fixes(s.shared, f.Fix, width)...)
	}
	if len(lines) > 0 {
		lines = append([]string{""}, lines...)
	}
	return lines[:max(0, min(len(lines), room))]
}

func (s *stepScreen) status() string {
	f := s.form.focused()
	switch {
	case f.note != "":
		return s.theme.Fold(f.note)
	case f.err != nil:
		return s.theme.Paint(theme.Red, s.theme.Shape("✗", "x")) + " " + s.theme.Fold(steps.CleanLine(f.err.Error()))
	case f.q.Consent && f.talk.value(f.q.Key) != "yes":
		return "Only you can say this: space says yes."
	case f.q.Required && f.text() == "":
		return "This has to be said."
	}
	for _, found := range s.talk.findings(s.step.ID()) {
		if found.Severity != steps.Info {
			return s.theme.Fold(steps.CleanLine(found.Text))
		}
	}
	return "Nothing changes before you have typed yes at the end."
}

func (s *stepScreen) keys() []key {
	keys := []key{{"enter", "next"}, {"↑↓", "move"}}
	f := s.form.focused()
	if f.folded() {
		return []key{{"enter", "open"}, {"↑↓", "move"}, {"esc", "back"}, {"?", "help"}}
	}
	if !f.written() {
		keys = append(keys, key{"space", "choose"}, key{"esc", "back"}, key{"?", "help"})
	} else {
		keys = append(keys, key{"esc", "back"}, key{"ctrl+g", "help"})
	}
	if f.listed() {
		keys = append(keys, key{"ctrl+x", "remove"})
	}
	if len(f.found()) > 0 {
		keys = append(keys, key{"ctrl+n", "take what was found"})
	}
	return append(keys, key{"tab", "next field"}, key{"ctrl+r", "look again"})
}
