package systemtest

import (
	"fmt"
	"io/fs"
	"maps"
	"path"
	"slices"
	"strings"

	"github.com/c93d5bcb/sslwizard/system/host"
)

// Debian is a simulation of what a Debian server's tools keep and say: dpkg, apt, systemd, users. It is set up by the
// test before it is used and then changed by the commands of the code under test. Read its maps only when no command
// runs.
type Debian struct {
	Installed  map[string]Package // by name
	Archive    map[string]Package // what apt-get install can find
	Units      map[string]*Unit   // by full name
	Reloads    []string           // units that were reloaded or restarted, "reload NAME" in order
	NginxTest  string             // what nginx finds wrong with its configuration ("unknown directive …"); "" nothing
	NginxLacks string             // a directive whose module was not built into nginx
	tree       *tree
}

// Package is a package with what it brings.
type Package struct {
	Version string
	Files   map[string]string // path → content; binaries in a …/bin or …/sbin folder are 0755
	Units   []string          // units that its installation enables and starts
	Needs   []string          // other packages of the archive
}

// Unit is the state of a unit. A unit whose file is in a unit folder needs none: it is then disabled and inactive.
type Unit struct {
	Enabled, Active bool
	PID             int
	FailStart       string // not empty: starting fails with these words
}

var unitFolders = []string{"/etc/systemd/system", "/run/systemd/system", "/usr/lib/systemd/system", "/lib/systemd/system"}

