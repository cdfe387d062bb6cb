package nginx

import (
	"fmt"
	"slices"
	"strings"

	"github.com/c93d5bcb/sslwizard/steps"
)

// Fit implements steps.Executor.
func (Executor) Fit(s steps.Site, f steps.Facts) []steps.Finding {
	l := layoutOf(f)
	var all []steps.Finding
	all = append(all, usable(f)...)
	all = append(all, upToDate(f)...)
	all = append(all, rogue(f)...)
	all = append(all, duplicates(s, l)...)
	all = append(all, neighbours(s, l, f)...)
	all = append(all, foreignSessions(s, l, f)...)
	return append(all, askedTooMuch(s, l)...)
}

func blocker(code, text string, fix ...string) steps.Finding {
	return steps.Finding{Step: steps.IDInstall, Code: code, Severity: steps.Blocker, Text: text, Fix: fix}
}

func warning(step steps.ID, code, text string, fix ...string) steps.Finding {
	return steps.Finding{Step: step, Code: code, Severity: steps.Warning, Text: text, Fix: fix}
}

const useNative = "or set install.executor: native, which needs no nginx"

// usable judges the installation as a whole.
func usable(f steps.Facts) []steps.Finding {
	n := f.Nginx
	switch {
	case f.Services == "":
		return []steps.Finding{blocker("N14", "cannot run nginx: no supported service manager runs here",
			"use a server with systemd")}
	case !n.Installed && f.Packages.Kind == "":
		return []steps.Finding{blocker("H10", "cannot install nginx: no supported package manager is here",
			"install nginx with the tools of this system and run sslwizard again", useNative)}
	case !n.Installed:
		return nil
	case !n.Packaged:
		return []steps.Finding{blocker("unpackaged", "cannot use this nginx: its program belongs to no package, so nobody knows its layout and units",
			"move it away and let sslwizard install the distribution's nginx", useNative)}
	case !n.ConfigOK && n.ConfigError == "":
		return []steps.Finding{blocker("N03", "cannot build on this nginx: whether its configuration is whole cannot be told, for nginx did not say",
			"nginx -t shows it; run sslwizard again, as root", useNative)}
	case !n.ConfigOK:
		return []steps.Finding{blocker("N03", "cannot build on this nginx: its configuration is broken already: "+steps.CleanLine(n.ConfigError),
			"nginx -t shows the line; repair it and run sslwizard again", useNative)}
	case n.Include == "":
		return []steps.Finding{blocker("N07", "cannot place our files: nginx.conf reads no folder of *.conf files in http{}",
			"add this line inside http { } of /etc/nginx/nginx.conf: include /etc/nginx/conf.d/*.conf;", useNative)}
	}
	return nil
}

func upToDate(f steps.Facts) []steps.Finding {
	v := parseVersion(expected(f))
	if !v.known() || v.atLeast(oldest) {
		return nil
	}
	return []steps.Finding{blocker("N10", fmt.Sprintf("cannot use nginx %s: it is older than 1.18", steps.CleanLine(expected(f))),
		"install nginx 1.18 or later (nginx.org has packages for this system)", useNative)}
}

// rogue finds an nginx that the service manager does not know (certbot leaves such): reloads would miss it.
func rogue(f steps.Facts) []steps.Finding {
	for _, l := range f.Listeners {
		if l.Process == "nginx" && l.Unit != Unit && !l.Ours && (l.Port.Number == 80 || l.Port.Number == 443) {
			return []steps.Finding{blocker("N02", fmt.Sprintf("cannot manage nginx: one runs outside %s (process %d, port %d)", Unit, l.PID, l.Port.Number),
				fmt.Sprintf("end it gracefully: kill -QUIT %d", l.PID), "then: systemctl start nginx")}
		}
	}
	return nil
}

// duplicates finds names of the site that another file serves: nginx would take the first that it reads, with no more
// than a warning.
func duplicates(s steps.Site, l layout) []steps.Finding {
	var all []steps.Finding
	for _, other := range l.servers {
		for _, d := range s.Certs.Domains {
			if !onOurPorts(other) || !slices.ContainsFunc(other.Names, func(n string) bool { return sameName(n, d) }) {
				continue
			}
			all = append(all, blocker("N08", fmt.Sprintf("cannot serve %s: %s serves it already", d, place(other)),
				fmt.Sprintf("take %s out of server_name there, or remove that server", d),
				"or leave the name out of certs.domains"))
		}
	}
	return all
}

