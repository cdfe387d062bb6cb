//go:build linux && amd64

package power

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/c93d5bcb/sslwizard/e2e/crash/trace"
)

// node is what an inode holds.
type node struct {
	mode     uint32 // type and permission bits
	uid, gid int
	data     []byte // or the target of a link
	entries  map[string]int
	xattrs   map[string]string
}

func (n *node) clone() *node {
	c := *n
	c.data, c.entries, c.xattrs = bytes.Clone(n.data), maps.Clone(n.entries), maps.Clone(n.xattrs)
	return &c
}

// image is a file system: inode 1 is its root.
type image map[int]*node

const top = 1

// read is the file system below a folder.
func read(root string) (image, error) {
	im := image{}
	_, err := im.add(root)
	return im, err
}

func (im image) add(name string) (int, error) {
	var st unix.Stat_t
	if err := unix.Lstat(name, &st); err != nil {
		return 0, err
	}
	ino := len(im) + 1
	n := &node{mode: st.Mode, uid: int(st.Uid), gid: int(st.Gid), xattrs: map[string]string{}}
	im[ino] = n
	var err error
	switch st.Mode & unix.S_IFMT {
	case unix.S_IFDIR:
		n.entries = map[string]int{}
		list, err := os.ReadDir(name)
		for _, e := range list {
			if n.entries[e.Name()], err = im.add(filepath.Join(name, e.Name())); err != nil {
				return 0, err
			}
		}
		return ino, err
	case unix.S_IFLNK:
		var target string
		target, err = os.Readlink(name)
		n.data = []byte(target)
	case unix.S_IFREG:
		n.data, err = os.ReadFile(name)
	}
	return ino, err
}

// lay makes the file system in a folder that is empty.
func (im image) lay(root string) error { return im.layOne(root, top) }

func (im image) layOne(name string, ino int) error {
	n := im[ino]
	var err error
	switch n.mode & unix.S_IFMT {
	case unix.S_IFDIR:
		if err = os.Mkdir(name, 0o700); os.IsExist(err) {
			err = nil
		}
		for entry, in := range n.entries {
			if err == nil {
				err = im.layOne(filepath.Join(name, entry), in)
			}
		}
	case unix.S_IFLNK:
		return os.Symlink(string(n.data), name)
	default:
		err = os.WriteFile(name, n.data, 0o600)
	}
	if err == nil && (n.uid != 0 || n.gid != 0) {
		err = os.Chown(name, n.uid, n.gid)
	}
	if err == nil {
		err = unix.Chmod(name, n.mode&0o7777)
	}
	return err
}

// lines are what is there, a line for each path.
func (im image) lines() map[string]string {
	all := map[string]string{}
	im.each("/", top, func(name string, n *node) {
		all[name] = fmt.Sprintf("%o %d:%d %d %x", n.mode, n.uid, n.gid, len(n.data), sha256.Sum256(n.data))
	})
	return all
}

func (im image) each(name string, ino int, visit func(string, *node)) {
	n := im[ino]
	visit(name, n)
	for _, entry := range slices.Sorted(maps.Keys(n.entries)) {
		im.each(path.Join(name, entry), n.entries[entry], visit)
	}
}

func (im image) hash() [32]byte {
	sum := sha256.New()
	im.each("/", top, func(name string, n *node) {
		fmt.Fprintf(sum, "%q %o %d:%d %q\n", name, n.mode, n.uid, n.gid, n.data)
	})
	return [32]byte(sum.Sum(nil))
}

// step is one thing that the disk still has to do: to a folder, or to an inode.
type step struct {
	folders []int // of an entry: every fsync of one of them stores it
	entries []entry
	inode   int // of data, mode and owner
	data    bool
	do      func(*node)
	parts   []func(*node) // less than all of it: what a disk may have of data that it was not told to store
	stored  bool
}

type entry struct {
	folder int
	name   string
	ino    int // 0: gone
}

// disk follows the calls of a program: what is seen by it at once, and what the disk has still to do.
type disk struct {
	root  string
	base  image // durable when the record begins
	live  image
	steps []*step
}

func newDisk(root string, base image) *disk {
	return &disk{root: root, base: base.clone(), live: base.clone()}
}

func (im image) clone() image {
	all := image{}
	for ino, n := range im {
		all[ino] = n.clone()
	}
	return all
}

// find is the inode of a path, 0 when there is none, with its folder.
func (d *disk) find(name string) (ino, folder int, base string) {
	rel := strings.Trim(strings.TrimPrefix(name, d.root), "/")
	ino = top
	if rel == "" {
		return ino, 0, ""
	}
	for part := range strings.SplitSeq(rel, "/") {
		folder, base = ino, part
		if ino == 0 || d.live[ino].entries == nil {
			return 0, 0, base
		}
		ino = d.live[ino].entries[part]
	}
	return ino, folder, base
}

func (d *disk) change(entries ...entry) {
	s := &step{entries: entries}
	for _, e := range entries {
		s.folders = append(s.folders, e.folder)
	}
	d.steps = append(d.steps, s)
	d.live.set(entries)
}

