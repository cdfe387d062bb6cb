package apply

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"strings"

	"github.com/c93d5bcb/sslwizard/steps"
	"github.com/c93d5bcb/sslwizard/system/diff"
	"github.com/c93d5bcb/sslwizard/system/host"
)

// fileVerb writes a whole file of ours.
type fileVerb struct{ c steps.WriteFile }

func (v fileVerb) look(_ context.Context, w *view) (steps.Effect, []steps.Finding, error) {
	want := target{v.c, v.c.Path, hashOf(v.c.Content), v.c.Mode, v.c.Owner, v.c.Group}
	e, now, findings, err := want.look(w)
	if err == nil && e.Action != steps.Nothing {
		e.Diff, e.Note = Difference(v.c.Path, contentOf(now), v.c.Content, e.Note)
	}
	return e, findings, err
}

func (v fileVerb) record(_ context.Context, r *recorder) (Before, error) {
	return r.file(v.c.Path, &State{Kind: kindFile, SHA256: hashOf(v.c.Content), Mode: v.c.Mode & permBits})
}

func (v fileVerb) do(_ context.Context, d *doing) error {
	return d.put(v.c.Path, v.c.Content, v.c.Mode, v.c.Owner, v.c.Group)
}

// binaryVerb copies the running sslwizard.
type binaryVerb struct{ c steps.InstallBinary }

const binaryMode = 0o755

func (v binaryVerb) look(_ context.Context, w *view) (steps.Effect, []steps.Finding, error) {
	want := target{v.c, v.c.Path, v.c.SHA256, binaryMode, "", ""}
	e, _, findings, err := want.look(w)
	if err == nil && e.Action != steps.Nothing {
		e.Note = joinNote(fmt.Sprintf("binary, %.1f MB", float64(v.c.Size)/1e6), e.Note)
	}
	return e, findings, err
}

func (v binaryVerb) record(_ context.Context, r *recorder) (Before, error) {
	return r.file(v.c.Path, &State{Kind: kindFile, SHA256: v.c.SHA256, Mode: binaryMode})
}

func (v binaryVerb) do(_ context.Context, d *doing) error {
	if d.services.Self == nil {
		return failf("cannot copy sslwizard to %s: its own program file is not known", v.c.Path)
	}
	content, err := d.services.Self()
	if err != nil {
		return fmt.Errorf("cannot read the running sslwizard: %w", err)
	}
	if hashOf(content) != v.c.SHA256 {
		return failf("cannot copy sslwizard to %s: its program file was replaced while it ran", v.c.Path)
	}
	return d.put(v.c.Path, content, binaryMode, "", "")
}

// removeVerb takes a file of ours away.
type removeVerb struct{ c steps.RemoveFile }

func (v removeVerb) look(_ context.Context, w *view) (steps.Effect, []steps.Finding, error) {
	e := steps.Effect{Change: v.c, Action: steps.Nothing}
	now, f, err := stateAt(w, v.c.Path)
	if err != nil || now.Kind == kindNone {
		return e, nil, err
	}
	e.Action = steps.Delete
	if now.Kind == kindLink {
		e.Note = "a link to " + steps.CleanLine(now.Link)
		return e, nil, nil
	}
	if now.Kind != kindFile {
		return e, []steps.Finding{notAFile(v.c, v.c.Path)}, nil
	}
	e.Diff, e.Note = Difference(v.c.Path, contentOf(&f), nil, "")
	return e, append(w.drift(v.c, v.c.Path, now), w.place(v.c, v.c.Path)...), nil
}

func (v removeVerb) record(_ context.Context, r *recorder) (Before, error) {
	return r.file(v.c.Path, &State{})
}

func (v removeVerb) do(_ context.Context, d *doing) error {
	if err := d.unchanged(v.c.Path); err != nil {
		return err
	}
	return d.Remove(v.c.Path)
}

// target is a file as a change wants it.
type target struct {
	change       steps.Change
	path, sha256 string
	mode         fs.FileMode
	owner, group string
}

