//go:build e2e

package scenario

import (
	"fmt"
	"testing"

	"github.com/c93d5bcb/sslwizard/e2e/promises"
	"github.com/c93d5bcb/sslwizard/e2e/world"
)

// killed is a change of a booted server that is killed before one of its calls, again and again.
type killed struct {
	name     string
	executor string
	times    int                // with -full
	before   func(st *story)    // what was done to the server before
	do       []string           // the change
	judge    func(v *killedRun) // looks at the server after the kill, and has it be as before
}

// killedRun is one server of such a change.
type killedRun struct {
	*story
	killed
	start world.Manifest // the tree before the change
}

// TestKillsOnServers kills changes of really booted servers, at moments spread over all their calls that can change a file: a
// third outcome does not happen, and the next command finds everything in order (P1).
func TestKillsOnServers(t *testing.T) {
	t.Parallel()
	all := []killed{
		{"install, native", "native", 110, nil, []string{"--non-interactive", answers}, (*killedRun).installed},
		{"install, nginx", "nginx", 60, func(st *story) { st.s.Install("nginx") }, []string{"--non-interactive", answers}, (*killedRun).installed},
		{"install, nginx with its package", "nginx", 20, nil, []string{"--non-interactive", answers}, (*killedRun).installed},
		{"renew", "native", 60, func(st *story) { st.must(st.apply()) }, []string{"renew", "--force", shop}, (*killedRun).renewed},
		{"uninstall", "native", 60, func(st *story) { st.must(st.apply()) }, []string{"uninstall"}, (*killedRun).uninstalled},
	}
	done := make([]int, len(all))
	t.Run("changes", func(t *testing.T) {
		for i, k := range all {
			if !*full && i != 0 && i != 1 {
				continue
			}
			t.Run(k.name, func(t *testing.T) {
				t.Parallel()
				done[i] = k.happens(t)
			})
		}
	})
	if *full && *update && !t.Failed() {
		sum := 0
		for _, n := range done {
			sum += n
		}
		const command = "go test -tags e2e -timeout 60m -run 'TestKillsOnServers$' ./e2e/scenario -full -update"
		promises.Record(t,
			promises.Figure{Promise: 1, What: "kills of changes of booted servers, with systemd, apt, nginx and a CA", Target: "≥ 300", Measured: promises.Count(sum), Command: command},
			promises.Figure{Promise: 1, What: "third outcomes there", Target: "0", Measured: "0", Command: command})
	}
}

// happens kills the change as often as asked, and returns how often it was killed.
func (k killed) happens(t *testing.T) (kills int) {
	st := begin(t, "trixie")
	st.answer(k.executor)
	if k.before != nil {
		k.before(st)
	}
	r, calls := st.traces(0, k.do...) // how many calls it makes, and that all goes well under the tracer
	st.must(r)
	v := &killedRun{st, k, nil}
	if k.judge(v); k.do[0] == "uninstall" {
		st.must(st.apply())
	}
	times := 3
	if *full {
		times = k.times
	}
	v.start = st.s.Manifest()
	for n := range times {
		at := 1 + (n*len(calls)+len(calls)/2)/times
		if r, _ := st.traces(at, k.do...); r.Status == 137 {
			kills++
		}
		t.Logf("killed before call %d of %d: %s", at, len(calls), calls[min(at, len(calls))-1])
		k.judge(v)
		if t.Failed() {
			t.FailNow()
		}
	}
	t.Logf("%s: %d kills of %d calls", k.name, kills, len(calls))
	if kills < times*9/10 {
		t.Errorf("%s: only %d of %d kills hit", k.name, kills, times)
	}
	return kills
}

// recovers is what anybody types next.
func (v *killedRun) recovers() {
	v.Helper()
	v.must(v.sslwizard("undo", "--unended"))
	if v.s.Has("/var/lib/sslwizard/journal") {
		v.Errorf("%s: the run is open still", v.name)
	}
}

// installed: the site is there as asked, or up to its own certificate, and then the same command ends it; or there is nothing.
func (v *killedRun) installed() {
	v.Helper()
	v.recovers()
	if v.s.Has("/etc/sslwizard/sites/" + shop + ".yaml") {
		v.must(v.apply())
		v.live()
		v.must(v.sslwizard("uninstall"))
	}
	if v.start != nil {
		v.restored(v.start)
	}
}

// renewed: the site serves a certificate that fits its key, whichever it is, and can be renewed.
func (v *killedRun) renewed() {
	v.Helper()
	v.recovers()
	v.live()
	v.must(v.sslwizard("renew", "--force", shop))
	if v.start != nil {
		v.restored(v.start)
	}
}

// uninstalled: the same command again ends it, and nothing is left; then the site is set up for the next time.
func (v *killedRun) uninstalled() {
	v.Helper()
	v.must(v.sslwizard("uninstall"))
	for _, name := range []string{"/etc/sslwizard", "/usr/local/bin/sslwizard", "/etc/systemd/system/sslwizard-proxy.service"} {
		if v.s.Has(name) {
			v.Errorf("%s is left", name)
		}
	}
	if v.start != nil {
		v.must(v.apply())
		v.live()
		v.same("set up again it is another server", v.start.Restored(v.s.Manifest(), kept, fmt.Sprintf("/etc/sslwizard/sites/%s.yaml", shop)))
	}
}