func (im image) set(entries []entry) {
	for _, e := range entries {
		if im[e.folder] == nil || im[e.folder].entries == nil {
			continue
		}
		if e.ino == 0 {
			delete(im[e.folder].entries, e.name)
		} else {
			im[e.folder].entries[e.name] = e.ino
		}
	}
}

func (d *disk) alter(ino int, do func(*node)) {
	d.steps = append(d.steps, &step{inode: ino, do: do})
	do(d.live[ino])
}

// born is a new inode, which nothing refers to yet.
func (d *disk) born(n node) int {
	ino := len(d.live) + 1
	d.live[ino] = &n
	d.base[ino] = n.clone()
	return ino
}

// call does what a call does. One that is not known is an error: nothing is guessed.
func (d *disk) call(c trace.Call) error {
	if c.Errno != 0 {
		return nil
	}
	ino, folder, base := d.find(c.Path)
	switch c.Name {
	case "openat", "open":
		if ino == 0 && c.Flags&unix.O_CREAT != 0 {
			d.change(entry{folder, base, d.born(node{mode: unix.S_IFREG | c.Mode&0o7777})})
		} else if c.Flags&unix.O_TRUNC != 0 && ino != 0 {
			d.alter(ino, func(n *node) { n.data = nil })
		}
	case "mkdirat", "mkdir":
		d.change(entry{folder, base, d.born(node{mode: unix.S_IFDIR | c.Mode&0o7777, entries: map[string]int{}})})
	case "symlinkat", "symlink":
		d.change(entry{folder, base, d.born(node{mode: unix.S_IFLNK | 0o777, data: bytes.Clone(c.Data)})})
	case "renameat", "renameat2", "rename":
		_, to, name := d.find(c.To)
		d.change(entry{folder, base, 0}, entry{to, name, ino})
	case "unlinkat", "unlink", "rmdir":
		d.change(entry{folder, base, 0})
	case "write", "pwrite64":
		d.write(ino, c)
	case "fchmod", "chmod", "fchmodat":
		d.alter(ino, func(n *node) { n.mode = n.mode&unix.S_IFMT | c.Mode&0o7777 })
	case "fchown", "fchownat", "chown", "lchown":
		d.alter(ino, func(n *node) { n.uid, n.gid = c.UID, c.GID })
	case "fsync", "fdatasync":
		d.sync(ino)
	case "fremovexattr", "ftruncate", "utimensat":
	default:
		return fmt.Errorf("the model does not know %v", c)
	}
	return nil
}

func (d *disk) write(ino int, c trace.Call) {
	at, data := int(c.At), bytes.Clone(c.Data)
	if at < 0 {
		at = len(d.live[ino].data)
	}
	put := func(length int) func(*node) {
		return func(n *node) {
			if short := at + length - len(n.data); short > 0 {
				n.data = append(n.data, make([]byte, short)...)
			}
			copy(n.data[at:], data[:length])
		}
	}
	nothing := func(n *node) { // the length is stored, and the data is not: zeros are read
		if short := at + len(data) - len(n.data); short > 0 {
			n.data = append(n.data, make([]byte, short)...)
		}
	}
	s := &step{inode: ino, data: true, do: put(len(data)), parts: []func(*node){put(len(data) / 2), nothing, put(len(data) / 4), put(len(data) * 3 / 4), put(max(0, len(data)-1))}}
	d.steps = append(d.steps, s)
	s.do(d.live[ino])
}

// sync has the disk store what was done to an inode, and the names in it when it is a folder.
func (d *disk) sync(ino int) {
	for _, s := range d.steps {
		if s.inode == ino && s.inode != 0 || slices.Contains(s.folders, ino) {
			s.stored = true
		}
	}
}

// choices are how much of each pending step is done: 0 nothing, 1 all of it, from 2 on one of its parts.
type choices map[*step]int

// fine is for how many pending steps at once each part of each is looked at.
const fine = 5

// states calls visit with every state in which the disk may be if the power goes now.
func (d *disk) states(visit func(image) error) error {
	var pending []*step
	for _, s := range d.steps {
		if !s.stored {
			pending = append(pending, s)
		}
	}
	const most = 7 // of more than that, the oldest are in order
	sure := max(0, len(pending)-most)
	for oldest := range sure + 1 {
		c := choices{}
		for n, s := range pending[:sure] {
			if n < oldest {
				c[s] = 1
			}
		}
		if err := d.some(pending[sure:], c, visit); err != nil {
			return err
		}
	}
	return nil
}

func (d *disk) some(pending []*step, c choices, visit func(image) error) error {
	if len(pending) == 0 {
		return visit(d.after(c))
	}
	s := pending[0]
	parts := len(s.parts)
	if len(c)+len(pending) > fine { // so many at once are only there when something is not stored on purpose
		parts = min(parts, 1)
	}
	for done := range 2 + parts {
		c[s] = done
		if err := d.some(pending[1:], c, visit); err != nil {
			return err
		}
	}
	return nil
}

// after is what the disk holds then.
func (d *disk) after(c choices) image {
	im := d.base.clone()
	for _, s := range d.steps {
		switch {
		case !s.stored && c[s] == 0:
		case s.entries != nil:
			im.set(s.entries)
		case !s.stored && c[s] >= 2:
			s.parts[c[s]-2](im[s.inode])
		default:
			s.do(im[s.inode])
		}
	}
	return im
}
