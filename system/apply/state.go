package apply

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io/fs"
	"maps"
	"path"

	"github.com/c93d5bcb/sslwizard/system/host"
)

// Kinds of what is at a path.
const (
	kindNone  = ""
	kindFile  = "file"
	kindDir   = "dir"
	kindLink  = "link"
	kindOther = "other" // a device, socket or pipe: never touched
)

// State is what is at a path: enough to tell it from something else and, with its backup, to make it again.
type State struct {
	Kind   string            `json:"kind,omitempty"`
	Mode   fs.FileMode       `json:"mode,omitempty"` // permission bits
	UID    int               `json:"uid,omitempty"`
	GID    int               `json:"gid,omitempty"`
	Link   string            `json:"link,omitempty"`
	SHA256 string            `json:"sha256,omitempty"`
	Backup string            `json:"backup,omitempty"` // name in the run's folder
	Xattrs map[string][]byte `json:"xattrs,omitempty"`
}

// Path is a path that a change touches.
type Path struct {
	Path   string `json:"path"`
	Before State  `json:"before"`
	After  *State `json:"after,omitempty"` // what the change makes of it; nil when only doing it tells
}

const permBits = fs.ModePerm | fs.ModeSetuid | fs.ModeSetgid | fs.ModeSticky

// stateAt returns what is at a path, and the file itself.
func stateAt(r host.Reader, name string) (State, host.File, error) {
	f, err := r.ReadFile(name)
	if absent(err) {
		return State{}, host.File{}, nil
	}
	if err != nil {
		return State{}, host.File{}, err
	}
	return stateOf(f), f, nil
}

func stateOf(f host.File) State {
	s := State{Mode: f.Mode & permBits, UID: f.UID, GID: f.GID, Xattrs: f.Xattrs}
	switch f.Mode.Type() {
	case 0:
		s.Kind, s.SHA256 = kindFile, hashOf(f.Data)
	case fs.ModeDir:
		s.Kind = kindDir
	case fs.ModeSymlink:
		s.Kind, s.Link, s.Mode = kindLink, f.Link, 0
	default:
		s.Kind = kindOther
	}
	return s
}

func hashOf(data []byte) string {
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:])
}

// same reports whether content is equal: bytes of a file, target of a link, being a folder.
func (s State) same(o State) bool {
	return s.Kind == o.Kind && s.SHA256 == o.SHA256 && s.Link == o.Link
}

// equal reports whether content, mode, owner and extended attributes are equal.
func (s State) equal(o State) bool {
	return s.same(o) && s.Mode == o.Mode && s.UID == o.UID && s.GID == o.GID && maps.EqualFunc(s.Xattrs, o.Xattrs, bytes.Equal)
}

// file makes what is to be written from a state and the bytes of its backup.
func (s State) file(data []byte) host.File {
	f := host.File{Data: data, Mode: s.Mode, UID: s.UID, GID: s.GID, Link: s.Link, Xattrs: s.Xattrs}
	switch s.Kind {
	case kindDir:
		f.Mode |= fs.ModeDir
	case kindLink:
		f.Mode |= fs.ModeSymlink
	}
	return f
}

// missingParents returns the folders above a path that are not there, the highest first.
func missingParents(r host.Reader, name string) ([]Path, error) {
	var missing []Path
	for dir := path.Dir(name); dir != "/"; dir = path.Dir(dir) {
		s, _, err := stateAt(r, dir)
		if err != nil {
			return nil, err
		}
		if s.Kind != kindNone {
			break
		}
		missing = append([]Path{{Path: dir, After: &State{Kind: kindDir, Mode: 0o755}}}, missing...)
	}
	return missing, nil
}

// walk calls visit with everything below and at root that is there, parents first. It follows no links.
func walk(r host.Reader, root string, visit func(string, host.File)) error {
	f, err := r.ReadFile(root)
	if absent(err) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("cannot look through %s: %w", root, err)
	}
	visit(root, f)
	for _, name := range f.Entries {
		if err := walk(r, path.Join(root, name), visit); err != nil {
			return err
		}
	}
	return nil
}
