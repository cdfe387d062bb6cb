package apply

import (
	"context"
	"fmt"

	"github.com/c93d5bcb/sslwizard/steps"
)

// Confirm looks at sites that are served already, as the end of a run does, and changes nothing. Without a fault the
// outcome is OutcomeNothing, otherwise OutcomeUnverified with what was seen.
func (e *Engine) Confirm(ctx context.Context, sites []steps.Verify, sink func(steps.Event)) (steps.Result, error) {
	events := newFeed(sink)
	defer events.close()
	res := steps.Result{Outcome: steps.OutcomeNothing}
	var failed []steps.Check
	for _, v := range sites {
		for _, site := range v.Sites {
			if e.s.Prober == nil {
				return res, failf("cannot verify %s: this build has no probe", site.Name)
			}
			report, err := e.s.Prober.Probe(ctx, site, v.Trusted)
			if err != nil {
				return res, fmt.Errorf("cannot verify %s: %w", site.Name, err)
			}
			events.send(steps.Event{Time: e.s.Clock(), Status: steps.Progress, Report: &report})
			res.Reports = append(res.Reports, report)
			failed = append(failed, report.Failed()...)
		}
	}
	if res.Err = unverified(failed); res.Err != nil {
		res.Outcome = steps.OutcomeUnverified
	}
	return res, res.Err
}

// lastVerify are the verifications that a plan ends with: what the earlier ones do not judge, these do.
func lastVerify(p steps.Plan) []steps.Verify {
	var all []steps.Verify
	for _, c := range p.Changes {
		if v, ok := c.(steps.Verify); ok {
			all = append(all, v)
		}
	}
	return withoutEarlier(all)
}

// withoutEarlier leaves each site with its last verification.
func withoutEarlier(all []steps.Verify) []steps.Verify {
	last := map[string]int{}
	for n, v := range all {
		for _, s := range v.Sites {
			last[s.Name] = n
		}
	}
	var rest []steps.Verify
	for n, v := range all {
		kept := steps.Verify{For: v.For, Trusted: v.Trusted}
		for _, s := range v.Sites {
			if last[s.Name] == n {
				kept.Sites = append(kept.Sites, s)
			}
		}
		if len(kept.Sites) > 0 {
			rest = append(rest, kept)
		}
	}
	return rest
}
