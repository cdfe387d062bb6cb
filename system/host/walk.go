package host

import (
	"fmt"
	"path"
	"strings"

	"golang.org/x/sys/unix"
)

// maxLinks is how many links one path may go through, as in the kernel.
const maxLinks = 40

// place is an open folder (O_PATH). The current folder of the process stands for "no folder" and is never closed.
type place struct{ fd int }

func (p place) close() {
	if p.fd != unix.AT_FDCWD {
		unix.Close(p.fd)
	}
}

// FolderError says that a folder on the way to a path is in the hands of others, so that root will not write there
// (reliability H18).
type FolderError struct {
	Folder string
	Reason string // "it is writable by everybody (mode 0777)"
}

func (e *FolderError) Error() string {
	return fmt.Sprintf("the folder %s is not safe to write in as root: %s", cleanLine(e.Folder), e.Reason)
}

// writingPlace opens the folder that holds name, each part of the way checked.
func (l *Linux) writingPlace(name string) (place, string, error) {
	if err := checkPath(name); err != nil {
		return place{}, "", err
	}
	if name == "/" {
		return place{}, "", fmt.Errorf("it is the root folder")
	}
	check := trusted
	if !l.guarded {
		check = nil
	}
	dir, base := path.Split(name)
	at, err := l.walk(path.Clean(dir), check)
	return at, base, err
}

// trusted refuses a folder in which somebody beside root could swap what we write. A sticky folder (/tmp) on the way
// is fine, since only root can rename root's folders in it; as the last one it is not.
func trusted(folder string, st *unix.Stat_t, last bool) error {
	swappable := last || st.Mode&unix.S_ISVTX == 0
	switch {
	case st.Uid != 0:
		return &FolderError{folder, fmt.Sprintf("it belongs to user id %d", st.Uid)}
	case st.Mode&0o002 != 0 && swappable:
		return &FolderError{folder, fmt.Sprintf("it is writable by everybody (mode %04o)", st.Mode&0o7777)}
	case st.Mode&0o020 != 0 && swappable && st.Gid != 0 && !staffs(folder):
		return &FolderError{folder, fmt.Sprintf("it is writable by the group with the id %d (mode %04o)", st.Gid, st.Mode&0o7777)}
	}
	return nil
}

// staffs reports what may be in the hands of the group "staff", whose members are as good as root by that (Debian
// policy 9.1.2): root's own programs are looked for there.
func staffs(folder string) bool { return strings.HasPrefix(folder+"/", "/usr/local/") }

// walk opens dir one name at a time, following links by hand so that they stay below the root and so that each
// folder is checked by the handle that is then used.
func (l *Linux) walk(dir string, check func(string, *unix.Stat_t, bool) error) (place, error) {
	rest, done := names(dir), []string{}
	at, err := l.top()
	if err != nil {
		return at, err
	}
	for links := 0; ; {
		if err := l.checkAt(at, done, len(rest) == 0, check); err != nil || len(rest) == 0 {
			return at, closeOn(err, at)
		}
		next, link, err := step(at, rest[0])
		at.close()
		if err != nil {
			return at, err
		}
		if link == "" {
			at, done, rest = next, append(done, rest[0]), rest[1:]
			continue
		}
		if links++; links > maxLinks {
			return at, unix.ELOOP
		}
		if !path.IsAbs(link) {
			link = "/" + path.Join(path.Join(done...), link)
		}
		rest, done = append(names(path.Clean(link)), rest[1:]...), []string{}
		if at, err = l.top(); err != nil {
			return at, err
		}
	}
}

func (l *Linux) top() (place, error) {
	fd, err := unix.Open(l.root+"/", unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	return place{fd}, err
}

func (l *Linux) checkAt(at place, done []string, last bool, check func(string, *unix.Stat_t, bool) error) error {
	if check == nil {
		return nil
	}
	var st unix.Stat_t
	if err := unix.Fstat(at.fd, &st); err != nil {
		return err
	}
	return check("/"+strings.Join(done, "/"), &st, last)
}

// step opens one name: a folder, or a link, whose target is returned instead.
func step(at place, name string) (next place, link string, err error) {
	fd, err := unix.Openat(at.fd, name, unix.O_PATH|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
	if err != nil {
		return place{}, "", err
	}
	next = place{fd}
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil {
		return next, "", closeOn(err, next)
	}
	switch st.Mode & unix.S_IFMT {
	case unix.S_IFDIR:
		return next, "", nil
	case unix.S_IFLNK:
		defer next.close()
		link, err = readlink(fd, "")
		return place{}, link, err
	}
	return next, "", closeOn(unix.ENOTDIR, next)
}

func closeOn(err error, p place) error {
	if err != nil {
		p.close()
	}
	return err
}

func names(p string) []string {
	return strings.FieldsFunc(p, func(r rune) bool { return r == '/' })
}

func readlink(dir int, base string) (string, error) {
	buf := make([]byte, unix.PathMax)
	n, err := unix.Readlinkat(dir, base, buf)
	if err != nil {
		return "", err
	}
	return string(buf[:n]), nil
}
