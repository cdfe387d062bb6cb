package command

import (
	"context"
	"errors"
	"io"
	"slices"

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
	plan           string
}

func (a *App) rootCommand() *cobra.Command {
	var f runFlags
	c := &cobra.Command{
		Use:   ourName + " [ANSWERS]",
		Short: "HTTPS and WSS for the application on your port, proven to work",
		Args:  func(c *cobra.Command, args []string) error { return a.rootArgs(c, args, &f) },
		RunE:  func(c *cobra.Command, _ []string) error { return a.run(c.Context(), f) },
	}
	c.Flags().BoolVar(&f.nonInteractive, "non-interactive", false, "never ask; take everything from the answers file")
	c.Flags().StringVar(&f.answers, "answers", "", "the answers file; - is standard input")
	c.Flags().BoolVar(&f.dryRun, "dry-run", false, "print the planned changes and touch nothing")
	c.Flags().BoolVar(&f.detailed, "detailed-exitcode", false, "with --dry-run: exit with 2 when changes are pending")
	c.Flags().StringVar(&f.plan, "plan", "", "do it only if the plan still has this hash (from a dry run with -o json)")
	c.Flags().StringSliceVar(&f.only, "only", nil, "take only these steps from the answers; the rest stays as stored")
	return c
}

func (a *App) run(ctx context.Context, f runFlags) error {
	if a.asks(f) {
		return a.wizard(ctx, f)
	}
	if err := f.check(a); err != nil {
		return err
	}
	sites, err := a.readSites(f.answers)
	if err != nil {
		return err
	}
	m := a.machine()
	if err := a.needRoot(f.dryRun); err != nil {
		return err
	}
	if !f.dryRun {
		if err := a.recover(ctx, m); err != nil {
			return err
		}
	}
	if sites, err = onlySteps(ctx, m, sites, f.only); err != nil {
		return a.unlessBlind(ctx, m, err)
	}
	preview, err := m.Plan(ctx, sites)
	if err != nil {
		return err
	}
	if err := samePlan(f.plan, preview); err != nil {
		return err
	}
	if f.dryRun {
		return a.show(preview, f.detailed, previewMode{next: a.again(forReal(a.args, true))})
	}
	return a.apply(ctx, m, preview, applying, "")
}

// check says what is missing on the command line.
func (f runFlags) check(a *App) error {
	switch {
	case f.answers != "" && (f.nonInteractive || f.dryRun):
		return errors.Join(checkOnly(f.only), checkPlan(f.plan))
	case f.answers != "":
		return a.fileAlone(f.answers)
	case f.dryRun:
		return usageError("--dry-run needs an answers file", showIt, writeOne)
	case f.nonInteractive:
		return usageError("--non-interactive needs an answers file", applyIt, writeOne, askMe)
	}
	return a.noWizard()
}

// writeOne is the way to an answers file.
const writeOne = "sslwizard answers init > answers.yaml    writes one, to fill in"

// recover takes back what a run before this one left half-done: without a person to ask, undo is the safe answer.
func (a *App) recover(ctx context.Context, m Runner) error {
	out := a.printer()
	result, found, err := m.Recover(ctx, out.event)
	if err != nil || !found {
		return err
	}
	if result.Outcome == steps.OutcomeInconsistent {
		return a.end(out, result, result.Err, ending{})
	}
	return nil
}

// noWizard says what works without a terminal.
func (a *App) noWizard() error {
	return usageError("cannot ask anything: there is no terminal; use --non-interactive with an answers file",
		"sslwizard answers init > answers.yaml    writes one, to fill in the names and the port",
		showIt, applyIt,
		"sslwizard --help    says what else there is")
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
			Fixes: []string{writeOne, askMe}}
	}
	return name, data, nil
}

// show prints a dry run, and what to type to have it done. Not being root is no blocker here: nothing is written.
func (a *App) show(p steps.Preview, detailed bool, mode previewMode) error {
	p.Findings = without(p.Findings, func(f steps.Finding) bool { return f.Code == "H01" && f.Severity == steps.Blocker })
	a.printer().preview(p, mode)
	if err := blocked(p.Findings); err != nil {
		return err
	}
	if detailed && p.Pending() {
		return outcome{status: steps.ExitPending}
	}
	return nil
}

func (a *App) apply(ctx context.Context, m Machine, p steps.Preview, d deed, what string) error {
	out := a.printer()
	if err := blocked(p.Findings); err != nil {
		a.refuse(out, p.Findings)
		return err
	}
	out.preview(p, previewMode{applies: true, what: what})
	result, err := m.Apply(ctx, p, out.event)
	return a.end(out, result, err, a.endingOf(ctx, m, d, p.Plan.Sites, result))
}

// refuse tells what stands in the way and that nothing was changed. Who is not root needs no second word about it.
func (a *App) refuse(out printer, findings []steps.Finding) {
	if errors.Is(blocked(findings), outcome{status: steps.ExitNotRoot}) {
		findings = without(findings, func(f steps.Finding) bool { return f.Code == "H01" && f.Severity != steps.Blocker })
	}
	out.preview(steps.Preview{Findings: findings}, previewMode{refused: true})
}

// end prints how a run ended and returns its status.
func (a *App) end(out printer, r steps.Result, err error, e ending) error {
	if r.Outcome == "" {
		return err
	}
	if r.Err == nil {
		r.Err = err
	}
	out.result(r, e)
	if status := steps.ExitStatus(r.Outcome, r.Err); status != steps.ExitOK {
		return outcome{status: status}
	}
	return nil
}

func without(all []steps.Finding, drop func(steps.Finding) bool) []steps.Finding {
	return slices.DeleteFunc(slices.Clone(all), drop)
}

func maxArgs(n int) cobra.PositionalArgs {
	return func(c *cobra.Command, args []string) error {
		if len(args) > n {
			return unexpected(c, args[n])
		}
		return nil
	}
}
