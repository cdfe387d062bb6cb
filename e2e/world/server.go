package world

import (
	"fmt"
	"io/fs"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// Server is a booted Debian server. What it writes lies in a layer of its own over the image, which stays as it is.
type Server struct {
	w      *World
	Suite  string
	name   string
	number int
	boots  int
	host   host
	lower  string // the image
	upper  string // what the server changed
	root   string // both, as the server sees them
	disk   string // options of the file system under the layer
	only6  bool
	nspawn *exec.Cmd
	init   int // process 1 of the server, seen from here
}

// Option is how a server differs from a fresh one before it boots.
type Option struct {
	disk   string
	only6  bool
	change func(*Server)
}

// Disk gives the server a disk with only that much free space ("48m").
func Disk(size string) Option { return Option{disk: "size=" + size} }

// OnlyIPv6 gives the server no IPv4 address but those of loopback.
func OnlyIPv6() Option { return Option{only6: true} }

// With changes the tree before the first boot.
func With(change func(*Server)) Option { return Option{change: change} }

// Boot boots a fresh server and waits until it is up.
func (w *World) Boot(suite string, options ...Option) *Server {
	w.t.Helper()
	w.servers++
	number := firstServer + w.servers - 1
	s := &Server{w: w, Suite: suite, number: number, name: fmt.Sprintf("s%d", number)}
	s.host = host{v4: Addr4(number), v6: Addr6(number)}
	for _, option := range options {
		s.disk += option.disk
		s.only6 = s.only6 || option.only6
	}
	s.layer()
	if s.only6 {
		s.Write("/etc/resolv.conf", "nameserver "+Addr6(caNumber).String()+"\n", 0o644)
	}
	for _, option := range options {
		if option.change != nil {
			option.change(s)
		}
	}
	s.Put("/root/sslwizard", Program("sslwizard"), 0o755)
	s.start()
	w.t.Cleanup(s.stop)
	return s
}

// Addr4 is the server's public IPv4 address.
func (s *Server) Addr4() netip.Addr { return s.host.v4 }

// Addr6 is the server's public IPv6 address.
func (s *Server) Addr6() netip.Addr { return s.host.v6 }

// layer mounts the image with a writable layer over it.
func (s *Server) layer() {
	s.w.t.Helper()
	lower, err := os.Readlink(tools().path("image-" + s.Suite))
	if err != nil {
		s.w.t.Fatalf("world: no image of %s: %v", s.Suite, err)
	}
	base := s.w.file(s.name)
	s.lower, s.upper, s.root = lower, base+"/disk/upper", base+"/root"
	s.mkdir(base + "/disk")
	s.mkdir(s.root)
	s.mount("tmpfs", base+"/disk", "tmpfs", "mode=755,"+s.disk)
	s.mkdir(s.upper)
	s.mkdir(base + "/disk/work")
	s.mount("overlay", s.root, "overlay",
		"lowerdir="+lower+",upperdir="+s.upper+",workdir="+base+"/disk/work,redirect_dir=off,metacopy=off,index=off")
	s.w.t.Cleanup(func() {
		_ = unix.Unmount(s.root, unix.MNT_DETACH)
		_ = unix.Unmount(base+"/disk", unix.MNT_DETACH)
	})
}

func (s *Server) mkdir(dir string) {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		s.w.t.Fatalf("world: %v", err)
	}
}

func (s *Server) mount(source, target, kind, options string) {
	s.w.t.Helper()
	if err := unix.Mount(source, target, kind, 0, strings.TrimSuffix(options, ",")); err != nil {
		s.w.t.Fatalf("world: cannot mount %s (%s): %v", target, options, err)
	}
}

