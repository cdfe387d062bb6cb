//go:build e2e

package scenario

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/c93d5bcb/sslwizard/e2e/promises"
	"github.com/c93d5bcb/sslwizard/e2e/world"
)

// loss is a way to lose the session in which the wizard is. Prey prints what dies of it on the server; without it the terminal is
// closed at the client.
type loss struct{ name, prey string }

var losses = []loss{
	{"sshd of the session killed", "pgrep -f '^sshd.*: ada'"},
	{"terminal closed at the client", ""},
	{"sudo killed, and it ends what it started", "pgrep -o -x sudo"},
	{"the wizard killed", "pgrep -f '^./sslwizard --plain'"},
	{"all processes of the user killed", "pgrep -u ada"},
}

// holdAfter stops the process of a run as soon as it has said so many things, and prints its number and what it said last. It
// starts no program while it looks. A run that is over sooner is not stopped: "over".
const holdAfter = `set -eu
until events=$(echo /run/sslwizard/runs/*/events.jsonl) && [ -e "$events" ]; do :; done
until pid=$(systemctl show --property=MainPID --value 'sslwizard-run-*') && [ "${pid:-0}" -gt 0 ]; do :; done
for ((;;)); do
	mapfile -t lines <"$events"
	[ "${#lines[@]}" -lt "$1" ] || break
	[ -e "/proc/$pid" ] || { echo over; exit; }
done
kill -STOP "$pid" || { echo over; exit; }
echo "$pid"
mapfile -t lines <"$events"
[ "${#lines[@]}" -eq 0 ] || echo "${lines[-1]}"`

// TestLostSessions loses the SSH session in which the wizard is, in five ways, at moments spread over all that a run says: the
// run always ends by itself with a site that is live, and whoever logs in again meanwhile sees it go on to its end (P7).
func TestLostSessions(t *testing.T) {
	t.Parallel()
	st := begin(t, "trixie")
	st.s.Account("ada")
	times := 5
	if *full {
		times = 105
	}
	lengths := map[string]int{}
	for _, executor := range []string{"native", "nginx", "native"} { // how much each kind of run says; and the server has both programs then
		st.answer(executor)
		st.startsPlain().seesWithin(longRun, "are live").leaves(0)
		lengths[executor] = st.said()
	}
	moments, ways, lost := map[string]int{}, map[string]int{}, 0
	for n := range times {
		executor := []string{"nginx", "native"}[n%2]
		st.answer(executor)
		way := losses[n%len(losses)]
		after := n * (lengths[executor] - 2) / times
		at, ok := st.losesSession(way, after)
		lengths[executor] = min(lengths[executor], st.said()) // a later one may say less: it finds more as it is to be
		if !ok {
			t.Logf("the run that was to be cut after %d events was over", after)
			continue
		}
		lost++
		ways[way.name]++
		moments[at]++
		if t.Failed() {
			t.Fatalf("%s, after %d events, at %s", way.name, after, at)
		}
	}
	t.Logf("%d sessions lost, at %d kinds of changes: %v", lost, len(moments), moments)
	if lost < times*95/100 {
		t.Errorf("only %d of %d sessions were lost in the middle of a run", lost, times)
	}
	if *full && *update && !t.Failed() {
		recordLost(t, lost, ways, moments)
	}
}

// startsPlain logs in and starts the run of the answers file in plain mode.
func (st *story) startsPlain() *user {
	st.Helper()
	st.s.Must("rm", "-rf", "/run/sslwizard/runs")
	u := st.logsIn("sudo ./sslwizard --plain --answers " + answers)
	for read := 0; ; {
		u.waits("the next question", func(string) bool { raw := u.r.Raw(); return len(raw) > read && strings.HasSuffix(raw, ": ") })
		raw := u.r.Raw()
		if strings.HasSuffix(raw, "go back: ") {
			return u.presses("yes", "enter")
		}
		read = len(raw)
		u.presses("enter")
	}
}

