package system

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/c93d5bcb/sslwizard/steps"
)

// Apply implements command.Runner.
func (i *Installer) Apply(ctx context.Context, p steps.Preview, sink func(steps.Event)) (steps.Result, error) {
	began := time.Now()
	res, err := i.engine.Apply(ctx, p, sink)
	if res.Outcome == steps.OutcomeDone { // otherwise there is something to put right first
		sink(steps.Event{Run: res.Run, Time: time.Now(), Status: steps.Progress, Text: "Rehearsing the renewal, in its own service"})
		addCheck(&res, i.rehearseRenewal(ctx, p.Plan.Sites, began))
	}
	return res, err
}

// Recover implements command.Runner.
func (i *Installer) Recover(ctx context.Context, sink func(steps.Event)) (steps.Result, bool, error) {
	res, found, err := i.engine.Recover(ctx, sink)
	if i.booting && found {
		err = errors.Join(err, tellBoot(i.host, time.Now(), res, err))
	}
	return res, found, err
}

// Undo implements command.Runner. The sites that it leaves served are verified.
func (i *Installer) Undo(ctx context.Context, run string, sink func(steps.Event)) (steps.Result, error) {
	res, err := i.engine.Undo(ctx, run, sink)
	if err != nil || res.Outcome == steps.OutcomeNothing {
		return res, err
	}
	sites, err := i.Stored(ctx)
	if err != nil {
		return res, fmt.Errorf("cannot see what is served now (the undo itself is done): %w", err)
	}
	return i.engine.ConfirmUndone(ctx, res, sites, sink)
}

// Uninstall implements command.Runner.
func (i *Installer) Uninstall(ctx context.Context, keepCertificates bool, sink func(steps.Event)) (steps.Result, error) {
	return i.engine.UndoAll(ctx, keepCertificates, sink)
}
