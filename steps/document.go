package steps

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"

	"go.yaml.in/yaml/v4"
)

// MaxAnswers is how large an answers file may be, in bytes.
const MaxAnswers = 1 << 20

// maxDocuments is how many sites one file may have. A file of MaxAnswers could have a hundred thousand wrong ones, and
// reading what is wrong with each takes its time.
const maxDocuments = 1000

// parseAnswers reads every document as far as it can be read.
func parseAnswers(name string, data []byte) ([]Answers, []Problem) {
	src := &source{name: name}
	if len(data) > MaxAnswers {
		return nil, []Problem{{File: name, Line: 1, Col: 1, Text: fmt.Sprintf("the file is larger than %s", FormatSize(MaxAnswers))}}
	}
	data = bytes.TrimPrefix(data, []byte("\xef\xbb\xbf"))
	text := strings.ReplaceAll(string(data), "\r\n", "\n")
	src.lines = strings.Split(text, "\n")
	if problems := src.unreadable(); len(problems) > 0 {
		return nil, problems
	}
	documents := src.documents()
	if len(documents) == 0 {
		return nil, []Problem{src.problem(mark{line: 1, col: 1}, "", "the file is empty", "")}
	}
	if len(documents) > maxDocuments {
		return nil, []Problem{src.problem(mark{line: documents[maxDocuments].from + 1, col: 1}, "",
			fmt.Sprintf("the file has %d sites; one file can have %d", len(documents), maxDocuments), "")}
	}
	var all []Answers
	var problems []Problem
	for _, d := range documents {
		a, wrong, ok := d.answers(src)
		problems = append(problems, wrong...)
		if ok {
			all = append(all, a)
		}
	}
	return all, problems
}

// unreadable finds what no YAML has: bytes that are not UTF-8, control characters, and tabs that indent. Of a file that
// is no text at all only that is said.
func (s *source) unreadable() []Problem {
	if strings.HasPrefix(s.lines[0], "\xff\xfe") || strings.HasPrefix(s.lines[0], "\xfe\xff") {
		return []Problem{s.problem(mark{1, 1, 1}, "", "the file is UTF-16; save it as UTF-8", "")}
	}
	var problems []Problem
	for i, line := range s.lines {
		if strings.ContainsRune(line, 0) {
			return []Problem{s.problem(mark{i + 1, 1, 1}, "", "this is no text file", "")}
		}
		if text, col := badCharacter(line); text != "" {
			problems = append(problems, s.problem(mark{i + 1, col, 1}, "", text, ""))
		}
	}
	return problems
}

// badCharacter returns what is wrong with the line and the column, or "".
func badCharacter(line string) (text string, col int) {
	indenting := true
	for i, r := range line {
		col++
		switch {
		case r == utf8.RuneError && !strings.HasPrefix(line[i:], "\uFFFD"):
			return "this is not UTF-8 text; save the file as UTF-8", col
		case r == '\t' && indenting && strings.TrimSpace(line) != "":
			return "a tab cannot indent in YAML; use spaces", col
		case r < ' ' && r != '\t', r == 0x7f, r >= 0x80 && r < 0xa0:
			return fmt.Sprintf("the control character %U cannot be in an answers file", r), col
		}
		indenting = indenting && r == ' '
	}
	return "", 0
}

// document is one YAML document: some lines of the file, from the line with this number (0 is the first).
type document struct {
	from  int
	lines []string
}

// documents splits the file at its "---" lines (YAML gives them no other meaning, wherever they stand at the start of
// a line), so that an error in one document does not hide those in the next. Documents with nothing but comments are
// left out.
func (s *source) documents() []document {
	var all []document
	from := 0
	for i := 1; i <= len(s.lines); i++ {
		if i == len(s.lines) || marker(s.lines[i], "---") || marker(s.lines[i-1], "...") {
			if d := (document{from, s.lines[from:i]}); d.says() {
				all = append(all, d)
			}
			from = i
		}
	}
	return all
}

func marker(line, sign string) bool {
	rest, ok := strings.CutPrefix(line, sign)
	return ok && (rest == "" || rest[0] == ' ' || rest[0] == '\t')
}

// says reports whether anything but comments, directives and markers is in the document.
func (d document) says() bool {
	for _, line := range d.lines {
		if marker(line, "---") || marker(line, "...") {
			line = line[3:]
		}
		line = strings.TrimSpace(line)
		if line != "" && line[0] != '#' && line[0] != '%' {
			return true
		}
	}
	return false
}

// answers reads the document; ok is false when it is no YAML or no mapping.
func (d document) answers(src *source) (a Answers, problems []Problem, ok bool) {
	var node yaml.Node
	if err := yaml.Load([]byte(strings.Join(d.lines, "\n")), &node); err != nil {
		return a, []Problem{d.syntaxProblem(src, err)}, false
	}
	if len(node.Content) != 1 {
		return a, []Problem{src.problem(mark{line: d.from + 1, col: 1}, "", "the document is empty", "")}, false
	}
	dec := &decoder{document: d, origin: &origin{source: src, marks: map[string]mark{}, broken: map[string]bool{}}}
	return dec.answers(node.Content[0])
}

// syntaxProblem says in our words what the YAML library found.
func (d document) syntaxProblem(src *source, err error) Problem {
	var e *yaml.LoadError
	if !errors.As(err, &e) {
		return src.problem(mark{line: d.from + 1, col: 1}, "", "this is not YAML", "")
	}
	m := mark{line: max(e.Mark.Line, 1) + d.from, col: max(e.Mark.Column, 1), length: 1}
	text := "this is not YAML: " + e.Message
	if e.ContextMark.Line > 0 && e.ContextMark.Line != e.Mark.Line {
		text += fmt.Sprintf(" (%s from line %d)", e.ContextMsg, e.ContextMark.Line+d.from)
	}
	if strings.Contains(e.Message, "unknown anchor") {
		text = "what begins with * has to stand in quotes in YAML, \"*.example.com\""
	}
	if m.line > len(src.lines) || m.line == d.from+len(d.lines)+1 {
		m = mark{line: d.from + len(d.lines), col: utf8.RuneCountInString(d.lines[len(d.lines)-1]) + 1, length: 1}
	}
	return src.problem(m, "", text, "")
}
