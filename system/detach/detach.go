// Package detach lets a run outlive the terminal that began it. The run is sslwizard itself, without a terminal, as a
// transient unit of systemd: it plans again, does what was agreed to if the plan is still the same, and writes what it
// does as lines of JSON into a file that any number of screens follow. What a screen does, or what becomes of it, is no
// matter to the run.
//
// Nothing here changes the server: that is the run's.
package detach

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/c93d5bcb/sslwizard/steps"
	"github.com/c93d5bcb/sslwizard/system/host"
)

// Where the runs are, each in a folder of its own that only root can enter. It is gone with the next boot, and so is the
// run: what it had begun is in the journal.
const (
	runsDir     = steps.RuntimeDir + "/runs"
	answersName = "answers.yaml"
	eventsName  = "events.jsonl"
)

// timeLayout is how the name of a run begins.
const timeLayout = "20060102-150405"

const (
	kept       = 5                     // folders of earlier runs
	lookEvery  = 80 * time.Millisecond // how often somebody who follows looks
	askEvery   = 12                    // looks between two questions whether the run is alive
	startLimit = time.Minute           // how long systemd may take to begin a run
	stopLimit  = "10min"               // how long a run that is told to stop may take to put everything back
)

// Runner starts runs and follows them. Program is what is started; Flags are those of this invocation that the run has
// to have too.
type Runner struct {
	Host    host.Host
	Program func() (string, error)
	Flags   []string
}

// unit is the transient unit of a run.
func unit(run string) string { return "sslwizard-run-" + run + ".service" }

func dirOf(run string) string { return path.Join(runsDir, run) }

// valid keeps anything but our own names out of paths and units.
func valid(run string) bool {
	return run != "" && len(run) <= 64 && strings.Trim(run, "abcdefghijklmnopqrstuvwxyz0123456789-") == ""
}

// Start begins the run of what was shown and returns its handle.
func (r Runner) Start(ctx context.Context, shown steps.Preview) (string, error) {
	active, err := r.Active(ctx)
	if err != nil {
		return "", err
	}
	if active != "" {
		return "", &steps.Failure{Text: "cannot start: a run goes on already", Code: "H02", Status: steps.ExitTryLater,
			Fixes: []string{"sudo sslwizard attach    follows it"}}
	}
	program, err := r.Program()
	if err != nil {
		return "", &steps.Failure{Text: "cannot find the program that is to do the run", Err: err}
	}
	run := time.Now().UTC().Format(timeLayout) + "-" + strings.ToLower(rand.Text()[:4])
	if err := r.place(run, shown.Plan.Sites); err != nil {
		return "", fmt.Errorf("cannot prepare the run: %w", err)
	}
	r.sweep()
	argv := append(transient(run, program), program, "--non-interactive", "--answers", path.Join(dirOf(run), answersName), "--plan", shown.Hash, "-o", "json")
	// What was agreed to begins, even if the terminal goes in this very moment.
	if _, err := r.Host.Run(context.WithoutCancel(ctx), host.Command{Argv: append(argv, r.Flags...), Timeout: startLimit}); err != nil {
		if err := r.unstarted(context.WithoutCancel(ctx), run, err); err != nil {
			return "", err
		}
	}
	return run, nil
}

// unstarted is the error of a run that systemd-run did not begin. Where it was only cut off, systemd may be at it all the same, or begin
// it later.
func (r Runner) unstarted(ctx context.Context, run string, cause error) error {
	if failed, ok := errors.AsType[*host.CommandError](cause); !ok || failed.Err == nil || !errors.Is(failed.Err, context.DeadlineExceeded) {
		return &steps.Failure{Text: "cannot start the run", Err: cause, Fixes: []string{"journalctl -n 20    shows what systemd says"}}
	}
	if alive, err := r.alive(ctx, run); alive && err == nil {
		return nil
	}
	return &steps.Failure{Text: "cannot tell whether the run " + run + " begins: systemd was asked to begin it, and did not answer", Err: cause,
		Fixes: []string{"sudo sslwizard attach " + run + "    follows it, if it began", "systemctl status " + unit(run) + "    shows what systemd says"}}
}

// transient is the part of the command that is systemd's. A run that is told to stop gets the signal alone, not what it
// has started, and the time to put everything back; its environment is systemd's own. When it was killed, or there was no
// memory left for it, what it had begun is taken back, and whoever follows sees that as well.
func transient(run, program string) []string {
	return []string{"systemd-run", "--quiet", "--collect", "--unit=" + unit(run), "--description=sslwizard, run " + run,
		"--property=Type=exec", "--property=KillMode=mixed", "--property=LimitCORE=0", "--property=TimeoutStopSec=" + stopLimit,
		"--property=ExecStopPost=" + strconv.Quote(program) + " undo --unended -o json",
		"--property=StandardOutput=append:" + path.Join(dirOf(run), eventsName), "--"}
}

