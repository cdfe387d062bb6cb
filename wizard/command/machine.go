package command

import (
	"context"

	"github.com/c93d5bcb/sslwizard/steps"
	"github.com/c93d5bcb/sslwizard/wizard"
)

// Machine is the host behind the commands. main wires system's Installer here; tests use a fake.
type Machine interface {
	Planner
	Runner
	Renewer
	Observer
	Notifier
	Accountant
	Daemon
	Follower
}

// MachineOptions say which host is meant.
type MachineOptions struct {
	Root    string   // folder that is treated as /; "" is the real one
	Booting bool     // services are on their way up, and wait for this
	Replace []string // files whose edits by others the user has seen and gives up
}

// Follower is what the screens, and who joins them later, need of runs that go on by themselves.
type Follower interface {
	wizard.Looker
	wizard.Runner
	wizard.Keeper
	// Last is the run that goes on or, if none does, the one that ended last; "" if there was none.
	Last(context.Context) (string, error)
}

// Planner says what would change. It never writes.
type Planner interface {
	// Plan previews these sites on this host. What stands in the way is in Preview.Findings; the error is for what
	// could not even be looked at.
	Plan(context.Context, []steps.Site) (steps.Preview, error)
	// PlanRemoval previews taking one stored site away.
	PlanRemoval(ctx context.Context, site string) (steps.Preview, error)
	// Stored returns the stored sites.
	Stored(context.Context) ([]steps.Site, error)
}

// Runner changes the host.
type Runner interface {
	// Apply does what the preview showed and streams the events of the run.
	Apply(context.Context, steps.Preview, func(steps.Event)) (steps.Result, error)
	// Undo reverts a finished run; an empty ID is the last one.
	Undo(ctx context.Context, run string, sink func(steps.Event)) (steps.Result, error)
	// Uninstall reverts every run, the newest first.
	Uninstall(ctx context.Context, keepCertificates bool, sink func(steps.Event)) (steps.Result, error)
	// Recover takes back a run that never ended; the bool reports whether there was one.
	Recover(context.Context, func(steps.Event)) (steps.Result, bool, error)
}

// Renewer keeps certificates alive.
type Renewer interface {
	// Renew renews the certificates that are due, or the named site's, and streams what it does.
	Renew(context.Context, steps.RenewRequest, func(steps.Event)) (steps.Result, error)
}

// Notifier tells people of certificates that cannot be renewed.
type Notifier interface {
	// SendNotices tries what waits to be told (scheduled: only what has not failed just now), and TestNotices sends a test to
	// everybody who would be. What became of each message is in the result, also beside an error.
	SendNotices(ctx context.Context, scheduled bool) ([]steps.Delivery, error)
	TestNotices(context.Context) ([]steps.Delivery, error)
}

// Accountant deals with the CAs beyond orders and renewals.
type Accountant interface {
	// Revoke has the CA revoke a site's certificate.
	Revoke(context.Context, steps.RevokeRequest, func(steps.Event)) error
	// Accounts are those of this host.
	Accounts(context.Context) ([]steps.ACMEAccount, error)
	// RollOver gives an account a new key, and ImportAccount takes one of another client over.
	RollOver(context.Context, steps.AccountRequest, func(steps.Event)) error
	ImportAccount(context.Context, steps.AccountRequest, func(steps.Event)) error
}

// Observer looks at sites, from the outside and from the inside.
type Observer interface {
	Status(context.Context) (steps.HostStatus, error)
	Probe(context.Context, steps.ProbeRequest, func(steps.Check)) (steps.Report, error)
	// OwnCA is this server's own CA; its failure says how to come to one.
	OwnCA(context.Context) (steps.OwnCA, error)
	// Doctor finds what would keep a certificate from being had, or kept, before a CA is asked.
	Doctor(context.Context, steps.DoctorRequest, func(steps.Check)) (steps.Report, error)
}

// Daemon is what runs until it is told to stop.
type Daemon interface {
	Serve(context.Context, steps.ServeRequest) error
	// Demo serves a small application over HTTPS and WSS on loopback ports and tells through say what to try.
	Demo(ctx context.Context, once bool, say func(string), check func(steps.Check)) error
}
