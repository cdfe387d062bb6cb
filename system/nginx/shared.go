package nginx

import (
	"slices"
	"strings"

	"github.com/c93d5bcb/sslwizard/assets"
	"github.com/c93d5bcb/sslwizard/steps"
	"github.com/c93d5bcb/sslwizard/system/nginx/conf"
)

const fileComment = "Written by sslwizard; what is changed here by hand stops its next run.\n" +
	"The site's answers are in " + steps.SitesDir + "; change them there, or run sslwizard."

// nobody is the name of the servers that answer what no site does: no request can ask for it (RFC 6761 section 6.4), so
// it meets no server of others.
const nobody = "sslwizard.invalid"

// longestName is the longest name that fits nginx's default hash buckets (64 bytes less two pointers and a length).
const longestName = 46

// renderShared is the file that all sites share.
func renderShared(sites []steps.Site, t target) ([]byte, error) {
	var w words
	tree := hashSizes(sites)
	if slices.ContainsFunc(sites, func(s steps.Site) bool { return s.WebSockets.Enabled }) {
		tree = append(tree, upgradeMaps()...)
	}
	if slices.ContainsFunc(sites, func(s steps.Site) bool { return s.Proxy.Upstream.HTTP2() }) {
		tree = append(tree, callMaps()...)
	}
	if anyClients(sites) {
		tree = append(tree, clientMap())
	}
	tree = append(tree,
		siteMap("$host", "$sslwizard_host", sites, &w).About("Which site the request names, and which the TLS handshake named. A request that names another one is\nanswered 421 (RFC 9110 section 15.5.20)."),
		siteMap("$ssl_server_name", "$sslwizard_sni", sites, &w))
	tree = append(tree, pageMaps()...)
	tree = append(tree, catchAll(sites, t, &w)...)
	return print(tree, &w)
}

func print(tree []conf.Directive, w *words) ([]byte, error) {
	if w.err != nil {
		return nil, w.err
	}
	tree[0].Comment = join(fileComment, tree[0].Comment)
	return conf.Print(tree)
}

func join(a, b string) string {
	if b == "" {
		return a
	}
	return a + "\n\n" + b
}

// upgradeMaps pass "Upgrade: websocket" and nothing else (not h2c, which would be a tunnel past the proxy). For a plain
// request "Connection" is empty, so that connections to the application are kept.
func upgradeMaps() []conf.Directive {
	byUpgrade := func(variable, plain, upgrade string) conf.Directive {
		return conf.B("map", []string{"$http_upgrade", variable}, conf.D("default", plain), conf.D("websocket", upgrade))
	}
	return []conf.Directive{
		byUpgrade("$sslwizard_upgrade", "", "websocket").
			About("Step websockets: only a request for a WebSocket is an upgrade; all others keep their connection to the\napplication open."),
		byUpgrade("$sslwizard_connection", "", "upgrade"),
		byUpgrade("$sslwizard_location", "@plain", "@websocket"),
	}
}

// pageMaps hold the pages, once for all sites.
func pageMaps() []conf.Directive {
	var all []conf.Directive
	for _, status := range downStatuses {
		page := strings.Join(strings.Fields(string(assets.Page(status))), " ")
		all = append(all, conf.B("map", []string{"", pageVariable(status)}, conf.D("default", page)))
	}
	all[0].Comment = "What visitors see while the application does not answer."
	return all
}

func siteMap(from, to string, sites []steps.Site, w *words) conf.Directive {
	rows := []conf.Directive{conf.D("hostnames"), conf.D("default", "")}
	for _, s := range sites {
		for _, d := range s.Certs.Domains {
			rows = append(rows, conf.D(w.name(d), w.site(s.Name)))
		}
	}
	return conf.B("map", []string{from, to}, rows...)
}

// hashSizes are written only for names that do not fit the defaults: nginx takes each once, and the user may have it.
func hashSizes(sites []steps.Site) []conf.Directive {
	for _, s := range sites {
		for _, d := range s.Certs.Domains {
			if len(d) > longestName {
				return []conf.Directive{
					conf.D("map_hash_bucket_size", "512").About("For long names."),
					conf.D("server_names_hash_bucket_size", "512"),
				}
			}
		}
	}
	return nil
}

