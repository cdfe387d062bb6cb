//go:build e2e

package scenario

import (
	"fmt"
	"os"
	"testing"

	"github.com/c93d5bcb/sslwizard/e2e/promises"
)

const refusalsFile = "../../docs/refusals.md"

const refusalsCommand = "go test -tags e2e -timeout 30m -run 'TestRefusals$' ./e2e/scenario -full -update"

const refusalsHead = `# When unsure, it stops

Made by ` + "`" + refusalsCommand + "`" + `, out of the run itself, on really booted Debian servers.

In each of these %d situations sslwizard refuses, and the reason, its code, the way on and the exit status are what it said. It is run
there with every system call of it, and of all that it starts, watched. None of these calls could have changed a file outside of /run, but
for the lock (/var/lib/sslwizard/lock, where who holds it writes who that is), and the tree is the same byte for byte, with modes, owners, links and times; so are units,
listeners, mounts, users and the processes of nginx and of sslwizard.

What cannot be had on these servers is imitated as far as sslwizard looks at it: a panel by a file that its own installer leaves, another
distribution by its os-release, Docker by its pid file and what its client prints, Caddy and its like by a program of that name in a unit of
that name.

| | situation | executor | Debian | code | what is said | what to do first | exit status |
| --- | --- | --- | --- | --- | --- | --- | --- |
`

// writeRefusals writes docs/refusals.md, and the figures.
func writeRefusals(t *testing.T, rows *tableRows) {
	t.Helper()
	var order []string
	for _, g := range grounds {
		for _, r := range g.rows {
			order = append(order, r.name)
		}
	}
	table, count := rows.table(refusalsFile, order)
	if err := os.WriteFile(refusalsFile, []byte(fmt.Sprintf(refusalsHead, count)+table), 0o644); err != nil {
		t.Fatal(err)
	}
	n := promises.Count(count)
	promises.Record(t,
		promises.Figure{Promise: 28, What: "situations in which a server is not understood or must not be built on, refused with code, reason, way on and exit status", Target: "≥ 20", Measured: n, Command: refusalsCommand},
		promises.Figure{Promise: 28, What: "of them with a system call that could change a file, or another tree, unit, listener or process afterwards", Target: "0", Measured: "0 of " + n, Command: refusalsCommand})
}