// place writes what the run is about.
func (r Runner) place(run string, sites []steps.Site) error {
	for _, dir := range []struct {
		path string
		mode fs.FileMode
	}{{steps.RuntimeDir, 0o755}, {runsDir, 0o700}, {dirOf(run), 0o700}} {
		_, err := r.Host.ReadFile(dir.path)
		if errors.Is(err, fs.ErrNotExist) {
			err = r.Host.WriteFile(dir.path, host.File{Mode: fs.ModeDir | dir.mode})
		}
		if err != nil {
			return err
		}
	}
	documents := make([][]byte, len(sites))
	for n, s := range sites {
		documents[n] = steps.Print(s)
	}
	return r.Host.WriteFile(path.Join(dirOf(run), answersName), host.File{Data: bytes.Join(documents, []byte("---\n")), Mode: 0o600})
}

// sweep removes the folders of old runs; one that cannot be removed is no reason not to run.
func (r Runner) sweep() {
	runs := r.runs()
	for _, run := range runs[min(len(runs), kept):] {
		dir, err := r.Host.ReadFile(dirOf(run))
		if err != nil {
			continue
		}
		for _, name := range dir.Entries {
			_ = r.Host.Remove(path.Join(dirOf(run), name))
		}
		_ = r.Host.Remove(dirOf(run))
	}
}

// runs are the runs since the last boot, the newest first: their names begin with the time.
func (r Runner) runs() []string {
	dir, err := r.Host.ReadFile(runsDir)
	if err != nil {
		return nil
	}
	runs := slices.DeleteFunc(slices.Clone(dir.Entries), func(name string) bool { return !valid(name) })
	slices.Sort(runs)
	slices.Reverse(runs)
	return runs
}

// Active is the run that goes on, "" if none does.
func (r Runner) Active(ctx context.Context) (string, error) {
	for _, run := range r.runs() {
		if _, ended, _ := r.read(run, 0, func(steps.Event) {}); ended {
			continue
		}
		alive, err := r.alive(ctx, run)
		if err != nil {
			return "", err
		}
		if alive {
			return run, nil
		}
	}
	return "", nil
}

// Last is the run that goes on or, if none does, the last one since the server was started.
func (r Runner) Last(ctx context.Context) (string, error) {
	active, err := r.Active(ctx)
	if active != "" || err != nil {
		return active, err
	}
	if runs := r.begun(); len(runs) > 0 {
		return runs[0], nil
	}
	return "", nil
}

// begun are the runs that systemd has begun, the newest first: their events have a file from the first moment. Whoever
// is killed after the folder and before the unit leaves a run that never was.
func (r Runner) begun() []string {
	return slices.DeleteFunc(r.runs(), func(run string) bool { return !r.hasBegun(run) })
}

func (r Runner) hasBegun(run string) bool {
	_, err := r.Host.ReadFile(path.Join(dirOf(run), eventsName))
	return !errors.Is(err, fs.ErrNotExist)
}

// Since is the last run that began at that time or later, "" if none did. The names of runs know seconds only.
func (r Runner) Since(from time.Time) string {
	runs := r.begun()
	if len(runs) == 0 {
		return ""
	}
	began, err := time.Parse(timeLayout, runs[0][:min(len(runs[0]), len(timeLayout))])
	if err != nil || began.Before(from.Truncate(time.Second)) {
		return ""
	}
	return runs[0]
}

// alive asks systemd, which knows it better than any file.
func (r Runner) alive(ctx context.Context, run string) (bool, error) {
	out, err := r.Host.Query(ctx, host.Command{Argv: []string{"systemctl", "is-active", "--", unit(run)}, Timeout: 10 * time.Second})
	if err != nil {
		return false, fmt.Errorf("cannot ask systemd about the run %s: %w", run, err)
	}
	state := strings.TrimSpace(string(out.Stdout))
	return state == "active" || state == "activating" || state == "deactivating" || state == "reloading", nil
}

// Stop has the run stop after the change that it is at and put everything back. It returns at once.
func (r Runner) Stop(ctx context.Context, run string) error {
	if !valid(run) {
		return unknown(run)
	}
	_, err := r.Host.Run(ctx, host.Command{Argv: []string{"systemctl", "stop", "--no-block", "--", unit(r.named(run))}})
	if err != nil {
		return fmt.Errorf("cannot stop the run %s: %w", run, err)
	}
	return nil
}

func unknown(run string) error {
	return &steps.Failure{Text: fmt.Sprintf("cannot follow %q: there is no such run since this server was started", steps.CleanLine(run)), Status: steps.ExitUsage,
		Fixes: []string{"sudo sslwizard status    lists what was done here"}}
}

// Self is the program that runs now, also after its file was replaced or removed.
func Self() (string, error) {
	name, err := os.Executable()
	if err != nil {
		return "", err
	}
	if _, err := os.Stat(name); err != nil {
		return fmt.Sprintf("/proc/%d/exe", os.Getpid()), nil
	}
	return name, nil
}
