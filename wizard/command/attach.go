package command

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/c93d5bcb/sslwizard/steps"
)

func (a *App) attachCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "attach [RUN]",
		Short: "follow the run that goes on, or see how the last one ended",
		Args:  maxArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			if err := a.needRootToSee("the runs of this server"); err != nil {
				return err
			}
			m := a.machine()
			if len(args) == 1 {
				return a.attach(c.Context(), m, args[0])
			}
			run, err := m.Last(c.Context())
			if err != nil {
				return err
			}
			if run == "" {
				return usageError("cannot follow a run: none was started by the wizard since this server was started", "sudo sslwizard status    lists what was done here")
			}
			return a.attach(c.Context(), m, run)
		},
	}
}

// attach prints the events of a run from its beginning. Who stops watching stops nothing else.
func (a *App) attach(ctx context.Context, m Machine, run string) error {
	if a.flags.output != "json" { // a run that was just begun says nothing for a while
		_, _ = fmt.Fprintf(a.Stderr, "Following run %s. Ctrl-C stops the watching and not the run.\n", steps.CleanLine(run))
	}
	out := a.printer()
	result, err := m.Follow(ctx, run, out.event)
	if errors.Is(err, context.Canceled) {
		return &steps.Failure{Text: "stopped watching; the run goes on", Status: steps.ExitCancelled, Fixes: []string{"sudo sslwizard attach    follows it again"}}
	}
	if result.Outcome == "" {
		return err
	}
	e := ending{deed: applying}
	if result.Outcome == steps.OutcomeDone || result.Outcome == steps.OutcomePartial || result.Outcome == steps.OutcomeUnverified {
		e.undo, e.again = result.Run, a.again(nil)
	}
	return a.end(out, result, err, e)
}
