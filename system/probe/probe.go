// Package probe looks at a served site the way a browser and a WebSocket client do, from the outside, and says what it
// saw: one check at a time, each with the name that a browser has for the failure.
//
// It needs no root and can be used against any server. It never writes to the host, never starts a program, never
// sends a secret, never fetches a missing certificate, and never prints. Everything that it waits for is bounded in
// time and size, and text of the peer is cleaned before it gets into a check.
package probe

import (
	"cmp"
	"context"
	"net"
	"net/netip"
	"slices"
	"sync"
	"time"

	"github.com/c93d5bcb/sslwizard/steps"
)

// Run probes the target and returns what it found, sorted by step, check and address. Checks go to progress, which may
// be nil, as they come; progress is never called twice at once. When ctx ends, what was not looked at yet is missing
// from the report.
func Run(ctx context.Context, t Target, progress func(steps.Check)) steps.Report {
	start := time.Now()
	p := &prober{target: t.withDefaults(), rec: recorder{progress: progress}, lookup: net.DefaultResolver.LookupNetIP}
	p.run(ctx)
	return steps.Report{Target: p.target.origin(), Checks: p.rec.sorted(), Took: time.Since(start)}
}

// prober is one run against one target.
type prober struct {
	target Target
	rec    recorder
	lookup func(ctx context.Context, network, name string) ([]netip.Addr, error)
}

func (p *prober) run(ctx context.Context) {
	ends := p.target.endpoints()
	if len(ends) == 0 {
		ends = p.resolve(ctx)
	}
	var group sync.WaitGroup
	for _, e := range ends {
		group.Go(func() { p.https(ctx, e) })
		group.Go(func() { p.http(ctx, e) })
	}
	group.Wait()
}

// endpoint is one address of the site: where TLS is spoken and where plain HTTP is. An invalid http is not asked.
type endpoint struct {
	https, http netip.AddrPort
}

// outcome is what a check came to, before it is known how long it took.
type outcome struct {
	verdict steps.Verdict
	fault   fault
	detail  string
}

// recorder collects checks of many goroutines.
type recorder struct {
	mu       sync.Mutex
	checks   []steps.Check
	progress func(steps.Check)
}

// mark is a check that was begun.
type mark struct {
	rec   *recorder
	check steps.Check
	start time.Time
}

// begin starts the clock of a check.
func (p *prober) begin(step steps.ID, name string, addr netip.AddrPort) mark {
	c := steps.Check{Step: step, Name: name}
	if addr.IsValid() {
		c.Address = addr.String()
	}
	return mark{rec: &p.rec, check: c, start: time.Now()}
}

// end records the check with its outcome.
func (m mark) end(o outcome) {
	m.check.Verdict = o.verdict
	m.check.Detail = steps.CleanLine(clip(o.detail, maxDetail))
	m.check.Code = o.fault.code
	m.check.Browser = steps.CleanLine(o.fault.browser)
	m.check.Blame = o.fault.blame
	for _, line := range o.fault.fix {
		m.check.Fix = append(m.check.Fix, steps.CleanFix(clip(line, maxDetail)))
	}
	m.check.Elapsed = time.Since(m.start)
	m.rec.add(m.check)
}

// maxDetail bounds the text of a check, in bytes.
const maxDetail = 600

func clip(s string, n int) string {
	if len(s) <= n {
		return s
	}
	return s[:n] + "…"
}

func (r *recorder) add(c steps.Check) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.checks = append(r.checks, c)
	if r.progress != nil {
		r.progress(c)
	}
}

// sorted returns the checks in an order that does not depend on the network.
func (r *recorder) sorted() []steps.Check {
	r.mu.Lock()
	defer r.mu.Unlock()
	order := steps.IDs()
	slices.SortStableFunc(r.checks, func(a, b steps.Check) int {
		return cmp.Or(
			cmp.Compare(slices.Index(order, a.Step), slices.Index(order, b.Step)),
			cmp.Compare(a.Address, b.Address),
			cmp.Compare(a.Name, b.Name),
		)
	})
	return r.checks
}
