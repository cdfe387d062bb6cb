package apply

import (
	"context"
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/c93d5bcb/sslwizard/steps"
	"github.com/c93d5bcb/sslwizard/system/host"
)

// certVerb has the certificate store make, import or obtain a certificate.
type certVerb struct {
	c    steps.Change
	site string
	keep bool // what a CA gave stays when the run is taken back: its limits are counted by the week
}

// StoreState is what was below the folders of the certificate store.
type StoreState struct {
	Roots    []string `json:"roots"`
	Existing []string `json:"existing"` // every path below the roots
	Keep     bool     `json:"keep"`
}

func (v certVerb) look(ctx context.Context, w *view) (steps.Effect, []steps.Finding, error) {
	e := steps.Effect{Change: v.c, Action: steps.Nothing}
	if w.services.Certificates == nil {
		return e, nil, failf("cannot look at the certificate of %s: this build has no certificate store", v.site)
	}
	action, note, err := w.services.Certificates.Pending(ctx, w.Reader, v.c)
	if action != 0 {
		e.Action = action
	}
	e.Note = steps.CleanLine(note)
	return e, nil, err
}

func (v certVerb) roots() []string {
	roots := []string{path.Join(steps.CertsDir, v.site)}
	switch v.c.(type) {
	case steps.IssueLocal:
		roots = append(roots, steps.CADir)
	case steps.ObtainCertificate:
		roots = append(roots, steps.ACMEDir)
	}
	return roots
}

func (v certVerb) current() string { return path.Join(steps.CertsDir, v.site, "current") }

func (v certVerb) record(_ context.Context, r *recorder) (Before, error) {
	b := Before{Store: &StoreState{Roots: v.roots(), Keep: v.keep}}
	for _, root := range v.roots() {
		parents, err := missingParents(r, root)
		if err != nil {
			return b, err
		}
		b.Paths = append(b.Paths, parents...)
		if err := walk(r, root, func(p string, _ host.File) { b.Store.Existing = append(b.Store.Existing, p) }); err != nil {
			return b, err
		}
	}
	for _, name := range v.touched() {
		p, err := r.path(name, nil)
		if err != nil {
			return b, err
		}
		b.Paths = append(b.Paths, p)
	}
	return b, nil
}

// touched are the paths in the store that change in place; all others are only ever added.
func (v certVerb) touched() []string {
	if _, local := v.c.(steps.IssueLocal); local {
		return []string{path.Join(steps.CADir, "ca.pem"), v.current()}
	}
	return []string{v.current()}
}

func (v certVerb) do(ctx context.Context, d *doing) error {
	err := d.services.Certificates.Make(ctx, d, v.c, d.progress)
	if oerr := v.observe(d); err == nil {
		err = oerr
	}
	return err
}

// observe remembers what was added, so that taking it back does not touch what a later renewal adds.
func (v certVerb) observe(d *doing) error {
	seen := Seen{Files: map[string]string{}}
	for _, root := range v.roots() {
		if err := walk(d, root, func(p string, f host.File) {
			if slices.Contains(v.touched(), p) || !slices.Contains(d.before.Store.Existing, p) {
				seen.Files[p] = stateOf(f).mark()
			}
		}); err != nil {
			return err
		}
	}
	return d.observe(seen)
}

// mark is a state's content in one word.
func (s State) mark() string {
	if s.Kind == kindLink {
		return s.Link
	}
	return s.SHA256
}

// undoStore takes away what was added to the store, unless it is kept, and the folders that are empty then.
func (u *undoing) undoStore(s *StoreState, seen *Seen) error {
	var added []Path
	for _, root := range s.Roots {
		if err := walk(u, root, func(p string, f host.File) {
			if !slices.Contains(s.Existing, p) {
				added = append(added, Path{Path: p, After: ptr(stateOf(f))})
			}
		}); err != nil {
			return err
		}
	}
	for _, p := range slices.Backward(added) {
		_, known := mapValue(seen, p.Path)
		switch {
		case p.After.Kind == kindDir:
			if err := u.removeEmpty(p.Path); err != nil {
				return err
			}
		case s.Keep:
			u.keepFromCA(p.Path)
		case seen == nil || known:
			if err := u.Remove(p.Path); err != nil {
				return err
			}
		default:
			u.keepOnce(path.Dir(p.Path), "it was made since")
		}
	}
	if !s.Keep && len(added) > 0 {
		u.undone("removed what was added to " + s.Roots[0])
	}
	return nil
}

// keepFromCA says that something of a CA stays, and why.
func (u *undoing) keepFromCA(name string) {
	if strings.HasPrefix(name, steps.ACMEDir+"/") {
		u.keepOnce(steps.ACMEDir, "your account at the CA stays, for the next try")
		return
	}
	u.keepOnce(path.Dir(name), "what the CA gave stays, for it gives only so many certificates in a week")
}

func ptr[T any](v T) *T { return &v }

func mapValue(s *Seen, key string) (string, bool) {
	if s == nil {
		return "", false
	}
	v, ok := s.Files[key]
	return v, ok
}

// removeEmpty removes a folder if nothing is in it.
func (u *undoing) removeEmpty(name string) error {
	f, err := u.ReadFile(name)
	if absent(err) {
		return nil
	}
	if err != nil {
		return err
	}
	if len(f.Entries) > 0 {
		return nil
	}
	if err := u.Remove(name); err != nil {
		return fmt.Errorf("cannot remove the empty folder %s: %w", name, err)
	}
	return nil
}
