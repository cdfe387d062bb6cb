package apply

import (
	"cmp"
	"errors"
	"fmt"
	"hash/crc32"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sys/unix"

	"github.com/c93d5bcb/sslwizard/steps"
)

// FileLock is a lock on the open steps.LockFile (F_OFD_SETLK, fcntl(2)). The kernel releases it when its holder ends,
// however it ends, so there is no stale lock; and who only asks whether it is free need not take it for that moment, in
// which somebody else would be turned away. It is made with system calls of its own because system/host has no word for it;
// the file is close-on-exec, so that no program that we start keeps the lock. Its folder is held with it, see folder.
type FileLock struct {
	Root string // "" is this machine
	File string // "" is steps.LockFile
}

const nfsMagic = 0x6969

// deleted is said of a holder whose lock file is not there any more.
const deleted = "its lock file was deleted; it cannot be told who it is"

// Lock implements Locker.
func (l FileLock) Lock(what string) (func(), error) {
	if err := os.MkdirAll(filepath.Dir(l.path()), 0o711); err != nil {
		return nil, lockFault(err)
	}
	if err := l.fileGone(); err != nil {
		return nil, err
	}
	for {
		f, err := l.open(os.O_RDWR | os.O_CREATE)
		if err != nil {
			return nil, lockFault(err)
		}
		if err := claim(f); err != nil {
			return nil, err
		}
		if l.current(f) {
			dir, err := l.claimFolder()
			if err != nil {
				release(f, whole(unix.F_WRLCK))
				return nil, err
			}
			sign(f, what)
			return func() { // in this order: who gets the file finds the folder free
				release(dir, l.part(unix.F_RDLCK))
				release(f, whole(unix.F_WRLCK))
			}, nil
		}
		release(f, whole(unix.F_WRLCK)) // the file was replaced between open and lock: the next one is the lock
	}
}

// Free implements Locker.
func (l FileLock) Free() error {
	f, err := l.open(os.O_RDONLY)
	if errors.Is(err, os.ErrNotExist) {
		return l.folderFree()
	}
	if err != nil {
		return lockFault(err)
	}
	defer f.Close()
	taken, err := isTaken(f, whole(unix.F_RDLCK))
	if err != nil {
		return lockFault(err)
	}
	if taken {
		return busy(signature(f))
	}
	return l.folderFree()
}

// fileGone fails when there is a holder and its file is not there. It is asked before the file is made anew: of many who come
// at once the others would find that one locked, by somebody who is no run. It looks in this order, for who has the folder made
// the file before.
func (l FileLock) fileGone() error {
	err := l.folderFree()
	if _, there := os.Lstat(l.path()); errors.Is(there, os.ErrNotExist) {
		return err
	}
	return nil
}

// isTaken reports whether somebody else has what would be in the way of that lock.
func isTaken(f *os.File, asked unix.Flock_t) (bool, error) {
	err := unix.FcntlFlock(f.Fd(), unix.F_OFD_GETLK, &asked)
	return asked.Type != unix.F_UNLCK, err
}

