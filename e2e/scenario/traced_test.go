//go:build e2e

package scenario

import (
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/c93d5bcb/sslwizard/e2e/promises"
	"github.com/c93d5bcb/sslwizard/e2e/world"
)

// traced runs sslwizard on the server and returns, beside what it said, each call of it, and of all that it started, that could
// have changed a file and was made outside of these folders.
func (st *story) traced(but []string, args ...string) (world.Result, []string) {
	st.Helper()
	r, all := st.traces(0, args...)
	return r, slices.DeleteFunc(all, func(line string) bool { return permitted(line, but) })
}

// traces runs sslwizard on the server under the tracer, and has it killed before a call; 0: before none. It returns the calls.
func (st *story) traces(kill int, args ...string) (world.Result, []string) {
	st.Helper()
	return st.tracesAny(kill, append([]string{"/root/sslwizard"}, args...)...)
}

// tracesAny does the same with any program.
func (st *story) tracesAny(kill int, argv ...string) (world.Result, []string) {
	st.Helper()
	const program, record = "/opt/traced", "/run/traced"
	if !st.s.Has(program) {
		st.s.Put(program, world.Program("traced"), 0o755)
	}
	r := st.s.Exec(append([]string{program, "-kill", strconv.Itoa(kill), record}, argv...)...)
	return r, strings.Split(strings.TrimSpace(st.s.Must("cat", record)), "\n")
}

// permitted reports a call in these folders, or of what is no file: a pipe, a socket, a terminal.
func permitted(line string, but []string) bool {
	fields := strings.Fields(line) // number, name, path …
	if len(fields) < 3 || !strings.HasPrefix(fields[2], "/") {
		return true
	}
	for _, dir := range append([]string{"/dev/", "/proc/", "/memfd:"}, but...) {
		if strings.HasPrefix(fields[2], dir) {
			return true
		}
	}
	return false
}

// TestWritesNothing: what only looks makes no call that could change a file, and so does a run that finds all as it was
// asked for, a second and a third time: nothing is reloaded or ordered either.
func TestWritesNothing(t *testing.T) {
	withEither(t, func(t *testing.T, suite, executor string) {
		st := begin(t, suite)
		st.answer(executor)
		looks := [][]string{{"--dry-run", answers}, {"doctor", shop}, {"answers", "validate", answers}, {"status"}, {"--dry-run", "-o", "json", answers}, {"--dry-run", "-o", "diff", answers}}
		looked := st.looksOnly(looks)
		st.must(st.apply())
		looked += st.looksOnly(append(looks, []string{"status", "-o", "json"}, []string{"remove", shop, "--dry-run"}, []string{"revoke", shop, "--dry-run"}, []string{"probe", "https://" + shop}))
		for range 2 {
			before, processes, orders := st.s.Manifest(), st.processes(), st.w.CA.Orders()
			r, calls := st.traced([]string{"/run/", "/var/log/"}, "--non-interactive", answers)
			st.ends(r, 0, "Nothing to do")
			for _, call := range calls {
				st.Errorf("the same answers again: %s", call)
			}
			st.untouched(before)
			if now := st.processes(); now != processes || st.w.CA.Orders() != orders {
				st.Errorf("it reloaded or ordered something")
			}
		}
		if *update && !t.Failed() {
			const command = "go test -tags e2e -run 'TestWritesNothing$' ./e2e/scenario -update"
			promises.Record(t,
				promises.Figure{Promise: 9, What: "calls that could change a file outside /run and /var/log, reloads and orders, of the same answers a second and a third time (" + executor + ")", Target: "0", Measured: "0", Command: command},
				promises.Figure{Promise: 10, What: "calls that could change a file, of commands that only look, before and after a set-up (" + executor + ")", Target: "0", Measured: "0 of " + promises.Count(looked) + " commands", Command: command})
		}
	})
}

// looksOnly runs the commands, and says how many.
func (st *story) looksOnly(commands [][]string) int {
	st.Helper()
	for _, args := range commands {
		var but []string
		if args[0] == "doctor" { // what the CA would ask for is put up for a moment, and asked for
			but = []string{"/var/lib/sslwizard/webroot/.well-known/acme-challenge"}
		}
		r, calls := st.traced(but, args...)
		for _, call := range calls {
			st.Errorf("%s: %s", strings.Join(args, " "), call)
		}
		if r.Status == 64 {
			st.Errorf("%s", r)
		}
	}
	return len(commands)
}
