//go:build e2e

package hostile

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/c93d5bcb/sslwizard/e2e/promises"
)

const (
	file    = "../../docs/hostile.md" // where the figures of the whole stand
	command = "go test -tags e2e -timeout 90m ./e2e/hostile -full -update"
)

const head = "# Hostile input\n\nMade by `sudo " + command + "`, out of the run itself. CI runs a slice of it.\n"

// chapters are the parts of the page in their order; each is written by its own test.
var chapters = []string{"keys", "flags", "fuzzing"}

var pageWriting sync.Mutex

// page writes a chapter of the page, and its figures, when it is asked to and nothing failed; the slice has none to write.
func page(t *testing.T, chapter, text string, figures ...promises.Figure) {
	t.Helper()
	if !*update || !*full || t.Failed() {
		return
	}
	for i := range figures {
		figures[i].Promise, figures[i].Command = 17, "sudo "+command
	}
	promises.Record(t, figures...)
	pageWriting.Lock()
	defer pageWriting.Unlock()
	old, err := os.ReadFile(file)
	if err != nil && !os.IsNotExist(err) {
		t.Fatal(err)
	}
	var b strings.Builder
	b.WriteString(head)
	for _, name := range chapters {
		mark := "\n<!-- " + name + " -->\n"
		_, there, found := strings.Cut(string(old), mark)
		there, _, _ = strings.Cut(there, "\n<!-- ")
		if name == chapter {
			there, found = text, true
		}
		if found {
			b.WriteString(mark + strings.TrimRight(there, "\n") + "\n")
		}
	}
	if err := os.WriteFile(file, []byte(b.String()), 0o644); err != nil {
		t.Fatal(err)
	}
}

func (r row) String() string {
	return fmt.Sprintf("| `%s` | %d | %d | %d | %d |", r.key, r.texts, r.files, r.refused, r.plans)
}

func total(rows []row) (sum row) {
	for _, r := range rows {
		sum.texts, sum.files, sum.refused, sum.plans = sum.texts+r.texts, sum.files+r.files, sum.refused+r.refused, sum.plans+r.plans
	}
	return sum
}

// inputPage tells of the keys: in a file, and typed.
func inputPage(rows, lines []row) string {
	var b strings.Builder
	sum, typed := total(rows), total(lines)
	fmt.Fprintf(&b, `
## No input becomes code

%d hostile texts of %d classes, alone and around a good value, as the value of every key of the answers file, in quotes and without,
and as a line that a person types on a screen or at a prompt; for the native proxy and for nginx, in %d kinds of sites. CI runs one in %d
of them.

A file is refused with its line, its column and the reason, which is clean, or it gives a plan that is looked at change
by change. What a reader of our own makes of each file for nginx is the tree that was meant, without a directive or a
variable that no harmless site has. Units and scripts have no line that is not known. The stored site reads back as the site. No file
is written, and no package, user, unit or service touched, that a harmless site has not. It has come to %s files, of which %s were
refused, and %s lines, of which %s were; of the %s plans none had anything in it that is not the user's value in its place.

| key | texts | files | refused | plans | lines typed | refused |
| --- | --- | --- | --- | --- | --- | --- |
`, len(Corpus()), len(classes), len(grounds()), slice, promises.Count(sum.files), promises.Count(sum.refused),
		promises.Count(typed.files), promises.Count(typed.refused), promises.Count(sum.plans+typed.plans))
	for i, r := range rows {
		fmt.Fprintf(&b, "%s %d | %d |\n", r, lines[i].files, lines[i].refused)
	}
	return b.String()
}

// inputFigures are what the promise counts.
func inputFigures(rows, lines []row) []promises.Figure {
	least := rows[0].texts
	for _, r := range slices.Concat(rows, asked(lines)) {
		least = min(least, r.texts)
	}
	in, typed := total(rows), total(lines)
	return []promises.Figure{
		{What: fmt.Sprintf("hostile texts in each of the %d keys, in a file and typed, the least of a key", len(rows)), Target: "≥ 2,000", Measured: promises.Count(least)},
		{What: "plans made of them, native and nginx, with a word, line, file or change that no harmless site has", Target: "0", Measured: "0 of " + promises.Count(in.plans+typed.plans)},
	}
}