// Debian makes the machine a booted Debian 12 without nginx and with systemd, dpkg and apt, and returns its state.
func (h *Host) Debian() *Debian {
	h.File("/etc/os-release", "PRETTY_NAME=\"Debian GNU/Linux 12 (bookworm)\"\nNAME=\"Debian GNU/Linux\"\n"+
		"VERSION_ID=\"12\"\nVERSION_CODENAME=bookworm\nID=debian\n")
	h.File("/etc/debian_version", "12.15\n")
	h.File("/etc/hostname", "server\n")
	h.Dir("/run/systemd/system", 0o755)
	for _, program := range []string{"apt-get", "apt-cache", "dpkg", "dpkg-query", "systemctl"} {
		h.Put("/usr/bin/"+program, host.File{Data: []byte("ELF"), Mode: 0o755})
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.debian = &Debian{
		Installed: map[string]Package{"dpkg": {Version: "1.21.22"}, "apt": {Version: "2.6.1"}, "systemd": {Version: "252"}},
		Archive:   map[string]Package{"nginx": Nginx("1.22.1-9+deb12u11")},
		Units:     map[string]*Unit{},
		tree:      &h.tree,
	}
	return h.debian
}

// Nginx is Debian's nginx package in this version.
func Nginx(version string) Package {
	return Package{Version: version, Units: []string{"nginx.service"}, Files: map[string]string{
		"/usr/sbin/nginx":                       "ELF",
		"/usr/lib/systemd/system/nginx.service": "[Service]\nExecStart=/usr/sbin/nginx\n",
		"/etc/nginx/nginx.conf": "events {}\nhttp {\n\tinclude /etc/nginx/conf.d/*.conf;\n" +
			"\tinclude /etc/nginx/sites-enabled/*;\n}\n",
		"/etc/nginx/conf.d/.keep":               "",
		"/etc/nginx/sites-enabled/default":      StockSite,
		"/etc/nginx/sites-available/default":    StockSite,
		"/var/www/html/index.nginx-debian.html": "<h1>Welcome to nginx!</h1>\n",
	}}
}

// StockSite is the default server of Debian's nginx without its comments.
const StockSite = `server {
	listen 80 default_server;
	listen [::]:80 default_server;
	root /var/www/html;
	index index.html index.htm index.nginx-debian.html;
	server_name _;
	location / {
		try_files $uri $uri/ =404;
	}
}
`

// Install installs a package of the archive as apt-get would, before the test begins.
func (d *Debian) Install(name string) { d.install(name) }

// answer runs one command of the simulated system; may says whether it may change something.
func (d *Debian) answer(c host.Command, may bool) (host.Output, error, bool) {
	if len(c.Argv) < 2 {
		return host.Output{}, nil, false
	}
	if c.Argv[0] == "nginx" {
		out, ok := d.nginx(c)
		return out, nil, ok
	}
	tools := map[string]func([]string) (out host.Output, changes func() host.Output, ok bool){
		"systemctl":  d.systemctl,
		"dpkg-query": d.dpkgQuery,
		"dpkg":       d.dpkg,
		"apt-get":    d.aptGet,
		"apt-cache":  d.aptCache,
		"useradd":    d.useradd,
		"adduser":    d.useradd,
		"groupadd":   d.groupadd,
		"userdel":    d.userdel,
		"groupdel":   d.groupdel,
		"getent":     d.getent,
	}
	tool, ok := tools[c.Argv[0]]
	if !ok {
		return host.Output{}, nil, false
	}
	out, change, ok := tool(c.Argv[1:])
	switch {
	case !ok || change != nil && !may: // an unknown use, or a query that changes: the test has to see it
		return host.Output{}, nil, false
	case change != nil:
		out = change()
	}
	return out, nil, true
}

func (d *Debian) describe(s Snapshot) {
	for name, p := range d.Installed {
		s["package:"+name] = p.Version
	}
	for name, u := range d.Units {
		if u.Enabled || u.Active {
			s["unit:"+name] = fmt.Sprintf("enabled=%t active=%t", u.Enabled, u.Active)
		}
	}
}

// words splits options from the rest.
func words(args []string) (plain, options []string) {
	for _, a := range args {
		if strings.HasPrefix(a, "-") {
			options = append(options, a)
		} else {
			plain = append(plain, a)
		}
	}
	return plain, options
}

func (d *Debian) install(name string) bool {
	p, ok := d.Archive[name]
	if !ok {
		return false
	}
	if _, ok := d.Installed[name]; ok {
		return true
	}
	for _, need := range p.Needs {
		d.install(need)
	}
	d.Installed[name] = p
	for file, content := range p.Files {
		if _, there := d.tree.nodes[file]; there && strings.HasPrefix(file, "/etc/") {
			continue // a configuration file that is there is kept
		}
		mode := fs.FileMode(0o644)
		if dir := path.Base(path.Dir(file)); dir == "bin" || dir == "sbin" {
			mode = 0o755
		}
		d.tree.place(file, host.File{Data: []byte(content), Mode: mode})
	}
	policy, held := d.tree.nodes["/usr/sbin/policy-rc.d"]
	held = held && strings.Contains(string(policy.Data), "101")
	for _, unit := range p.Units {
		u := d.unit(unit)
		u.Enabled = true
		u.Active = u.Active || !held && u.FailStart == ""
	}
	return true
}

func (d *Debian) uninstall(name string) {
	p, ok := d.Installed[name]
	if !ok {
		return
	}
	delete(d.Installed, name)
	for _, file := range slices.Sorted(maps.Keys(p.Files)) {
		if !strings.HasPrefix(file, "/etc/") {
			delete(d.tree.nodes, file)
		}
	}
	for _, unit := range p.Units {
		delete(d.Units, unit)
	}
}

func (d *Debian) aptGet(args []string) (host.Output, func() host.Output, bool) {
	var plain []string
	for i := 0; i < len(args); i++ {
		switch {
		case args[i] == "-o" || args[i] == "-c":
			i++
		case !strings.HasPrefix(args[i], "-"):
			plain = append(plain, args[i])
		}
	}
	if len(plain) == 0 {
		return host.Output{}, nil, false
	}
	names := plain[1:]
	switch plain[0] {
	case "update":
		return host.Output{}, func() host.Output { return Stdout("Reading package lists...\n") }, true
	case "install":
		return host.Output{}, func() host.Output { return d.installAll(names) }, true
	case "remove", "purge":
		return host.Output{}, func() host.Output {
			for _, name := range names {
				d.uninstall(name)
			}
			return host.Output{}
		}, true
	}
	return host.Output{}, nil, false
}

func (d *Debian) installAll(names []string) host.Output {
	for _, name := range names {
		name, _, _ = strings.Cut(name, "=")
		if !d.install(name) {
			return Exit(100, "E: Unable to locate package "+name+"\n")
		}
	}
	return Stdout("Setting up " + strings.Join(names, " ") + " ...\n")
}

func (d *Debian) aptCache(args []string) (host.Output, func() host.Output, bool) {
	plain, _ := words(args)
	if len(plain) < 2 || plain[0] != "policy" {
		return host.Output{}, nil, false
	}
	var b strings.Builder
	for _, name := range plain[1:] {
		candidate, known := d.Archive[name]
		installed, is := d.Installed[name]
		if !known && !is {
			continue
		}
		fmt.Fprintf(&b, "%s:\n  Installed: %s\n  Candidate: %s\n", name,
			orNone(installed.Version), orNone(candidate.Version))
	}
	return Stdout(b.String()), nil, true
}

func orNone(v string) string {
	if v == "" {
		return "(none)"
	}
	return v
}
