//go:build linux && amd64

package power

import (
	"os"
	"strings"
	"testing"
)

const pageName = "../../../docs/power.md"

// page writes a table between its marks in docs/power.md, with -full -update; else it looks whether the page has one with as
// many rows as the table would.
func page(t *testing.T, mark, head, rows string) {
	t.Helper()
	data, err := os.ReadFile(pageName)
	if err != nil {
		t.Fatal(err)
	}
	begin, end := "<!-- "+mark+" -->\n", "<!-- end of "+mark+" -->\n"
	before, rest, ok := strings.Cut(string(data), begin)
	table, after, closed := strings.Cut(rest, end)
	switch {
	case !ok || !closed:
		t.Fatalf("%s has no place for %q", pageName, mark)
	case *full && *update:
		if err := os.WriteFile(pageName, []byte(before+begin+head+rows+end+after), 0o644); err != nil {
			t.Fatal(err)
		}
	case *full && strings.Count(table, "\n") != strings.Count(head+rows, "\n"):
		t.Errorf("%s is not up to date: run this with -full -update", pageName)
	}
}
