package system

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"time"

	"github.com/c93d5bcb/sslwizard/assets"
	"github.com/c93d5bcb/sslwizard/steps"
	"github.com/c93d5bcb/sslwizard/system/apply"
	"github.com/c93d5bcb/sslwizard/system/notify"
	"github.com/c93d5bcb/sslwizard/system/renew"
)

// Plan implements command.Planner.
func (i *Installer) Plan(ctx context.Context, sites []steps.Site) (steps.Preview, error) {
	chosen, others, err := choose(sites)
	if err != nil {
		return steps.Preview{}, err
	}
	if err := i.namedFiles(sites); err != nil {
		return steps.Preview{}, err
	}
	f, err := i.facts(ctx, chosen.Name() == steps.ExecutorNginx)
	if err != nil {
		return steps.Preview{}, err
	}
	if f.ClientCAs, err = i.clientCAs(sites, f.Managed.Sites); err != nil {
		return steps.Preview{}, err
	}
	f.DNSFiles, f.Notify = i.dnsFiles(sites), i.notifyFacts(sites)
	plan, findings, err := steps.Build(sites, f, extras(f), chosen, others...)
	if err != nil {
		return steps.Preview{}, err
	}
	return i.preview(ctx, plan, findings)
}

// namedFiles looks at the files that the answers name before anything is planned with them. Certificate and key of
// trusted.source "files" are looked at by the preview.
func (i *Installer) namedFiles(sites []steps.Site) error {
	for _, s := range sites {
		for _, file := range []string{s.Trusted.CARoots, s.Trusted.Fallback.CARoots} {
			_, err := renew.Roots(i.host, file)
			if err != nil && !errors.Is(err, fs.ErrPermission) { // a dry run without root sees what it may see
				return err
			}
		}
	}
	return nil
}

// clientCAs reads the CAs of the clients of every site: those that the answers name, and for a site that is stored beside
// them the copy that it has.
func (i *Installer) clientCAs(asked, stored []steps.Site) (map[string]steps.ClientCA, error) {
	all := map[string]steps.ClientCA{}
	for _, s := range slices.Concat(stored, asked) { // what is asked counts
		if s.SSL.ClientAuth == "" {
			continue
		}
		if !slices.ContainsFunc(asked, func(a steps.Site) bool { return a.Name == s.Name }) {
			s.SSL.ClientCA = steps.ClientCAFile(s.Name)
		}
		ca, err := renew.ClientCAs(i.host, s, time.Now())
		if err != nil && !errors.Is(err, fs.ErrPermission) {
			return nil, err
		}
		all[s.Name] = ca
	}
	return all, nil
}

// dnsFiles looks at the credentials of the sites that are proved by records of the DNS.
func (i *Installer) dnsFiles(sites []steps.Site) map[string]steps.RootFile {
	all := map[string]steps.RootFile{}
	for _, s := range sites {
		if s.Trusted.Challenge == steps.DNS01 {
			all[s.Name] = renew.DNSFile(i.host, s.Trusted.DNS)
		}
	}
	return all
}

// notifyFacts looks at what the sites want to have told, and by what.
func (i *Installer) notifyFacts(sites []steps.Site) map[string]steps.NotifyFacts {
	all := map[string]steps.NotifyFacts{}
	for _, s := range sites {
		if s.Trusted.Notify.Somebody() {
			all[s.Name] = notify.Look(i.host, s.Trusted.Notify)
		}
	}
	return all
}

// PlanRemoval implements command.Planner.
func (i *Installer) PlanRemoval(ctx context.Context, site string) (steps.Preview, error) {
	f, err := i.facts(ctx, false)
	if err != nil {
		return steps.Preview{}, err
	}
	plan, findings, err := steps.BuildRemoval(site, f, executors()...)
	if err != nil {
		return steps.Preview{}, err
	}
	return i.preview(ctx, plan, findings)
}

// preview adds what the host itself says against the plan. A plan that is blocked is not previewed: it may not even be
// complete. Its files are shown where the system is one that we do not know, so that they can be put there by hand.
func (i *Installer) preview(ctx context.Context, plan steps.Plan, findings []steps.Finding) (steps.Preview, error) {
	for _, f := range findings {
		switch {
		case f.Severity != steps.Blocker || f.Code == "H01":
		case f.Code == "H10":
			return steps.Preview{Plan: plan, Findings: findings, Effects: byHand(plan)}, nil
		default:
			return steps.Preview{Plan: plan, Findings: findings}, nil
		}
	}
	p, err := i.engine.Preview(ctx, i.host, plan)
	if err != nil {
		return steps.Preview{}, err
	}
	p.Findings = append(findings, p.Findings...)
	return p, nil
}

// byHand is every file of the plan as a new one, whole: it is to be put there as it is shown.
func byHand(plan steps.Plan) []steps.Effect {
	var effects []steps.Effect
	for _, c := range plan.Changes {
		if w, ok := c.(steps.WriteFile); ok {
			e := steps.Effect{Change: c, Action: steps.Create}
			e.Diff, e.Note = apply.ToCopy(w.Path, w.Content)
			effects = append(effects, e)
		}
	}
	return effects
}

// Stored implements command.Planner.
func (i *Installer) Stored(ctx context.Context) ([]steps.Site, error) {
	f, err := i.present(ctx)
	return f.Managed.Sites, err
}

// choose finds the executor that the sites name and the ones that they do not.
func choose(sites []steps.Site) (chosen steps.Executor, others []steps.Executor, err error) {
	if len(sites) == 0 {
		return nil, nil, fmt.Errorf("cannot plan: no site is named")
	}
	for _, x := range executors() {
		if x.Name() == sites[0].Install.Executor {
			chosen = x
		} else {
			others = append(others, x)
		}
	}
	if chosen == nil {
		return nil, nil, fmt.Errorf("cannot plan: there is no executor %q", steps.CleanLine(sites[0].Install.Executor))
	}
	return chosen, others, nil
}

// extras are the units of the renewal, for the program as the plan installs it.
func extras(f steps.Facts) steps.Extras {
	return steps.Extras{RenewService: assets.RenewServiceUnit(f.Binary()), RenewTimer: assets.RenewTimerUnit(),
		NotifyService: assets.NotifyServiceUnit(f.Binary()), LoginScript: assets.LoginScript(steps.LoginText)}
}
