package command

import (
	"cmp"
	"context"
	"slices"

	"github.com/c93d5bcb/sslwizard/steps"
	"github.com/c93d5bcb/sslwizard/wizard"
)

// asks reports whether a person is to be asked: nobody said otherwise, and there is one at a terminal.
func (a *App) asks(f runFlags) bool { return a.Interactive && !f.nonInteractive && !f.dryRun }

// wizard shows the screens, or asks in lines where a terminal is not made for screens.
func (a *App) wizard(ctx context.Context, f runFlags) error {
	if err := checkOnly(f.only); err != nil {
		return err
	}
	m := a.machine()
	o := wizard.Options{Version: a.Version, Width: a.Width, Called: cmp.Or(a.Called.Sudo, ourName), SSH: a.Env("SSH_CONNECTION") != "" || a.Env("SSH_TTY") != "",
		Theme: a.theme()}
	for _, id := range f.only {
		o.Only = append(o.Only, steps.ID(id))
	}
	answers, err := a.given(ctx, m, f)
	if err != nil {
		return err
	}
	o.Answers = answers
	show := a.Screens
	if a.wantsLines() {
		show = a.Lines
	}
	if status := show(ctx, m, o); status != steps.ExitOK {
		return outcome{status: status}
	}
	return nil
}

// wantsLines follows the conventions for terminals that cannot move a cursor and people who do not see one.
func (a *App) wantsLines() bool {
	return a.flags.plain || a.Env("ACCESSIBLE") != "" || a.Env("TERM") == "dumb" || a.Env("TERM") == ""
}

// given are the answers to begin with: a file's or, for single steps, those of the stored site.
func (a *App) given(ctx context.Context, m Machine, f runFlags) (*steps.Answers, error) {
	if f.answers != "" {
		name, data, err := a.readAnswers(f.answers)
		if err != nil {
			return nil, err
		}
		all, err := steps.ParseAnswers(name, data)
		if err != nil {
			return nil, err
		}
		if len(all) != 1 {
			return nil, usageError("cannot ask about several sites at once: "+steps.CleanLine(name)+" has more than one", "sudo sslwizard --non-interactive "+steps.CleanLine(name))
		}
		return &all[0], nil
	}
	if len(f.only) == 0 {
		return nil, nil
	}
	stored, err := m.Stored(ctx)
	switch {
	case err != nil:
		return nil, err
	case len(stored) == 0:
		return nil, usageError("cannot ask single steps: no site is stored here yet", "sudo sslwizard    asks all of them")
	case len(stored) > 1:
		return nil, usageError("cannot tell which site is meant: "+siteNames(stored)+" are stored here", "sudo sslwizard --only STEP ANSWERS    with an answers file of the one")
	}
	one := stored[0].Answers()
	return &one, nil
}

// samePlan keeps a run from doing anything but what was agreed to.
func samePlan(agreed string, p steps.Preview) error {
	if agreed == "" || agreed == p.Hash {
		return nil
	}
	return &steps.Failure{Text: "cannot do what was agreed to: the plan is not the same any more, because this server has changed since; nothing was changed",
		Fixes: []string{"look at the new plan, then say yes again"}}
}

// checkPlan refuses what is no hash of a plan before anything is looked at.
func checkPlan(hash string) error {
	if hash == "" || len(hash) >= 12 && !slices.ContainsFunc([]byte(hash), func(b byte) bool { return (b < '0' || b > '9') && (b < 'a' || b > 'f') }) {
		return nil
	}
	return usageError("--plan is \""+steps.CleanLine(hash)+"\", which is no hash of a plan", "sslwizard --dry-run -o json answers.yaml    prints it")
}
