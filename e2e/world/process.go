package world

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os/exec"
	"strings"
	"time"
)

// TB is the part of testing.TB that a world uses; the benchmark has one too.
type TB interface {
	Helper()
	Name() string
	Logf(format string, args ...any)
	Errorf(format string, args ...any)
	Fatalf(format string, args ...any)
	Cleanup(func())
	Failed() bool
}

// Result is what a program said.
type Result struct {
	Argv           []string
	Stdout, Stderr string
	Status         int
	Took           time.Duration
}

// Text is all that was printed, for messages that may go to either stream.
func (r Result) Text() string { return r.Stdout + r.Stderr }

// String is the result as a test's log shows it: without the probe's lines about what is well.
func (r Result) String() string {
	var shown strings.Builder
	for line := range strings.Lines(r.Text()) {
		if !strings.HasPrefix(line, "✓ ok ") && !strings.HasPrefix(line, "- skip ") {
			shown.WriteString(line)
		}
	}
	return fmt.Sprintf("$ %s\n%s[exit status %d after %s]",
		strings.Join(r.Argv, " "), shown.String(), r.Status, r.Took.Round(time.Millisecond))
}

// limit is how long any program of a scenario may take.
const limit = 3 * time.Minute

// run runs a program to its end. It fails only when the program could not be started or did not end in time.
func run(shown []string, stdin string, argv ...string) (Result, error) {
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	cmd := exec.CommandContext(ctx, argv[0], argv[1:]...)
	cmd.WaitDelay = time.Second
	if stdin != "" {
		cmd.Stdin = strings.NewReader(stdin)
	}
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	began := time.Now()
	err := cmd.Run()
	r := Result{Argv: shown, Stdout: stdout.String(), Stderr: stderr.String(), Took: time.Since(began)}
	var exit *exec.ExitError
	switch {
	case ctx.Err() != nil:
		return r, fmt.Errorf("%s did not end within %s:\n%s", strings.Join(shown, " "), limit, r.Text())
	case errors.As(err, &exit):
		r.Status = exit.ExitCode()
	case err != nil && !errors.Is(err, exec.ErrWaitDelay):
		return r, err
	}
	return r, nil
}

// must runs a program of this machine that has to succeed.
func must(t TB, argv ...string) string {
	t.Helper()
	r, err := run(argv, "", argv...)
	if err != nil || r.Status != 0 {
		t.Fatalf("world: %v\n%s", err, r)
	}
	return r.Stdout
}

// Here runs a program of this machine that has to succeed.
func Here(t TB, argv ...string) string {
	t.Helper()
	return must(t, argv...)
}

// Within asks until the answer is yes. Booting, listening and reloading are waited for by looking, not by time.
func Within(t TB, what string, within time.Duration, yes func() bool) {
	t.Helper()
	for end := time.Now().Add(within); !yes(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("%s: not within %s", what, within)
		}
	}
}

// Eventually waits until the answer is yes, for half a minute at most.
func Eventually(t TB, what string, yes func() bool) {
	t.Helper()
	Within(t, what, 30*time.Second, yes)
}
