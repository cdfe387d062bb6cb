package inspect

import (
	"crypto/sha256"
	"encoding/hex"
	"io"
	"net"
	"net/netip"
	"os"
	"path"
	"runtime"
	"sync"

	"golang.org/x/sys/unix"

	"github.com/c93d5bcb/sslwizard/steps"
)

// Process is what the running process knows of the machine without a Reader. Tests fill it by hand.
type Process struct {
	Root    bool
	Arch    string                      // as Go names it: "amd64"
	Network func() ([]netip.Addr, bool) // own addresses; whether an AF_INET6 socket can be opened
	Free    func(path string) Room      // what is left on the file system of path
	Self    func() steps.Binary         // the running program
}

// ThisProcess is the running process; root is the folder that stands for "/", as in host.New.
func ThisProcess(root string) *Process {
	return &Process{
		Root:    os.Geteuid() == 0,
		Arch:    runtime.GOARCH,
		Network: network,
		Free:    func(p string) Room { return free(root, p) },
		Self:    self,
	}
}

func network() ([]netip.Addr, bool) {
	var own []netip.Addr
	list, err := net.InterfaceAddrs()
	if err != nil {
		list = nil
	}
	for _, a := range list {
		prefix, err := netip.ParsePrefix(a.String())
		if err != nil || prefix.Addr().IsLoopback() || prefix.Addr().IsLinkLocalUnicast() {
			continue
		}
		own = append(own, prefix.Addr().Unmap())
	}
	return own, canIPv6()
}

// canIPv6 opens a socket: where the kernel refuses, nginx refuses "listen [::]:443" and does not start (facts.md 1.6).
func canIPv6() bool {
	fd, err := unix.Socket(unix.AF_INET6, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return false
	}
	unix.Close(fd)
	return true
}

// Room is what is left on a file system.
type Room struct {
	Bytes    int64 // for unprivileged users; -1 is not known
	NoFiles  bool  // hardly any file can be made
	ReadOnly bool
}

// leastFiles is how many files a run may have to make.
const leastFiles = 256

// free asks the nearest folder above p that is there.
func free(root, p string) Room {
	for {
		var st unix.Statfs_t
		if err := unix.Statfs(root+p, &st); err == nil {
			// btrfs and others have no table of files that could be full: then Files is 0.
			return Room{Bytes: int64(st.Bavail) * st.Bsize, NoFiles: st.Files > 0 && st.Ffree < leastFiles, ReadOnly: st.Flags&unix.ST_RDONLY != 0}
		}
		if p == "/" || p == "." {
			return Room{Bytes: -1}
		}
		p = path.Dir(p)
	}
}

// self reads the running program once: its file may be replaced while we run, and we want what we are.
var self = sync.OnceValue(func() steps.Binary {
	name, err := os.Executable()
	if err != nil {
		return steps.Binary{}
	}
	file, err := os.Open("/proc/self/exe")
	if err != nil {
		return steps.Binary{Path: name}
	}
	defer file.Close()
	sum := sha256.New()
	size, err := io.Copy(sum, file)
	if err != nil {
		return steps.Binary{Path: name}
	}
	return steps.Binary{Path: name, SHA256: hex.EncodeToString(sum.Sum(nil)), Size: size}
})
