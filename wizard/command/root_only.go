package command

import (
	"context"
	"slices"

	"github.com/c93d5bcb/sslwizard/steps"
)

// needRoot refuses what changes the server before anything is looked at: who is not root would read of a hundred things
// that they may not see. With --root-dir the folder's own permissions decide.
func (a *App) needRoot(dry bool) error {
	if dry || a.Root || a.flags.root != "" {
		return nil
	}
	return &steps.Failure{Text: "cannot change this server without root; nothing was changed", Code: "H01", Status: steps.ExitNotRoot,
		Fixes: []string{a.again(a.args)}}
}

// unlessBlind is the error, unless it may be one only because this user may not see what is stored here.
func (a *App) unlessBlind(ctx context.Context, m Observer, err error) error {
	if a.Root {
		return err
	}
	if s, failed := m.Status(ctx); failed == nil && blind(s) {
		return &steps.Failure{Text: "cannot see the stored sites without root", Code: "H01", Status: steps.ExitNotRoot, Fixes: []string{a.again(a.args)}}
	}
	return err
}

// blind reports a status without sites by somebody who may not see them.
func blind(s steps.HostStatus) bool { return len(s.Sites) == 0 && hidden(s.Findings) }

// hidden reports the note that root would see more.
func hidden(findings []steps.Finding) bool {
	return slices.ContainsFunc(findings, func(f steps.Finding) bool { return f.Code == "H01" })
}
