package apply

import (
	"bytes"
	"context"
	"fmt"
	"path"
	"slices"

	"github.com/c93d5bcb/sslwizard/steps"
	"github.com/c93d5bcb/sslwizard/system/host"
)

// caVerb shares the certificate of this server's own CA: files that are made of it when it is there.
type caVerb struct {
	c      steps.Change
	wanted bool
	store  bool // the system's store is made of these files, among others
}

const (
	storeTool   = "/usr/sbin/update-ca-certificates"
	storeBundle = "/etc/ssl/certs/ca-certificates.crt"
)

// freshStore makes the system's store anew where a certificate is gone: without --fresh a dangling link would be left.
var freshStore = []string{"update-ca-certificates", "--fresh"}

// command makes the system's store anew.
func (v caVerb) command() []string {
	switch {
	case !v.store:
		return nil
	case v.wanted:
		return []string{"update-ca-certificates"}
	}
	return freshStore
}

func (v caVerb) look(_ context.Context, w *view) (steps.Effect, []steps.Finding, error) {
	e := steps.Effect{Change: v.c, Action: steps.Nothing}
	if w.services.LocalCA == nil {
		return e, nil, failf("cannot share this server's own CA: this build has none")
	}
	contents, err := w.services.LocalCA.Contents(w, v.c)
	switch {
	case absent(err):
		e.Action, e.Note = steps.Create, "the CA for these names is made before"
	case permission(err):
		e.Action, e.Note = steps.Execute, "the CA can be looked at by root only"
	case err != nil:
		return e, nil, err
	default:
		if e.Action, err = v.compare(w, contents); err != nil {
			return e, nil, err
		}
	}
	if command := v.command(); e.Action != steps.Nothing && command != nil {
		e.Commands = [][]string{command}
	}
	return e, nil, nil
}

// compare says what of the host has to change for these files to be there, and no others.
func (v caVerb) compare(w *view, contents map[string][]byte) (steps.Action, error) {
	action := steps.Nothing
	for _, name := range w.services.LocalCA.Paths(w, v.c) {
		now, _, err := stateAt(w, name)
		if err != nil {
			return action, err
		}
		content, want := contents[name]
		switch {
		case want && now.Kind == kindNone && action == steps.Nothing:
			action = steps.Create
		case want && now.SHA256 != hashOf(content):
			action = steps.Modify
		case !want && now.Kind != kindNone:
			action = steps.Delete
		}
	}
	return action, nil
}

// record has no state after: what is written depends on a CA that may not be there yet.
func (v caVerb) record(_ context.Context, r *recorder) (Before, error) {
	b := Before{Trust: v.store}
	for _, name := range r.services.LocalCA.Paths(r, v.c) {
		parents, err := missingParents(r, name)
		if err != nil {
			return b, err
		}
		for _, p := range parents {
			known := slices.ContainsFunc(b.Paths, func(k Path) bool { return k.Path == p.Path })
			if v.wanted && !known {
				b.Paths = append(b.Paths, p)
			}
		}
		p, err := r.path(name, nil)
		if err != nil {
			return b, err
		}
		b.Paths = append(b.Paths, p)
	}
	return b, nil
}

func (v caVerb) do(ctx context.Context, d *doing) error {
	contents, err := d.services.LocalCA.Contents(d, v.c)
	if err != nil {
		return fmt.Errorf("cannot share this server's own CA: %w", err)
	}
	seen := Seen{Files: map[string]string{}}
	for _, name := range d.services.LocalCA.Paths(d, v.c) {
		content, want := contents[name]
		switch {
		case want:
			err = d.put(name, content, 0o644, "", "")
			seen.Files[name] = hashOf(content)
		case exists(d, name):
			err = d.Remove(name)
		}
		if err != nil {
			return err
		}
	}
	if err := d.observe(seen); err != nil {
		return err
	}
	return v.remake(ctx, d, contents)
}

// remake makes the system's store of its files, and looks whether the CA is in it: the tool ends well without it too.
func (v caVerb) remake(ctx context.Context, d *doing, contents map[string][]byte) error {
	if !v.store {
		return nil
	}
	if _, err := d.Run(ctx, host.Command{Argv: v.command()}); err != nil {
		return fmt.Errorf("cannot make the system's store of certificates anew: %w", err)
	}
	bundle, err := d.ReadFile(storeBundle)
	if err != nil {
		return fmt.Errorf("cannot see what the system trusts: %w", err)
	}
	for name, content := range contents {
		if path.Ext(name) == ".crt" && !bytes.Contains(bundle.Data, bytes.TrimSpace(content)) {
			return failf("cannot have this host trust its own CA: update-ca-certificates ended well, but %s is not in %s", name, storeBundle)
		}
	}
	return nil
}

// distrust makes the system's store anew without the files that are gone.
func (u *undoing) distrust(ctx context.Context) error {
	if !exists(u, storeTool) {
		return nil // its package is gone, and the store with it
	}
	_, err := u.Run(ctx, host.Command{Argv: freshStore})
	return err
}
