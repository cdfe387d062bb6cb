// Package inspect reads what a host is into steps.Facts. It changes no byte of the host, decides nothing, and asks
// nothing of the network; what cannot be read stays unknown. The queries run side by side.
package inspect

import (
	"context"
	"strings"
	"sync"
	"time"

	"github.com/c93d5bcb/sslwizard/steps"
	"github.com/c93d5bcb/sslwizard/system/host"
)

// Options is what Gather is told. The zero value asks the running process and leaves what others store unread.
type Options struct {
	// Process is what is known without the Reader; nil is ThisProcess("").
	Process *Process
	// Certificate describes the current certificate of a stored site, if it has one.
	Certificate func(site string) (steps.CertFacts, bool)
	// Accounts are the ACME directories at which this host has an account.
	Accounts func() []string
	// Files is Managed.Files: path → sha256 of what was last written there.
	Files map[string]string
	// NoCandidate leaves out which nginx apt would install. Without apt's own cache the question takes up to a second.
	NoCandidate bool
}

// queryTime is how long any one query may take; what is not answered by then is unknown.
const queryTime = 5 * time.Second

// inspector is one gathering.
type inspector struct {
	ctx    context.Context
	host   host.Reader
	opt    Options
	units  func() map[string]unitState
	owners sync.Map // path of a program → func() string
}

// Gather reads the facts. The only error is that of a context that ended.
func Gather(ctx context.Context, r host.Reader, opt Options) (steps.Facts, error) {
	if opt.Process == nil {
		opt.Process = ThisProcess("")
	}
	in := &inspector{ctx: ctx, host: r, opt: opt}
	in.units = sync.OnceValue(in.queryUnits)
	p := opt.Process
	f := steps.Facts{Root: p.Root, Arch: p.Arch, Hostname: in.hostname(), Distro: in.distro(), Services: in.services()}
	together(
		func() { f.Packages = in.packages() },
		func() { f.Firewall = in.firewall() },
		func() { f.Listeners = in.listeners() },
		func() { f.Nginx = in.nginx() },
		func() { f.Managed = in.managed() },
		func() { f.Addresses, f.IPv6 = p.Network() },
		func() {
			room := p.Free(steps.StateDir)
			f.FreeBytes, f.NoFiles, f.ReadOnly = room.Bytes, room.NoFiles, room.ReadOnly
		},
		func() { f.Renewers = in.renewers() },
		func() { f.Panels, f.Minders = in.panels(), in.minders() },
		func() { f.Self = p.Self() },
		func() {
			dir, err := r.ReadFile(steps.MotdDir)
			f.MotdDir = err == nil && dir.Mode.IsDir()
		},
	)
	return f, ctx.Err()
}

func together(parts ...func()) {
	var all sync.WaitGroup
	for _, part := range parts {
		all.Go(part)
	}
	all.Wait()
}

// read is the content of a file, following a link to it; "" when it cannot be read.
func (in *inspector) read(path string) string {
	_, f, err := follow(in.host, path)
	if err != nil {
		return ""
	}
	return string(f.Data)
}

// entries are the names in a folder; none when it cannot be read.
func (in *inspector) entries(path string) []string {
	f, err := in.host.ReadFile(path)
	if err != nil {
		return nil
	}
	return f.Entries
}

func (in *inspector) exists(path string) bool {
	_, err := in.host.ReadFile(path)
	return err == nil
}

// has reports whether the host would find the program.
func (in *inspector) has(program string) bool {
	for _, dir := range []string{"/usr/sbin/", "/usr/bin/", "/sbin/", "/bin/"} {
		if in.exists(dir + program) {
			return true
		}
	}
	return false
}

// query returns standard output of a command that succeeded.
func (in *inspector) query(argv ...string) (string, bool) {
	out, ok := in.ask(host.Command{Argv: argv})
	return string(out.Stdout), ok && out.Status == 0
}

// ask returns what a command said, whatever its status; false when it did not run to its end.
func (in *inspector) ask(c host.Command) (host.Output, bool) {
	if c.Timeout == 0 {
		c.Timeout = queryTime
	}
	out, err := in.host.Query(in.ctx, c)
	return out, err == nil
}

// lines are the non-empty lines, trimmed.
func lines(text string) []string {
	var all []string
	for line := range strings.SplitSeq(text, "\n") {
		if line = strings.TrimSpace(line); line != "" {
			all = append(all, line)
		}
	}
	return all
}

func clean(s string) string { return steps.CleanLine(s) }
