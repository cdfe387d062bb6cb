package command

import (
	"strings"

	"github.com/spf13/cobra"

	"github.com/c93d5bcb/sslwizard/steps"
)

func (a *App) caCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "ca [pem]",
		Short: "this server's own CA: its fingerprint, and how machines come to trust it",
		Long:  "With pem it prints the certificate alone.",
		Args:  cobra.MaximumNArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			if len(args) > 0 && args[0] != "pem" {
				return unexpected(c, args[0])
			}
			ca, err := a.machine().OwnCA(c.Context())
			switch {
			case err != nil:
				return err
			case len(args) > 0:
				_, err = a.Stdout.Write(ca.PEM)
				return err
			}
			a.printer().ownCA(ca, steps.TrustGuides(ca))
			return nil
		},
	}
}

func (p *textPrinter) ownCA(ca steps.OwnCA, guides []steps.TrustGuide) {
	p.line("The CA of %s", steps.CleanLine(ca.Host))
	p.lineTo(p.out, hanging, "  SHA-256      %s", ca.Fingerprint)
	p.lineTo(p.out, hanging, "  good for     %s, and no other name", strings.Join(steps.DomainTexts(ca.Domains), ", "))
	p.line("  ends         %s", ca.NotAfter.UTC().Format("2006-01-02"))
	trusted, page := "no    (trusted.trustHere: true)", "none    (trusted.caPage: true)"
	if ca.TrustedHere {
		trusted = "yes"
	}
	if ca.Page != "" {
		page = ca.Page
	}
	p.line("  trusted here %s", trusted)
	p.line("  page         %s", page)
	p.line("\nOther machines come to trust it like this; each command looks at the fingerprint first.")
	for _, g := range guides {
		p.line("\n%s: %s", g.System, g.Before)
		for _, command := range g.Commands {
			_, _ = p.out.Write([]byte("  " + command + "\n")) // whole: somebody copies it
		}
		for _, step := range g.Steps {
			p.lineTo(p.out, hanging, "  - %s", step)
		}
	}
}

// hanging is how far what does not fit a line stands in from the margin.
const hanging = 4

func (p jsonPrinter) ownCA(ca steps.OwnCA, guides []steps.TrustGuide) {
	p.put("ca", map[string]any{"ca": ca, "guides": guides})
}