// sameName compares a server_name with a domain: nginx ignores case and reads ".example.com" as the name and all below.
func sameName(written string, d steps.Domain) bool {
	written = strings.ToLower(written)
	if bare, ok := strings.CutPrefix(written, "."); ok {
		return string(d) == bare || string(d) == "*."+bare
	}
	return strings.Trim(written, "[]") == string(d)
}

func onOurPorts(s steps.NginxServer) bool {
	return slices.ContainsFunc(listens(s), func(l listening) bool { return l.port == 80 || l.port == 443 })
}

func place(s steps.NginxServer) string {
	if s.Line == 0 {
		return s.File
	}
	return fmt.Sprintf("%s:%d", s.File, s.Line)
}

// neighbours looks at what happens between the servers of others and ours.
func neighbours(s steps.Site, l layout, f steps.Facts) []steps.Finding {
	var all []steps.Finding
	for _, other := range l.servers {
		for _, x := range listens(other) {
			if x.port == 80 || x.port == 443 {
				all = append(all, neighbour(s, l, f, other, x)...)
			}
		}
	}
	return dedupe(append(all, displaced(l, f)...))
}

func neighbour(s steps.Site, l layout, f steps.Facts, other steps.NginxServer, x listening) []steps.Finding {
	switch {
	case x.dualBind && f.IPv6:
		return []steps.Finding{blocker("N08", fmt.Sprintf("cannot listen on port %d: %s takes it for IPv4 and IPv6 in one socket (ipv6only=off)", x.port, place(other)),
			"write two listen lines there instead, one of them [::]:"+fmt.Sprint(x.port)+" without ipv6only=off")}
	case x.dflt && x.port == 443 && namedByIP(s):
		return []steps.Finding{blocker("N08", fmt.Sprintf("cannot serve an address: %s is the default server of port 443, and clients name no address in a TLS handshake", place(other)),
			"take default_server out of its listen line", useNative)}
	case x.dflt && x.port == 443 && !parseVersion(l.version).atLeast(perServerProtocols):
		return []steps.Finding{warning(steps.IDSSL, "N08", fmt.Sprintf("%s is the default server of port 443: in nginx %s its ssl_protocols hold for every site", place(other), l.version),
			"write ssl_protocols TLSv1.2 TLSv1.3; into that server")}
	case x.address != "" && x.address != "[::]" && !loopback(x.address):
		return []steps.Finding{warning(steps.IDInstall, "N08", fmt.Sprintf("%s listens on %s:%d by itself: requests to that address never reach our site", place(other), x.address, x.port),
			fmt.Sprintf("write listen %d there, without the address", x.port))}
	}
	return nil
}

func loopback(address string) bool {
	return strings.HasPrefix(address, "127.") || address == "[::1]" || address == "localhost"
}

// displaced finds servers that answer unknown names only because nginx reads them first: our files are read before
// them, and would take that over.
func displaced(l layout, f steps.Facts) []steps.Finding {
	var all []steps.Finding
	for _, port := range []int{80, 443} {
		for _, address := range wildcards {
			o, ok := l.implicit(address, port)
			switch {
			case !ok || address != "" && !f.IPv6:
			case needsDefault(o):
				all = append(all, blocker("N08", fmt.Sprintf("cannot add a site without taking visitors from %s: it has no name of its own and answers only because nginx reads it first", place(o)),
					fmt.Sprintf("write default_server into its listen line for port %d", port), "or give it a server_name"))
			default:
				all = append(all, warning(steps.IDInstall, "N08", fmt.Sprintf("%s answers names that no server has, on port %d, because nginx reads it first; from now on they are refused", place(o), port),
					fmt.Sprintf("to keep it so, write default_server into its listen line for port %d", port)))
			}
		}
	}
	return all
}

// implicit returns the server that is the default of a socket now only by its place, and would not be with our files.
func (l layout) implicit(address string, port int) (steps.NginxServer, bool) {
	on := l.on(address, port, false)
	if len(on) == 0 || on[0].server.Stock || l.before(on[0].server) {
		return steps.NginxServer{}, false
	}
	if slices.ContainsFunc(on, func(o occupant) bool { return o.dflt }) {
		return steps.NginxServer{}, false
	}
	return on[0].server, true
}

