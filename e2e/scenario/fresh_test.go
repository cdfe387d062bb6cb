//go:build e2e

package scenario

import (
	"strings"
	"testing"
	"time"
)

// TestFresh is the main job on a fresh server: see what would change, do it, prove it, do it again, restart, undo.
func TestFresh(t *testing.T) {
	withEach(t, func(t *testing.T, suite, executor string) {
		st := begin(t, suite)
		st.answer(executor)
		before, packages := st.s.Manifest(), st.s.Packages()

		st.dryRun()
		st.untouched(before)

		done := st.must(st.apply())
		t.Logf("from nothing to proven HTTPS in %s", done.Took.Round(10*time.Millisecond))
		st.ends(done, 0, "https://"+shop+" and wss://"+shop+" are live, trusted until 20", "Undo: sudo /root/sslwizard undo 20")
		st.live()
		st.again()
		st.ends(st.sslwizard("status"), 0, shop, executor, "trusted (acme.test), until")

		st.s.Reboot()
		st.await(443)
		st.live()
		if t.Failed() {
			return // what a broken set-up leaves behind after an undo would only hide the cause
		}

		st.ends(st.sslwizard("undo"), 0, "Undone: ")
		st.restored(before)
		st.same("packages differ", difference(packages, st.s.Packages()))
		if r := st.c.Curl("https://" + shop + "/"); r.Status == 0 {
			t.Errorf("the site still answers after the undo: %s", r)
		}
	})
}

// dryRun shows every change, makes none and asks no CA. How long it takes is e2e/bench's to measure.
func (st *story) dryRun() {
	st.Helper()
	orders := st.w.CA.Orders()
	r := st.sslwizard("--dry-run", answers)
	st.ends(r, 0, "Nothing was changed", "changes are pending", "/etc/sslwizard/sites/"+shop+".yaml", "sudo /root/sslwizard --non-interactive "+answers)
	st.Logf("a dry run in %s", r.Took.Round(time.Millisecond))
	if n := st.w.CA.Orders(); n != orders {
		st.Errorf("a dry run placed %d orders", n-orders)
	}
}

// again runs the same answers a second time: nothing is written, started, reloaded or ordered.
func (st *story) again() {
	st.Helper()
	before, processes, orders := st.s.Manifest(), st.processes(), st.w.CA.Orders()
	st.ends(st.apply(), 0, "Nothing to do")
	st.untouched(before)
	if now := st.processes(); now != processes {
		st.Errorf("the second run started something:\n%s\nwas\n%s", now, processes)
	}
	if n := st.w.CA.Orders(); n != orders || orders == 0 {
		st.Errorf("%d orders before the second run, %d after it", orders, n)
	}
}

// difference lists what is in one of two lists only.
func difference(before, after []string) []string {
	was, is := map[string]bool{}, map[string]bool{}
	for _, line := range before {
		was[line] = true
	}
	for _, line := range after {
		is[line] = true
	}
	var lines []string
	for _, line := range before {
		if !is[line] {
			lines = append(lines, "- "+line)
		}
	}
	for _, line := range after {
		if !was[line] && !strings.HasSuffix(line, "config-files") { // a removed package may leave its configuration
			lines = append(lines, "+ "+line)
		}
	}
	return lines
}
