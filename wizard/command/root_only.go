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
	return a.rootless("cannot change this server without root; nothing was changed")
}

// needRootToSee refuses what only root may read.
func (a *App) needRootToSee(what string) error {
	if a.needRoot(false) == nil {
		return nil
	}
	return a.rootless("cannot see " + what + " without root")
}

func (a *App) rootless(text string) error {
	return &steps.Failure{Text: text, Code: "H01", Status: steps.ExitNotRoot, Fixes: []string{a.again(a.args)}}
}

// unlessBlind is the error, unless it may be one only because this user may not see what is stored here.
func (a *App) unlessBlind(ctx context.Context, m Observer, err error) error {
	if a.Root {
		return err
	}
	if s, failed := m.Status(ctx); failed == nil && blind(s) {
		return a.rootless("cannot see the stored sites without root")
	}
	return err
}

// blind reports a status without sites by somebody who may not see them.
func blind(s steps.HostStatus) bool { return len(s.Sites) == 0 && hidden(s.Findings) }

// hidden reports the note that root would see more.
func hidden(findings []steps.Finding) bool {
	return slices.ContainsFunc(findings, func(f steps.Finding) bool { return f.Code == "H01" })
}
