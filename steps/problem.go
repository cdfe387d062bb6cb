package steps

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"
)

// Problem is one thing that is wrong in an answers file, or in answers that were typed (then it has no place).
type Problem struct {
	File       string `json:"file,omitempty"`
	Line       int    `json:"line,omitempty"` // from 1; 0: it has no place in a file
	Col        int    `json:"col,omitempty"`  // from 1, in characters
	Path       string `json:"path,omitempty"` // "certs.domains[1]"
	Text       string `json:"text"`
	Suggestion string `json:"suggestion,omitempty"`
	Excerpt    string `json:"excerpt,omitempty"` // the line and a caret below what is meant, for the first 50 problems

	place place
	later string // key of the question whose answer makes the value wrong; empty: it is wrong whatever is said
}

// place is where the excerpt of a problem comes from. It is drawn late, for those that are shown: a line may be long,
// and a file may be wrong in many places.
type place struct {
	source *source
	mark   mark
}

// String is "file:line:col: path: what; did you mean "x"?", without the excerpt.
func (p Problem) String() string {
	var b strings.Builder
	if p.Line > 0 {
		fmt.Fprintf(&b, "%s:%d:%d: ", CleanLine(p.File), p.Line, p.Col)
	}
	if p.Path != "" {
		b.WriteString(p.Path + ": ")
	}
	b.WriteString(p.Text)
	if p.Suggestion != "" {
		fmt.Fprintf(&b, "; did you mean %q?", p.Suggestion)
	}
	return b.String()
}

// ParseError is everything that is wrong in an answers file, in the order of the file.
type ParseError struct{ Problems []Problem }

var _ Coded = (*ParseError)(nil)

// maxShown bounds what one error prints; Problems has them all.
const maxShown = 50

// Error implements error: every problem with its excerpt.
func (e *ParseError) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "cannot use these answers, %d %s:", len(e.Problems), plural(len(e.Problems), "problem", "problems"))
	for i, p := range e.Problems {
		if i == maxShown {
			fmt.Fprintf(&b, "\nand %d more", len(e.Problems)-maxShown)
			break
		}
		b.WriteString("\n" + p.String())
		if p.Excerpt != "" {
			b.WriteString("\n" + p.Excerpt)
		}
	}
	return b.String()
}

// ExitStatus implements Coded.
func (e *ParseError) ExitStatus() int { return ExitAnswers }

// Fix implements Coded: what the first key that is wrong or missing means or, where there is none, what all of them mean.
func (e *ParseError) Fix() []string {
	for _, p := range e.Problems {
		key, _, _ := strings.Cut(p.Path, "[")
		if slices.Contains(explainable(), key) {
			return []string{"sslwizard answers explain " + key + "    tells what it means"}
		}
	}
	return []string{"sslwizard answers init    prints a file to fill in, every key explained"}
}

// asError returns nil when there is no problem.
func asError(problems []Problem) error {
	if len(problems) == 0 {
		return nil
	}
	slices.SortStableFunc(problems, func(a, b Problem) int {
		return cmp.Or(cmp.Compare(a.Line, b.Line), cmp.Compare(a.Col, b.Col))
	})
	problems = slices.Compact(problems)
	for i := range problems[:min(len(problems), maxShown)] {
		if p := &problems[i]; p.place.source != nil {
			p.Excerpt = p.place.source.excerpt(p.place.mark)
		}
	}
	return &ParseError{Problems: problems}
}

// mark is a place in the answers file: line and column from 1, length in characters.
type mark struct{ line, col, length int }

// source is the answers file as text, for the places and the excerpts of problems.
type source struct {
	name  string
	lines []string
	shown []string // the lines without the values of headers, once they are asked for
}

func (s *source) problem(m mark, path, text, suggestion string) Problem {
	p := problem(path, text, suggestion)
	p.File, p.Line, p.Col, p.place = s.name, m.line, m.col, place{s, m}
	return p
}

// problem is one without a place. A key may be as long as the file: what is said stays readable.
func problem(path, text, suggestion string) Problem {
	const most = 300
	if suggestion = Hushed(CleanLine(suggestion)); utf8.RuneCountInString(suggestion) > most {
		suggestion = ""
	}
	return Problem{Path: clip(CleanLine(path), most), Text: clip(Hushed(CleanLine(text)), most), Suggestion: suggestion}
}

// clip cuts a text to so many characters.
func clip(s string, most int) string {
	if utf8.RuneCountInString(s) <= most {
		return s
	}
	return string([]rune(s)[:most]) + "…"
}

// excerpt draws the line with a caret below the place. A long line is cut around it.
func (s *source) excerpt(m mark) string {
	if m.line < 1 || m.line > len(s.lines) {
		return ""
	}
	line := []rune(strings.ReplaceAll(Clean(s.hushed(m.line)), "\t", " "))
	at, length := min(m.col-1, len(line)), max(m.length, 1)
	const before, width = 40, 90
	from := 0
	if at > width-20 {
		from = at - before
	}
	to := min(len(line), from+width)
	length = max(1, min(length, to-at))
	gutter := fmt.Sprintf("%5d | ", m.line)
	empty := strings.Repeat(" ", len(gutter)-2) + "| "
	return strings.TrimRight(gutter+string(line[from:to]), " ") + "\n" +
		empty + strings.Repeat(" ", at-from) + "^" + strings.Repeat("~", length-1)
}

// valueError is a value that cannot be taken; the place is added by whoever knows the key.
type valueError struct{ text, suggestion string }

func (e *valueError) Error() string {
	if e.suggestion == "" {
		return e.text
	}
	return fmt.Sprintf("%s; did you mean %q?", e.text, e.suggestion)
}

// bad makes a valueError with no suggestion.
func bad(format string, args ...any) *valueError {
	return &valueError{text: fmt.Sprintf(format, args...)}
}

// meant adds what was probably meant.
func (e *valueError) meant(suggestion string) *valueError {
	e.suggestion = suggestion
	return e
}

// quote shows a value in a message: escaped, of bounded length, and without a password in a URL.
func quote(s string) string {
	const most = 60
	return fmt.Sprintf("%q", clip(Hushed(s), most))
}
