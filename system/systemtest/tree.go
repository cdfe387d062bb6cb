package systemtest

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"path"
	"slices"
	"sort"
	"strings"

	"github.com/c93d5bcb/sslwizard/system/host"
)

// tree is a file system by resolved path: strict about parents, kinds and emptiness, as the kernel is.
type tree struct{ nodes map[string]host.File }

var (
	errNotDir   = errors.New("not a directory")
	errNotEmpty = errors.New("directory not empty")
	errLoop     = errors.New("too many levels of symbolic links")
)

// place puts f with all folders above it. It is for the set-up of a test, so a wrong path is a bug in it.
func (t *tree) place(name string, f host.File) {
	if !path.IsAbs(name) || path.Clean(name) != name {
		panic("systemtest: the path must be absolute and clean: " + name)
	}
	for dir := path.Dir(name); ; dir = path.Dir(dir) {
		if _, ok := t.nodes[dir]; !ok {
			t.nodes[dir] = host.File{Mode: fs.ModeDir | 0o755, ModTime: epoch}
		}
		if dir == "/" {
			break
		}
	}
	if f.Entries = nil; f.ModTime.IsZero() {
		f.ModTime = epoch
	}
	t.nodes[name] = copyOf(f)
}

// find returns the node's real path, links in its folders followed, and the node itself.
func (t *tree) find(name string) (string, host.File, error) {
	real, err := t.resolve(name, 0)
	if err != nil {
		return "", host.File{}, err
	}
	f, ok := t.nodes[real]
	if !ok {
		return real, f, fs.ErrNotExist
	}
	return real, f, nil
}

// resolve follows the links of the folders of name, never name itself. The parent has to be a folder.
func (t *tree) resolve(name string, depth int) (string, error) {
	if !path.IsAbs(name) || path.Clean(name) != name {
		return "", errors.New("the path must be absolute and clean")
	}
	if name == "/" {
		return name, nil
	}
	if depth > 40 {
		return "", errLoop
	}
	dir, err := t.resolve(path.Dir(name), depth+1)
	if err != nil {
		return "", err
	}
	parent, ok := t.nodes[dir]
	switch {
	case !ok:
		return "", fs.ErrNotExist
	case parent.Mode.IsDir():
		return path.Join(dir, path.Base(name)), nil
	case parent.Mode.Type() != fs.ModeSymlink:
		return "", errNotDir
	}
	target := parent.Link
	if !path.IsAbs(target) {
		target = path.Join(path.Dir(dir), target)
	}
	return t.resolve(path.Join(target, path.Base(name)), depth+1)
}

func (t *tree) read(name string) (host.File, error) {
	real, f, err := t.find(name)
	if err != nil {
		return host.File{}, err
	}
	f = copyOf(f)
	if f.Mode.IsDir() {
		f.Entries = t.entries(real)
	}
	return f, nil
}

func (t *tree) entries(dir string) []string {
	entries := []string{}
	for name := range t.nodes {
		if name != "/" && path.Dir(name) == dir {
			entries = append(entries, path.Base(name))
		}
	}
	sort.Strings(entries)
	return entries
}

func (t *tree) write(name string, f host.File) error {
	real, old, err := t.find(name)
	if err != nil && !errors.Is(err, fs.ErrNotExist) || real == "" {
		return err
	}
	if err == nil && old.Mode.Type() != f.Mode.Type() {
		return fmt.Errorf("there is something of another kind (%s)", old.Mode)
	}
	switch f.Mode.Type() {
	case 0:
		f.Link = ""
	case fs.ModeDir:
		f.Data, f.Link = nil, ""
		if err == nil { // an existing folder keeps the attributes that are not given
			f.Xattrs = merged(old.Xattrs, f.Xattrs)
		}
	case fs.ModeSymlink:
		f.Data, f.Xattrs, f.Mode = nil, nil, fs.ModeSymlink|0o777
	default:
		return fmt.Errorf("a %s is neither a file, a folder nor a link", f.Mode.Type())
	}
	f.Entries, f.ModTime = nil, epoch
	t.nodes[real] = copyOf(f)
	return nil
}

func (t *tree) remove(name string) error {
	real, f, err := t.find(name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	if f.Mode.IsDir() && len(t.entries(real)) > 0 {
		return errNotEmpty
	}
	delete(t.nodes, real)
	return nil
}

func merged(old, given map[string][]byte) map[string][]byte {
	all := maps.Clone(old)
	if all == nil {
		return given
	}
	maps.Copy(all, given)
	return all
}

func copyOf(f host.File) host.File {
	f.Data = slices.Clone(f.Data)
	f.Xattrs = maps.Clone(f.Xattrs)
	return f
}

// Snapshot is the whole state of a machine, one printable line for each thing: comparable, diffable.
type Snapshot map[string]string

// Snapshot takes the state of the files and, with a Debian, of its packages, users and units.
func (h *Host) Snapshot() Snapshot {
	h.mu.Lock()
	defer h.mu.Unlock()
	s := Snapshot{}
	for name, f := range h.nodes {
		s[name] = describe(f)
	}
	if h.debian != nil {
		h.debian.describe(s)
	}
	return s
}

func describe(f host.File) string {
	text := fmt.Sprintf("%v %d:%d", f.Mode, f.UID, f.GID)
	if f.Link != "" {
		text += " -> " + f.Link
	}
	for _, name := range slices.Sorted(maps.Keys(f.Xattrs)) {
		text += fmt.Sprintf(" %s=%x", name, f.Xattrs[name])
	}
	if f.Mode.IsRegular() {
		text += fmt.Sprintf(" %q", f.Data)
	}
	return text
}

// Without leaves everything at and below these paths out.
func (s Snapshot) Without(paths ...string) Snapshot {
	kept := Snapshot{}
	for name, text := range s {
		if !slices.ContainsFunc(paths, func(p string) bool { return name == p || strings.HasPrefix(name, p+"/") }) {
			kept[name] = text
		}
	}
	return kept
}

// Diff lists how after differs from s, sorted by name: "+ …" for what is new, "- …" for what is gone, "~ …".
func (s Snapshot) Diff(after Snapshot) []string {
	all := maps.Clone(s)
	maps.Copy(all, after)
	var diff []string
	for _, name := range slices.Sorted(maps.Keys(all)) {
		old, was := s[name]
		now, is := after[name]
		switch {
		case !was:
			diff = append(diff, "+ "+name+": "+now)
		case !is:
			diff = append(diff, "- "+name+": "+old)
		case old != now:
			diff = append(diff, "~ "+name+": "+old+" => "+now)
		}
	}
	return diff
}
