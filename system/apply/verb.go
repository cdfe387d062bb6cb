package apply

import (
	"context"
	"strings"

	"github.com/c93d5bcb/sslwizard/steps"
	"github.com/c93d5bcb/sslwizard/system/host"
)

// verb is how one kind of change is looked at, recorded and done. How it is undone follows from the record alone
// (revert.go): an undo must not depend on code that has read the host before.
type verb interface {
	// look compares the change with the host.
	look(context.Context, *view) (steps.Effect, []steps.Finding, error)
	// record says what of the host do is going to touch, as it is now.
	record(context.Context, *recorder) (Before, error)
	// do makes it so.
	do(context.Context, *doing) error
}

// Before is what a change is about to touch, as it was: everything that is needed to take the change back.
type Before struct {
	Paths    []Path        `json:"paths,omitempty"` // parents first
	Packages *PackageState `json:"packages,omitempty"`
	User     *UserState    `json:"user,omitempty"`
	Unit     *UnitState    `json:"unit,omitempty"`
	Kernel   *KernelState  `json:"kernel,omitempty"`
	Port     *PortState    `json:"port,omitempty"`
	Store    *StoreState   `json:"store,omitempty"`
	Reload   *ReloadState  `json:"reload,omitempty"`
	Trust    bool          `json:"trust,omitempty"` // the system's store has to be made anew from its files
}

// verbOf returns the verb of a change. Its cases are the closed set of steps; a test keeps them complete.
func verbOf(c steps.Change) (verb, error) {
	switch c := c.(type) {
	case steps.InstallPackages:
		return packagesVerb{c}, nil
	case steps.EnsureUser:
		return userVerb{c}, nil
	case steps.EnsureDir:
		return dirVerb{c}, nil
	case steps.WriteFile:
		return fileVerb{c}, nil
	case steps.RemoveFile:
		return removeVerb{c}, nil
	case steps.InstallBinary:
		return binaryVerb{c}, nil
	case steps.EnableUnit:
		return enableVerb{c}, nil
	case steps.DisableUnit:
		return disableVerb{c}, nil
	case steps.Drain:
		return drainVerb{c}, nil
	case steps.OpenPort:
		return portVerb{c}, nil
	case steps.Announce:
		return announceVerb{c}, nil
	case steps.IssueLocal:
		return certVerb{c, c.Site, false}, nil
	case steps.ImportCertificate:
		return certVerb{c, c.Site, false}, nil
	case steps.ObtainCertificate:
		return certVerb{c, c.Site, true}, nil
	case steps.TrustCA:
		return caVerb{c, c.Wanted, true}, nil
	case steps.PublishCA:
		return caVerb{c, c.Wanted, false}, nil
	}
	return triggered(c)
}

// view is the host and what is known of the plan so far, while a preview goes through it.
type view struct {
	host.Reader
	services *Services
	receipt  receipt
	replace  map[string]bool
	blind    bool     // this user may not read the receipt: drift cannot be told
	pending  []string // keys of the changes before this one that have something to do
	// started are the units that a change before this one starts, and how many changes were pending before it.
	started map[string]int
}

// starts notes that a change starts a unit, which then reads everything that was written before.
func (v *view) starts(unit string) {
	if v.started == nil {
		v.started = map[string]int{}
	}
	v.started[unit] = len(v.pending)
}

// fresh reports whether a unit is going to start when everything of these keys has changed.
func (v *view) fresh(unit string, keys []string) bool {
	before, starts := v.started[unit]
	after := view{pending: v.pending[before:]}
	return starts && !after.on(keys)
}

// on reports whether one of the keys is going to change.
func (v *view) on(keys []string) bool {
	for _, p := range v.pending {
		for _, k := range keys {
			if steps.Matches(k, p) {
				return true
			}
		}
	}
	return false
}

// recorder reads the host for the record of a phase and collects the backups that go with it.
type recorder struct {
	host.Reader
	services *Services
	backups  map[string]host.File // by name in the run's folder
	prefix   string
}

// doing is one change being done.
type doing struct {
	host.Host
	services *Services
	before   *Before
	progress func(string)     // what goes on, for people
	observe  func(Seen) error // writes to the journal, before it returns
	report   func(steps.Report)
	seen     func(steps.Check)   // a check of a verification, as it is made
	said     func(string)        // a line of what a command does
	unproven func([]steps.Check) // what is the application's to mend, not a reason to take the change back
	executor func(string) (Executor, error)
}

// Run implements host.Host: who watches sees what is run, and what it says.
func (d *doing) Run(ctx context.Context, c host.Command) (host.Output, error) {
	d.said("$ " + steps.CleanLine(strings.Join(c.Argv, " ")))
	c.Said = func(line string) {
		if !strings.HasPrefix(line, unread) {
			d.said(line)
		}
	}
	return d.Host.Run(ctx, c)
}

// unread is how systemctl warns of a unit of which something on the disk is newer than what systemd has read. It does so
// after every enable of ours, which has systemd read nothing again: the link that is new is for the next boot only. What
// has to be read is read by a change of its own.
const unread = "Warning: The unit file, source configuration file or drop-ins of "

// Seen is what only doing a change could tell.
type Seen struct {
	Packages []string          `json:"packages,omitempty"` // that the package manager is about to install
	Files    map[string]string `json:"files,omitempty"`    // path → hash of its content after the change; of a link, its target
}
