//go:build linux && amd64

package main

import (
	"fmt"
	"strings"
	"time"
)

// report is what came of everything.
type report struct {
	flows   []*tally
	mutants []caught
	took    time.Duration
}

func (r report) faults() int {
	n := 0
	for _, t := range r.flows {
		n += len(t.faults)
	}
	for _, c := range r.mutants {
		if !c.seen() {
			n++
		}
	}
	return n
}

// total is the sum over all flows.
func (r report) total() *tally {
	sum := &tally{flow: &flow{name: "all"}, ends: map[string]int{}}
	for _, t := range r.flows {
		sum.kills, sum.edits, sum.doubles, sum.triples = sum.kills+t.kills, sum.edits+t.edits, sum.doubles+t.doubles, sum.triples+t.triples
		sum.errno, sum.dead, sum.faults = sum.errno+t.errno, sum.dead+t.dead, append(sum.faults, t.faults...)
		sum.flow.calls = append(sum.flow.calls, t.flow.calls...)
		for how, n := range t.ends {
			sum.ends[how] += n
		}
	}
	return sum
}

func (r report) summary() string {
	seen := 0
	for _, c := range r.mutants {
		if c.seen() {
			seen++
		}
	}
	return fmt.Sprintf("%s\n%d of %d mutants seen, %s", r.total().line(), seen, len(r.mutants), r.took.Round(time.Second))
}

func (t *tally) line() string {
	return fmt.Sprintf("%-32s %5d calls, killed %d (%d before, %d checkpoint, %d after), edited %d, recovery killed %d, twice %d, failed %d, and more after %d: %d faults",
		t.flow.name, len(t.flow.calls), t.kills, t.ends["before"], t.ends["checkpoint"], t.ends["after"], t.edits, t.doubles, t.triples, t.errno, t.dead, len(t.faults))
}

func (c caught) line() string {
	switch {
	case c.clean:
		return fmt.Sprintf("mutant: %s: seen without any kill (%s)", c.Name, c.flow)
	case c.faults > 0:
		return fmt.Sprintf("mutant: %s: seen at %d points (%s)", c.Name, c.faults, c.flow)
	}
	return fmt.Sprintf("mutant: %s: NOT SEEN at %d points", c.Name, c.points)
}

// page is docs/crash.md.
func (r report) page() string {
	var b strings.Builder
	sum := r.total()
	fmt.Fprintf(&b, intro, sum.kills, len(sum.faults), sum.ends["before"], sum.ends["checkpoint"], sum.ends["after"], sum.doubles, sum.triples, sum.errno, sum.dead, sum.edits, len(sum.faults))
	b.WriteString("\n| change | system calls | killed | before | checkpoint | after | recovery killed | and again | call failed | edited | neither |\n| --- " + strings.Repeat("| --- ", 10) + "|\n")
	for _, t := range append(r.flows, sum) {
		fmt.Fprintf(&b, "| %s | %d | %d | %d | %d | %d | %d | %d | %d | %d | %d |\n", t.flow.name, len(t.flow.calls), t.kills,
			t.ends["before"], t.ends["checkpoint"], t.ends["after"], t.doubles, t.triples, t.errno, t.edits, len(t.faults))
	}
	b.WriteString(broken)
	b.WriteString("\n| what is broken | points at which it was seen | in |\n| --- | --- | --- |\n")
	for _, c := range r.mutants {
		at := fmt.Sprint(c.faults)
		if !c.seen() {
			at = "NOT SEEN"
		}
		if c.clean {
			at = "every one: it fails without a kill"
		}
		fmt.Fprintf(&b, "| %s | %s | %s |\n", c.Name, at, c.flow)
	}
	return b.String()
}

const intro = `# Killed at every system call

Made by ` + "`sudo go run ./e2e/crash -full -write`" + `, out of the run itself. sslwizard's own planners, transaction, host and certificate store do a
whole change in a tree of their own (a root folder on a disk in memory); a tracer (e2e/crash/trace) sees every system call that
can change a file, of all threads and of every program that is started, in one order, and kills everything with SIGKILL before
the n-th of them, for each n, and after the last. Then the next start recovers, and the whole tree is compared with what it
was before the change and what it is after one that nothing cut off: contents, modes, owners, extended attributes, links, and
the times of files that the change does not touch. Packages, units, users, groups, firewall rules, what systemd has read and what a
service runs on are files of that tree too: systemctl, apt-get, dpkg, useradd, userdel, ufw, nginx and tee are strict stand-ins that
keep them there, in several steps as the real ones do, and refuse what nobody thought of. What the network would say is not part
of it (docs/kills.md has the kills in an issuance, against a real CA's server).

- %d kills, %d of them with a third outcome: %d ended as before, %d at the checkpoint of a plan with two phases (the site is
  served, with a certificate of our own making), %d as asked. Recovering once more then finds nothing to do; after every tenth kill the
  change is done again, and comes to its end.
- The recovery was killed too, at each of its own calls, %d times; the recovery of that one %d times. None was wedged.
- Each call failed once, in turn with ENOSPC, EDQUOT, EIO, EROFS, EMFILE, EACCES, EPERM, ELOOP and EXDEV: %d times. The program ends by
  itself, what it says of the outcome is true, and an fsync that failed is not tried again on the same file.
- From a call on all failed, with the first four of these, for a while or until the next start: %d times. The recovery on the mended
  disk ends it.
- %d times somebody edited a file of ours between the kill and the recovery: the edit is still there, in its place or beside it.
- Each change was tried while another process held the lock: nothing happened.
- In all of this, %d faults.

Two things are not counted as differences: the log of runs with its lock, and what a tool that was killed in the middle of its own
write left under a name that it takes again the next time (user.rules.new).
`

const broken = `
## Broken on purpose

A suite that finds nothing proves something only if it can find something. So the transaction is broken in one place at a time, for one
build (` + "`go build -overlay`" + `: the source is not touched), and the suite has to see each. It does the flow first that is known to show it, then the others, with a sample of
39 points of each, and where that does not show it at every call, until one flow shows the mutant; the number is of the points that failed there.
What only a loss of power can show, a file or a folder that is not stored, is not here.
`
