package steps

import (
	"errors"
	"fmt"
	"testing"
)

func TestExitStatus(t *testing.T) {
	t.Parallel()
	stopped := fmt.Errorf("apply: %w", &Failure{Text: "cannot go on", Status: ExitCancelled})
	for _, c := range []struct {
		outcome Outcome
		err     error
		want    int
	}{
		{OutcomeDone, nil, 0},
		{OutcomeNothing, nil, 0},
		{OutcomePartial, errors.New("x"), 3},
		{OutcomeReverted, errors.New("x"), 4},
		{OutcomeReverted, stopped, 130},
		{OutcomeInconsistent, stopped, 5},
		{"", nil, 0},
		{"", errors.New("x"), 1},
		{"", &Failure{Text: "cannot x"}, 1},
		{"", &Failure{Text: "cannot x", Status: ExitNotRoot}, 77},
		{"", stopped, 130},
	} {
		if got := ExitStatus(c.outcome, c.err); got != c.want {
			t.Errorf("ExitStatus(%q, %v) = %d, want %d", c.outcome, c.err, got, c.want)
		}
	}
}

func TestFailure(t *testing.T) {
	t.Parallel()
	cause := errors.New("remote said \x1b[31mno")
	f := &Failure{Text: "cannot fetch the directory", Err: cause, Fixes: []string{"try later"}}
	if got, want := f.Error(), "cannot fetch the directory: remote said ␛[31mno"; got != want {
		t.Errorf("Error() = %q, want %q", got, want)
	}
	wrapped := fmt.Errorf("apply: %w", f)
	if !errors.Is(wrapped, cause) {
		t.Error("the cause is lost")
	}
	if got := Fixes(wrapped); len(got) != 1 || got[0] != "try later" {
		t.Errorf("Fixes = %q", got)
	}
	if got := Fixes(cause); got != nil {
		t.Errorf("Fixes of a bare error = %q", got)
	}
}
