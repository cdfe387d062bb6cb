package detach

import (
	"context"
	"encoding/json"
	"errors"
	"io/fs"
	"path"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/c93d5bcb/sslwizard/steps"
	"github.com/c93d5bcb/sslwizard/system/host"
	"github.com/c93d5bcb/sslwizard/system/systemtest"
)

// bench is a machine whose systemd knows the run that was started last.
type bench struct {
	*systemtest.Host
	Runner
	state string // what systemd says of every run
	argv  []string
}

func newBench(t *testing.T) *bench {
	t.Helper()
	b := &bench{Host: systemtest.New(t), state: "active"}
	b.Dir("/run", 0o755)
	b.Runner = Runner{Host: b.Host, Program: func() (string, error) { return "/root/sslwizard", nil }, Flags: []string{"--replace", "/etc/x"}}
	b.Answer(func(c host.Command) (host.Output, bool) {
		switch {
		case c.Argv[0] == "systemd-run":
			b.argv = c.Argv
			return host.Output{}, true
		case slices.Contains(c.Argv, "is-active"):
			return systemtest.Stdout(b.state + "\n"), true
		case slices.Contains(c.Argv, "stop"):
			b.argv = c.Argv
			return host.Output{}, true
		}
		return host.Output{}, false
	})
	return b
}

func shown(t *testing.T) steps.Preview {
	t.Helper()
	sites, err := steps.Sites("a.yaml", []byte("apiVersion: sslwizard/v1\nkind: Answers\ncerts: {domains: [shop.test]}\nproxy: {upstream: \"http://127.0.0.1:3000\"}\ntrusted: {source: none}\n"))
	if err != nil {
		t.Fatal(err)
	}
	return steps.Preview{Hash: "7c41e0aa", Plan: steps.Plan{Sites: sites}}
}

func (b *bench) started(t *testing.T) string {
	t.Helper()
	run, err := b.Start(t.Context(), shown(t))
	if err != nil {
		t.Fatal(err)
	}
	return run
}

// says is what the run has written so far.
func (b *bench) says(run string, lines ...string) {
	b.File(path.Join(dirOf(run), eventsName), strings.Join(lines, ""))
}

func event(text string) string {
	data, _ := json.Marshal(steps.LineOfEvent(steps.Event{Time: time.Unix(0, 0), Run: "1", Status: steps.Done, Text: text}))
	return string(data) + "\n"
}

func summary(o steps.Outcome) string {
	data, _ := json.Marshal(steps.ResultLine{Type: "summary", Run: "1", Outcome: o, ErrorLine: steps.LineOfError(o, nil)})
	return string(data) + "\n"
}

// What is started is this program with the answers, the flags and the plan that was agreed to, in a folder that only
// root can enter.
func TestStart(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	run := b.started(t)
	said := strings.Join(b.argv, " ")
	for _, want := range []string{"systemd-run --quiet --collect --unit=sslwizard-run-" + run + ".service", "KillMode=mixed",
		`--property=ExecStopPost="/root/sslwizard" undo --unended -o json`,
		"StandardOutput=append:/run/sslwizard/runs/" + run + "/events.jsonl",
		" -- /root/sslwizard --non-interactive --answers /run/sslwizard/runs/" + run + "/answers.yaml --plan 7c41e0aa -o json --replace /etc/x"} {
		if !strings.Contains(said, want) {
			t.Errorf("no %q in %s", want, said)
		}
	}
	sites, err := steps.Sites("", []byte(b.Content(path.Join(dirOf(run), answersName))))
	if err != nil || len(sites) != 1 || sites[0].Name != "shop.test" {
		t.Errorf("%+v, %v", sites, err)
	}
	if f, _ := b.ReadFile(dirOf(run)); f.Mode.Perm() != 0o700 {
		t.Errorf("the folder is %v", f.Mode)
	}
	if _, err := b.Start(t.Context(), shown(t)); steps.ExitStatus("", err) != steps.ExitTryLater || !strings.Contains(strings.Join(steps.Fixes(err), ""), "attach") {
		t.Errorf("a second run: %v", err)
	}
}

func TestFollow(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	run := b.started(t)
	whole := event("one") + event("two\x1b[2J")
	b.says(run, whole[:len(whole)-9]) // the last line is still being written
	var texts []string
	got := make(chan struct{}, 8)
	ended := make(chan steps.Result, 1)
	go func() {
		r, err := b.Follow(t.Context(), run, func(e steps.Event) { texts = append(texts, e.Text); got <- struct{}{} })
		if err != nil {
			t.Error(err)
		}
		ended <- r
	}()
	<-got
	b.says(run, whole, "no json at all\n", event("three"), summary(steps.OutcomeDone), event("never read"))
	r := <-ended
	if want := []string{"one", "two␛[2J", "three"}; r.Outcome != steps.OutcomeDone || !slices.Equal(texts, want) {
		t.Errorf("%+v, %q", r, texts)
	}
	if active, err := b.Active(t.Context()); active != "" || err != nil {
		t.Errorf("after its end %q is active, %v", active, err)
	}
	if last, err := b.Last(t.Context()); last != run || err != nil {
		t.Errorf("the last is %q, %v", last, err)
	}
}

