package host

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"sort"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// maxFile is the largest file that ReadFile takes into memory, in bytes.
const maxFile = 256 << 20

// Linux is the real machine, or a folder that stands in for one. Its methods are safe for concurrent use.
type Linux struct {
	root    string
	guarded bool                 // refuse to write into folders that others control
	sync    func(*os.File) error // fsync; tests break it
}

var _ Host = (*Linux)(nil)

// New returns the machine whose files are below root. With root "" that is this machine. Any other root is for tests:
// paths and links stay inside it, only programs that are in it are run, and who owns its folders is not judged.
func New(root string) *Linux {
	if root = strings.TrimRight(root, "/"); root != "" {
		return &Linux{root: root, sync: (*os.File).Sync}
	}
	return &Linux{guarded: os.Geteuid() == 0, sync: (*os.File).Sync}
}

// ReadFile implements Reader. A device, socket or pipe comes with its mode and no data: it is never opened.
func (l *Linux) ReadFile(name string) (File, error) {
	f, err := l.read(name)
	if err != nil {
		return File{}, problem("read", name, err)
	}
	return f, nil
}

func (l *Linux) read(name string) (File, error) {
	dir, base, err := l.readingPlace(name)
	if err != nil {
		return File{}, err
	}
	defer dir.close()
	var st unix.Stat_t
	if err := unix.Fstatat(dir.fd, base, &st, unix.AT_SYMLINK_NOFOLLOW); err != nil {
		return File{}, err
	}
	f := described(&st)
	switch f.Mode.Type() {
	case fs.ModeSymlink:
		f.Link, err = readlink(dir.fd, base)
	case fs.ModeDir, 0:
		err = fill(&f, dir.fd, base)
	}
	return f, err
}

// readingPlace is where a read begins: on the real machine the kernel resolves the path, in a test root we do.
func (l *Linux) readingPlace(name string) (place, string, error) {
	if err := checkPath(name); err != nil {
		return place{}, "", err
	}
	if l.root == "" {
		return place{fd: unix.AT_FDCWD}, name, nil
	}
	dir, base := path.Split(name)
	if base == "" {
		base = "."
	}
	at, err := l.walk(dir, nil)
	return at, base, err
}

// fill reads what a file or folder holds. It is opened without blocking and without following a link.
func fill(f *File, dir int, base string) error {
	fd, err := unix.Openat(dir, base, unix.O_RDONLY|unix.O_NOFOLLOW|unix.O_NONBLOCK|unix.O_CLOEXEC, 0)
	if err != nil {
		return err
	}
	file := os.NewFile(uintptr(fd), base)
	defer file.Close()
	f.Xattrs = xattrs(fd)
	if f.Mode.IsDir() {
		f.Entries, err = file.Readdirnames(-1)
		sort.Strings(f.Entries)
		return bare(err)
	}
	f.Data, err = io.ReadAll(io.LimitReader(file, maxFile+1))
	if err == nil && len(f.Data) > maxFile {
		return fmt.Errorf("it is larger than %d MiB", maxFile>>20)
	}
	return bare(err)
}

func described(st *unix.Stat_t) File {
	return File{
		Mode: goMode(st.Mode), UID: int(st.Uid), GID: int(st.Gid),
		ModTime: time.Unix(st.Mtim.Unix()),
	}
}

// checkPath refuses paths that are relative or not in their shortest form, so that one file has one name in a plan.
func checkPath(name string) error {
	if !path.IsAbs(name) || path.Clean(name) != name || strings.ContainsRune(name, 0) {
		return errors.New("the path must be absolute and clean")
	}
	return nil
}

// problem is err with what could not be done, on which file. It keeps the chain, so that fs.ErrNotExist is found.
func problem(verb, name string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("cannot %s %s: %w", verb, cleanLine(name), bare(err))
}

// bare takes the operation and name that os put around a system error away, since problem says them better.
func bare(err error) error {
	var p *fs.PathError
	if errors.As(err, &p) {
		return p.Err
	}
	return err
}

var modeBits = []struct {
	unix uint32
	mode fs.FileMode
}{{unix.S_ISUID, fs.ModeSetuid}, {unix.S_ISGID, fs.ModeSetgid}, {unix.S_ISVTX, fs.ModeSticky}}

func goMode(m uint32) fs.FileMode {
	mode := fs.FileMode(m & 0o777)
	for _, b := range modeBits {
		if m&b.unix != 0 {
			mode |= b.mode
		}
	}
	switch m & unix.S_IFMT {
	case unix.S_IFDIR:
		mode |= fs.ModeDir
	case unix.S_IFLNK:
		mode |= fs.ModeSymlink
	case unix.S_IFSOCK:
		mode |= fs.ModeSocket
	case unix.S_IFIFO:
		mode |= fs.ModeNamedPipe
	case unix.S_IFCHR:
		mode |= fs.ModeDevice | fs.ModeCharDevice
	case unix.S_IFBLK:
		mode |= fs.ModeDevice
	}
	return mode
}

func unixPerm(mode fs.FileMode) uint32 {
	m := uint32(mode.Perm())
	for _, b := range modeBits {
		if mode&b.mode != 0 {
			m |= b.unix
		}
	}
	return m
}
