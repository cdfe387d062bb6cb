package system

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/c93d5bcb/sslwizard/steps"
	"github.com/c93d5bcb/sslwizard/system/systemtest"
)

func TestWhoLogsInHearsOfTheBoot(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		outcome steps.Outcome
		err     error
		says    string
	}{
		{steps.OutcomeReverted, nil, "it was undone: the server is as it was before."},
		{steps.OutcomePartial, nil, "what was live and verified before it stays."},
		{steps.OutcomeDone, nil, "the undo that it was doing was brought to its end."},
		{steps.OutcomeInconsistent, errors.New("cannot undo everything:\x1b[2J"), "it could not be undone: cannot undo everything:"},
		{"", errors.New("cannot read the journal"), "sudo sslwizard undo --unended    tries again"},
	} {
		h := systemtest.New(t)
		if err := tellBoot(h, time.Date(2026, 11, 26, 14, 3, 0, 0, time.UTC), steps.Result{Outcome: test.outcome}, test.err); err != nil {
			t.Fatal(err)
		}
		if text := h.Content(steps.BootNotice); !strings.Contains(text, test.says) || !strings.Contains(text, "at boot, 2026-11-26 14:03, ") || strings.Contains(text, "\x1b") {
			t.Errorf("%q", text)
		}
	}
}

// TestBootRunsWhatIsThere: a program that a boot takes away, or whose path means something else in a unit, is not named.
func TestBootRunsWhatIsThere(t *testing.T) {
	t.Parallel()
	for program, want := range map[string]bool{
		"/root/sslwizard": true, "/home/ada/bin/sslwizard-1.2": true, "/tmp/sslwizard": false, "/run/user/0/sslwizard": false, "/dev/shm/sslwizard": false,
		"/root/my programs/sslwizard": false, "/root/%n/sslwizard": false, "/root/$HOME": false, "sslwizard": false, "/var/tmp/sslwizard": true, "/root/a;b": false,
	} {
		if got := lasting(program); got != want {
			t.Errorf("%s: %t", program, got)
		}
	}
	if unit := string(bootUnit()); !strings.Contains(unit, "ExecStart=-"+steps.BinaryPath+" undo --unended --boot\n") {
		t.Error(unit)
	}
}
