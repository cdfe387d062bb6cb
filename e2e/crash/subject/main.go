// Subject is sslwizard in a tree of its own: its planners, its transaction, its host and its certificate store as they
// are, with what a tree has no network for put in their place: facts of a server that never change, executors that reload
// through systemctl without probing, and a probe that asks only whether the unit runs on what is written.
package main

import (
	"context"
	"fmt"
	"os"
	"syscall"

	"github.com/c93d5bcb/sslwizard/assets"
	"github.com/c93d5bcb/sslwizard/steps"
	"github.com/c93d5bcb/sslwizard/system/apply"
	"github.com/c93d5bcb/sslwizard/system/cert"
	"github.com/c93d5bcb/sslwizard/system/host"
	"github.com/c93d5bcb/sslwizard/system/native"
	"github.com/c93d5bcb/sslwizard/system/nginx"
	"github.com/c93d5bcb/sslwizard/system/renew"
)

// Exit statuses beside those of sslwizard.
const (
	nothingToDo = 10 // of run and recover
	checkpoint  = 11 // of run: taken back to a checkpoint
)

func main() {
	syscall.Umask(0o077)
	code, err := do(context.Background(), os.Args[1:])
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
	}
	os.Exit(code)
}

func do(ctx context.Context, args []string) (int, error) {
	m := newMachine()
	if len(args) == 0 {
		return 64, fmt.Errorf("subject run ANSWERS [PHASES] | remove SITE | undo | uninstall | recover")
	}
	var res steps.Result
	var err error
	switch args[0] {
	case "run":
		plan, perr := m.plan(args[1])
		if perr != nil {
			return 65, perr
		}
		if len(args) > 2 { // only up to its checkpoint
			plan = firstPhase(plan)
		}
		res, err = m.apply(ctx, plan)
	case "remove":
		plan, perr := m.removal(args[1])
		if perr != nil {
			return 65, perr
		}
		res, err = m.apply(ctx, plan)
	case "undo":
		res, err = m.engine.Undo(ctx, "", nil)
	case "uninstall":
		res, err = m.engine.UndoAll(ctx, false, nil)
	case "recover":
		var found bool
		res, found, err = m.engine.Recover(ctx, nil)
		if err == nil && !found {
			return nothingToDo, nil
		}
	default:
		return 64, fmt.Errorf("no such order: %s", args[0])
	}
	return statusOf(res, err), err
}

func statusOf(res steps.Result, err error) int {
	switch res.Outcome {
	case steps.OutcomeNothing:
		return nothingToDo
	case steps.OutcomePartial:
		return checkpoint
	case steps.OutcomeInconsistent:
		return steps.ExitInconsistent
	}
	if err != nil {
		return 1
	}
	return 0
}

// machine is the tree with everything around it.
type machine struct {
	h      host.Host
	engine *apply.Engine
}

const self = "/root/sslwizard"

func newMachine() *machine {
	h := host.New("")
	m := &machine{h: h}
	m.engine = apply.New(h, apply.Services{
		Certificates: &renew.Manager{UserAgent: "sslwizard/crash"},
		LocalCA:      cert.Shared{},
		Executors:    []apply.Executor{executor{native.Executor{}.Name()}, executor{nginx.Executor{}.Name()}},
		Prober:       prober{h},
		Self:         func() ([]byte, error) { return os.ReadFile(self) },
		BootUnit:     func() []byte { return assets.RecoverServiceUnit(steps.JournalDir, []string{steps.BinaryPath, self}) },
	})
	return m
}

func (m *machine) apply(ctx context.Context, plan steps.Plan) (steps.Result, error) {
	shown, err := m.engine.Preview(ctx, m.h, plan)
	if err != nil {
		return steps.Result{}, err
	}
	return m.engine.Apply(ctx, shown, nil)
}

// firstPhase is what the plan does up to its first checkpoint.
func firstPhase(p steps.Plan) steps.Plan {
	for i, c := range p.Changes {
		if _, end := c.(steps.Checkpoint); end {
			p.Changes = p.Changes[:i+1]
			break
		}
	}
	return p
}