// look compares a target with what is there; the file is nil when nothing is.
func (t target) look(w *view) (steps.Effect, *host.File, []steps.Finding, error) {
	e := steps.Effect{Change: t.change, Action: steps.Modify}
	now, f, err := stateAt(w, t.path)
	switch {
	case err != nil:
		return e, nil, nil, err
	case now.Kind == kindNone:
		e.Action = steps.Create
		return e, nil, append(w.vanished(t.change, t.path), w.place(t.change, t.path)...), nil
	case now.Kind != kindFile:
		return e, nil, []steps.Finding{notAFile(t.change, t.path)}, nil
	}
	wrong := modeDifference(w, now, t.mode, t.owner, t.group)
	if now.SHA256 == t.sha256 && wrong == "" {
		e.Action = steps.Nothing
		return e, &f, nil, nil
	}
	e.Note = wrong
	return e, &f, append(w.drift(t.change, t.path, now), w.place(t.change, t.path)...), nil
}

// modeDifference says how mode and owner differ from the wanted ones; empty when they do not.
func modeDifference(r host.Reader, now State, mode fs.FileMode, owner, group string) string {
	var said []string
	if now.Mode != mode&permBits {
		said = append(said, fmt.Sprintf("mode %04o → %04o", now.Mode.Perm(), mode.Perm()))
	}
	uid, gid, err := ids(r, owner, group)
	if err != nil {
		said = append(said, "owner → "+orRoot(owner)+":"+orRoot(group)+", who is not there yet")
	} else if uid != now.UID || gid != now.GID {
		said = append(said, fmt.Sprintf("owner %d:%d → %s:%s", now.UID, now.GID, orRoot(owner), orRoot(group)))
	}
	return strings.Join(said, ", ")
}

func orRoot(name string) string {
	if name == "" {
		return "root"
	}
	return name
}

func joinNote(a, b string) string {
	if b == "" {
		return a
	}
	return a + "; " + b
}

func ids(r host.Reader, owner, group string) (uid, gid int, err error) {
	if uid, _, err = host.LookupUser(r, owner); err != nil {
		return 0, 0, err
	}
	gid, err = host.LookupGroup(r, group)
	return uid, gid, err
}

// Difference is the diff of a file for people, or a note in its place; nil is no file. A private key is never shown, and of
// the headers that the application is sent only the names: the answers file has their values, which root can read.
func Difference(name string, before, after []byte, note string) (string, string) {
	hidden := false
	text, note := difference(name, before, after, note, func(text string) string {
		shown := steps.HushedFile(text)
		hidden = hidden || shown != text
		return shown
	})
	if hidden {
		note = joinNote("the values of headers are set, and not shown", note)
	}
	return text, note
}

// ToCopy is the difference that makes a file which somebody is to put there by hand, who just gave the values of the headers in it:
// without them it would not be the file.
func ToCopy(name string, content []byte) (string, string) {
	return difference(name, nil, content, "", func(text string) string { return text })
}

func difference(name string, before, after []byte, note string, shown func(string) string) (string, string) {
	switch {
	case bytes.Contains(before, privateKey) || bytes.Contains(after, privateKey):
		return "", joinNote("holds a private key, not shown", note)
	case !diff.Text(before) || !diff.Text(after):
		return "", joinNote(fmt.Sprintf("binary, %d bytes", max(len(before), len(after))), note)
	}
	return steps.Clean(strings.ReplaceAll(diff.Unified(name, before, after, shown), "\r", "␍")), note
}

// contentOf is what is in a file that may not be there.
func contentOf(f *host.File) []byte {
	if f == nil {
		return nil
	}
	return append([]byte{}, f.Data...) // not nil, though it may be empty
}

var privateKey = []byte("PRIVATE KEY-----")

// file records the path with a backup of what is there, and the folders that are missing above it.
func (r *recorder) file(name string, after *State) (Before, error) {
	parents, err := missingParents(r, name)
	if err != nil {
		return Before{}, err
	}
	if after.Kind == kindNone {
		parents = nil
	}
	p, err := r.path(name, after)
	return Before{Paths: append(parents, p)}, err
}

// path records one path with its backup.
func (r *recorder) path(name string, after *State) (Path, error) {
	now, f, err := stateAt(r, name)
	if err != nil {
		return Path{}, err
	}
	if now.Kind == kindFile {
		now.Backup = fmt.Sprintf("%s%03d", r.prefix, len(r.backups)+1)
		r.backups[now.Backup] = f
	}
	return Path{Path: name, Before: now, After: after}, nil
}

