package command

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/c93d5bcb/sslwizard/steps"
)

func (a *App) notifyCommand() *cobra.Command {
	var scheduled bool
	c := &cobra.Command{
		Use:   "notify test|send",
		Short: "test who is told when a certificate cannot be renewed; send what waits",
		Long:  "test sends a message to everybody that trusted.notify names. send tries again what could not be delivered; sslwizard-notify.service does so after every round of renewals.",
		Args:  maxArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			if len(args) == 0 {
				return usageError("cannot notify: say test or send", "sudo sslwizard notify test")
			}
			how := map[string]func(Notifier, context.Context) ([]steps.Delivery, error){
				"test": Notifier.TestNotices,
				"send": func(n Notifier, ctx context.Context) ([]steps.Delivery, error) { return n.SendNotices(ctx, scheduled) },
			}[args[0]]
			if how == nil {
				return unexpected(c, args[0])
			}
			if err := a.needRoot(false); err != nil {
				return err
			}
			all, err := how(a.machine(), c.Context())
			if err == nil || len(all) > 0 {
				a.printer().deliveries(all)
			}
			return errors.Join(err, undelivered(all))
		},
	}
	c.Flags().BoolVar(&scheduled, "scheduled", false, "send: not what failed a short time ago")
	return c
}

// undelivered is the failure of a command whose messages did not all come to somebody.
func undelivered(all []steps.Delivery) error {
	failed := 0
	for _, d := range all {
		if d.Error != "" {
			failed++
		}
	}
	if failed == 0 {
		return nil
	}
	return &steps.Failure{Text: fmt.Sprintf("cannot deliver %d of %d messages", failed, len(all)), Code: "R11", Status: steps.ExitUnverified,
		Fixes: []string{"correct what is said of each, then: sudo sslwizard notify test"}}
}

func (p *textPrinter) deliveries(all []steps.Delivery) {
	if len(all) == 0 {
		p.line("Nothing waits to be told.")
	}
	for _, d := range all {
		said := "has it"
		if d.Error != "" {
			said = d.Error
		}
		p.lineTo(p.out, hanging, "%s: %s", steps.CleanLine(d.Channel), steps.CleanLine(said))
	}
}

func (p jsonPrinter) deliveries(all []steps.Delivery) {
	if all == nil {
		all = []steps.Delivery{}
	}
	p.put("deliveries", map[string]any{"deliveries": all})
}
