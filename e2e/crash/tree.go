//go:build linux && amd64

package main

import (
	"bytes"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/c93d5bcb/sslwizard/steps"
)

// node is a file, link or folder of a tree, with all that an undo has to bring back.
type node struct {
	mode     uint32 // type and permission bits
	uid, gid int
	data     string
	link     string
	program  string // a file that is one of ours to run; its content is not looked at
	xattrs   map[string]string
	mtime    time.Time
}

// tree is a whole server, by path.
type tree map[string]node

// lay makes the tree in a folder that is not there yet.
func (w *worker) lay(t tree) error {
	if err := os.RemoveAll(w.root); err != nil {
		return err
	}
	for _, name := range slices.Sorted(maps.Keys(t)) {
		if err := w.layOne(filepath.Join(w.root, name), t[name]); err != nil {
			return fmt.Errorf("cannot lay out %s: %w", name, err)
		}
	}
	return nil
}

func (w *worker) layOne(at string, n node) error {
	var err error
	switch {
	case n.program != "":
		return os.Link(filepath.Join(w.bin, n.program), at)
	case n.mode&unix.S_IFMT == unix.S_IFDIR:
		err = os.Mkdir(at, 0o700)
	case n.mode&unix.S_IFMT == unix.S_IFLNK:
		err = os.Symlink(n.link, at)
	default:
		err = os.WriteFile(at, []byte(n.data), 0o600)
	}
	if err != nil {
		return err
	}
	if n.uid != 0 || n.gid != 0 {
		if err := os.Lchown(at, n.uid, n.gid); err != nil {
			return err
		}
	}
	for name, value := range n.xattrs {
		if err := unix.Lsetxattr(at, name, []byte(value), 0); err != nil {
			return err
		}
	}
	if n.mode&unix.S_IFMT != unix.S_IFLNK {
		if err := unix.Chmod(at, n.mode&0o7777); err != nil {
			return err
		}
	}
	if n.mode&unix.S_IFMT != unix.S_IFDIR { // that of a folder says nothing: what is made in it changes it
		ts := unix.NsecToTimespec(n.mtime.UnixNano())
		return unix.UtimesNanoAt(unix.AT_FDCWD, at, []unix.Timespec{ts, ts}, unix.AT_SYMLINK_NOFOLLOW)
	}
	return nil
}

// see reads the tree as it is now.
func (w *worker) see() (tree, error) {
	t := tree{}
	err := filepath.WalkDir(w.root, func(at string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		n, err := w.seeOne(at)
		t[path.Clean("/"+strings.TrimPrefix(at, w.root))] = n
		return err
	})
	return t, err
}

func (w *worker) seeOne(at string) (node, error) {
	var st unix.Stat_t
	if err := unix.Lstat(at, &st); err != nil {
		return node{}, err
	}
	n := node{mode: st.Mode, uid: int(st.Uid), gid: int(st.Gid), mtime: time.Unix(st.Mtim.Unix())}
	if n.program = w.programs[st.Ino]; n.program != "" {
		return n, nil
	}
	var err error
	switch st.Mode & unix.S_IFMT {
	case unix.S_IFLNK:
		n.link, err = os.Readlink(at)
		return n, err
	case unix.S_IFREG:
		var data []byte
		if data, err = os.ReadFile(at); err != nil {
			return n, err
		}
		n.data = string(data)
	}
	n.xattrs, err = xattrs(at)
	return n, err
}

func xattrs(at string) (map[string]string, error) {
	list := make([]byte, 1024)
	size, err := unix.Llistxattr(at, list)
	if err != nil || size == 0 {
		return nil, err
	}
	all := map[string]string{}
	for name := range bytes.SplitSeq(bytes.TrimRight(list[:size], "\x00"), []byte{0}) {
		value := make([]byte, 1024)
		size, err := unix.Lgetxattr(at, string(name), value)
		if err != nil {
			return nil, err
		}
		all[string(name)] = string(value[:size])
	}
	return all, nil
}

// log reports what a run always leaves: its record, and the lock, which is never deleted.
func log(name string) bool {
	unborn := strings.HasPrefix(name, steps.StateDir+"/.sslwizard-") // a run that was killed before it was open; the next one sweeps it
	return name == steps.DoneDir || strings.HasPrefix(name, steps.DoneDir+"/") || name == steps.LockFile || unborn
}

// scrap reports what a tool that was killed in the middle of its own writing left under another name.
func scrap(name string) bool {
	return strings.HasSuffix(name, ".new") || strings.HasSuffix(name, ".dpkg-new")
}

// outcome is one way in which a change may end.
type outcome struct {
	name string
	tree
	volatile map[string]bool // files whose content is another one each time: keys, and what is made with them
}

// differs says in what a tree is not this outcome; nothing when it is. The files in still were not touched by the change.
func (o outcome) differs(now tree, still map[string]bool) []string {
	var said []string
	for name, was := range o.tree {
		is, there := now[name]
		switch {
		case log(name):
		case !there:
			said = append(said, "- "+name)
		default:
			if what := was.differs(is, o.volatile[name], still[name]); what != "" {
				said = append(said, "~ "+name+": "+what)
			}
		}
	}
	for name := range now {
		_, was := o.tree[name]
		ours := name == steps.StateDir || name == path.Dir(steps.LockFile) // they hold the log and the lock
		if !was && !log(name) && !ours && !scrap(name) {
			said = append(said, "+ "+name)
		}
	}
	slices.Sort(said)
	return said
}

func (n node) differs(is node, volatile, still bool) string {
	switch {
	case n.mode != is.mode:
		return fmt.Sprintf("mode %o is %o", n.mode, is.mode)
	case n.uid != is.uid || n.gid != is.gid:
		return fmt.Sprintf("owner %d:%d is %d:%d", n.uid, n.gid, is.uid, is.gid)
	case n.link != is.link:
		return fmt.Sprintf("%q leads to %q", n.link, is.link)
	case n.program != is.program:
		return fmt.Sprintf("program %q is %q", n.program, is.program)
	case !maps.Equal(n.xattrs, is.xattrs):
		return fmt.Sprintf("attributes %q are %q", n.xattrs, is.xattrs)
	case !volatile && n.data != is.data:
		return fmt.Sprintf("content %.80q is %.80q", n.data, is.data)
	case still && !n.mtime.Equal(is.mtime):
		return "it was written, although nothing of it changes"
	}
	return ""
}

// untouched are the files that a change leaves as they are, by the time at which they were written.
func untouched(before, after tree) map[string]bool {
	still := map[string]bool{}
	for name, n := range before {
		is, there := after[name]
		still[name] = there && n.program == "" && n.mode&unix.S_IFMT != unix.S_IFDIR && is.mtime.Equal(n.mtime) && !log(name)
	}
	return still
}

// volatileIn are the files that two runs of the same change leave with other contents.
func volatileIn(one, other tree) map[string]bool {
	all := map[string]bool{}
	for name, n := range one {
		all[name] = other[name].data != n.data
	}
	return all
}
