package command

import (
	"fmt"

	"github.com/c93d5bcb/sslwizard/steps"
	"github.com/c93d5bcb/sslwizard/wizard"
)

// fault is what a panic is to people: that it is our own, what becomes of a run that was under way, where the record is, and
// what to type. The stack is for whoever mends it.
func (a *App) fault(panicked any, stack []byte) error {
	if f, ok := panicked.(wizard.Fault); ok { // it came up inside a screen
		panicked, stack = f.Cause, f.Stack
	}
	text := "cannot go on: sslwizard itself has a fault: " + steps.Hushed(steps.CleanLine(fmt.Sprint(panicked)))
	fixes := []string{
		"sudo sslwizard status    shows whether a run was under way; what it had begun is recorded in " + steps.JournalDir,
		"sudo sslwizard undo    takes it back; the next run would do so by itself, and so does the next boot",
	}
	if a.Fault != nil {
		record := steps.Hushed(fmt.Sprintf("sslwizard %s\narguments: %q\n%v\n\n%s", a.Version, a.args, panicked, stack))
		if file := a.Fault(record); file != "" {
			fixes = append(fixes, "send "+file+" to whoever makes sslwizard: it has no secrets, but read it first")
		}
	}
	return &steps.Failure{Text: text, Code: "H30", Status: steps.ExitFault, Fixes: fixes}
}
