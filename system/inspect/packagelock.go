package inspect

import (
	"cmp"
	"context"
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/c93d5bcb/sslwizard/system/host"
)

// packageLocks are the files that apt and dpkg lock. Whoever has the first of them may go on to take the others.
var packageLocks = []string{"/var/lib/dpkg/lock-frontend", "/var/lib/dpkg/lock", "/var/lib/apt/lists/lock",
	"/var/cache/apt/archives/lock"}

// PackageLock returns who holds a lock of apt or dpkg on this machine, "apt-get, pid 812"; "" when they are free or it
// cannot be told. The kernel is asked: to take the lock and see would change its state. What counts is the file that is
// locked, not what a program is called: a dpkg in a container locks a file of its own. It works without root.
func PackageLock(ctx context.Context, r host.Reader) string {
	in := &inspector{ctx: ctx, host: r}
	return in.lockHolder(packageLocks)
}

// lockHolder is the process that holds a lock on the first of the files that is locked.
func (in *inspector) lockHolder(files []string) string {
	held := parseLocks(in.read("/proc/locks"))
	if len(held) == 0 {
		return ""
	}
	ids := in.fileIDs(files)
	for _, file := range files {
		pid, locked := held[ids[file]]
		switch {
		case !locked:
		case pid == "-1": // the lock of an open file is no process's (F_OFD_SETLK in fcntl(2))
			return "another program"
		default:
			return fmt.Sprintf("%s, pid %s", cmp.Or(in.comm(pid), "a program"), clean(pid))
		}
	}
	return ""
}

// fileID is a file as /proc/locks has it: device and inode, "fe:01:398608".
type fileID string

// parseLocks reads who holds which write lock out of /proc/locks: "1: POSIX  ADVISORY  WRITE 812 fe:01:398608 0 EOF".
// Lines with an arrow after the number are those who wait.
func parseLocks(text string) map[fileID]string {
	held := map[fileID]string{}
	for _, line := range lines(text) {
		if f := strings.Fields(line); len(f) >= 6 && f[3] == "WRITE" {
			held[fileID(f[5])] = f[4]
		}
	}
	return held
}

// fileIDs asks for the inodes, and takes the devices from the mounts: what stat(2) says is not the device of the file
// system on btrfs and overlayfs.
func (in *inspector) fileIDs(files []string) map[string]fileID {
	out, _ := in.ask(host.Command{Argv: append([]string{"stat", "-L", "-c", "%n %i %m", "--"}, files...)}) // fails on any that is missing
	mounts := parseMounts(in.read("/proc/self/mountinfo"))
	ids := map[string]fileID{}
	for _, line := range lines(string(out.Stdout)) {
		if f := strings.SplitN(line, " ", 3); len(f) == 3 {
			if device := deviceAt(mounts, f[2]); device != "" {
				ids[f[0]] = fileID(device + ":" + f[1])
			}
		}
	}
	return ids
}

// mount is a line of /proc/self/mountinfo.
type mount struct {
	point  string
	device string // as in /proc/locks
}

// parseMounts reads "26 1 254:0 / /var rw,relatime - ext4 /dev/vda rw" (proc_pid_mountinfo(5)).
func parseMounts(text string) []mount {
	var all []mount
	for _, line := range lines(text) {
		f := strings.Fields(line)
		var major, minor int
		if len(f) < 6 {
			continue
		}
		if _, err := fmt.Sscanf(f[2], "%d:%d", &major, &minor); err == nil {
			point := strings.NewReplacer(`\040`, " ", `\011`, "\t", `\012`, "\n", `\134`, `\`).Replace(f[4])
			all = append(all, mount{point, fmt.Sprintf("%02x:%02x", major, minor)})
		}
	}
	return all
}

// deviceAt is the device of the file system in which a folder is; of several mounts on one point the last one counts.
func deviceAt(mounts []mount, folder string) string {
	for _, m := range slices.Backward(mounts) {
		if m.point == folder {
			return m.device
		}
	}
	if folder == "/" || !path.IsAbs(folder) {
		return ""
	}
	return deviceAt(mounts, path.Dir(folder))
}
