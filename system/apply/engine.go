package apply

import (
	"context"
	"time"

	"github.com/c93d5bcb/sslwizard/steps"
	"github.com/c93d5bcb/sslwizard/system/host"
)

// Certificates makes what IssueLocal, ImportCertificate and ObtainCertificate ask for.
type Certificates interface {
	// Pending says what Make would do now, with a note for people. It never contacts a CA.
	Pending(context.Context, host.Reader, steps.Change) (steps.Action, string, error)
	// Make does it, below steps.CertsDir, steps.CADir and steps.ACMEDir only. It may be called again after a failure.
	Make(ctx context.Context, h host.Host, c steps.Change, progress func(string)) error
}

// LocalCA says what becomes of the certificate of this server's own CA where TrustCA and PublishCA ask for it.
type LocalCA interface {
	// Paths are the files that can come of it, whether it is wanted or not.
	Paths(host.Reader, steps.Change) []string
	// Contents are those of Paths that shall be there. It fails with fs.ErrNotExist until there is a CA for all the names
	// of the change.
	Contents(host.Reader, steps.Change) (map[string][]byte, error)
}

// Executor is the half of an executor that acts.
type Executor interface {
	Name() string
	// Test has the executor check the configuration that was written.
	Test(context.Context, host.Host) error
	// Rehearse serves the sites aside and probes them; it leaves nothing behind.
	Rehearse(context.Context, host.Host, []steps.Site) (steps.Report, error)
	// Reload has the unit take its configuration and proves by observation that it did.
	Reload(ctx context.Context, h host.Host, unit string) error
}

// Prober looks at a live site.
type Prober interface {
	// Probe reports; its error is only for what kept it from looking. With trusted false the local CA is trusted. Each
	// check goes to seen as it is made, never two at once.
	Probe(ctx context.Context, site steps.Site, trusted bool, seen func(steps.Check)) (steps.Report, error)
	// HTTP3 says whether the site is reached over QUIC, from here and past this host's firewall; if not, why.
	HTTP3(ctx context.Context, site steps.Site) (reached bool, why string)
}

// Locker keeps other runs out.
type Locker interface {
	// Lock returns at once: with what releases the lock, or with a *steps.Failure that names the holder. What is a
	// few words about what the holder does.
	Lock(what string) (release func(), err error)
	// Free fails like Lock when somebody holds the lock, and writes nothing.
	Free() error
}

// Services is what the engine needs beside the host. A nil service fails the changes that need it.
type Services struct {
	Certificates Certificates
	LocalCA      LocalCA
	Executors    []Executor
	Prober       Prober
	Locker       Locker                 // nil: FileLock{} on this machine
	Self         func() ([]byte, error) // the content of the running sslwizard
	Clock        func() time.Time       // nil: time.Now
	// BootUnit is the content of steps.RecoverService; nil, or empty: nobody undoes at boot what the power cuts off.
	BootUnit func() []byte
	// Booting says that this is that unit: services are only asked to start, since they wait for it.
	Booting bool
	// Replace lists files whose drift the user has seen and wants overwritten (or put back, or removed). What is there
	// is backed up like everything else.
	Replace []string
}

// Engine does plans on a host. Its methods may be called from several goroutines; the lock lets one act at a time.
type Engine struct {
	h host.Host
	s Services
}

// New returns the engine for a host.
func New(h host.Host, s Services) *Engine {
	if s.Clock == nil {
		s.Clock = time.Now
	}
	if s.Locker == nil {
		s.Locker = FileLock{}
	}
	return &Engine{h: h, s: s}
}

func (e *Engine) executor(name string) (Executor, error) {
	for _, x := range e.s.Executors {
		if x.Name() == name {
			return x, nil
		}
	}
	return nil, failf("cannot use the executor %q: this build does not have it", name)
}
