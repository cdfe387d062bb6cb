package inspect

import (
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"
	"sync"

	"github.com/c93d5bcb/sslwizard/steps"
)

// packages finds the package manager by its tools, not by the name of the distribution.
func (in *inspector) packages() steps.PackageManager {
	if !in.has("apt-get") || !in.has("dpkg") {
		return steps.PackageManager{}
	}
	return steps.PackageManager{Kind: "apt", LockedBy: in.aptHolder()}
}

var aptLocks = []string{"/var/lib/dpkg/lock-frontend", "/var/lib/dpkg/lock", "/var/lib/apt/lists/lock",
	"/var/cache/apt/archives/lock"}

// aptTools are programs whose lock is taken for apt's where their open files cannot be seen, without root.
var aptTools = []string{"apt-get", "apt", "aptitude", "dpkg", "unattended-upgr", "packagekitd", "synaptic"}

// aptHolder asks the kernel who holds a lock on one of apt's files. Taking the lock to see would change its state.
func (in *inspector) aptHolder() string {
	asked := map[string]bool{}
	for _, line := range lines(in.read("/proc/locks")) {
		fields := strings.Fields(line) // 1: POSIX  ADVISORY  WRITE 812 08:01:1234567 0 EOF
		if len(fields) < 6 || fields[3] != "WRITE" || asked[fields[4]] {
			continue
		}
		pid := fields[4]
		asked[pid] = true
		name := in.comm(pid)
		if in.opens(pid, aptLocks) || !in.opt.Process.Root && slices.Contains(aptTools, name) {
			return fmt.Sprintf("%s, pid %s", name, clean(pid))
		}
	}
	return ""
}

func (in *inspector) opens(pid string, files []string) bool {
	dir := "/proc/" + pid + "/fd"
	for _, fd := range in.entries(dir) {
		if f, err := in.host.ReadFile(dir + "/" + fd); err == nil && f.Mode.Type() == fs.ModeSymlink &&
			slices.Contains(files, f.Link) {
			return true
		}
	}
	return false
}

func (in *inspector) comm(pid string) string { return clean(in.read("/proc/" + pid + "/comm")) }

// owner is the package that brought the program, asked once for each.
func (in *inspector) owner(program string) string {
	if program == "" || !in.has("dpkg") {
		return ""
	}
	once, _ := in.owners.LoadOrStore(program, sync.OnceValue(func() string {
		if name := in.likelyOwner(program); name != "" {
			return name
		}
		return in.queryOwner(program)
	}))
	return once.(func() string)()
}

// likelyOwner looks into the file lists of the packages that are called like the program, since dpkg -S reads the lists
// of all of them (170 ms with 720 packages).
func (in *inspector) likelyOwner(program string) string {
	const info = "/var/lib/dpkg/info/"
	like, _, _ := strings.Cut(path.Base(program), "-")
	for _, name := range in.entries(strings.TrimSuffix(info, "/")) {
		pkg, isList := strings.CutSuffix(name, ".list")
		if isList && strings.HasPrefix(pkg, like) && slices.Contains(lines(in.read(info+name)), program) {
			pkg, _, _ = strings.Cut(pkg, ":") // architecture
			return clean(pkg)
		}
	}
	return ""
}

// queryOwner asks dpkg by the path as it is and, on a merged /usr, by the path that an old package may still list.
func (in *inspector) queryOwner(program string) string {
	for _, file := range []string{program, strings.TrimPrefix(program, "/usr")} {
		out, ok := in.query("dpkg", "-S", file)
		if !ok {
			continue
		}
		for _, line := range lines(out) { // "nginx-core, nginx: /usr/sbin/nginx"; diversions have no such form
			if names, of, found := strings.Cut(line, ": "); found && of == file {
				name, _, _ := strings.Cut(names, ",")
				name, _, _ = strings.Cut(name, ":") // architecture
				return clean(name)
			}
		}
		if !strings.HasPrefix(program, "/usr/") {
			break
		}
	}
	return ""
}
