package inspect

import (
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
	return steps.PackageManager{Kind: "apt", LockedBy: PackageLock(in.ctx, in.host)}
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
