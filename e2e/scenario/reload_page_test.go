//go:build e2e

package scenario

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/c93d5bcb/sslwizard/e2e/promises"
)

const reloadFile = "../../docs/reload.md"

const reloadCommand = "go test -tags e2e -timeout 30m -run 'TestReloadIsProven$' ./e2e/scenario -full -update"

const reloadHead = `# A reload is proven

Made by ` + "`" + reloadCommand + "`" + `, out of the run itself, on really booted Debian servers with
systemd and Debian's nginx.

` + "`nginx -t`" + ` is content and the reload ends with 0, and still the server goes on with what it had, or serves something else. Here are %d
ways in which that comes about. In each, sslwizard looks at what is served, not at what the reload says: new workers, old ones that
take no connections any more, and the stored certificate in 20 handshakes in a row on each
address; the native proxy says what it has loaded, and shows it. It found out each within %s, said why, ended with exit status 4, and
put everything back: the tree is the same byte for byte, with modes, owners and links, so are units, listeners, mounts and users, and
the other site of the same nginx answers as before. Then the trap is taken away, and the same command comes to its end.

| | what happens | executor | Debian | code | what is said | found after |
| --- | --- | --- | --- | --- | --- | --- |
`

// writeReload writes docs/reload.md, and the figures.
func writeReload(t *testing.T, rows *tableRows) {
	t.Helper()
	var order []string
	for _, u := range untakens {
		order = append(order, u.name)
	}
	table, count := rows.table(reloadFile, order)
	slowest := 0.0
	for line := range strings.Lines(table) {
		var took float64
		if _, err := fmt.Sscanf(line[strings.LastIndex(strings.TrimSuffix(line, " |\n"), "|")+1:], "%f s", &took); err != nil {
			t.Fatalf("cannot read how long it took: %v: %s", err, line)
		}
		slowest = max(slowest, took)
	}
	text := fmt.Sprintf(reloadHead, count, fmt.Sprintf("%.1f seconds", slowest)) + table
	if err := os.WriteFile(reloadFile, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	promises.Record(t,
		promises.Figure{Promise: 12, What: "ways in which a server does not take its new configuration although its test and the reload say that all is well, found out and put back", Target: "≥ 12", Measured: promises.Count(count), Command: reloadCommand},
		promises.Figure{Promise: 12, What: "seconds from the reload to the finding, at most", Target: "≤ 10", Measured: fmt.Sprintf("%.1f", slowest), Command: reloadCommand})
}
