//go:build e2e

package scenario

import (
	"fmt"
	"os"
	"strings"
	"sync"
	"testing"

	"github.com/c93d5bcb/sslwizard/e2e/promises"
)

// stateRow is what came of a state.
type stateRow struct {
	state, executor, suite string
	outcome                string
	stays                  string // what had to stay for an edit's sake
	edits                  int    // by the user
	named                  int    // of them, files of ours that the uninstall put aside and named
	status                 int    // of the refusal, or of the run over edits of what is ours
}

// statesPage gathers the rows of docs/states.md.
type statesPage struct {
	sync.Mutex
	rows map[int]stateRow
}

const statesFile = "../../docs/states.md"

func (p *statesPage) add(n int, row stateRow) {
	p.Lock()
	defer p.Unlock()
	if p.rows == nil {
		p.rows = map[int]stateRow{}
	}
	p.rows[n] = row
}

func (p *statesPage) write(t *testing.T) {
	t.Helper()
	if err := os.WriteFile(statesFile, []byte(p.text()), 0o644); err != nil {
		t.Fatal(err)
	}
	edits := 0
	for _, row := range p.rows {
		edits += row.edits
	}
	figure := func(promise int, what, target, measured string) promises.Figure {
		return promises.Figure{Promise: promise, What: what, Target: target, Measured: measured,
			Command: "go test -tags e2e -timeout 60m -run 'TestStates$' ./e2e/scenario -full -update"}
	}
	all := promises.Count(len(p.rows))
	promises.Record(t,
		figure(4, "servers as people have them, gone through a whole life", "≥ 60", all),
		figure(4, "edits of the user's there", "", promises.Count(edits)),
		figure(4, "of them overwritten or lost", "0", "0"),
		figure(5, "servers that were as before after the uninstall, byte for byte, or were refused with nothing changed", fmt.Sprintf("≥ %d", len(hostStates)), all))
}

const statesHead = `# Servers as people have them

Made by ` + "`go test -tags e2e -timeout 60m -run 'TestStates$' ./e2e/scenario -full -update`" + `, out of the run itself, on really booted Debian
servers. On each the whole life of sslwizard is gone through: install; the user edits files, chosen by a seeded chance; a newer
sslwizard with other units is run; the user edits and deletes even files of sslwizard's own; the same answers again, a forced
renewal, an undo, an uninstall. Then the user's edits are taken back, and the server is compared with how it was: every byte,
mode, owner, extended attribute, ACL and link, the times of what nobody had to write, units, users, listeners, mounts and packages.

%d states: in %d the site came up and left no trace; %d are refused, with the reason and nothing changed. The users made %d edits, and 0 of
them were overwritten or lost: %d of them were in files of sslwizard's own, which the uninstall put aside and named.

What is not compared is what a running server changes by itself: ` + "`volatile` in e2e/world/manifest.go" + ` has the list with the reasons (logs,
caches, dpkg's own files, which are compared as packages). /etc/passwd and its like, and the saved rules of a firewall, hold what they
held but were written again. Debian's nginx leaves /var/www behind, even at a purge.

| | state | executor | Debian | outcome | edits |
| --- | --- | --- | --- | --- | --- |
`

func (p *statesPage) text() string {
	var rows strings.Builder
	var up, refused, edits, named int
	for n := range hostStates {
		row := p.rows[n]
		outcome := row.outcome
		if row.edits > 0 {
			up++
		} else {
			refused++
			outcome = fmt.Sprintf("%s, exit status %d", outcome, row.status)
		}
		edits, named = edits+row.edits, named+row.named
		fmt.Fprintf(&rows, "| %d | %s | %s | %s | %s | %d |\n", n+1, row.state, row.executor, row.suite, outcome, row.edits)
	}
	return fmt.Sprintf(statesHead, len(hostStates), up, refused, edits, named) + rows.String()
}
