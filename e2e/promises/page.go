package promises

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// File is the page, from the root of this tree.
const File = "docs/promises.md"

const head = `# What sslwizard promises, and how far it was measured

Each figure was written here by the command beside it, on the day beside it; none by hand. The machine is a virtual one
with two cores, Debian 12 and a kernel that runs the servers of the tests in namespaces; where a promise needs a real network,
a public CA or another distribution, it says so. The other pages in this folder have the details.
`

const tableHead = "| what was counted | target | measured | command | on |\n| --- | --- | --- | --- | --- |\n"

var writing sync.Mutex

// Write puts figures into the page called name, in the place of what they had before.
func Write(name string, figures ...Figure) error {
	writing.Lock()
	defer writing.Unlock()
	text, err := os.ReadFile(name)
	if err != nil && !os.IsNotExist(err) {
		return err
	}
	all := parse(string(text))
	for _, f := range figures {
		if f.Promise < 1 || f.Promise > len(List) {
			return fmt.Errorf("cannot write the figure %q: there is no promise %d", f.What, f.Promise)
		}
		if strings.Contains(f.What+f.Target+f.Measured+f.Command, "|") {
			return fmt.Errorf("cannot write the figure %q: a bar would end its cell", f.What)
		}
		f.On = time.Now().UTC().Format(time.DateOnly)
		at := slices.IndexFunc(all, func(g Figure) bool { return g.Promise == f.Promise && g.What == f.What })
		if at < 0 {
			all = append(all, f)
			continue
		}
		all[at] = f
	}
	return os.WriteFile(name, []byte(page(all)), 0o644)
}

// parse finds the figures of a page.
func parse(text string) []Figure {
	var all []Figure
	promise := 0
	for line := range strings.Lines(text) {
		if strings.HasPrefix(line, "## ") {
			fmt.Sscanf(line, "## P%d", &promise)
		}
		if f, ok := parseRow(promise, line); ok {
			all = append(all, f)
		}
	}
	return all
}

// page is the page with these figures.
func page(all []Figure) string {
	var b strings.Builder
	b.WriteString(head)
	for i, p := range List {
		fmt.Fprintf(&b, "\n## P%d %s\n\n%s\n", i+1, p.Short, p.Long)
		var rows strings.Builder
		for _, f := range all {
			if f.Promise == i+1 {
				rows.WriteString(f.row())
			}
		}
		if rows.Len() > 0 {
			b.WriteString("\n" + tableHead + rows.String())
		}
		if p.Open != "" {
			b.WriteString("\n" + p.Open + "\n")
		}
	}
	return b.String()
}

// Record puts figures into the page of this tree, for a test that was asked to and lies two folders below the root.
func Record(t testing.TB, figures ...Figure) {
	t.Helper()
	if err := Write("../../"+File, figures...); err != nil {
		t.Fatal(err)
	}
}
