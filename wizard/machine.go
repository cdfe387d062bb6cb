// Package wizard is what a person sees of sslwizard: the screens, and the same questions as plain lines. It speaks the
// language of package steps; the server behind it is an interface. Nothing here reads, writes or starts anything, and
// nothing here changes a server: a run goes on in a process of its own, which the screens only follow.
package wizard

import (
	"context"
	"time"

	"github.com/c93d5bcb/sslwizard/steps"
)

// Machine is the server behind the screens. main wires system's Installer here; tests use a fake. Its methods are
// called from commands of the event loop, several at once, never from the loop itself.
type Machine interface {
	Looker
	Planner
	Runner
	Keeper
}

// Looker looks; nothing changes.
type Looker interface {
	// Facts is what this server is.
	Facts(context.Context) (steps.Facts, error)
	// Nearby finds what could be served and under which names. It takes up to a few seconds and is asked once, beside
	// the first screen. What it could not find out is empty, not an error.
	Nearby(context.Context, steps.Facts) steps.Nearby
	// Look holds one answer against the world: a name against DNS, an upstream against what answers there, a path
	// against a WebSocket handshake. Key is the question's; each check names the value that it is about in Address. It
	// returns within five seconds; no checks: there is nothing to look at.
	Look(ctx context.Context, key string, a steps.Answers) []steps.Check
	// Status is what is served here, and until when.
	Status(context.Context) (steps.HostStatus, error)
}

// Planner says what would change.
type Planner interface {
	// Plan previews these sites. What stands in the way is in Preview.Findings.
	Plan(context.Context, []steps.Site) (steps.Preview, error)
}

// Runner changes the server, in a process that outlives the terminal.
type Runner interface {
	// Start begins the run of what was shown and returns its handle.
	Start(context.Context, steps.Preview) (run string, err error)
	// Follow streams the events of a run from its beginning until it has ended, or the context has.
	Follow(ctx context.Context, run string, sink func(steps.Event)) (steps.Result, error)
	// Active is the handle of the run that goes on at the moment, "" if none does.
	Active(context.Context) (run string, err error)
	// Since is the last run that began at that time or later, "" if none did. It may have ended.
	Since(ctx context.Context, from time.Time) (run string)
	// Stop has the run stop after the change that it is at, and take everything back.
	Stop(ctx context.Context, run string) error
}

// Keeper keeps what was answered, for people whose connection breaks.
type Keeper interface {
	// Load returns what was kept; false when there is nothing, or nothing younger than seven days.
	Load(context.Context) (steps.Session, bool, error)
	Save(context.Context, steps.Session) error
	Forget(context.Context) error
}
