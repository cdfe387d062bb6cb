package systemtest

import (
	"crypto/md5"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/c93d5bcb/sslwizard/system/host"
)

func (d *Debian) dpkg(args []string) (host.Output, func() host.Output, bool) {
	switch {
	case len(args) == 2 && (args[0] == "-S" || args[0] == "--search"):
		return d.owner(args[1]), nil, true
	case len(args) == 1 && args[0] == "--print-architecture":
		return Stdout("amd64\n"), nil, true
	case len(args) > 0 && args[0] == "--verify", len(args) > 0 && args[0] == "-V":
		return host.Output{}, nil, true
	}
	return host.Output{}, nil, false
}

func (d *Debian) owner(file string) host.Output {
	for _, name := range slices.Sorted(maps.Keys(d.Installed)) {
		if _, ok := d.Installed[name].Files[file]; ok {
			return Stdout(name + ": " + file + "\n")
		}
	}
	return Exit(1, "dpkg-query: no path found matching pattern "+file+"\n")
}

func (d *Debian) dpkgQuery(args []string) (host.Output, func() host.Output, bool) {
	format, show := "${binary:Package}\t${Version}\n", false
	var plain []string
	for i := 0; i < len(args); i++ {
		switch a := args[i]; {
		case a == "-S" && i+1 < len(args):
			return d.owner(args[i+1]), nil, true
		case a == "-W" || a == "--show":
			show = true
		case a == "-f" && i+1 < len(args):
			i++
			format = args[i]
		case strings.HasPrefix(a, "-f="), strings.HasPrefix(a, "--showformat="):
			_, format, _ = strings.Cut(a, "=")
		case strings.HasPrefix(a, "-f"):
			format = strings.TrimPrefix(a, "-f")
		default:
			plain = append(plain, a)
		}
	}
	if !show {
		return host.Output{}, nil, false
	}
	return d.show(format, plain), nil, true
}

func (d *Debian) show(format string, names []string) host.Output {
	var out host.Output
	for _, name := range names {
		p, ok := d.Installed[name]
		if !ok {
			out.Status = 1
			out.Stderr = fmt.Appendf(out.Stderr, "dpkg-query: no packages found matching %s\n", name)
			continue
		}
		out.Stdout = append(out.Stdout, strings.NewReplacer(`\n`, "\n", `\t`, "\t",
			"${Package}", name, "${binary:Package}", name, "${Version}", p.Version,
			"${Status}", "install ok installed", "${db:Status-Status}", "installed",
			"${db:Status-Abbrev}", "ii ", "${Conffiles}", conffiles(p)).Replace(format)...)
	}
	return out
}

// conffiles lists the files below /etc with the sums that they came with, as dpkg does.
func conffiles(p Package) string {
	var b strings.Builder
	for _, file := range slices.Sorted(maps.Keys(p.Files)) {
		if strings.HasPrefix(file, "/etc/") {
			fmt.Fprintf(&b, "\n %s %x", file, md5.Sum([]byte(p.Files[file])))
		}
	}
	return b.String()
}