// start boots the server into a fresh network namespace, as a real one starts with empty firewall tables.
func (s *Server) start() {
	s.w.t.Helper()
	s.boots++
	s.host = s.w.join(fmt.Sprintf("%s-%d", s.name, s.boots), s.number)
	if s.only6 {
		s.w.ip("-n " + s.host.netns + " addr delete " + s.host.v4.String() + "/24 dev eth0")
	}
	groups, err := newGroup(s.w.id + "-" + s.name)
	if err != nil {
		s.w.t.Fatalf("world: cannot make a control group: %v", err)
	}
	console, err := os.OpenFile(s.w.file(s.name+".console"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		s.w.t.Fatalf("world: %v", err)
	}
	defer console.Close()
	argv := append([]string{"-c", `for group in "$@"; do echo 0 >"$group" || exit; done; exec $NSPAWN`, "sh"}, groups...)
	s.nspawn = exec.Command("sh", argv...)
	// As on a real server, root may change the network settings of the kernel; they are this namespace's own.
	s.nspawn.Env = append(os.Environ(), "SYSTEMD_NSPAWN_UNIFIED_HIERARCHY=1", "SYSTEMD_NSPAWN_API_VFS_WRITABLE=network", "NSPAWN="+strings.Join([]string{
		"systemd-nspawn", "--quiet", "--directory=" + s.root, "--register=no", "--keep-unit", "--boot",
		"--network-namespace-path=/run/netns/" + s.host.netns, "--capability=CAP_NET_ADMIN,CAP_NET_RAW",
		"--resolv-conf=off", "--timezone=off", "--link-journal=no", "--console=pipe",
		"--machine=" + s.w.id + s.name, "--hostname=server",
	}, " "))
	s.nspawn.Stdout, s.nspawn.Stderr = console, console
	if err := s.nspawn.Start(); err != nil {
		s.w.t.Fatalf("world: cannot start systemd-nspawn: %v", err)
	}
	s.awaitBoot()
}

// awaitBoot waits for the service manager to have started everything. "degraded" is as good as "running" here: a
// container cannot load kernel modules.
func (s *Server) awaitBoot() {
	s.w.t.Helper()
	var last Result
	defer func() {
		if s.w.t.Failed() {
			data, _ := os.ReadFile(s.w.file(s.name + ".console"))
			s.w.t.Logf("console of %s:\n%s%s", s.name, data, last)
		}
	}()
	Within(s.w.t, "boot of "+s.Suite, 90*time.Second, func() bool {
		for _, s.init = range children(s.nspawn.Process.Pid) {
			argv := []string{"systemctl", "is-system-running", "--wait"}
			last, _ = run(argv, "", s.enter(argv...)...)
			state := strings.TrimSpace(last.Stdout)
			return state == "running" || state == "degraded"
		}
		return false
	})
}

func (s *Server) enter(argv ...string) []string {
	return append([]string{"nsenter", "--target", strconv.Itoa(s.init), "--all", "env", "-i",
		"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "LANG=C.UTF-8", "HOME=/root", "TERM=dumb"},
		argv...)
}

// powerOff is SIGRTMIN+4 of the C library, which systemd(1) takes as "systemctl start poweroff.target".
const powerOff = syscall.Signal(34 + 4)

// stop switches the server off in an orderly way; what does not end is killed with its process 1.
func (s *Server) stop() {
	if s.nspawn == nil {
		return
	}
	_ = syscall.Kill(s.init, powerOff)
	done := make(chan struct{})
	go func() { _ = s.nspawn.Wait(); close(done) }()
	select {
	case <-done:
	case <-time.After(20 * time.Second):
		_ = syscall.Kill(s.init, syscall.SIGKILL)
		_ = s.nspawn.Process.Kill()
		<-done
	}
	s.nspawn = nil
	s.w.part(s.host)
}

// Reboot switches the server off and boots it again from its disk.
func (s *Server) Reboot() {
	s.w.t.Helper()
	s.stop()
	s.start()
}

// PowerCut ends everything on the server at once, without a word to anybody; what is on its disk stays. Start it again with
// PowerOn.
func (s *Server) PowerCut() {
	s.w.t.Helper()
	_ = syscall.Kill(s.init, syscall.SIGKILL)
	_ = s.nspawn.Process.Kill()
	_ = s.nspawn.Wait()
	s.nspawn = nil
	s.w.part(s.host)
}

// PowerOn boots the server from its disk.
func (s *Server) PowerOn() {
	s.w.t.Helper()
	s.start()
}

// Exec runs a program on the server as root.
func (s *Server) Exec(argv ...string) Result { return s.Say("", argv...) }

// Say is Exec with something on standard input.
func (s *Server) Say(stdin string, argv ...string) Result {
	s.w.t.Helper()
	r, err := run(argv, stdin, s.enter(argv...)...)
	if err != nil {
		s.w.t.Fatalf("server %s: %v", s.Suite, err)
	}
	return r
}

// Background starts a program on the server as root; what it returns waits for the end.
func (s *Server) Background(argv ...string) func() Result {
	s.w.t.Helper()
	done := make(chan Result, 1)
	failed := make(chan error, 1)
	go func() {
		r, err := run(argv, "", s.enter(argv...)...)
		failed <- err
		done <- r
	}()
	return func() Result {
		s.w.t.Helper()
		if err := <-failed; err != nil {
			s.w.t.Fatalf("server %s: %v", s.Suite, err)
		}
		return <-done
	}
}

// Must is Exec of a program that has to succeed; it returns what was printed on standard output.
func (s *Server) Must(argv ...string) string {
	s.w.t.Helper()
	r := s.Exec(argv...)
	if r.Status != 0 {
		s.w.t.Fatalf("server %s: %s", s.Suite, r)
	}
	return r.Stdout
}

// Install has the server's own package manager install packages.
func (s *Server) Install(packages ...string) {
	s.w.t.Helper()
	s.Must(append([]string{"env", "DEBIAN_FRONTEND=noninteractive", "apt-get", "-y", "-qq", "-o", "Dpkg::Use-Pty=0",
		"--no-install-recommends", "install"}, packages...)...)
}

// path is where a file of the server is on this machine. Without a tree it would be a path of this machine itself.
func (s *Server) path(name string) string {
	s.w.t.Helper()
	if s.root == "" {
		s.w.t.Fatalf("world: the server has no tree yet")
	}
	return filepath.Join(s.root, name)
}

// Put copies a file of this machine to the server.
func (s *Server) Put(name, from string, mode fs.FileMode) {
	s.w.t.Helper()
	data, err := os.ReadFile(from)
	if err != nil {
		s.w.t.Fatalf("server %s: %v", s.Suite, err)
	}
	s.Write(name, string(data), mode)
}

// Write makes a file on the server, with the folders above it.
func (s *Server) Write(name, content string, mode fs.FileMode) {
	s.w.t.Helper()
	s.mkdir(filepath.Dir(s.path(name)))
	if err := os.WriteFile(s.path(name), []byte(content), mode); err != nil {
		s.w.t.Fatalf("server %s: %v", s.Suite, err)
	}
}

// Link makes a symbolic link on the server.
func (s *Server) Link(name, target string) {
	s.w.t.Helper()
	s.mkdir(filepath.Dir(s.path(name)))
	_ = os.Remove(s.path(name))
	if err := os.Symlink(target, s.path(name)); err != nil {
		s.w.t.Fatalf("server %s: %v", s.Suite, err)
	}
}

// Read is the content of a file of the server; absolute links in its path lead to this machine, so name real files.
func (s *Server) Read(name string) string {
	s.w.t.Helper()
	data, err := os.ReadFile(s.path(name))
	if err != nil {
		s.w.t.Fatalf("server %s: %v", s.Suite, err)
	}
	return string(data)
}

// Has reports whether something is at name.
func (s *Server) Has(name string) bool {
	_, err := os.Lstat(s.path(name))
	return err == nil
}

// Copy copies a file of the server to this machine, for a program of the client; it returns where.
func (s *Server) Copy(name string) string {
	s.w.t.Helper()
	return s.w.Scratch(s.Must("cat", name))
}
