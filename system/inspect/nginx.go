package inspect

import (
	"crypto/md5" //nolint:gosec // dpkg keeps the sums of its configuration files so
	"encoding/hex"
	"path"
	"regexp"
	"strings"

	"github.com/c93d5bcb/sslwizard/steps"
	"github.com/c93d5bcb/sslwizard/system/host"
	"github.com/c93d5bcb/sslwizard/system/nginx/conf"
)

// nginxPlaces is where the host finds nginx; strayPlaces is where a build of one's own puts it, which we leave alone.
var (
	nginxPlaces = []string{"/usr/sbin/nginx", "/usr/bin/nginx", "/sbin/nginx", "/bin/nginx"}
	strayPlaces = []string{"/usr/local/sbin/nginx", "/usr/local/bin/nginx", "/usr/local/nginx/sbin/nginx",
		"/usr/local/openresty/nginx/sbin/nginx", "/opt/nginx/sbin/nginx", "/snap/bin/nginx"}
)

func (in *inspector) nginx() steps.Nginx {
	binary := in.first(nginxPlaces)
	if binary == "" {
		return in.noNginx()
	}
	n := steps.Nginx{Installed: true}
	unit := in.units()["nginx.service"]
	n.Active, n.Enabled = unit.Active, unit.Enabled
	build := in.nginxBuild()
	n.Version = build.version
	together(
		func() { n.Packaged = in.owner(binary) != "" },
		func() { n.Caps = in.caps(build) },
		func() { in.configuration(&n, build) },
	)
	return n
}

func (in *inspector) noNginx() steps.Nginx {
	n := steps.Nginx{Installed: in.first(strayPlaces) != ""}
	if !n.Installed && !in.opt.NoCandidate {
		n.Candidate = in.candidate()
		n.Caps = capsOf(n.Candidate)
	}
	return n
}

func (in *inspector) first(places []string) string {
	for _, p := range places {
		if in.exists(p) {
			return p
		}
	}
	return ""
}

// nginxBuild is what "nginx -V" says; it reads and writes nothing.
type nginxBuild struct {
	version  string
	conf     string // path of its configuration
	errorLog string // compiled in; "stderr" on Debian since 12
}

var (
	nginxVersion = regexp.MustCompile(`nginx version: [^/]+/([0-9.]+)`)
	buildOption  = regexp.MustCompile(`--(prefix|conf-path|error-log-path)=(\S+)`)
)

func (in *inspector) nginxBuild() nginxBuild {
	out, _ := in.ask(host.Command{Argv: []string{"nginx", "-V"}})
	return parseBuild(string(out.Stderr))
}

func parseBuild(text string) nginxBuild {
	b := nginxBuild{conf: "/etc/nginx/nginx.conf", errorLog: "logs/error.log"}
	if found := nginxVersion.FindStringSubmatch(text); found != nil {
		b.version = found[1]
	}
	prefix := "/usr/local/nginx"
	for _, option := range buildOption.FindAllStringSubmatch(text, -1) {
		switch option[1] {
		case "prefix":
			prefix = option[2]
		case "conf-path":
			b.conf = option[2]
		case "error-log-path":
			b.errorLog = option[2]
		}
	}
	if !path.IsAbs(b.conf) {
		b.conf = path.Join(prefix, b.conf)
	}
	if !path.IsAbs(b.errorLog) && b.errorLog != "stderr" {
		b.errorLog = path.Join(prefix, b.errorLog)
	}
	return b
}

// configuration reads what is configured, and has nginx judge it.
func (in *inspector) configuration(n *steps.Nginx, build nginxBuild) {
	c, err := readConf(in.host, build.conf)
	n.Include = includeFolder(c)
	together(
		func() { n.Servers = in.servers(c) },
		func() {
			switch {
			case err == nil:
				n.ConfigOK, n.ConfigError = in.judge(c, build, n.Active)
			case in.opt.Process.Root: // without root an unreadable file says nothing about the configuration
				n.ConfigError = clean(err.Error())
			}
		},
	)
}

// includeFolder is the folder of the first *.conf that is included in http{}.
func includeFolder(c *configuration) string {
	for _, i := range c.includes {
		if i.context == "http" && path.Base(i.pattern) == "*.conf" && !strings.ContainsAny(path.Dir(i.pattern), "*?[") {
			return clean(path.Dir(i.pattern))
		}
	}
	return ""
}

// servers are the server blocks of http{} that are not ours.
func (in *inspector) servers(c *configuration) []steps.NginxServer {
	var found []steps.NginxServer
	conf.Each(c.top, func(d conf.Directive, inside []conf.Directive) {
		if d.Name != "server" || len(inside) != 1 || inside[0].Name != "http" || strings.HasPrefix(path.Base(d.File), "sslwizard") {
			return
		}
		s := steps.NginxServer{File: clean(d.File), Line: d.Line}
		for _, inner := range d.Block {
			switch inner.Name {
			case "server_name":
				for _, name := range inner.Args {
					s.Names = append(s.Names, clean(name))
				}
			case "listen":
				s.Listens = append(s.Listens, clean(strings.Join(inner.Args, " ")))
			}
		}
		found = append(found, s)
	})
	in.markStock(found)
	return found
}

// markStock asks dpkg for the sums of the configuration files that nginx's packages brought: a file that still has
// its sum is the distribution's untouched one.
func (in *inspector) markStock(servers []steps.NginxServer) {
	if len(servers) == 0 || !in.has("dpkg-query") {
		return
	}
	out, _ := in.ask(host.Command{Argv: []string{"dpkg-query", "-W", "-f", `${Conffiles}\n`, "nginx", "nginx-common"}})
	sums := map[string]string{}
	for _, line := range lines(string(out.Stdout)) {
		if fields := strings.Fields(line); len(fields) >= 2 {
			sums[fields[0]] = fields[1]
		}
	}
	for i, s := range servers {
		real, f, err := follow(in.host, s.File)
		sum := md5.Sum(f.Data) //nolint:gosec // as above
		servers[i].Stock = err == nil && sums[real] == hex.EncodeToString(sum[:])
	}
}

// candidate asks apt which nginx it would install. As nobody it cannot write its cache, which as root it would do;
// where that is not possible it is told to keep none.
func (in *inspector) candidate() string {
	if !in.has("apt-cache") {
		return ""
	}
	argv := []string{"apt-cache", "policy", "nginx"}
	switch {
	case in.opt.Process.Root && in.has("setpriv"):
		argv = append([]string{"setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"}, argv...)
	case in.opt.Process.Root:
		argv = host.AptPolicy("nginx").Argv
	}
	out, _ := in.query(argv...)
	for _, line := range lines(out) {
		if v, ok := strings.CutPrefix(line, "Candidate:"); ok {
			return upstreamVersion(v)
		}
	}
	return ""
}

var leadingVersion = regexp.MustCompile(`^[0-9.]*[0-9]`)

// upstreamVersion takes the epoch and the revision off a Debian version: "1:1.22.1-9+deb12u11" is "1.22.1".
func upstreamVersion(v string) string {
	v = strings.TrimSpace(v)
	if _, after, ok := strings.Cut(v, ":"); ok {
		v = after
	}
	return leadingVersion.FindString(v)
}
