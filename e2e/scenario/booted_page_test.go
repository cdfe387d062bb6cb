//go:build e2e

package scenario

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
)

const bootedFile = "../../docs/booted.md"

const bootedHead = `# Measured on booted servers

Each part was written by the command that it names, out of the run itself, on really booted Debian servers with systemd, sshd, sudo
and a CA. docs/promises.md has the figures beside all others.

`

// bootedCommand is what writes a part of the page again.
func bootedCommand(test string) string {
	return "go test -tags e2e -timeout 60m -run '" + test + "$' ./e2e/scenario -full -update"
}

var bootedWriting sync.Mutex

// writeBooted puts a part into docs/booted.md, in the place of what the same test wrote there before.
func writeBooted(t *testing.T, title, test, text string) {
	t.Helper()
	bootedWriting.Lock()
	defer bootedWriting.Unlock()
	old, err := os.ReadFile(bootedFile)
	if err != nil && !os.IsNotExist(err) {
		t.Fatal(err)
	}
	parts := strings.Split(string(old), "\n## ")[1:]
	parts = slices.DeleteFunc(parts, func(part string) bool { return strings.HasPrefix(part, title+"\n") })
	parts = append(parts, title+"\n\nMade by `"+bootedCommand(test)+"`.\n\n"+strings.TrimSpace(text)+"\n")
	slices.Sort(parts)
	page := bootedHead + "## " + strings.Join(parts, "\n## ")
	if err := os.WriteFile(bootedFile, []byte(page), 0o644); err != nil {
		t.Fatal(err)
	}
}

// tableRows gathers the rows of a page: what was told in this run, in the place of what the page had of it. So one row can be told
// alone; one that failed is not on the page.
type tableRows struct {
	sync.Mutex
	told map[string]string // by what a row is about, the second cell; "" where it failed
}

// tell notes a row once its test is over.
func (r *tableRows) tell(t *testing.T, about string, cells ...any) {
	text := ""
	for _, cell := range cells {
		text += " " + strings.NewReplacer("|", `\|`, "\n", " ").Replace(fmt.Sprint(cell)) + " |"
	}
	if t.Failed() {
		text = ""
	}
	r.Lock()
	defer r.Unlock()
	if r.told == nil {
		r.told = map[string]string{}
	}
	r.told[about] = text
}

// table is every row that there is, in this order, and how many they are.
func (r *tableRows) table(file string, order []string) (string, int) {
	old := map[string]string{}
	page, _ := os.ReadFile(file) // none at first
	for line := range strings.Lines(string(page)) {
		if cells := strings.SplitN(line, " | ", 3); len(cells) == 3 && strings.HasPrefix(line, "| ") {
			old[cells[1]] = " " + strings.TrimSpace(cells[2])
		}
	}
	var rows strings.Builder
	n := 0
	for _, about := range order {
		text, now := r.told[about]
		if !now {
			text = old[about]
		}
		if text != "" {
			n++
			fmt.Fprintf(&rows, "| %d | %s |%s\n", n, about, text)
		}
	}
	return rows.String(), n
}
