//go:build e2e

package scenario

import (
	"bufio"
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/c93d5bcb/sslwizard/e2e/world"
	"github.com/c93d5bcb/sslwizard/steps"
)

// refusal is a situation in which sslwizard cannot know that it would do right.
type refusal struct {
	name     string   // as the page says it
	shell    string   // makes the situation, on the booted server
	back     string   // and takes it back
	flag     string   // a folder that is made immutable
	executor string   // native where it does not say
	edits    []string // of the answers
	as       string   // a shell that sslwizard is started from; "$@" is the command
	typed    []string // the main job where it does not say
	code     string
	status   int
	says     []string // words of the reason, or of the way on
	slice    bool     // in CI
}

// ground is one server on which situations come and go.
type ground struct {
	name  string
	suite string
	make  func(*story)
	rows  []refusal
}

// refused is what was said in a situation.
type refused struct {
	refusal
	reason string
	way    string // the first way on
}

// TestRefusals: where a server is not understood, or is in a state that sslwizard must not build on, it says why, with a code, a
// way on and an exit status, and makes no system call at all that could change a file (P28).
//
//	go test -tags e2e -timeout 30m -run 'TestRefusals$' ./e2e/scenario -full -update
func TestRefusals(t *testing.T) {
	page := &tableRows{}
	t.Cleanup(func() {
		if *full && *update {
			writeRefusals(t, page)
		}
	})
	for _, g := range grounds {
		rows := slices.DeleteFunc(slices.Clone(g.rows), func(r refusal) bool { return !*full && !r.slice })
		if len(rows) == 0 {
			continue
		}
		t.Run(strings.ReplaceAll(g.name, " ", "_"), func(t *testing.T) {
			t.Parallel()
			st := begin(t, g.suite)
			st.s.Put("/opt/traced", world.Program("traced"), 0o755)
			if g.make != nil {
				g.make(st)
			}
			for _, r := range rows {
				t.Run(strings.ReplaceAll(r.name, " ", "_"), func(t *testing.T) {
					part := *st
					part.T = t
					var said refused
					defer func() {
						page.tell(t, r.name, said.executor, g.suite, said.code, said.reason, said.way, r.status)
					}()
					said = part.isRefused(r)
				})
			}
		})
	}
}

// isRefused has a situation be there, and everything be as it was when sslwizard has said that it will not.
func (st *story) isRefused(r refusal) refused {
	st.Helper()
	if r.executor == "" {
		r.executor = native
	}
	st.answer(r.executor, r.edits...)
	if made := st.s.Exec("bash", "-ec", r.shell+"\ntrue"); made.Status != 0 {
		st.Fatalf("cannot make %q: %s", r.name, made)
	}
	if r.flag != "" {
		st.s.Flag(r.flag, world.Immutable)
	}
	l := &life{story: st}
	before, facts, processes := st.s.Manifest(), l.look(), st.processes()
	result := r.met(st)
	st.same("something changed", before.Diff(st.s.Manifest(), lockFile))
	st.same("units, listeners, users or mounts differ", difference(facts, l.look()))
	if now := st.processes(); now != processes {
		st.Errorf("programs were started or ended:\n%s\nwas\n%s", now, processes)
	}
	if r.flag != "" {
		st.s.Flag(r.flag, 0)
	}
	if taken := st.s.Exec("bash", "-ec", r.back+"\ntrue"); taken.Status != 0 {
		st.Fatalf("cannot take %q back: %s", r.name, taken)
	}
	return result
}

// met runs sslwizard under the tracer, which lets none of its calls pass unseen.
func (r refusal) met(st *story) refused {
	st.Helper()
	if r.typed == nil {
		r.typed = []string{"--non-interactive", answers}
	}
	json, calls := st.tracesAny(0, r.command("/root/sslwizard", "-o", "json")...)
	for _, call := range calls {
		if !permitted(call, []string{"/run/", lockFile}) {
			st.Errorf("a refusal made a call that could change a file: %s", call)
		}
	}
	said := refused{refusal: r}
	all := ""
	for _, why := range reasons(st, json.Stdout) {
		all += why.Text + "\n" + strings.Join(why.Fix, "\n") + "\n"
		if why.Code == r.code && (why.Severity == steps.Blocker || why.Severity == "") && said.reason == "" {
			said.reason, said.way = why.Text, strings.Join(why.Fix[:min(1, len(why.Fix))], "")
		}
	}
	lacks := slices.DeleteFunc(slices.Clone(r.says), func(word string) bool { return strings.Contains(all, word) })
	if said.reason == "" || said.way == "" || json.Status != r.status || len(lacks) > 0 {
		st.Errorf("want a reason with the code %s, a way on, the exit status %d and the words %q (missing: %q)\n%s", r.code, r.status, r.says, lacks, json)
	}
	return said
}

// lockFile is held by who looks at a run that never ended, with who that is in it; everything else is to stay as it is.
const lockFile = steps.LockFile

// command is a program, with what is typed, as the situation has it.
func (r refusal) command(argv ...string) []string {
	argv = append(argv, r.typed...)
	if r.as != "" {
		argv = append([]string{"bash", "-c", r.as, "bash"}, argv...)
	}
	return argv
}

// reasons are what stops a run, and what is said beside it, as it says it to programs.
func reasons(st *story, out string) []steps.Finding {
	st.Helper()
	var all []steps.Finding
	lines := bufio.NewScanner(strings.NewReader(out))
	lines.Buffer(nil, len(out)+1)
	for lines.Scan() {
		var line struct {
			Type          string
			Finding       steps.Finding
			Code, Message string
			Fix           []string
		}
		if err := json.Unmarshal(lines.Bytes(), &line); err != nil {
			st.Errorf("not JSON: %s", lines.Text())
		}
		switch {
		case line.Type == "finding":
			all = append(all, line.Finding)
		case line.Type == "error":
			all = append(all, steps.Finding{Code: line.Code, Text: line.Message, Fix: line.Fix})
		}
	}
	return all
}