// needsDefault reports whether a server has no name that a client could ask for.
func needsDefault(s steps.NginxServer) bool {
	return !slices.ContainsFunc(s.Names, func(n string) bool { return n != "" && n != "_" && n != "localhost" })
}

// askedTooMuch finds answers that nginx cannot follow, or that come to nothing.
func askedTooMuch(s steps.Site, l layout) []steps.Finding {
	all := upstreams(s)
	if s.Trusted.Source == steps.SourceACME && s.Trusted.Challenge == steps.TLSALPN01 {
		f := blocker("A25", "cannot answer tls-alpn-01 with nginx: it has no way to send the challenge's certificate",
			"set trusted.challenge: http-01", useNative)
		f.Step = steps.IDTrusted
		all = append(all, f)
	}
	if s.SSL.HTTP3 && !l.caps.QUIC {
		f := blocker("http3", "cannot serve HTTP/3 with nginx "+steps.CleanLine(l.version)+": it has no ngx_http_v3_module, which came with 1.25", "set ssl.http3: false", useNative)
		f.Step = steps.IDSSL
		all = append(all, f)
	} else if s.SSL.HTTP3 {
		all = append(all, warning(steps.IDSSL, "http3", "after each reload nginx drops some new HTTP/3 connections until its old workers have ended (nginx issue 425); browsers use HTTP/2 then",
			"do nothing if that is well, or set install.executor: native, which drops none"))
	}
	all = append(all, cannotTrust(s, l.caps)...)
	return append(all, weakDH(s)...)
}

// upstreams finds what nginx cannot do with the upstreams.
func upstreams(s steps.Site) []steps.Finding {
	var all []steps.Finding
	cannot := func(code, text string, fix ...string) {
		f := blocker(code, text, append(fix, useNative)...)
		f.Step = steps.IDProxy
		all = append(all, f)
	}
	first := s.Proxy.Upstream
	for _, u := range s.Proxy.Upstreams() {
		if _, ip := steps.Domain(u.Host).IP(); verified(u) && ip {
			cannot("upstream-name", "cannot verify the upstream's certificate: nginx compares names only, and the upstream is an address",
				"name the upstream, or do without the check")
		} else if !u.Socket() && !ip && u.Host != "localhost" {
			all = append(all, warning(steps.IDProxy, "N11", fmt.Sprintf("nginx looks up %s when it starts, and does not start while DNS does not answer", u.Host),
				"write the upstream's address instead"))
		}
		if u.TLS() && (u.Host != first.Host || u.Verify != first.Verify) && (verified(u) || verified(first)) {
			cannot("upstream-names", fmt.Sprintf("cannot verify the certificates of %s and %s: nginx expects one name of all upstreams", first, u),
				"give upstreams of one name, or such as need no verification")
		}
	}
	if s.Proxy.Sticky && len(s.Proxy.More) > 0 {
		cannot("sticky", "cannot keep visitors at one upstream with nginx: before 1.29.6 it has no way to, and that of later ones shows its cookie to the application",
			"set proxy.sticky: false")
	}
	return dedupe(all)
}

func weakDH(s steps.Site) []steps.Finding {
	switch {
	case !asksDH(s):
		return nil
	case s.SSL.Profile == steps.Modern:
		return []steps.Finding{warning(steps.IDCerts, "dh-unused", "the DH group is not used: the modern profile has TLS 1.3 only", "set certs.dhGroup: none")}
	case strings.HasPrefix(string(s.Certs.Key), "ecdsa"):
		return []steps.Finding{warning(steps.IDCerts, "dh-unused", "the DH group is not used: its cipher suites need an RSA key", "set certs.dhGroup: none, or certs.key: rsa-2048")}
	}
	return []steps.Finding{warning(steps.IDCerts, "dh-old", "the DH group brings back three DHE cipher suites that the Mozilla guideline 6.0 has dropped", "set certs.dhGroup: none")}
}

func dedupe(all []steps.Finding) []steps.Finding {
	var out []steps.Finding
	for _, f := range all {
		if !slices.ContainsFunc(out, func(o steps.Finding) bool { return o.Text == f.Text }) {
			out = append(out, f)
		}
	}
	return out
}
