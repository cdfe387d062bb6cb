package host

import (
	"errors"
	"fmt"
	"io/fs"
	"path"

	"golang.org/x/sys/unix"
)

// LockedError says that a file or folder may not be changed even by root until somebody takes its flag off (chattr(1),
// reliability H20).
type LockedError struct {
	Path string
	Flag string // "immutable" or "append-only"
}

func (e *LockedError) Error() string { return fmt.Sprintf("%s is %s", cleanLine(e.Path), e.Flag) }

// Writable returns why WriteFile could not put something at name, as far as that can be seen without trying: it writes
// nothing. Where the folder is not there yet, the one above it counts.
func (l *Linux) Writable(name string) error {
	at, base, err := l.writingPlace(name)
	if errors.Is(err, fs.ErrNotExist) {
		if above := path.Dir(name); above != "/" {
			return l.Writable(above)
		}
		return nil
	}
	if err != nil {
		return problem("write", name, err)
	}
	defer at.close()
	var system unix.Statfs_t
	if err := unix.Fstatfs(at.fd, &system); err == nil && system.Flags&unix.ST_RDONLY != 0 {
		return problem("write", name, unix.EROFS)
	}
	if flag := flagOf(at.fd, base); flag != "" {
		return problem("write", name, &LockedError{name, flag})
	}
	if flag := flagOf(at.fd, ""); flag != "" {
		return problem("write", name, &LockedError{path.Dir(name), flag})
	}
	return nil
}

// flagOf is the flag by which the kernel keeps root from replacing what is there; "" when there is none, or nothing.
func flagOf(dir int, base string) string {
	var st unix.Statx_t
	if err := unix.Statx(dir, base, unix.AT_SYMLINK_NOFOLLOW|unix.AT_EMPTY_PATH, 0, &st); err != nil {
		return ""
	}
	switch {
	case st.Attributes&unix.STATX_ATTR_IMMUTABLE != 0:
		return "immutable"
	case st.Attributes&unix.STATX_ATTR_APPEND != 0:
		return "append-only"
	}
	return ""
}
