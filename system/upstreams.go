package system

import (
	"context"
	"sync"
	"time"

	"github.com/c93d5bcb/sslwizard/steps"
	"github.com/c93d5bcb/sslwizard/system/probe"
)

// upstreamTime is how long one of several upstreams may take to answer.
const upstreamTime = 5 * time.Second

// ask asks every upstream of a site that has several, and returns the first that answers, which the site is compared with.
// One that does not is a warning: the others are there for that.
func ask(ctx context.Context, site steps.Site, seen func(steps.Check)) (answers steps.Upstream, checks []steps.Check) {
	all := site.Proxy.Upstreams()
	answers = all[0]
	if len(all) == 1 {
		return answers, nil
	}
	checks = make([]steps.Check, len(all))
	var asked sync.WaitGroup
	for n, u := range all {
		asked.Go(func() { _, _, checks[n] = probe.Application(ctx, u, string(site.Certs.Domains[0]), upstreamTime) })
	}
	asked.Wait()
	found := false
	for n := range checks {
		c := &checks[n]
		c.Name, c.Address = "proxy.upstream", all[n].String()
		if c.Verdict == steps.OK && !found {
			answers, found = all[n], true
		}
		if c.Verdict == steps.Fail {
			c.Verdict = steps.Warn
		}
		seen(*c)
	}
	return answers, checks
}
