package steps

import (
	"fmt"
	"slices"
	"strings"
)

// portFindings names who holds the ports that the site needs, if it is neither us nor what we work with. What the nginx
// executor needs of a running nginx is its own affair.
func portFindings(s Site, f Facts) []Finding {
	var found []Finding
	for _, h := range holders(f.Listeners) {
		switch {
		case h.Ours:
		case h.unseen() && !f.Root:
			found = append(found, Finding{Code: "N01", Severity: Warning, Text: fmt.Sprintf("somebody listens on %s; only root can see who", h.portList()),
				Fix: []string{"run the same command with sudo in front"}})
		case !h.isNginx():
			found = append(found, h.conflict())
		case s.Install.Executor == ExecutorNative && !f.OursToReplace():
			found = append(found, h.nginxInTheWay(f.Nginx))
		}
	}
	return found
}

// OursToReplace reports whether the nginx on this host serves our sites and nobody else's, so that the native executor
// may take its ports.
func (f Facts) OursToReplace() bool {
	foreign := nginxServes(f)
	ours := slices.ContainsFunc(f.Managed.Sites, func(s Site) bool { return s.Install.Executor == ExecutorNginx })
	return ours && !foreign
}

// holder is a program that listens on some of our ports.
type holder struct {
	Listener
	ports []int
}

// holders groups the listeners on our ports by program.
func holders(listeners []Listener) []holder {
	var all []holder
	for _, l := range listeners {
		if !slices.Contains(servedPorts, l.Port) {
			continue
		}
		i := slices.IndexFunc(all, func(h holder) bool {
			return h.Process == l.Process && h.Unit == l.Unit && h.Ours == l.Ours && h.Container == l.Container
		})
		if i < 0 {
			all = append(all, holder{Listener: l, ports: []int{l.Port.Number}})
		} else if !slices.Contains(all[i].ports, l.Port.Number) {
			all[i].ports = append(all[i].ports, l.Port.Number)
		}
	}
	return all
}

func (h holder) isNginx() bool { return h.Process == "nginx" || h.Unit == "nginx.service" }

// unseen reports a program that the facts could not name.
func (h holder) unseen() bool { return h.Process == "" && h.Unit == "" }

// describe is "apache2.service (process apache2, pid 812, package apache2)".
func (h holder) describe() string {
	var details []string
	if h.Process != "" {
		details = append(details, "process "+h.Process)
	}
	if h.PID > 0 {
		details = append(details, fmt.Sprintf("pid %d", h.PID))
	}
	if h.Package != "" {
		details = append(details, "package "+h.Package)
	}
	who := firstOf(h.Unit, h.Process, "a program that could not be seen")
	if h.Container != "" {
		who = "the container " + h.Container + " of " + who
	}
	if len(details) == 0 {
		return who
	}
	return who + " (" + strings.Join(details, ", ") + ")"
}

func (h holder) portList() string {
	slices.Sort(h.ports)
	if len(h.ports) == 1 {
		return fmt.Sprintf("port %d", h.ports[0])
	}
	return fmt.Sprintf("ports %d and %d", h.ports[0], h.ports[1])
}

func (h holder) conflict() Finding {
	fix := h.stop()
	if !h.isSSH() { // which is no application, and only reached from this server then
		fix = append(fix, "or move it to another port, for instance 127.0.0.1:8080, and give that as proxy.upstream: it is then served with HTTPS")
	}
	return Finding{Code: "N01", Severity: Blocker, Text: fmt.Sprintf("cannot listen on %s: held by %s", h.portList(), h.describe()),
		Fix: append(fix, h.instead()...)}
}

// nginxInTheWay is the conflict with an nginx that serves something else than our sites.
func (h holder) nginxInTheWay(n Nginx) Finding {
	text := fmt.Sprintf("cannot listen on %s: held by %s", h.portList(), h.describe())
	for _, s := range n.Servers {
		if !s.Stock {
			text += fmt.Sprintf(", which serves %s (%s:%d)", firstOf(strings.Join(s.Names, " "), "a site"), s.File, s.Line)
			break
		}
	}
	return Finding{Code: "N01", Severity: Blocker, Text: text, Fix: append([]string{
		"install.executor: nginx    works beside the sites of the nginx that is there"}, h.stop()...)}
}

// servers are programs that can have the site themselves, by a word in the name of their process, package or image.
var servers = []struct{ word, instead string }{
	{"nginx-proxy-manager", "or let Nginx Proxy Manager have the site: add a proxy host for the name, with the application's address and port, and ask for a certificate in its SSL tab"},
	{"traefik", "or let Traefik have the site: a router with the rule Host(`NAME`), a certificate resolver, and the application as its service"},
	{"caddy", "or let Caddy have the site, in its Caddyfile: NAME { reverse_proxy 127.0.0.1:PORT }; it gets the certificate itself"},
	{"apache2", "or let Apache have the site: a2enmod proxy_http proxy_wstunnel ssl, a VirtualHost with ProxyPass, and certbot --apache -d NAME"},
	{"litespeed", "or let LiteSpeed have the site: an external application with a proxy context in the virtual host, and its own certificate settings"},
	{"haproxy", "or let HAProxy have the site: a backend for the application, and the certificate in bind … ssl crt"},
}

// instead is how the program that has the ports can have the site too.
func (h holder) instead() []string {
	for _, s := range servers {
		if strings.Contains(strings.ToLower(h.Container+" "+h.Process+" "+h.Package), s.word) {
			return []string{s.instead}
		}
	}
	return nil
}

// sshUnits begin the names of those in which people log in: ssh.service, sshd.socket, ssh@1.service, dropbear@1.service and their like.
var sshUnits = []string{"ssh.", "ssh@", "sshd.", "sshd@", "dropbear.", "dropbear@"}

// isSSH reports what people log in over: who stops it may be locked out.
func (h holder) isSSH() bool {
	return slices.Contains([]string{"sshd", "dropbear"}, h.Process) ||
		slices.ContainsFunc(sshUnits, func(name string) bool { return strings.HasPrefix(h.Unit, name) })
}

// moveSSH is how it leaves the port.
func (h holder) moveSSH() string {
	place := "/etc/ssh/sshd_config (or of ssh.socket), and see that you can log in on another one before you reload ssh"
	if strings.HasPrefix(h.Unit, "dropbear") || h.Process == "dropbear" {
		place = "/etc/default/dropbear (or of dropbear.socket), and see that you can log in on another one before you restart dropbear"
	}
	return "take the port out of " + place
}

func (h holder) stop() []string {
	unit, user, ofUser := strings.Cut(h.Unit, OfUser)
	switch {
	case h.Process == "docker-proxy" || h.Container != "":
		return []string{"docker ps    shows which container publishes the port; publish it on 127.0.0.1:8080 instead"}
	case h.isSSH():
		return []string{h.moveSSH()}
	case ofUser:
		return []string{"systemctl --user disable --now " + unit + "    as the user with the number " + user + ", if it is not needed any more"}
	case unit != "" && !strings.HasSuffix(unit, ".scope") && !strings.HasPrefix(unit, "user@"): // those are whole sessions and containers
		return []string{"sudo systemctl disable --now " + unit + "    if it is not needed any more"}
	case h.PID > 0:
		return []string{fmt.Sprintf("ps -fp %d    shows what it is; stop it the way it was started", h.PID)}
	}
	return []string{"sudo ss -ltnp    shows who it is"}
}