// folder opens the folder of the lock file. A lock file that is deleted under its holder is made anew by the next one, and
// both would run; the folder cannot go while something is in it. Each holder has a lock on it that does not keep others
// out, which a folder does not allow; who has the file and finds such a lock of somebody else has come too late.
func (l FileLock) folder() (*os.File, error) {
	return os.OpenFile(filepath.Dir(l.path()), unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
}

// part is a lock on the folder's part for this lock file: there are several in it.
func (l FileLock) part(kind int16) unix.Flock_t {
	return unix.Flock_t{Type: kind, Start: int64(crc32.ChecksumIEEE([]byte(filepath.Base(l.path())))), Len: 1}
}

// whole is a lock on the whole of the lock file.
func whole(kind int16) unix.Flock_t { return unix.Flock_t{Type: kind} }

// release gives a lock back, and closes. Closing alone would do it only when no program is just being started by another part of this
// process: until it is executed it has whatever is open here.
func release(f *os.File, lock unix.Flock_t) {
	lock.Type = unix.F_UNLCK
	_ = unix.FcntlFlock(f.Fd(), unix.F_OFD_SETLK, &lock)
	f.Close()
}

// claimFolder holds the folder for who has the file, or says who does.
func (l FileLock) claimFolder() (*os.File, error) {
	dir, err := l.folder()
	if err != nil {
		return nil, lockFault(err)
	}
	mine := l.part(unix.F_RDLCK)
	err = unix.FcntlFlock(dir.Fd(), unix.F_OFD_SETLK, &mine)
	taken := false
	if err == nil {
		taken, err = isTaken(dir, l.part(unix.F_WRLCK))
	}
	switch {
	case err != nil:
		err = lockFault(err)
	case taken:
		err = busy(deleted)
	default:
		return dir, nil
	}
	release(dir, mine)
	return nil, err
}

// folderFree is Free for the folder; whoever may not look into it has no lock there either.
func (l FileLock) folderFree() error {
	dir, err := l.folder()
	if errors.Is(err, os.ErrNotExist) || errors.Is(err, os.ErrPermission) {
		return nil
	}
	if err != nil {
		return lockFault(err)
	}
	defer dir.Close()
	taken, err := isTaken(dir, l.part(unix.F_WRLCK))
	if err != nil {
		return lockFault(err)
	}
	if taken {
		return busy(deleted)
	}
	return nil
}

func (l FileLock) path() string { return filepath.Join("/", l.Root, cmp.Or(l.File, steps.LockFile)) }

func (l FileLock) open(flags int) (*os.File, error) {
	return os.OpenFile(l.path(), flags|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0o600)
}

// claim gets the lock or closes the file.
func claim(f *os.File) error {
	var st unix.Statfs_t
	if err := unix.Fstatfs(int(f.Fd()), &st); err == nil && st.Type == nfsMagic {
		f.Close()
		return failf("cannot keep a second run out: %s is on NFS, whose locks do not hold", steps.StateDir)
	}
	lock := whole(unix.F_WRLCK)
	err := unix.FcntlFlock(f.Fd(), unix.F_OFD_SETLK, &lock)
	if err == nil {
		return nil
	}
	defer f.Close()
	if !errors.Is(err, unix.EAGAIN) && !errors.Is(err, unix.EACCES) {
		return lockFault(err)
	}
	return busy(signature(f))
}

// busy is the error for a lock that somebody else has.
func busy(said string) error {
	return &steps.Failure{
		Text:   "cannot start: another run is active (" + holder(said) + ")",
		Code:   "H02",
		Status: steps.ExitTryLater,
		Fixes:  []string{"wait until it has ended, then run this again"},
	}
}

// signature is what the holder of the file says there. It has the lock a moment before it signs: until then there is nothing, or
// what somebody said who is dead.
func signature(f *os.File) string {
	for n := 0; ; n++ {
		said := make([]byte, 400)
		length, _ := f.ReadAt(said, 0)
		said = said[:length]
		var pid int
		if _, err := fmt.Sscanf(string(said), "pid %d,", &pid); err == nil && unix.Kill(pid, 0) != unix.ESRCH || n == signLooks {
			return string(said)
		}
		time.Sleep(signPause)
	}
}

// How often a signature is looked for, and the pause before the next look.
const signLooks, signPause = 25, 20 * time.Millisecond

func holder(said string) string {
	if said = steps.CleanLine(said); said == "" {
		return "it has not said what it does"
	}
	return said
}

// current reports whether the locked file is still the one at the path.
func (l FileLock) current(f *os.File) bool {
	locked, err := f.Stat()
	if err != nil {
		return false
	}
	there, err := os.Lstat(l.path())
	return err == nil && os.SameFile(locked, there)
}

// sign says in the file who holds it. It is only for people: a failure does not matter.
func sign(f *os.File, what string) {
	said := fmt.Sprintf("pid %d, since %s, %s\n", os.Getpid(), time.Now().UTC().Format("2006-01-02 15:04:05 UTC"), steps.CleanLine(what))
	if f.Truncate(0) == nil {
		_, _ = f.WriteAt([]byte(said), 0)
	}
}

func lockFault(err error) error {
	f := failf("cannot take the lock %s", steps.LockFile)
	f.Err = err
	if errors.Is(err, os.ErrPermission) {
		f.Code, f.Status, f.Fixes = "H01", steps.ExitNotRoot, []string{"sudo sslwizard"}
		return f
	}
	f.Err = diskFault(err)
	return f
}