// catchAll are the servers for names that nobody serves. They also carry the options of the sockets, which nginx takes
// once per socket.
func catchAll(sites []steps.Site, t target, w *words) []conf.Directive {
	var servers []conf.Directive
	if needed(t.http) {
		servers = append(servers, conf.B("server", nil, append(
			listenLines(t.http, true, true),
			conf.D("server_name", nobody),
			conf.D("server_tokens", "off"),
			challenge(t),
			conf.B("location", []string{"/"}, conf.D("return", "404")),
		)...).About("Plain HTTP for names that no site has."))
	}
	if needed(t.https) || steps.HTTP3(sites) && needed(t.quic) {
		servers = append(servers, rejectServer(sites, t, w))
	}
	return servers
}

func needed(sockets []socket) bool {
	return slices.ContainsFunc(sockets, func(s socket) bool { return s.dflt || s.reuse })
}

// rejectServer ends handshakes for names that no site has. Before nginx 1.29.2 the TLS versions of a socket are those
// of its default server, so it has the same settings as the sites. Without ssl_reject_handshake (before 1.19.4) it
// needs a certificate: that of the first site; browsers refuse it for any other name. As the default server it also gets
// requests whose handshake named a site and whose Host names none. (444 would do for HTTP/1.1, but leaves the clients of
// HTTP/2 in nginx 1.18 waiting.)
func rejectServer(sites []steps.Site, t target, w *words) conf.Directive {
	dflt := !slices.ContainsFunc(sites, namedByIP)
	block := listenTLS(t.https, t.caps, true, dflt, anyHTTP2(sites))
	if steps.HTTP3(sites) {
		asked := slices.ContainsFunc(sites, func(s steps.Site) bool { return s.SSL.HTTP3 && namedByIP(s) })
		block = append(block, listenLines(t.quic, true, !asked, "quic")...)
	}
	block = append(block, conf.D("server_name", nobody), conf.D("server_tokens", "off"))
	block = append(block, tlsSettings(loosest(sites), t)...)
	if t.caps.RejectHandshake {
		block = append(block, conf.D("ssl_reject_handshake", "on"))
	} else {
		block = append(block, certificate(w.site(sites[0].Name), t)...)
	}
	block = append(block, conf.D("return", "421"))
	return conf.B("server", nil, block...).
		About("Step ssl: a TLS handshake for a name that no site has is refused.")
}

// namedByIP reports whether a name of the site is an address. Such a site has to be the default server of its sockets,
// because a client names no address in the handshake (RFC 6066 section 3).
func namedByIP(s steps.Site) bool {
	return slices.ContainsFunc(s.Certs.Domains, func(d steps.Domain) bool { _, ip := d.IP(); return ip })
}

func anyHTTP2(sites []steps.Site) bool {
	return slices.ContainsFunc(sites, func(s steps.Site) bool { return s.SSL.HTTP2 })
}

// loosest is the TLS step that excludes no client of any site.
func loosest(sites []steps.Site) steps.Site {
	out := steps.Site{SSL: steps.SiteSSL{Profile: steps.Modern}}
	for _, s := range sites {
		if s.SSL.Profile != steps.Modern {
			out.SSL.Profile = s.SSL.Profile
		}
		if asksDH(s) {
			out.Certs.DHGroup = s.Certs.DHGroup
		}
	}
	return out
}

// listenLines are listen directives. With dflt the server is what answers unknown names, where nobody else is. Only the
// shared servers carry the options of the socket.
func listenLines(sockets []socket, shared, dflt bool, flags ...string) []conf.Directive {
	var lines []conf.Directive
	for _, s := range sockets {
		args := append([]string{s.address}, flags...)
		if s.dflt && dflt {
			args = append(args, "default_server")
		}
		if s.reuse && shared {
			args = append(args, "reuseport")
		}
		lines = append(lines, conf.D("listen", args...))
	}
	return lines
}
