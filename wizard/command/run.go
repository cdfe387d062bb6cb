package command

import (
	"context"
	"io"

	"github.com/spf13/cobra"

	"github.com/c93d5bcb/sslwizard/steps"
)

// runFlags are the flags of the main job.
type runFlags struct {
	nonInteractive bool
	answers        string
	dryRun         bool
	detailed       bool
	only           []string
}

func (a *App) rootCommand() *cobra.Command {
	var f runFlags
	c := &cobra.Command{
		Use:   "sslwizard [ANSWERS]",
		Short: "HTTPS and WSS for the application on your port, proven to work",
		Args:  maxArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			if len(args) == 1 {
				if f.answers != "" && f.answers != args[0] {
					return usageError("two answers files are named", "sslwizard --non-interactive --answers FILE")
				}
				f.answers = args[0]
			}
			return a.run(c.Context(), f)
		},
	}
	c.Flags().BoolVar(&f.nonInteractive, "non-interactive", false, "never ask; take everything from the answers file")
	c.Flags().StringVar(&f.answers, "answers", "", "the answers file; - is standard input")
	c.Flags().BoolVar(&f.dryRun, "dry-run", false, "print the planned changes and touch nothing")
	c.Flags().BoolVar(&f.detailed, "detailed-exitcode", false, "with --dry-run: exit with 2 when changes are pending")
	c.Flags().StringSliceVar(&f.only, "only", nil, "take only these steps from the answers; the rest stays as stored")
	return c
}

func (a *App) run(ctx context.Context, f runFlags) error {
	if !f.nonInteractive && !f.dryRun {
		return a.noWizard()
	}
	if f.answers == "" {
		return usageError("--non-interactive needs an answers file", "sslwizard --non-interactive --answers FILE    (sslwizard answers init writes one to fill in)")
	}
	sites, err := a.readSites(f.answers)
	if err != nil {
		return err
	}
	m := a.machine()
	if !f.dryRun {
		if err := a.recover(ctx, m); err != nil {
			return err
		}
	}
	if sites, err = onlySteps(ctx, m, sites, f.only); err != nil {
		return err
	}
	preview, err := m.Plan(ctx, sites)
	if err != nil {
		return err
	}
	if f.dryRun {
		return a.show(preview, f)
	}
	return a.apply(ctx, m, preview)
}

// recover takes back what a run before this one left half-done: without a person to ask, undo is the safe answer.
func (a *App) recover(ctx context.Context, m Runner) error {
	out := a.printer()
	result, found, err := m.Recover(ctx, out.event)
	if err != nil || !found {
		return err
	}
	if result.Outcome == steps.OutcomeInconsistent {
		return a.end(out, result, result.Err)
	}
	return nil
}

// noWizard says what works until the screens exist.
func (a *App) noWizard() error {
	text := "no terminal; use --non-interactive --answers FILE"
	if a.Interactive {
		text = "the screens are not built yet; use --non-interactive --answers FILE"
	}
	return &steps.Failure{Text: text, Status: steps.ExitUsage, Fixes: []string{
		"sslwizard answers init > answers.yaml     write an answers file, then fill in the names and the port",
		"sslwizard --dry-run answers.yaml          see what would change",
		"sudo sslwizard --non-interactive --answers answers.yaml",
	}}
}

func (a *App) readSites(path string) ([]steps.Site, error) {
	name, data, err := a.readAnswers(path)
	if err != nil {
		return nil, err
	}
	return steps.Sites(name, data)
}

func (a *App) readAnswers(path string) (name string, data []byte, err error) {
	if path == "-" {
		name = "stdin"
		data, err = io.ReadAll(io.LimitReader(a.Stdin, 2<<20))
	} else {
		name = path
		data, err = a.ReadFile(path)
	}
	if err != nil {
		return name, nil, &steps.Failure{Text: "cannot read the answers file", Status: steps.ExitAnswers, Err: err,
			Fixes: []string{"sslwizard answers init > answers.yaml    writes one to fill in"}}
	}
	return name, data, nil
}

// show prints a dry run. Not being root is no blocker here: nothing is written.
func (a *App) show(p steps.Preview, f runFlags) error {
	p.Findings = without(p.Findings, "H01")
	a.printer().preview(p, dryRun)
	if err := blocked(p.Findings); err != nil {
		return err
	}
	if f.detailed && p.Pending() {
		return outcome{status: steps.ExitPending}
	}
	return nil
}

func (a *App) apply(ctx context.Context, m Machine, p steps.Preview) error {
	out := a.printer()
	if err := blocked(p.Findings); err != nil {
		a.refuse(out, p.Findings)
		return err
	}
	out.preview(p, before)
	result, err := m.Apply(ctx, p, out.event)
	return a.end(out, result, err)
}

// refuse tells what stands in the way and that nothing was changed.
func (a *App) refuse(out printer, findings []steps.Finding) {
	out.preview(steps.Preview{Findings: findings}, refused)
}

// end prints how a run ended and returns its status.
func (a *App) end(out printer, r steps.Result, err error) error {
	if r.Outcome == "" {
		return err
	}
	if r.Err == nil {
		r.Err = err
	}
	out.result(r)
	if status := steps.ExitStatus(r.Outcome, r.Err); status != steps.ExitOK {
		return outcome{status: status}
	}
	return nil
}

func without(all []steps.Finding, code string) []steps.Finding {
	var rest []steps.Finding
	for _, f := range all {
		if f.Code != code {
			rest = append(rest, f)
		}
	}
	return rest
}

func maxArgs(n int) cobra.PositionalArgs {
	return func(c *cobra.Command, args []string) error {
		if len(args) > n {
			return usageError("too many arguments: \""+steps.CleanLine(args[n])+"\"", c.CommandPath()+" --help")
		}
		return nil
	}
}