// said is how much the last run said.
func (st *story) said() int {
	st.Helper()
	n, err := strconv.Atoi(strings.TrimSpace(st.s.Must("sh", "-c", "cat /run/sslwizard/runs/*/events.jsonl | wc -l")))
	if err != nil {
		st.Fatal(err)
	}
	return n
}

// losesSession loses one session after so many events, and comes back. It returns the change that the run was at.
func (st *story) losesSession(way loss, after int) (at string, ok bool) {
	st.Helper()
	st.s.Must("rm", "-rf", "/run/sslwizard/runs")
	held := st.s.Background("bash", "-c", holdAfter, "hold", strconv.Itoa(after))
	u := st.startsPlain()
	pid, last, _ := strings.Cut(strings.TrimSpace(st.must(held()).Stdout), "\n")
	if pid == "over" {
		return "", false
	}
	if way.prey == "" {
		_ = u.r.Hangup()
		_ = u.r.Process().Kill()
	} else {
		prey := st.s.Exec("sh", "-c", way.prey)
		if prey.Status != 0 && strings.Contains(last, `"type":"summary"`) { // it had said all, and the wizard has left
			st.s.Must("kill", "-CONT", pid)
			st.finishes()
			return "", false
		}
		st.s.Must(append([]string{"kill", "-KILL"}, strings.Fields(st.must(prey).Stdout)...)...)
	}
	back := st.logsIn("sudo ./sslwizard attach")
	heard := "Following run " // the run is held, and may not have done anything yet
	if strings.Contains(last, `"status":"done"`) {
		heard = "done"
	}
	back.waits(heard, func(string) bool { return strings.Contains(back.r.Raw(), heard) })
	st.s.Must("kill", "-CONT", pid)
	st.finishes()
	back.leaves(0)
	world.Eventually(st, "the end of the first wizard", func() bool { return st.s.Exec("pgrep", "-f", "^./sslwizard --plain").Status != 0 })
	if raw := back.r.Raw(); !strings.Contains(raw, "verify "+shop+" as a browser would") {
		st.Errorf("who came back did not see the end of the run:\n%s", raw)
	}
	st.c.Gets(200, "https://"+shop+"/a?b=1")
	return kindOf(last), true
}

// kindOf is the kind of the change that a line of a run is about.
func kindOf(line string) string {
	_, key, _ := strings.Cut(line, `"key":"`)
	key, _, _ = strings.Cut(key, `"`)
	kind, _, _ := strings.Cut(key, ":")
	return cmp.Or(kind, "before the first change")
}

func recordLost(t *testing.T, lost int, ways, moments map[string]int) {
	t.Helper()
	const test = "TestLostSessions"
	command := bootedCommand(test)
	promises.Record(t,
		promises.Figure{Promise: 7, What: "SSH sessions lost in the middle of a run", Target: "≥ 100", Measured: promises.Count(lost), Command: command},
		promises.Figure{Promise: 7, What: "of their runs ended by themselves with a live site, and who logged in again meanwhile saw the run to its end", Target: strconv.Itoa(lost), Measured: promises.Count(lost), Command: command})
	text := fmt.Sprintf("%d sessions were lost while the run was at a change (it is held there, so that the moment is sure), after each of what it says in turn.\n"+
		"Every run ended by itself, the site was live, and `sslwizard attach` of a new login showed it from its beginning to its end.\n"+
		"Runs that set up the site with nginx where sslwizard itself had it, and the other way round, take turns.\n\n", lost)
	text += table("how the session was lost", ways) + "\n" + table("what the run was at", moments)
	writeBooted(t, "P7: losing SSH changes nothing", test, text)
}

// table counts things, in the order of their names.
func table(of string, counts map[string]int) string {
	var names []string
	for name := range counts {
		names = append(names, name)
	}
	slices.Sort(names)
	text := "| " + of + " | times |\n| --- | --- |\n"
	for _, name := range names {
		text += fmt.Sprintf("| %s | %d |\n", name, counts[name])
	}
	return text
}