// put writes a file of ours, after the folders that are missing above it, if the path is still what was recorded.
func (d *doing) put(name string, content []byte, mode fs.FileMode, owner, group string) error {
	if err := d.unchanged(name); err != nil {
		return err
	}
	uid, gid, err := ids(d, owner, group)
	if err != nil {
		return err
	}
	if err := d.parents(name); err != nil {
		return err
	}
	f := host.File{Data: content, Mode: mode & permBits, UID: uid, GID: gid}
	if p := d.pathOf(name); p != nil {
		f.Xattrs = p.Before.Xattrs
	}
	return d.WriteFile(name, f)
}

// parents makes the folders that are still missing above what the change touches. One that a change before this one
// made stays as that made it.
func (d *doing) parents(of string) error {
	for _, p := range d.before.Paths {
		if p.Path == of || p.After == nil || p.After.Kind != kindDir || p.Before.Kind != kindNone || exists(d, p.Path) {
			continue
		}
		if err := d.WriteFile(p.Path, p.After.file(nil)); err != nil {
			return err
		}
	}
	return nil
}

func (d *doing) pathOf(name string) *Path {
	for i := range d.before.Paths {
		if d.before.Paths[i].Path == name {
			return &d.before.Paths[i]
		}
	}
	return nil
}

// unchanged refuses to go on when somebody changed the path after it was recorded. That a change may be done again
// after it was interrupted is no exception: an interrupted run is reverted first.
func (d *doing) unchanged(name string) error {
	p := d.pathOf(name)
	if p == nil {
		return failf("cannot change %s: it is not in the journal", name)
	}
	now, _, err := stateAt(d, name)
	if err != nil {
		return err
	}
	if !now.same(p.Before) {
		return failf("cannot change %s: somebody else changed it while this ran", name)
	}
	return nil
}

// dirVerb has a folder.
type dirVerb struct{ c steps.EnsureDir }

func (v dirVerb) look(_ context.Context, w *view) (steps.Effect, []steps.Finding, error) {
	e := steps.Effect{Change: v.c, Action: steps.Nothing}
	now, _, err := stateAt(w, v.c.Path)
	switch {
	case err != nil:
		return e, nil, err
	case now.Kind == kindNone:
		e.Action = steps.Create
	case now.Kind != kindDir:
		return e, []steps.Finding{notAFile(v.c, v.c.Path)}, nil
	default:
		if e.Note = modeDifference(w, now, v.c.Mode, v.c.Owner, v.c.Group); e.Note != "" {
			e.Action = steps.Modify
		}
	}
	if e.Action == steps.Nothing {
		return e, nil, nil
	}
	return e, w.place(v.c, v.c.Path), nil
}

func (v dirVerb) record(_ context.Context, r *recorder) (Before, error) {
	return r.file(v.c.Path, &State{Kind: kindDir, Mode: v.c.Mode & permBits})
}

func (v dirVerb) do(_ context.Context, d *doing) error {
	uid, gid, err := ids(d, v.c.Owner, v.c.Group)
	if err != nil {
		return err
	}
	if err := d.parents(v.c.Path); err != nil {
		return err
	}
	f := host.File{Mode: v.c.Mode&permBits | fs.ModeDir, UID: uid, GID: gid}
	if p := d.pathOf(v.c.Path); p != nil {
		f.Xattrs = p.Before.Xattrs
	}
	return d.WriteFile(v.c.Path, f)
}

// notAFile is for a path that holds a link, a folder or a device where the change wants something else (H19).
func notAFile(c steps.Change, name string) steps.Finding {
	return steps.Finding{
		Step: c.Step(), Code: "H19", Severity: steps.Blocker,
		Text: fmt.Sprintf("cannot change %s: something of another kind is there (a link, a folder or a device)", steps.CleanLine(name)),
		Fix:  []string{"look: ls -ld " + name, "move it away: mv " + name + " " + path.Join(path.Dir(name), "moved-"+path.Base(name))},
	}
}

// permission reports whether looking failed only because this user may not.
func permission(err error) bool { return errors.Is(err, fs.ErrPermission) }