// A wizard that is killed between the folder of its run and the unit leaves a run that never was.
func TestRunThatNeverBegan(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	before := time.Now()
	run := b.started(t)
	b.state = "inactive"
	if last, err := b.Last(t.Context()); last != "" || err != nil {
		t.Errorf("the last is %q, %v", last, err)
	}
	if since := b.Since(before); since != "" {
		t.Errorf("since then %q", since)
	}
	_, err := b.Follow(t.Context(), run, func(steps.Event) {})
	if steps.ExitStatus("", err) != steps.ExitFailed || !strings.Contains(err.Error(), "never began") {
		t.Errorf("%v", err)
	}
}

// cutOff is a systemd that is asked to begin a run and does not answer in time, or refuses.
type cutOff struct {
	*systemtest.Host
	err error
}

func (h cutOff) Run(ctx context.Context, c host.Command) (host.Output, error) {
	if c.Argv[0] == "systemd-run" {
		return host.Output{}, &host.CommandError{Argv: c.Argv, Reason: "it did not work", Err: h.err}
	}
	return h.Host.Run(ctx, c)
}

// TestStartThatIsCutOff: what systemd was asked for it may do all the same.
func TestStartThatIsCutOff(t *testing.T) {
	t.Parallel()
	for state, c := range map[string]struct {
		err  error
		want string
	}{
		"activating": {err: context.DeadlineExceeded}, "inactive": {context.DeadlineExceeded, "attach"}, "failed": {fs.ErrPermission, "journalctl"},
	} {
		b := newBench(t)
		b.state, b.Runner.Host = state, cutOff{b.Host, c.err}
		run, err := b.Start(t.Context(), shown(t))
		if (err == nil) != (c.want == "") || (run == "") != (err != nil) || err != nil && !strings.Contains(strings.Join(steps.Fixes(err), ""), c.want) {
			t.Errorf("%s: %q, %v, %q", state, run, err, steps.Fixes(err))
		}
	}
}

// unreadable is a host on which one file cannot be read.
type unreadable struct {
	*systemtest.Host
	name string
}

func (h unreadable) ReadFile(name string) (host.File, error) {
	if name == h.name {
		return host.File{}, &fs.PathError{Op: "read", Path: name, Err: syscall.EIO}
	}
	return h.Host.ReadFile(name)
}

// TestRunWhoseEventsAreNotSeenMayHaveBegun: an error of a disk, or a folder that is gone, says nothing of what was changed.
func TestRunWhoseEventsAreNotSeenMayHaveBegun(t *testing.T) {
	t.Parallel()
	for _, gone := range []bool{false, true} {
		b := newBench(t)
		run := b.started(t)
		b.state = "inactive"
		b.says(run, event("one"))
		b.Runner.Host = unreadable{b.Host, path.Join(dirOf(run), eventsName)}
		if last, err := b.Last(t.Context()); last != run || err != nil {
			t.Errorf("the last is %q, %v", last, err)
		}
		if gone {
			b.Runner.Host = b.Host
			b.Answer(func(c host.Command) (host.Output, bool) {
				if slices.Contains(c.Argv, "is-active") {
					for _, name := range []string{eventsName, answersName, ""} {
						_ = b.Remove(path.Join(dirOf(run), name))
					}
				}
				return host.Output{}, false
			})
		}
		_, err := b.Follow(t.Context(), run, func(steps.Event) {})
		if steps.ExitStatus("", err) != steps.ExitInconsistent || strings.Contains(err.Error(), "nothing was changed") {
			t.Errorf("gone: %t: %v", gone, err)
		}
	}
}

// The yes of somebody whose terminal goes in that very moment is kept.
func TestStartWithoutATerminal(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	ctx, cut := context.WithCancel(t.Context())
	b.Program = func() (string, error) { cut(); return "/root/sslwizard", nil }
	if run, err := b.Start(ctx, shown(t)); run == "" || err != nil {
		t.Errorf("%q, %v", run, err)
	}
}

