package system

import (
	"cmp"
	"context"
	"slices"
	"time"

	"github.com/c93d5bcb/sslwizard/steps"
	"github.com/c93d5bcb/sslwizard/system/apply"
	"github.com/c93d5bcb/sslwizard/system/inspect"
	"github.com/c93d5bcb/sslwizard/system/renew"
)

// Revoke implements command.Accountant. It is a run like a renewal: one at a time.
func (i *Installer) Revoke(ctx context.Context, req steps.RevokeRequest, sink func(steps.Event)) error {
	if !slices.Contains(inspect.SiteNames(i.host), req.Site) {
		return &steps.Failure{Text: "cannot revoke the certificate of " + steps.CleanLine(req.Site) + ": no such site is stored on this server", Status: steps.ExitUsage,
			Fixes: []string{"sslwizard status    lists the sites"}}
	}
	do := func(say func(string)) error {
		sites, err := inspect.StoredSites(i.host, req.Site)
		if err != nil {
			return err
		}
		return i.renewer.Revoke(ctx, i.host, sites[0], req, live{i}, say)
	}
	if req.DryRun {
		return do(saying(sink))
	}
	return i.alone(ctx, "revoke a certificate", sink, do)
}

func saying(sink func(steps.Event)) func(string) {
	return func(text string) {
		sink(steps.Event{Time: time.Now(), Status: steps.Progress, Text: steps.CleanLine(text)})
	}
}

// alone does something while no other run can change the host; one that was cut off is taken back first.
func (i *Installer) alone(ctx context.Context, what string, sink func(steps.Event), do func(say func(string)) error) error {
	if _, _, err := i.engine.Recover(ctx, sink); err != nil {
		return err
	}
	release, err := apply.FileLock{Root: i.root}.Lock(what)
	if err != nil {
		return err
	}
	defer release()
	return do(saying(sink))
}

// Accounts implements command.Accountant.
func (i *Installer) Accounts(ctx context.Context) ([]steps.ACMEAccount, error) {
	all, err := renew.AccountsOf(i.host)
	if err != nil {
		return nil, err
	}
	f, err := i.present(ctx)
	for n := range all {
		all[n].Sites = []string{}
		for _, s := range f.Managed.Sites {
			if t, asked := s.Trusted.At(all[n].Directory); asked {
				all[n].Sites, all[n].EAB = append(all[n].Sites, s.Name), cmp.Or(all[n].EAB, t.EAB.KeyID)
			}
		}
	}
	return all, err
}

// RollOver implements command.Accountant.
func (i *Installer) RollOver(ctx context.Context, req steps.AccountRequest, sink func(steps.Event)) error {
	return i.alone(ctx, "change an account key", sink, func(say func(string)) error { return i.renewer.RollOver(ctx, i.host, i.rooted(ctx, req), say) })
}

// ImportAccount implements command.Accountant.
func (i *Installer) ImportAccount(ctx context.Context, req steps.AccountRequest, sink func(steps.Event)) error {
	return i.alone(ctx, "move an account in", sink, func(say func(string)) error { return i.renewer.Import(ctx, i.host, i.rooted(ctx, req), say) })
}

// rooted takes the roots of a private directory from a site that has its certificates there, when nobody named others.
func (i *Installer) rooted(ctx context.Context, req steps.AccountRequest) steps.AccountRequest {
	if f, err := i.present(ctx); err == nil && req.CARoots == "" {
		for _, s := range f.Managed.Sites {
			if t, asked := s.Trusted.At(req.Directory); asked {
				req.CARoots = t.CARoots
			}
		}
	}
	return req
}
