//go:build e2e

package scenario

import (
	"fmt"
	"strconv"
	"strings"
	"testing"

	"github.com/c93d5bcb/sslwizard/e2e/promises"
	"github.com/c93d5bcb/sslwizard/e2e/world"
	"github.com/c93d5bcb/sslwizard/steps"
)

// fifty is how many are started at the same time.
const fifty = 50

// startAll starts so many runs at once. It prints, for each that ended, its exit status and what it said as one line, and ends
// when only one is left: its number in a line of its own. Two that are left are no reason to wait for ever.
const startAll = `set -u
dir=$(mktemp -d)
for n in $(seq "$1"); do
	( setsid /root/sslwizard --non-interactive /root/answers.yaml >"$dir/$n" 2>&1; echo $? >"$dir/$n.rc" ) &
done
for _ in $(seq 600); do
	ended=$(ls "$dir" | grep -c '[.]rc$')
	[ "$ended" -ge $(($1 - 1)) ] && break
	sleep 0.1
done
for rc in "$dir"/*.rc; do echo "$(cat "$rc") $(tr '\n' ' ' <"${rc%.rc}")"; done
echo "left $(pgrep -f '^/root/sslwizard --non-interactive' | tr '\n' ' ')"`

// watchLock notes, until the file /run/watched is gone, which processes have the lock file or its folder open: as "number name".
// It starts no program while it looks. A program has all that is open from its fork until its exec, under the name of who started it:
// so what is open is looked at again once the name is known.
const watchLock = `set -u
touch /run/watched
while [ -e /run/watched ]; do
	for fd in /proc/[0-9]*/fd/*; do
		[ "$fd" -ef "$1" ] || continue
		pid=${fd#/proc/}; pid=${pid%%/*}
		read -r name <"/proc/$pid/comm" && [ "$fd" -ef "$1" ] && echo "$pid $name"
	done 2>/dev/null
	echo looked
done | sort | uniq -c`

// TestOneOfFifty starts fifty runs at once, again and again: one runs, all the others say who holds the lock and that it is to be
// tried later. A holder that was killed, a number that somebody else has by now and a lock file that is deleted let nobody in
// beside the one, and nobody wait (P8).
func TestOneOfFifty(t *testing.T) {
	t.Parallel()
	st := begin(t, "trixie")
	st.answer("native")
	rounds := 1
	if *full {
		rounds = 10
	}
	for range rounds {
		st.oneOfFifty()
	}
	st.holderIsKilled()
	st.lockIsDeleted()
	inherited, looks := st.whoHasTheLock()
	if *full && *update && !t.Failed() {
		const test = "TestOneOfFifty"
		promises.Record(t,
			promises.Figure{Promise: 8, What: "of 50 runs that were started at once, ran; in each of " + strconv.Itoa(rounds) + " rounds", Target: "1", Measured: "1", Command: bootedCommand(test)},
			promises.Figure{Promise: 8, What: "of the others, said who holds the lock, with its process, and had exit status 75", Target: strconv.Itoa(rounds * (fifty - 1)), Measured: promises.Count(rounds * (fifty - 1)), Command: bootedCommand(test)},
			promises.Figure{Promise: 8, What: "locks in the way of nobody: holder killed, its number somebody else's, lock file deleted", Target: "0", Measured: "0", Command: bootedCommand(test)},
			promises.Figure{Promise: 8, What: "programs that a run started and that had the lock open", Target: "0", Measured: fmt.Sprintf("%d; %s looks at every process of an install with apt", inherited, promises.Count(looks)), Command: bootedCommand(test)})
		writeBooted(t, "P8: one at a time", test, fmt.Sprintf(`| what was done | times | outcome |
| --- | --- | --- |
| 50 runs of the same answers started at once, while the CA lets the one wait | %d | 1 runs to its end, 49 say H02 with its process and end with 75 |
| the holder killed by SIGKILL while it waits for the CA | 1 | the next command is let in at once, and takes back what was begun |
| the lock file says the number of a process that is alive and somebody else's | 1 | nobody is kept out |
| the lock file deleted under its holder, then 50 runs started | 1 | 0 run, 50 say that the lock file was deleted |
| every process looked at while nginx is installed with apt | %s looks | the run has the lock open, %d of the programs that it starts |
`, rounds, promises.Count(looks), inherited))
	}
}

