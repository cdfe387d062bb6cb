//go:build e2e

package scenario

import (
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
