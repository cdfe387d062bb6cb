package command

import (
	"context"
	"errors"
	"fmt"

	"github.com/c93d5bcb/sslwizard/steps"
)

// outcome is returned by a command that has already told the user how it went: only its status is left.
type outcome struct{ status int }

func (o outcome) Error() string { return fmt.Sprintf("exit status %d", o.status) }

// finish is the one place where an error becomes words and an exit status.
func (a *App) finish(err error) int {
	var told outcome
	switch {
	case err == nil:
		return steps.ExitOK
	case errors.As(err, &told):
		return told.status
	case errors.Is(err, context.Canceled):
		err = &steps.Failure{Text: "stopped; nothing was changed", Status: steps.ExitCancelled}
	}
	a.printer().failure(err)
	return steps.ExitStatus("", err)
}

// usageError is a wrong command line, with the ways to the right one.
func usageError(text string, fixes ...string) error {
	return &steps.Failure{Text: text, Status: steps.ExitUsage, Fixes: fixes}
}

// blocked turns the findings that stand in the way into the error that ends the command. The status is the first
// blocker's own.
func blocked(findings []steps.Finding) error {
	for _, f := range findings {
		if f.Severity == steps.Blocker {
			return outcome{status: f.ExitStatus()}
		}
	}
	return nil
}
