package apply

import (
	"io/fs"
	"path"
	"slices"
	"strings"

	"github.com/c93d5bcb/sslwizard/steps"
	"github.com/c93d5bcb/sslwizard/system/host"
)

// belongings are what we make in our own folders, as patterns of path.Match below each. What matches none of them is
// somebody else's and is not erased with the rest: folders go only when they are empty.
var belongings = map[string][]string{
	steps.RenewDir:  {"*.json"},
	steps.NotifyDir: {"*.json"},
	steps.CADir:     {"ca.pem", "ca.key"},
	steps.CertsDir:  {"*/current", "*/v*/key.pem", "*/v*/fullchain.pem", "*/v*/meta.json"},
	steps.ACMEDir:   {"*.json", "accounts/*/*.pem", "accounts/*/*.json", "orders/*/*.pem", "orders/*/*.json"},
	steps.Webroot:   {steps.ChallengePath[1:] + "*", steps.ALPNPath[1:] + "*", steps.CAPath[1:] + steps.CACertFile, steps.CAPath[1:] + steps.CAPageFile},
}

// belongs reports whether we made what is at name, below root.
func belongs(root, name string, f host.File) bool {
	below := strings.TrimPrefix(name, root+"/")
	return f.Mode.IsDir() || host.IsTemp(path.Base(name)) || slices.ContainsFunc(belongings[root], func(pattern string) bool {
		ours, _ := path.Match(pattern, below)
		return ours
	})
}

// eraseRuns removes the log of runs, the oldest first: the undo that says of the others that they are undone is the last
// of them. Without it they would be undone again.
func (e *Engine) eraseRuns() error {
	ids, err := runIDs(e.h)
	if err != nil {
		return err
	}
	for _, id := range ids {
		if err := removeAll(e.h, newJournal(e.h, manifest{ID: id}).dir()); err != nil {
			return err
		}
	}
	return nil
}

// erase removes what is left of our own folders, and tells what stays in them because it is somebody else's. The lock goes
// last, held by us: whoever waits for it finds that the file is another one, and tries again.
func (e *Engine) erase(keepCertificates bool) (left []string, err error) {
	// The undo that is done may not have been able to close itself, and what is left of it must not lead nowhere.
	if err := newJournal(e.h, manifest{}).unlink(); err != nil {
		return nil, err
	}
	e.sweep(nil)
	if err := e.eraseRuns(); err != nil {
		return nil, err
	}
	roots := []string{steps.Webroot, steps.RenewDir, steps.NotifyDir}
	if !keepCertificates {
		roots = append(roots, steps.CertsDir, steps.ACMEDir, steps.CADir)
	}
	for _, root := range roots {
		theirs, err := e.eraseOurs(root)
		if err != nil {
			return nil, err
		}
		left = append(left, theirs...)
	}
	for _, root := range []string{steps.DoneDir, steps.RuntimeDir, steps.NotifyLock, steps.LoginText, steps.LockFile} {
		if err := removeAll(e.h, root); err != nil {
			return nil, err
		}
	}
	for _, dir := range []string{steps.CertsDir, steps.StateDir, steps.SitesDir, "/etc/sslwizard"} {
		if err := e.eraseEmpty(dir); err != nil {
			return nil, err
		}
	}
	return left, nil
}

// eraseOurs removes what is ours at and below a root, and returns what is not.
func (e *Engine) eraseOurs(root string) (theirs []string, err error) {
	type found struct {
		name string
		ours bool
		dir  bool
	}
	var all []found
	err = walk(e.h, root, func(name string, f host.File) {
		all = append(all, found{name, belongs(root, name, f), f.Mode.IsDir()})
	})
	if err != nil {
		return nil, err
	}
	for _, f := range slices.Backward(all) { // what is in a folder goes before it
		switch {
		case f.dir:
			err = e.eraseEmpty(f.name)
		case f.ours:
			err = e.h.Remove(f.name)
		default:
			theirs = append(theirs, steps.CleanLine(f.name+": it is not sslwizard's; it stays"))
		}
		if err != nil {
			return nil, err
		}
	}
	slices.Sort(theirs)
	return theirs, nil
}

// eraseEmpty removes a folder in which nothing is.
func (e *Engine) eraseEmpty(dir string) error {
	f, err := e.h.ReadFile(dir)
	if absent(err) || err == nil && (f.Mode.Type() != fs.ModeDir || len(f.Entries) > 0) {
		return nil
	}
	if err != nil {
		return err
	}
	return e.h.Remove(dir)
}
