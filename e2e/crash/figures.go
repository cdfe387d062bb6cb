//go:build linux && amd64

package main

import "github.com/c93d5bcb/sslwizard/e2e/promises"

// figures are what docs/promises.md says of the whole suite.
func (r report) figures() []promises.Figure {
	sum, seen := r.total(), 0
	for _, c := range r.mutants {
		if c.seen() {
			seen++
		}
	}
	figure := func(promise int, what, target string, n int) promises.Figure {
		return promises.Figure{Promise: promise, What: what, Target: target, Measured: promises.Count(n), Command: "sudo go run ./e2e/crash -full -write"}
	}
	return []promises.Figure{
		figure(1, "kills at system calls of the changes of docs/crash.md, before each call and after the last", "≥ 1,500", sum.kills),
		figure(1, "third outcomes, and all other faults of the suite, on any of these lines", "0", len(sum.faults)),
		figure(1, "deliberate breaks of the transaction that this suite does not see", "0", len(r.mutants)-seen),
		figure(1, "deliberate breaks of the transaction that it sees", "", seen),
		figure(2, "kills of the recovery after a kill", "≥ 10,000", sum.doubles),
		figure(2, "kills of the recovery of that", "≥ 500", sum.triples),
		figure(4, "edits of files of ours between a kill and its recovery, all still there", "≥ 100", sum.edits),
		figure(6, "system calls that failed, with nine error numbers by turns", "≥ 1,500", sum.errno),
		figure(6, "disks that took nothing more from a call on, recovered from when they were mended", "", sum.dead),
	}
}
