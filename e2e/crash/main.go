//go:build linux && amd64

package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/c93d5bcb/sslwizard/e2e/crash/mutant"
	"github.com/c93d5bcb/sslwizard/e2e/promises"
)

// ageing is for how long the server of a flow is left alone before the change.
const ageing = time.Hour

// Exit statuses of the subject: there was nothing to do; it was taken back to the checkpoint.
const (
	nothingToDo  = 10
	toCheckpoint = 11
)

// well reports the exit statuses of a recovery that did its work.
func well(status int) bool { return status == 0 || status == nothingToDo || status == toCheckpoint }

// options are the flags.
type options struct {
	full, write bool
	flow        string
	mutant      string
}

func main() {
	var o options
	flag.BoolVar(&o.full, "full", false, "everything, not a slice")
	flag.BoolVar(&o.write, "write", false, "write docs/crash.md (with -full)")
	flag.StringVar(&o.flow, "flow", "", "only flows whose names contain this")
	flag.StringVar(&o.mutant, "mutant", "", "only the mutants whose names contain this, and no others' points")
	flag.Parse()
	dir, err := alone()
	if err == nil {
		err = all(context.Background(), dir, o)
		leave(dir)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "crash:", err)
		os.Exit(1)
	}
}

func all(ctx context.Context, dir string, o options) error {
	began := time.Now()
	l, err := newLab(dir)
	if err != nil {
		return err
	}
	l.choose(o.flow)
	if err := l.prepare(ctx); err != nil {
		return err
	}
	var r report
	if o.mutant == "" {
		if r.flows, err = l.points(ctx, o.full); err != nil {
			return err
		}
	}
	if r.mutants, err = l.mutants(ctx, o); err != nil {
		return err
	}
	r.took = time.Since(began)
	fmt.Println(r.summary())
	if o.write {
		err = os.WriteFile(filepath.Join(l.source, "docs", "crash.md"), []byte(r.page()), 0o644)
		if err == nil && o.full && o.flow == "" && o.mutant == "" {
			err = promises.Write(filepath.Join(l.source, promises.File), r.figures()...)
		}
	}
	if err == nil && r.faults() > 0 {
		err = fmt.Errorf("%d faults", r.faults())
	}
	return err
}

func (l *lab) choose(name string) {
	var chosen []*flow
	for _, f := range l.flows {
		if strings.Contains(f.name, name) {
			chosen = append(chosen, f)
		}
	}
	l.flows = chosen
}

// points does the flows, and says what is wrong with each.
func (l *lab) points(ctx context.Context, full bool) ([]*tally, error) {
	a := slice
	if full {
		a = everything
	}
	var done []*tally
	for _, f := range l.flows {
		t := &tally{flow: f}
		if err := each(l.workers, f.work(ctx, a, t)); err != nil {
			return nil, err
		}
		fmt.Println(t.line())
		for _, wrong := range t.faults[:min(len(t.faults), 6)] {
			fmt.Println("  " + wrong.String())
		}
		done = append(done, t)
	}
	return done, nil
}

// mutants has the suite look for what is broken on purpose.
func (l *lab) mutants(ctx context.Context, o options) ([]caught, error) {
	var all []caught
	for n, m := range mutant.Transaction {
		wanted := strings.Contains(m.Name, o.mutant)
		if !o.full && o.mutant == "" {
			wanted = n < inSlice
		}
		if !wanted {
			continue
		}
		c, err := l.search(ctx, m, !o.full)
		if err != nil {
			return nil, err
		}
		fmt.Println(c.line())
		all = append(all, c)
	}
	return all, nil
}

// inSlice are so many mutants of the list: the first ones, which are seen soon.
const inSlice = 3
