package inspect

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/c93d5bcb/sslwizard/steps"
	"github.com/c93d5bcb/sslwizard/system/host"
	"github.com/c93d5bcb/sslwizard/system/systemtest"
)

// mounts has the root on 254:1 and a container's root file system on an overlay.
const mounts = "26 1 254:1 / / rw,relatime - ext4 /dev/vda rw\n20 26 0:20 / /proc rw - proc proc rw\n" +
	"91 26 0:41 / /var/lib/docker/overlay2/c0\\040ffee/merged rw - overlay overlay rw\n92 26 260:300 / /var/cache rw - ext4 /dev/vdb rw\n"

// lockable puts apt's lock files on the machine, with inodes 101 to 104, in so far as they are asked for.
func lockable(h *systemtest.Host, locks string) {
	h.File("/proc/locks", locks)
	h.File("/proc/self/mountinfo", mounts)
	h.Tool(systemtest.Stdout("/var/lib/dpkg/lock-frontend 101 /\n/var/lib/dpkg/lock 102 /\n/var/lib/apt/lists/lock 103 /\n"+
		"/var/cache/apt/archives/lock 104 /var/cache\n"), "stat", "-L", "-c", "%n %i %m", "--", packageLocks[0])
	for pid, comm := range map[int]string{500: "cron", 812: "apt-get", 813: "dpkg", 900: "dpkg", 901: "Node\x1b[2J"} {
		h.File(fmt.Sprintf("/proc/%d/comm", pid), comm+"\n")
	}
}

func TestPackageLock(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ locks, want string }{
		"nothing is locked":            {"", ""},
		"others lock":                  {"1: POSIX  ADVISORY  WRITE 500 fe:01:111 0 EOF\n", ""},
		"apt-get runs":                 {"7: POSIX  ADVISORY  WRITE 500 fe:01:111 0 EOF\n2: POSIX  ADVISORY  WRITE 812 fe:01:101 0 EOF\n", "apt-get, pid 812"},
		"dpkg under apt-get":           {"1: POSIX  ADVISORY  WRITE 813 fe:01:102 0 EOF\n2: POSIX  ADVISORY  WRITE 812 fe:01:101 0 EOF\n", "apt-get, pid 812"},
		"dpkg alone":                   {"1: POSIX  ADVISORY  WRITE 813 fe:01:102 0 EOF\n", "dpkg, pid 813"},
		"the lists":                    {"1: POSIX  ADVISORY  WRITE 812 fe:01:103 0 EOF\n", "apt-get, pid 812"},
		"a large device number":        {"1: POSIX  ADVISORY  WRITE 812 104:12c:104 0 EOF\n", "apt-get, pid 812"},
		"a name of no package tool":    {"1: POSIX  ADVISORY  WRITE 901 fe:01:101 0 EOF\n", "Node␛[2J, pid 901"},
		"who has gone":                 {"1: POSIX  ADVISORY  WRITE 4 fe:01:101 0 EOF\n", "a program, pid 4"},
		"the lock of an open file":     {"1: OFDLCK ADVISORY  WRITE -1 fe:01:101 0 EOF\n", "another program"},
		"dpkg in a container":          {"1: POSIX  ADVISORY  WRITE 900 00:29:101 0 EOF\n2: POSIX  ADVISORY  WRITE 900 00:29:102 0 EOF\n", ""},
		"dpkg in a folder of ours":     {"1: POSIX  ADVISORY  WRITE 900 fe:01:7101 0 EOF\n", ""},
		"a container's, beside a lock": {"1: POSIX  ADVISORY  WRITE 900 00:29:101 0 EOF\n2: POSIX  ADVISORY  WRITE 812 fe:01:101 0 EOF\n", "apt-get, pid 812"},
		"who waits, and who reads":     {"1: -> POSIX  ADVISORY  WRITE 812 fe:01:101 0 EOF\n2: POSIX  ADVISORY  READ  812 fe:01:101 0 EOF\nx\n", ""},
	} {
		for _, root := range []bool{true, false} {
			h := systemtest.New(t)
			h.Debian()
			lockable(h, c.locks)
			want := steps.PackageManager{Kind: "apt", LockedBy: c.want}
			if got := inspectorOf(t, h, root).packages(); got != want {
				t.Errorf("%s, root %t: got %+v, want %+v", name, root, got, want)
			}
		}
	}
}

// Where the mounts or the files cannot be read nothing is claimed.
func TestPackageLockUnknown(t *testing.T) {
	t.Parallel()
	const locked = "1: POSIX  ADVISORY  WRITE 812 fe:01:101 0 EOF\n"
	h := systemtest.New(t)
	lockable(h, locked)
	h.Take("/proc/self/mountinfo")
	if got := PackageLock(t.Context(), h); got != "" {
		t.Errorf("without mounts: %q", got)
	}
	h = systemtest.New(t)
	h.File("/proc/locks", locked)
	h.File("/proc/self/mountinfo", mounts)
	h.Tool(systemtest.Exit(1, "stat: cannot statx"), "stat")
	if got := PackageLock(t.Context(), h); got != "" {
		t.Errorf("without files: %q", got)
	}
}

// A real lock is found at its file, wherever the temporary folder is mounted, and not at its neighbour.
func TestRealLockIsFound(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	free, taken := filepath.Join(dir, "free"), filepath.Join(dir, "taken")
	must(t, os.WriteFile(free, nil, 0o640))
	file, err := os.Create(taken)
	must(t, err)
	defer file.Close()
	must(t, unix.FcntlFlock(file.Fd(), unix.F_SETLK, &unix.Flock_t{Type: unix.F_WRLCK}))
	in := inspectorOf(t, host.New(""), os.Geteuid() == 0)
	if got := in.lockHolder([]string{free, filepath.Join(dir, "none")}); got != "" {
		t.Errorf("a file that nobody locks is held by %q", got)
	}
	got := in.lockHolder([]string{filepath.Join(dir, "none"), free, taken})
	if !strings.HasSuffix(got, fmt.Sprintf(", pid %d", os.Getpid())) || strings.HasPrefix(got, "a program") {
		t.Errorf("the lock of process %d is held by %q", os.Getpid(), got)
	}
}
