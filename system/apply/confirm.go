package apply

import (
	"context"
	"fmt"

	"github.com/c93d5bcb/sslwizard/steps"
)

// Confirm looks at sites that are served already, as the end of a run does, and changes nothing. Without a fault the
// outcome is OutcomeNothing, otherwise OutcomeUnverified with what was seen.
func (e *Engine) Confirm(ctx context.Context, sites []steps.Verify, sink func(steps.Event)) (steps.Result, error) {
	res := steps.Result{Outcome: steps.OutcomeNothing}
	failed, err := e.look(ctx, &res, sites, sink)
	if err != nil {
		return res, err
	}
	if res.Err = unverified("cannot prove the whole", failed); res.Err != nil {
		res.Outcome = steps.OutcomeUnverified
	}
	return res, res.Err
}

// ConfirmUndone looks at the sites that an undo left served, as the end of a run looks at its own, and adds to the
// undo's result what was seen. The undo itself stays done: where a site does not work the outcome is OutcomeUnverified.
// Without a finished undo, or without sites, it does nothing.
func (e *Engine) ConfirmUndone(ctx context.Context, res steps.Result, sites []steps.Site, sink func(steps.Event)) (steps.Result, error) {
	if res.Outcome != steps.OutcomeDone && res.Outcome != steps.OutcomeReverted {
		return res, nil
	}
	failed, err := e.look(ctx, &res, asServed(sites), sink)
	if err == nil {
		err = unverified("cannot prove that what is served now works (the undo itself is done)", failed)
	}
	if err != nil {
		res.Outcome, res.Err = steps.OutcomeUnverified, err
	}
	return res, err
}

// asServed are the verifications at the end of a run that served these sites.
func asServed(sites []steps.Site) []steps.Verify {
	local := steps.Verify{For: steps.For(steps.IDWebSockets)}
	trusted := steps.Verify{For: steps.For(steps.IDTrusted), Trusted: true}
	for _, s := range sites {
		if s.Trusted.Source == steps.SourceNone {
			local.Sites = append(local.Sites, s)
		} else {
			trusted.Sites = append(trusted.Sites, s)
		}
	}
	return []steps.Verify{local, trusted}
}

// look probes the sites, adds the reports to a result and returns the checks that failed.
func (e *Engine) look(ctx context.Context, res *steps.Result, sites []steps.Verify, sink func(steps.Event)) ([]steps.Check, error) {
	events := newFeed(sink)
	defer events.close()
	var failed []steps.Check
	for _, v := range sites {
		for _, site := range v.Sites {
			if e.s.Prober == nil {
				return nil, failf("cannot verify %s: this build has no probe", site.Name)
			}
			report, err := e.s.Prober.Probe(ctx, site, v.Trusted, func(c steps.Check) {
				events.send(steps.Event{Time: e.s.Clock(), Run: res.Run, Status: steps.Progress, Check: &c})
			})
			if err != nil {
				return nil, fmt.Errorf("cannot verify %s: %w", site.Name, err)
			}
			events.send(steps.Event{Time: e.s.Clock(), Run: res.Run, Status: steps.Progress, Report: &report})
			res.Reports = append(res.Reports, report)
			failed = append(failed, report.Failed()...)
		}
	}
	return failed, nil
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