// A run that is gone without an end is not waited for.
func TestFollowWhatWasKilled(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	run := b.started(t)
	b.says(run, "")
	b.state = "failed"
	_, err := b.Follow(t.Context(), run, func(steps.Event) {})
	if steps.ExitStatus("", err) != steps.ExitInconsistent || !strings.Contains(err.Error(), "killed") {
		t.Errorf("%v", err)
	}
	if active, _ := b.Active(t.Context()); active != "" {
		t.Errorf("%q is active", active)
	}
}

func TestFollowEndsWithItsContext(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	run := b.started(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := b.Follow(ctx, run, func(steps.Event) {}); !errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
}

func TestUnknownRuns(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	for _, run := range []string{"20260101-000000-abcd", "../../etc", "", "a b", strings.Repeat("a", 65)} {
		if _, err := b.Follow(t.Context(), run, nil); steps.ExitStatus("", err) != steps.ExitUsage {
			t.Errorf("%q: %v", run, err)
		}
	}
	if err := b.Stop(t.Context(), "../x"); steps.ExitStatus("", err) != steps.ExitUsage {
		t.Errorf("%v", err)
	}
}

func TestStop(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	run := b.started(t)
	if err := b.Stop(t.Context(), run); err != nil || !slices.Equal(b.argv, []string{"systemctl", "stop", "--no-block", "--", unit(run)}) {
		t.Errorf("%v: %q", err, b.argv)
	}
}

// A run is followed and stopped by its name in the journal as well, which is the one that people see.
func TestNameInTheJournal(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.File(dirOf("20260102-030405-abcd")+"/events.jsonl", summary(steps.OutcomeReverted))
	run := b.started(t)
	b.says(run, event("one"))
	if err := b.Stop(t.Context(), "1"); err != nil || !slices.Contains(b.argv, unit(run)) {
		t.Errorf("%v: %q", err, b.argv)
	}
	b.says(run, event("one"), summary(steps.OutcomeDone))
	texts := 0
	if r, err := b.Follow(t.Context(), "1", func(steps.Event) { texts++ }); err != nil || r.Outcome != steps.OutcomeDone || texts != 1 {
		t.Errorf("%+v, %v, %d events", r, err, texts)
	}
	if _, err := b.Follow(t.Context(), "2", nil); steps.ExitStatus("", err) != steps.ExitUsage {
		t.Errorf("another name: %v", err)
	}
}

// A conversation knows whether a run came of it.
func TestSince(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.File(dirOf("20260102-030405-abcd")+"/events.jsonl", summary(steps.OutcomeDone))
	began := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	for from, want := range map[time.Time]string{began.Add(-time.Hour): "20260102-030405-abcd", began.Add(time.Second / 2): "20260102-030405-abcd", began.Add(time.Second): ""} {
		if run := b.Since(from); run != want {
			t.Errorf("since %s: %q", from, run)
		}
	}
	b.File(dirOf("zzz")+"/events.jsonl", "")
	if run := b.Since(began); run != "" {
		t.Errorf("%q", run)
	}
}

// The folders of the last runs stay, for who attaches late; older ones go.
func TestOldRunsAreSwept(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.state = "inactive"
	for _, n := range []string{"1", "2", "3", "4", "5", "6"} {
		b.File(dirOf("20260101-00000"+n+"-abcd")+"/events.jsonl", summary(steps.OutcomeDone))
	}
	b.started(t)
	if runs := b.runs(); len(runs) != kept || runs[kept-1] != "20260101-000003-abcd" {
		t.Errorf("%q", runs)
	}
}

func TestSession(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	load := func() (steps.Session, bool) {
		s, ok, err := b.Load(t.Context())
		if err != nil {
			t.Error(err)
		}
		return s, ok
	}
	if _, ok := load(); ok {
		t.Error("there is one already")
	}
	want := steps.Session{Answers: []byte("kind: Answers\n"), Step: steps.IDProxy, Time: time.Now().UTC().Truncate(time.Second)}
	if err := b.Save(t.Context(), want); err != nil {
		t.Fatal(err)
	}
	if got, ok := load(); !ok || string(got.Answers) != string(want.Answers) || got.Step != want.Step || !got.Time.Equal(want.Time) {
		t.Errorf("%+v", got)
	}
	if f, _ := b.ReadFile(sessionFile); f.Mode.Perm() != 0o600 {
		t.Errorf("mode %v", f.Mode)
	}
	want.Time = time.Now().Add(-8 * 24 * time.Hour)
	if _ = b.Save(t.Context(), want); true {
		if _, ok := load(); ok {
			t.Error("one of last week is offered")
		}
	}
	b.File(sessionFile, "{torn")
	if _, ok := load(); ok {
		t.Error("half a file is offered")
	}
	if err := b.Forget(t.Context()); err != nil || b.Exists(sessionFile) {
		t.Errorf("not forgotten: %v", err)
	}
}
