package host

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"

	"golang.org/x/sys/unix"
)

// tempPrefix begins the name of every file that is being written. What a killed run leaves is found by it. No include
// glob of nginx and no unit search of systemd matches it.
const tempPrefix = ".sslwizard-"

// IsTemp reports whether the name of a folder's entry is one that an interrupted WriteFile left; it may be removed. What
// somebody else called ".sslwizard-notes" may not.
func IsTemp(entry string) bool {
	random, ours := strings.CutPrefix(entry, tempPrefix)
	return ours && len(random) == len(rand.Text()) && strings.Trim(random, "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567") == ""
}

// WriteFile implements Host. Beside what Host promises: as root on the real machine it refuses folders in the hands of
// others (*FolderError), a new file does not inherit the folder's default ACL, and a failed fsync is final.
func (l *Linux) WriteFile(name string, f File) error {
	at, base, err := l.writingPlace(name)
	if err != nil {
		return problem("write", name, err)
	}
	defer at.close()
	switch f.Mode.Type() {
	case 0:
		err = l.writeRegular(at, base, f)
	case fs.ModeDir:
		err = l.writeFolder(at, base, f)
	case fs.ModeSymlink:
		err = l.writeLink(at, base, f)
	default:
		err = fmt.Errorf("a %s is neither a file, a folder nor a link", f.Mode.Type())
	}
	return problem("write", name, err)
}

// Remove implements Host.
func (l *Linux) Remove(name string) error {
	at, base, err := l.writingPlace(name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return problem("remove", name, err)
	}
	defer at.close()
	err = unix.Unlinkat(at.fd, base, 0)
	if errors.Is(err, unix.EISDIR) {
		err = unix.Unlinkat(at.fd, base, unix.AT_REMOVEDIR)
	}
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err == nil {
		err = l.syncFolder(at)
	}
	return problem("remove", name, err)
}

func (l *Linux) writeRegular(at place, base string, f File) error {
	if err := replaceable(at, base, unix.S_IFREG); err != nil {
		return err
	}
	temp := tempName()
	if err := l.writeTemp(at, temp, f); err != nil {
		unix.Unlinkat(at.fd, temp, 0)
		return err
	}
	return l.swap(at, temp, base)
}

// writeTemp writes the whole file under its temporary name and has the disk store it.
func (l *Linux) writeTemp(at place, temp string, f File) error {
	flags := unix.O_WRONLY | unix.O_CREAT | unix.O_EXCL | unix.O_NOFOLLOW | unix.O_CLOEXEC
	fd, err := unix.Openat(at.fd, temp, flags, 0o600)
	if err != nil {
		return err
	}
	file := os.NewFile(uintptr(fd), temp)
	defer file.Close()
	dropACL(fd)
	if _, err := file.Write(f.Data); err != nil {
		return err
	}
	if err := adopt(fd, f); err != nil { // after the writing, which clears capabilities and, without root, set-id bits
		return err
	}
	if err := l.fsync(file); err != nil {
		return err
	}
	return file.Close()
}

// adopt gives an open file or folder its owner, attributes and mode, in the order in which none undoes another:
// changing the owner clears set-id bits and capabilities, and an ACL carries mode bits.
func adopt(fd int, f File) error {
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil {
		return err
	}
	if int(st.Uid) != f.UID || int(st.Gid) != f.GID {
		if err := unix.Fchown(fd, f.UID, f.GID); err != nil {
			return fmt.Errorf("its owner cannot be set to %d:%d: %w", f.UID, f.GID, err)
		}
	}
	if err := setXattrs(fd, f.Xattrs); err != nil {
		return err
	}
	return unix.Fchmod(fd, unixPerm(f.Mode))
}

func (l *Linux) writeFolder(at place, base string, f File) error {
	err := unix.Mkdirat(at.fd, base, unixPerm(f.Mode)&0o777)
	made := err == nil
	if err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	fd, err := unix.Openat(at.fd, base, unix.O_RDONLY|unix.O_DIRECTORY|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
	if errors.Is(err, unix.ENOTDIR) || errors.Is(err, unix.ELOOP) {
		return errors.New("there is something that is not a folder")
	}
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	if made {
		dropACL(fd)
	}
	if err := adopt(fd, f); err != nil {
		return err
	}
	return l.syncFolder(at)
}

func (l *Linux) writeLink(at place, base string, f File) error {
	if err := replaceable(at, base, unix.S_IFLNK); err != nil {
		return err
	}
	temp := tempName()
	if err := unix.Symlinkat(f.Link, at.fd, temp); err != nil {
		return err
	}
	if err := adoptLink(at, temp, f); err != nil {
		unix.Unlinkat(at.fd, temp, 0)
		return err
	}
	return l.swap(at, temp, base)
}

func adoptLink(at place, temp string, f File) error {
	var st unix.Stat_t
	if err := unix.Fstatat(at.fd, temp, &st, unix.AT_SYMLINK_NOFOLLOW); err != nil {
		return err
	}
	if int(st.Uid) == f.UID && int(st.Gid) == f.GID {
		return nil
	}
	return unix.Fchownat(at.fd, temp, f.UID, f.GID, unix.AT_SYMLINK_NOFOLLOW)
}

// replaceable refuses to put a file where something of another kind is: a link that somebody set, a folder, a device.
func replaceable(at place, base string, kind uint32) error {
	var st unix.Stat_t
	err := unix.Fstatat(at.fd, base, &st, unix.AT_SYMLINK_NOFOLLOW)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err == nil && st.Mode&unix.S_IFMT != kind {
		return fmt.Errorf("there is %s, which is not replaced", kindOf(goMode(st.Mode)))
	}
	return err
}

func kindOf(m fs.FileMode) string {
	switch m.Type() {
	case 0:
		return "a file"
	case fs.ModeDir:
		return "a folder"
	case fs.ModeSymlink:
		return "a link"
	}
	return "a device, socket or pipe"
}

// swap puts the finished temporary file in place and has the disk remember it.
func (l *Linux) swap(at place, temp, base string) error {
	if err := unix.Renameat(at.fd, temp, at.fd, base); err != nil {
		unix.Unlinkat(at.fd, temp, 0)
		return err
	}
	return l.syncFolder(at)
}

func (l *Linux) syncFolder(at place) error {
	fd, err := unix.Openat(at.fd, ".", unix.O_RDONLY|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return err
	}
	dir := os.NewFile(uintptr(fd), ".")
	defer dir.Close()
	if err := l.fsync(dir); !errors.Is(err, unix.EINVAL) { // a file system that has no fsync for folders
		return err
	}
	return nil
}

// fsync is called once for each file: after a failure the kernel has dropped the pages, and a second call would
// report success for data that is lost (reliability H08).
func (l *Linux) fsync(f *os.File) error {
	if err := l.sync(f); err != nil {
		return fmt.Errorf("the disk did not store it: %w", bare(err))
	}
	return nil
}

func tempName() string { return tempPrefix + rand.Text() }