// oneOfFifty is one round; afterwards the server is as before.
func (st *story) oneOfFifty() {
	st.Helper()
	before := st.s.Manifest()
	st.w.CA.Freeze()
	ended, left := st.startsAll()
	if len(left) != 1 || len(ended) != fifty-1 {
		st.Fatalf("%d of %d ended and %q run: want 1", len(ended), fifty, left)
	}
	for _, line := range ended {
		if !strings.HasPrefix(line, "75 ") || !strings.Contains(line, "H02") || !strings.Contains(line, "(pid "+left[0]+", since ") {
			st.Errorf("one of the others did not say that %s holds the lock: %s", left[0], line)
		}
	}
	st.w.CA.Thaw()
	st.gone(left[0])
	st.live()
	st.ends(st.apply(), 0, "Nothing to do")
	st.must(st.sslwizard("undo"))
	st.same("not as it was before", before.Restored(st.s.Manifest(), kept))
	st.s.Must("rm", "-rf", kept) // so that the next round has to ask the CA
}

// startsAll returns what those that ended said, with the exit status before it, and the numbers of those that run.
func (st *story) startsAll() (ended, left []string) {
	st.Helper()
	for line := range strings.Lines(st.s.Must("bash", "-c", startAll, "all", strconv.Itoa(fifty))) {
		if rest, ok := strings.CutPrefix(line, "left "); ok {
			return ended, strings.Fields(rest)
		}
		ended = append(ended, strings.TrimSpace(line))
	}
	return ended, nil
}

func (st *story) gone(pid string) {
	st.Helper()
	world.Within(st, "the end of the run", longRun, func() bool { return st.s.Exec("kill", "-0", pid).Status != 0 })
}

// waits starts a run that waits for the CA, and returns its number.
func (st *story) waits() string {
	st.Helper()
	st.w.CA.Freeze()
	st.s.Background("/root/sslwizard", "--non-interactive", answers)
	st.await(443)
	return strings.TrimSpace(st.s.Must("pgrep", "-f", "^/root/sslwizard --non-interactive"))
}

// holderIsKilled: the kernel lets go of the lock of a process that is dead, whatever stands in the file.
func (st *story) holderIsKilled() {
	st.Helper()
	before := st.s.Manifest()
	pid := st.waits()
	if said := st.s.Read(steps.LockFile); !strings.HasPrefix(said, "pid "+pid+",") {
		st.Errorf("the lock file does not say that %s has it: %q", pid, said)
	}
	st.s.Must("kill", "-KILL", pid)
	st.gone(pid)
	st.w.CA.Thaw()
	st.s.Write(steps.LockFile, "pid 1, since 2026-01-01 00:00:00 UTC, apply\n", 0o600)
	st.must(st.sslwizard("undo", "--unended"))
	st.same("what the killed one had begun is there", before.Restored(st.s.Manifest(), kept))
	st.must(st.apply())
	st.live()
	st.must(st.sslwizard("undo"))
	st.s.Must("rm", "-rf", kept)
}

// lockIsDeleted: nobody is let in beside the holder, though the file that it has is not there any more.
func (st *story) lockIsDeleted() {
	st.Helper()
	pid := st.waits()
	st.s.Must("rm", steps.LockFile)
	script := strings.Replace(startAll, "$(($1 - 1))", "$1", 1)
	ended := 0
	for line := range strings.Lines(st.s.Must("bash", "-c", script, "all", strconv.Itoa(fifty))) {
		if rest, ok := strings.CutPrefix(line, "left "); ok {
			if strings.TrimSpace(rest) != pid {
				st.Errorf("%s is at work, and with its lock file gone %s run", pid, rest)
			}
			continue
		}
		if ended++; !strings.HasPrefix(line, "75 ") || !strings.Contains(line, "lock file was deleted") {
			st.Errorf("beside a holder without its file: %s", line)
		}
	}
	if ended != fifty {
		st.Errorf("%d of %d were kept out", ended, fifty)
	}
	st.w.CA.Thaw()
	st.gone(pid)
	st.live()
	st.must(st.sslwizard("undo"))
}

// whoHasTheLock looks at every process again and again while a run starts apt, dpkg, systemctl and nginx. It returns how many
// others than the run had the lock open, and how often it looked.
func (st *story) whoHasTheLock() (inherited, looks int) {
	st.Helper()
	st.answer("nginx")
	watched := st.s.Background("bash", "-c", watchLock, "watch", steps.LockFile)
	world.Eventually(st, "the watch", func() bool { return st.s.Has(steps.LockFile) && st.s.Exec("test", "-e", "/run/watched").Status == 0 })
	st.must(st.apply())
	st.s.Must("rm", "/run/watched")
	seen := false
	for line := range strings.Lines(st.must(watched()).Stdout) {
		words := strings.Fields(line)
		times, err := strconv.Atoi(words[0])
		switch {
		case err != nil:
			st.Fatal(line)
		case words[1] == "looked":
			looks = times
		case words[2] == "sslwizard":
			seen = true
		default:
			inherited++
			st.Errorf("a program that the run started has the lock open: %s", line)
		}
	}
	if !seen || looks < 10 {
		st.Errorf("the run itself was seen with the lock: %t; %d looks", seen, looks)
	}
	st.must(st.sslwizard("undo"))
	return inherited, looks
}
