//go:build linux && amd64

package trace

import (
	"bytes"
	"fmt"
	"os"
	"path"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// asked is a call at the moment in which it is made: the thread is stopped, so that its memory and its files are what
// the kernel is going to see.
type asked struct {
	pid    int
	root   string
	args   [6]uint64
	record bool
	Call
}

// calls are the system calls that can change a file, and how what they are about is read. A function that returns false
// has seen that this one does not: a file opened for reading, a write into a pipe.
var calls = map[int]struct {
	name string
	read func(*asked) bool
}{
	unix.SYS_OPEN:            {"open", func(a *asked) bool { return a.opens(unix.AT_FDCWD, 0) }},
	unix.SYS_CREAT:           {"creat", func(a *asked) bool { a.Flags = unix.O_CREAT | unix.O_TRUNC; return a.name(unix.AT_FDCWD, 0) }},
	unix.SYS_OPENAT:          {"openat", func(a *asked) bool { return a.opens(a.fd(0), 1) }},
	unix.SYS_WRITE:           {"write", func(a *asked) bool { return a.file(0) && a.bytes(1, 2, a.position()) }},
	unix.SYS_PWRITE64:        {"pwrite64", func(a *asked) bool { return a.file(0) && a.bytes(1, 2, int64(a.args[3])) }},
	unix.SYS_WRITEV:          {"writev", func(a *asked) bool { return a.file(0) && a.vectors(a.position()) }},
	unix.SYS_PWRITEV:         {"pwritev", func(a *asked) bool { return a.file(0) && a.vectors(int64(a.args[3])) }},
	unix.SYS_SENDFILE:        {"sendfile", func(a *asked) bool { return a.file(0) }},
	unix.SYS_COPY_FILE_RANGE: {"copy_file_range", func(a *asked) bool { return a.file(2) }},
	unix.SYS_SPLICE:          {"splice", func(a *asked) bool { return a.file(2) }},
	unix.SYS_TRUNCATE:        {"truncate", func(a *asked) bool { a.Size = int64(a.args[1]); return a.name(unix.AT_FDCWD, 0) }},
	unix.SYS_FTRUNCATE:       {"ftruncate", func(a *asked) bool { a.Size = int64(a.args[1]); return a.file(0) }},
	unix.SYS_FALLOCATE:       {"fallocate", func(a *asked) bool { return a.file(0) }},
	unix.SYS_FSYNC:           {"fsync", func(a *asked) bool { return a.file(0) }},
	unix.SYS_FDATASYNC:       {"fdatasync", func(a *asked) bool { return a.file(0) }},
	unix.SYS_SYNC:            {"sync", func(*asked) bool { return true }},
	unix.SYS_SYNCFS:          {"syncfs", func(a *asked) bool { return a.file(0) }},
	unix.SYS_RENAME:          {"rename", func(a *asked) bool { return a.names(unix.AT_FDCWD, 0, unix.AT_FDCWD, 1) }},
	unix.SYS_RENAMEAT:        {"renameat", func(a *asked) bool { return a.names(a.fd(0), 1, a.fd(2), 3) }},
	unix.SYS_RENAMEAT2:       {"renameat2", func(a *asked) bool { a.Flags = a.args[4]; return a.names(a.fd(0), 1, a.fd(2), 3) }},
	unix.SYS_LINK:            {"link", func(a *asked) bool { return a.names(unix.AT_FDCWD, 0, unix.AT_FDCWD, 1) }},
	unix.SYS_LINKAT:          {"linkat", func(a *asked) bool { a.Flags = a.args[4]; return a.names(a.fd(0), 1, a.fd(2), 3) }},
	unix.SYS_SYMLINK:         {"symlink", func(a *asked) bool { return a.link(0, unix.AT_FDCWD, 1) }},
	unix.SYS_SYMLINKAT:       {"symlinkat", func(a *asked) bool { return a.link(0, a.fd(1), 2) }},
	unix.SYS_UNLINK:          {"unlink", func(a *asked) bool { return a.name(unix.AT_FDCWD, 0) }},
	unix.SYS_RMDIR:           {"rmdir", func(a *asked) bool { return a.name(unix.AT_FDCWD, 0) }},
	unix.SYS_UNLINKAT:        {"unlinkat", func(a *asked) bool { a.Flags = a.args[2]; return a.name(a.fd(0), 1) }},
	unix.SYS_MKDIR:           {"mkdir", func(a *asked) bool { return a.mode(1) && a.name(unix.AT_FDCWD, 0) }},
	unix.SYS_MKDIRAT:         {"mkdirat", func(a *asked) bool { return a.mode(2) && a.name(a.fd(0), 1) }},
	unix.SYS_MKNODAT:         {"mknodat", func(a *asked) bool { return a.mode(2) && a.name(a.fd(0), 1) }},
	unix.SYS_CHMOD:           {"chmod", func(a *asked) bool { return a.mode(1) && a.name(unix.AT_FDCWD, 0) }},
	unix.SYS_FCHMOD:          {"fchmod", func(a *asked) bool { return a.mode(1) && a.file(0) }},
	unix.SYS_FCHMODAT:        {"fchmodat", func(a *asked) bool { return a.mode(2) && a.name(a.fd(0), 1) }},
	unix.SYS_CHOWN:           {"chown", func(a *asked) bool { return a.owner(1) && a.name(unix.AT_FDCWD, 0) }},
	unix.SYS_LCHOWN:          {"lchown", func(a *asked) bool { return a.owner(1) && a.name(unix.AT_FDCWD, 0) }},
	unix.SYS_FCHOWN:          {"fchown", func(a *asked) bool { return a.owner(1) && a.file(0) }},
	unix.SYS_FCHOWNAT:        {"fchownat", func(a *asked) bool { a.Flags = a.args[4]; return a.owner(2) && a.name(a.fd(0), 1) }},
	unix.SYS_UTIMENSAT:       {"utimensat", func(a *asked) bool { return a.args[1] == 0 && a.file(0) || a.args[1] != 0 && a.name(a.fd(0), 1) }},
	unix.SYS_SETXATTR:        {"setxattr", func(a *asked) bool { return a.attribute() && a.name(unix.AT_FDCWD, 0) }},
	unix.SYS_LSETXATTR:       {"lsetxattr", func(a *asked) bool { return a.attribute() && a.name(unix.AT_FDCWD, 0) }},
	unix.SYS_FSETXATTR:       {"fsetxattr", func(a *asked) bool { return a.attribute() && a.file(0) }},
	unix.SYS_REMOVEXATTR:     {"removexattr", func(a *asked) bool { a.Attr = a.text(1); return a.name(unix.AT_FDCWD, 0) }},
	unix.SYS_LREMOVEXATTR:    {"lremovexattr", func(a *asked) bool { a.Attr = a.text(1); return a.name(unix.AT_FDCWD, 0) }},
	unix.SYS_FREMOVEXATTR:    {"fremovexattr", func(a *asked) bool { a.Attr = a.text(1); return a.file(0) }},
}

func (a *asked) fd(arg int) int { return int(int32(a.args[arg])) }

// memory is so much of the thread's memory, less when it ends before.
func (a *asked) memory(at uint64, length int) []byte {
	data := make([]byte, length)
	local := []unix.Iovec{{Base: &data[0]}}
	local[0].SetLen(length)
	n, err := unix.ProcessVMReadv(a.pid, local, []unix.RemoteIovec{{Base: uintptr(at), Len: length}}, 0)
	if err != nil {
		return nil
	}
	return data[:n]
}

// text is the string that an argument points to. It is read up to the end of its page, and then page by page: what is
// behind may not be there.
func (a *asked) text(arg int) string {
	const page = 4096
	var text []byte
	for at := a.args[arg]; at != 0 && len(text) < unix.PathMax; {
		part := a.memory(at, page-int(at%page))
		if part == nil {
			break
		}
		if end := bytes.IndexByte(part, 0); end >= 0 {
			return string(append(text, part[:end]...))
		}
		text, at = append(text, part...), at+uint64(len(part))
	}
	return string(text)
}

func (a *asked) path(folder, arg int) string {
	name := a.text(arg)
	if path.IsAbs(name) {
		return path.Clean(name)
	}
	from := fmt.Sprintf("/proc/%d/cwd", a.pid)
	if folder != unix.AT_FDCWD {
		from = fmt.Sprintf("/proc/%d/fd/%d", a.pid, folder)
	}
	at, err := os.Readlink(from)
	if err != nil {
		return name
	}
	return path.Join(a.seen(at), name)
}

// seen is a path of ours as the program sees it, which may have a root of its own.
func (a *asked) seen(name string) string {
	if inside, ok := strings.CutPrefix(name, a.root+"/"); ok && a.root != "" {
		return "/" + inside
	}
	return name
}

func (a *asked) name(folder, arg int) bool {
	a.Path = a.path(folder, arg)
	return true
}

func (a *asked) names(folder, arg, folder2, arg2 int) bool {
	a.To = a.path(folder2, arg2)
	return a.name(folder, arg)
}

func (a *asked) link(target, folder, arg int) bool {
	a.Data = []byte(a.text(target))
	return a.name(folder, arg)
}

func (a *asked) opens(folder, arg int) bool {
	a.Flags, a.Mode = a.args[arg+1], uint32(a.args[arg+2])
	if a.Flags&(unix.O_CREAT|unix.O_TRUNC) == 0 {
		return false
	}
	return a.name(folder, arg) && (a.root != "" || !ofKernel(a.Path))
}

// file reports whether the descriptor is a file or a folder of a file system.
func (a *asked) file(arg int) bool {
	a.FD = a.fd(arg)
	name, err := os.Readlink(fmt.Sprintf("/proc/%d/fd/%d", a.pid, a.FD))
	a.Path = a.seen(strings.TrimSuffix(name, " (deleted)"))
	return err == nil && path.IsAbs(name) && (a.Path != name || !ofKernel(name))
}

// ofKernel reports what is no file on a disk. Below a root of its own whatever is called so is one.
func ofKernel(name string) bool {
	for _, prefix := range []string{"/dev/", "/proc/", "/sys/", "/memfd:"} {
		if strings.HasPrefix(name, prefix) {
			return true
		}
	}
	return false
}

// position is where the open file is written next.
func (a *asked) position() int64 {
	info, err := os.ReadFile(fmt.Sprintf("/proc/%d/fdinfo/%d", a.pid, a.FD))
	if err != nil {
		return 0
	}
	at := int64(0)
	for line := range strings.Lines(string(info)) {
		name, value, _ := strings.Cut(line, ":")
		switch value = strings.TrimSpace(value); name {
		case "pos":
			at, _ = strconv.ParseInt(value, 10, 64)
		case "flags":
			if flags, _ := strconv.ParseUint(value, 8, 64); flags&unix.O_APPEND != 0 {
				return -1
			}
		}
	}
	return at
}

func (a *asked) bytes(from, length int, at int64) bool {
	a.At, a.Size = at, int64(a.args[length])
	if a.record && a.Size > 0 {
		a.Data = a.memory(a.args[from], int(a.Size))
	}
	return true
}

func (a *asked) vectors(at int64) bool {
	a.At = at
	const vector = 16
	list := a.memory(a.args[1], vector*int(a.args[2]))
	for ; len(list) >= vector; list = list[vector:] {
		base, length := word(list), word(list[8:])
		a.Size += int64(length)
		if a.record && length > 0 {
			a.Data = append(a.Data, a.memory(base, int(length))...)
		}
	}
	return true
}

func (a *asked) mode(arg int) bool {
	a.Mode = uint32(a.args[arg])
	return true
}

func (a *asked) owner(arg int) bool {
	a.UID, a.GID = a.fd(arg), a.fd(arg+1)
	return true
}

func (a *asked) attribute() bool {
	a.Attr, a.Size = a.text(1), int64(a.args[3])
	if a.record && a.Size > 0 {
		a.Data = a.memory(a.args[2], int(a.Size))
	}
	return true
}

// field is a number in /proc/PID/status.
func field(status, name string) (int, bool) {
	for line := range strings.Lines(status) {
		if value, ok := strings.CutPrefix(line, name+":"); ok {
			n, err := strconv.Atoi(strings.TrimSpace(value))
			return n, err == nil
		}
	}
	return 0, false
}
