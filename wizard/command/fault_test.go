package command

import (
	"context"
	"strings"
	"testing"

	"github.com/c93d5bcb/sslwizard/steps"
)

// faulty is a machine with a fault of our own in it.
type faulty struct{ *machine }

func (faulty) Status(context.Context) (steps.HostStatus, error) {
	var none []steps.HostStatus
	return none[len(none)], nil
}

// TestFaultOfOurOwn: a panic says its code, where what was begun is recorded and what to type, and shows no stack; that is in a
// file which is named.
func TestFaultOfOurOwn(t *testing.T) {
	t.Parallel()
	record := ""
	got := invokeAs(&machine{t: t}, []string{"status", "--replace", "https://user:CANARY@a.test"}, func(a *App) {
		a.Machine = func(MachineOptions) Machine { return faulty{&machine{t: t}} }
		a.Fault = func(text string) string { record = text; return "/tmp/fault.txt" }
	})
	if got.status != steps.ExitFault || got.out != "" {
		t.Errorf("%+v", got)
	}
	for _, want := range []string{"H30: cannot go on: sslwizard itself has a fault: runtime error: index out of range", steps.JournalDir, "sudo sslwizard undo", "/tmp/fault.txt"} {
		if !strings.Contains(got.err, want) {
			t.Errorf("no %q in\n%s", want, got.err)
		}
	}
	if strings.Contains(got.err, "goroutine") || strings.Contains(got.err, ".go:") {
		t.Errorf("the stack is shown:\n%s", got.err)
	}
	if strings.Contains(record, "CANARY") {
		t.Errorf("the record has a password of the arguments:\n%s", record)
	}
	if !strings.Contains(record, "fault_test.go") || !strings.Contains(record, `"status"`) || !strings.Contains(record, "1.2.3") {
		t.Errorf("the record says nothing to who mends it:\n%s", record)
	}
}
