// Package system is the machine: the only code that reads or changes the host. Installer is its face; main hands it to
// the wizard, which knows it only as an interface.
//
// Nothing here talks to a person, and nothing here decides what a site needs: that is package steps.
package system

import (
	"context"
	"os"

	"github.com/c93d5bcb/sslwizard/steps"
	"github.com/c93d5bcb/sslwizard/system/apply"
	"github.com/c93d5bcb/sslwizard/system/cert"
	"github.com/c93d5bcb/sslwizard/system/host"
	"github.com/c93d5bcb/sslwizard/system/inspect"
	"github.com/c93d5bcb/sslwizard/system/native"
	"github.com/c93d5bcb/sslwizard/system/nginx"
	"github.com/c93d5bcb/sslwizard/system/renew"
)

// Installer is one host with everything that can be asked of it. Its methods may be called one after the other; the
// ones that change the host keep other processes out with a lock.
type Installer struct {
	root    string
	host    host.Host
	engine  *apply.Engine
	renewer *renew.Manager
	replace []string
	booting bool
}

// Options say which host is meant and who asks.
type Options struct {
	Root    string   // folder that is treated as /; "" is the real one
	Replace []string // files that may be overwritten although somebody edited them
	Version string   // of sslwizard, for the CA
	Booting bool     // services are on their way up, and wait for this
}

// New returns the installer of a host. Nothing is read yet.
func New(o Options) *Installer {
	h := host.New(o.Root)
	i := &Installer{root: o.Root, host: h, booting: o.Booting, replace: o.Replace, renewer: &renew.Manager{UserAgent: "sslwizard/" + o.Version, Tell: writeDown}}
	i.engine = apply.New(h, apply.Services{
		Certificates: i.renewer,
		LocalCA:      cert.Shared{},
		Executors:    []apply.Executor{native.NewRuntime(), nginx.NewRuntime()},
		Prober:       verifier{i},
		Locker:       apply.FileLock{Root: o.Root},
		Self:         self,
		Replace:      o.Replace,
		BootUnit:     bootUnit,
		Booting:      o.Booting,
	})
	return i
}

// executors are the planners, by the name in the answers file.
func executors() []steps.Executor { return []steps.Executor{native.Executor{}, nginx.Executor{}} }

// self is the content of the running program.
func self() ([]byte, error) { return os.ReadFile("/proc/self/exe") }

// facts reads what the host is, with what earlier runs left. Which nginx could be installed is asked only when one may
// have to be: without apt's own cache that question takes up to a second.
func (i *Installer) facts(ctx context.Context, candidate bool) (steps.Facts, error) {
	written, err := apply.Receipt(i.host)
	if err != nil {
		return steps.Facts{}, err
	}
	return i.look(ctx, candidate, written)
}

// present are the facts for who plans nothing: the log of runs is not needed, and may be damaged.
func (i *Installer) present(ctx context.Context) (steps.Facts, error) { return i.look(ctx, false, nil) }

func (i *Installer) look(ctx context.Context, candidate bool, written map[string]string) (steps.Facts, error) {
	return inspect.Gather(ctx, i.host, inspect.Options{
		Process:     inspect.ThisProcess(i.root),
		Certificate: i.certificate,
		Accounts:    func() []string { return renew.Accounts(i.host) },
		Files:       written,
		NoCandidate: !candidate,
	})
}

func (i *Installer) certificate(site string) (steps.CertFacts, bool) {
	c, err := cert.CurrentFacts(i.host, site)
	return c, err == nil
}
