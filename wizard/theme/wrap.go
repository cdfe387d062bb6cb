package theme

import (
	"strings"
	"unicode/utf8"
)

// Wrap breaks a line at spaces so that it has at most width-1 columns; what continues it is indented by indent. With a
// width of 0, where nobody knows how wide the screen is, and for text of several lines, it changes nothing. Words are
// never broken: what has to be copied stays whole; nor is a line where two spaces part it on purpose.
func Wrap(line string, indent, width int) string {
	if width <= indent+20 || Columns(line) < width || strings.Contains(line, "\n") {
		return line
	}
	lead := line[:len(line)-len(strings.TrimLeft(line, " "))]
	var b strings.Builder
	b.WriteString(lead)
	column, first := len(lead), true
	for _, word := range words(line[len(lead):]) {
		n := Columns(strings.TrimRight(word, " "))
		if !first && column+n >= width {
			b.WriteString("\n" + strings.Repeat(" ", indent))
			column = indent
		}
		b.WriteString(word)
		column, first = column+Columns(word), false
	}
	return trimEnds(b.String())
}

// words are the parts of a line that may stand on lines of their own, each with the space after it.
func words(line string) []string {
	var all []string
	for _, part := range strings.SplitAfter(line, " ") {
		if n := len(all) - 1; n >= 0 && (part == " " || strings.HasSuffix(all[n], "  ")) {
			all[n] += part
		} else {
			all = append(all, part)
		}
	}
	return all
}

func trimEnds(text string) string {
	lines := strings.Split(text, "\n")
	for i := range lines {
		lines[i] = strings.TrimRight(lines[i], " ")
	}
	return strings.Join(lines, "\n")
}

// Columns is how many columns a text takes, without the colours of theme.Paint.
func Columns(s string) int {
	n := utf8.RuneCountInString(s)
	for rest := s; ; {
		_, after, found := strings.Cut(rest, "\x1b[")
		if !found {
			return n
		}
		code, tail, _ := strings.Cut(after, "m")
		n -= len("\x1b[") + len(code) + len("m")
		rest = tail
	}
}
