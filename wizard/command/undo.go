package command

import (
	"context"
	"errors"

	"github.com/spf13/cobra"

	"github.com/c93d5bcb/sslwizard/steps"
)

func (a *App) undoCommand() *cobra.Command {
	var unended bool
	c := &cobra.Command{
		Use:   "undo [RUN]",
		Short: "put back what the last run, or the named one, changed",
		Args:  maxArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			run := ""
			if len(args) == 1 {
				run = args[0]
			}
			if unended && run != "" {
				return usageError("cannot name a run with --unended: at most one never ended", "sudo sslwizard undo --unended")
			}
			m, out := a.machine(), a.printer()
			if err := a.needRoot(false); err != nil {
				return err
			}
			if unended {
				return a.undoUnended(c.Context(), m, out)
			}
			result, err := m.Undo(c.Context(), run, out.event)
			return a.end(out, result, err, a.endingOf(c.Context(), m, undoing, nil, result))
		},
	}
	c.Flags().BoolVar(&unended, "unended", false, "only a run that was broken off; without one nothing is done")
	c.Flags().BoolVar(&a.flags.booting, "boot", false, "with --unended, by "+steps.RecoverService+": what serves waits for this")
	_ = c.Flags().MarkHidden("boot")
	return c
}

// undoUnended takes back what a run left half-done. systemd has it do so when it saw the run die, and before a renewal: that
// there was something to take back is no failure then.
func (a *App) undoUnended(ctx context.Context, m Runner, out printer) error {
	result, found, err := m.Recover(ctx, out.event)
	var coded steps.Coded
	if errors.As(err, &coded) && coded.ExitStatus() == steps.ExitTryLater {
		return nil // somebody is at work: that run goes on, and is not one that never ended
	}
	if !found || result.Outcome == "" || result.Outcome == steps.OutcomeInconsistent {
		return err
	}
	out.result(result, ending{deed: undoing})
	return nil
}

func (a *App) removeCommand() *cobra.Command {
	var dry bool
	c := &cobra.Command{
		Use:   "remove SITE",
		Short: "take one site away; its certificate is kept",
		Args:  exactArg("the site, as `sslwizard status` shows it", "sudo "),
		RunE: func(c *cobra.Command, args []string) error {
			if err := a.needRoot(dry); err != nil {
				return err
			}
			m := a.machine()
			preview, err := m.PlanRemoval(c.Context(), args[0])
			if err != nil {
				return a.unlessBlind(c.Context(), m, err)
			}
			if dry {
				return a.show(preview, false, previewMode{what: "to remove " + steps.CleanLine(args[0]), next: a.again(forReal(a.args, false))})
			}
			return a.apply(c.Context(), m, preview, removing, "to remove "+steps.CleanLine(args[0]))
		},
	}
	c.Flags().BoolVar(&dry, "dry-run", false, "print the planned changes and touch nothing")
	return c
}

func (a *App) uninstallCommand() *cobra.Command {
	var keep bool
	c := &cobra.Command{
		Use:   "uninstall",
		Short: "undo every run: the server is as it was before sslwizard",
		Args:  maxArgs(0),
		RunE: func(c *cobra.Command, _ []string) error {
			m, out := a.machine(), a.printer()
			if err := a.needRoot(false); err != nil {
				return err
			}
			result, err := m.Uninstall(c.Context(), keep, out.event)
			return a.end(out, result, err, a.endingOf(c.Context(), m, uninstalling, nil, result))
		},
	}
	c.Flags().BoolVar(&keep, "keep-certificates", false, "keep certificates, their keys and the ACME accounts")
	return c
}

func (a *App) renewCommand() *cobra.Command {
	var req steps.RenewRequest
	c := &cobra.Command{
		Use:   "renew [SITE]",
		Short: "renew the certificates that are due (a timer does this every hour)",
		Args:  maxArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			if len(args) == 1 {
				req.Site = args[0]
			}
			m, out := a.machine(), a.printer()
			if err := a.needRoot(false); err != nil {
				return err
			}
			result, err := m.Renew(c.Context(), req, out.event)
			return a.end(out, result, err, a.endingOf(c.Context(), m, renewing, nil, result))
		},
	}
	c.Flags().BoolVar(&req.Force, "force", false, "renew even if it is not due")
	c.Flags().BoolVar(&req.Scheduled, "scheduled", false, "as the timer does: only what has something to be done, with a pause after a failure")
	return c
}
