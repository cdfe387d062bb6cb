// Package diff compares two texts line by line and prints what differs as a unified diff. It is pure: it reads no files
// and knows nothing of what the texts mean.
package diff

import (
	"bytes"
	"fmt"
	"strings"
	"unicode/utf8"
)

// context is the number of equal lines shown around each difference, as "diff -u" has it.
const context = 3

// Unified returns the unified diff that turns before into after, empty when they are equal. A nil text stands for a
// file that is not there: its name is printed as /dev/null. The names are printed as they are. The lines are printed as
// shown has the text, which leaves their number: a line that differs only in what is not shown still differs.
func Unified(name string, before, after []byte, shown func(string) string) string {
	if bytes.Equal(before, after) && (before == nil) == (after == nil) {
		return ""
	}
	edits := script(lines(before), lines(after))
	a, b := lines([]byte(shown(string(before)))), lines([]byte(shown(string(after))))
	var out strings.Builder
	fmt.Fprintf(&out, "--- %s\n+++ %s\n", side("a", name, before), side("b", name, after))
	for _, h := range hunks(edits) {
		h.print(&out, a, b)
	}
	return out.String()
}

// Text reports whether data can be shown as lines: valid UTF-8 without NUL.
func Text(data []byte) bool { return utf8.Valid(data) && bytes.IndexByte(data, 0) < 0 }

func side(letter, name string, text []byte) string {
	if text == nil {
		return "/dev/null"
	}
	return letter + name
}

// lines splits a text after each newline, so that a last line without one differs from the same line with one.
func lines(text []byte) []string {
	if len(text) == 0 {
		return nil
	}
	l := strings.SplitAfter(string(text), "\n")
	if l[len(l)-1] == "" {
		l = l[:len(l)-1]
	}
	return l
}

// hunk is a run of edits with the equal lines around it.
type hunk struct{ edits []edit }

// hunks cuts the script where more than twice the context is equal.
func hunks(all []edit) []hunk {
	var out []hunk
	from, last := -1, -1 // the hunk under way begins at from; last is its last difference
	for i, e := range all {
		if e.kind == keep {
			continue
		}
		if from >= 0 && i-last > 2*context {
			out = append(out, hunk{all[from : last+context+1]})
			from = -1
		}
		if from < 0 {
			from = max(0, i-context)
		}
		last = i
	}
	if from >= 0 {
		out = append(out, hunk{all[from:min(len(all), last+context+1)]})
	}
	return out
}

func (h hunk) print(out *strings.Builder, a, b []string) {
	first := h.edits[0]
	var removed, added int
	for _, e := range h.edits {
		if e.kind != add {
			removed++
		}
		if e.kind != remove {
			added++
		}
	}
	fmt.Fprintf(out, "@@ -%s +%s @@\n", span(first.a, removed), span(first.b, added))
	for _, e := range h.edits {
		line := ""
		if e.kind == add {
			line = b[e.b]
		} else {
			line = a[e.a]
		}
		out.WriteByte(byte(e.kind))
		out.WriteString(line)
		if !strings.HasSuffix(line, "\n") {
			out.WriteString("\n\\ No newline at end of file\n")
		}
	}
}

// span prints the lines of one side: from the first, counted from 1; an empty span names the line before it.
func span(first, count int) string {
	switch count {
	case 0:
		return fmt.Sprintf("%d,0", first)
	case 1:
		return fmt.Sprint(first + 1)
	}
	return fmt.Sprintf("%d,%d", first+1, count)
}
