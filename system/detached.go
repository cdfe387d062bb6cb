package system

import (
	"context"
	"net"
	"time"

	"github.com/c93d5bcb/sslwizard/steps"
	"github.com/c93d5bcb/sslwizard/system/detach"
	"github.com/c93d5bcb/sslwizard/system/inspect"
	"github.com/c93d5bcb/sslwizard/system/nearby"
)

// Facts implements wizard.Looker.
func (i *Installer) Facts(ctx context.Context) (steps.Facts, error) { return i.facts(ctx, true) }

// Nearby implements wizard.Looker.
func (i *Installer) Nearby(ctx context.Context, f steps.Facts) steps.Nearby {
	return nearby.Find(ctx, f, net.DefaultResolver)
}

// Look implements wizard.Looker.
func (i *Installer) Look(ctx context.Context, key string, a steps.Answers) []steps.Check {
	addresses, _ := inspect.ThisProcess(i.root).Network()
	if key != "certs.domains" || i.root != "" {
		return nearby.Look(ctx, key, a, steps.Facts{Addresses: addresses}, net.DefaultResolver)
	}
	more := make(chan map[string]steps.Check, 1)
	go func() { more <- domainChecks(ctx, a) }()
	checks := nearby.Look(ctx, key, a, steps.Facts{Addresses: addresses}, net.DefaultResolver)
	found := <-more
	for n, c := range checks {
		if said, ok := found[c.Address]; ok { // what the doctor sees is closer to the cause
			checks[n].Verdict, checks[n].Code, checks[n].Detail, checks[n].Fix = steps.Warn, said.Code, said.Detail, said.Fix
		}
	}
	return checks
}

// runner starts runs of their own and follows them.
func (i *Installer) runner() detach.Runner {
	r := detach.Runner{Host: i.host, Program: detach.Self}
	for _, name := range i.replace {
		r.Flags = append(r.Flags, "--replace", name)
	}
	return r
}

// Start implements wizard.Runner.
func (i *Installer) Start(ctx context.Context, p steps.Preview) (string, error) {
	return i.runner().Start(ctx, p)
}

// Follow implements wizard.Runner.
func (i *Installer) Follow(ctx context.Context, run string, sink func(steps.Event)) (steps.Result, error) {
	return i.runner().Follow(ctx, run, sink)
}

// Active implements wizard.Runner.
func (i *Installer) Active(ctx context.Context) (string, error) { return i.runner().Active(ctx) }

// Last is the run that goes on, or the one that ended last.
func (i *Installer) Last(ctx context.Context) (string, error) { return i.runner().Last(ctx) }

// Since implements wizard.Runner.
func (i *Installer) Since(_ context.Context, from time.Time) string { return i.runner().Since(from) }

// Stop implements wizard.Runner.
func (i *Installer) Stop(ctx context.Context, run string) error { return i.runner().Stop(ctx, run) }

// Load implements wizard.Keeper.
func (i *Installer) Load(ctx context.Context) (steps.Session, bool, error) {
	return i.runner().Load(ctx)
}

// Save implements wizard.Keeper.
func (i *Installer) Save(ctx context.Context, s steps.Session) error { return i.runner().Save(ctx, s) }

// Forget implements wizard.Keeper.
func (i *Installer) Forget(ctx context.Context) error { return i.runner().Forget(ctx) }
