//go:build linux && amd64

package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/c93d5bcb/sslwizard/e2e/crash/mutant"
	"github.com/c93d5bcb/sslwizard/e2e/crash/trace"
)

// caught is what the suite saw of a mutant.
type caught struct {
	mutant.Mutant
	points, faults int
	flow           string // where it was seen first
	clean          bool   // what nothing cuts off goes wrong already
}

func (c caught) seen() bool { return c.faults > 0 || c.clean }

// errSeen ends the looking for more faults of a mutant.
var errSeen = errors.New("it was seen")

// search looks for what a mutant breaks: in the flow that is known to show it, then in the others; and where a sample of
// the calls shows nothing, since its window is between two of them, at all.
func (l *lab) search(ctx context.Context, m mutant.Mutant, first bool) (caught, error) {
	c := caught{Mutant: m}
	dir, err := os.MkdirTemp(l.dir, "mutant-")
	if err != nil {
		return c, err
	}
	defer os.RemoveAll(dir)
	workers, err := l.mutate(m, dir)
	if err != nil {
		return c, err
	}
	var known, others []*flow
	for _, f := range l.flows {
		if f.name == m.Flow {
			known = append(known, f)
		} else {
			others = append(others, f)
		}
	}
	for _, flows := range [][]*flow{known, others} {
		before := c.points
		if err := c.spoil(ctx, workers, flows, sample, first); err != nil || c.seen() {
			return c, err
		}
		c.points = before // they are looked at again
		if err := c.spoil(ctx, workers, flows, thorough, true); err != nil || c.seen() {
			return c, err
		}
	}
	return c, nil
}

// spoil runs the suite on the mutant, flow by flow, until one of them shows it; with first, until one point does.
func (c *caught) spoil(ctx context.Context, workers []*worker, flows []*flow, a amount, first bool) error {
	for _, f := range flows {
		t := &tally{first: first}
		broken, err := f.mutated(ctx, workers[0])
		if err == nil {
			err = each(workers, broken.work(ctx, a, t))
		} else {
			c.clean = true
		}
		if err != nil && !c.clean && !errors.Is(err, errSeen) && !errors.As(err, new(missed)) {
			return err
		}
		c.points, c.faults = c.points+t.points(), len(t.faults)
		if c.seen() {
			c.flow = f.name
			break
		}
	}
	return nil
}

// mutate builds the mutant and returns workers for it.
func (l *lab) mutate(m mutant.Mutant, dir string) ([]*worker, error) {
	overlay, err := m.Overlay(l.source, dir)
	if err != nil {
		return nil, err
	}
	if err := l.build(filepath.Join(dir, "subject"), "./e2e/crash/subject", overlay); err != nil {
		return nil, err
	}
	if err := os.Link(filepath.Join(l.dir, "bin", "standin"), filepath.Join(dir, "standin")); err != nil {
		return nil, err
	}
	return l.staff(dir)
}

// mutated is the flow as the mutant does it: it may make other calls. An error is that it does not even do that well.
func (f *flow) mutated(ctx context.Context, w *worker) (*flow, error) {
	if err := w.lay(f.before); err != nil {
		return nil, err
	}
	r, said, err := w.traced(ctx, trace.Order{}, f.do...)
	if err != nil || r.Status != 0 {
		return nil, fmt.Errorf("%s ends with status %d: %s: %w", f.name, r.Status, said, err)
	}
	now, err := w.see()
	if err != nil {
		return nil, err
	}
	if f.ended(now) != "after" {
		return nil, fmt.Errorf("%s: %q", f.name, f.worst(now))
	}
	broken := *f
	broken.calls = r.Calls
	return &broken, nil
}
