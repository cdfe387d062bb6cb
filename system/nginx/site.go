package nginx

import (
	"slices"
	"strconv"

	"github.com/c93d5bcb/sslwizard/steps"
	"github.com/c93d5bcb/sslwizard/system/nginx/conf"
)

// renderSite is the file of one site: its upstream, its server for plain HTTP, one for the names that are redirected to
// the canonical one, and the one that proxies.
func renderSite(s steps.Site, t target) ([]byte, error) {
	w := &words{}
	names := w.names(s)
	tree := []conf.Directive{upstream(s, t, w)}
	if s.Redirect.Enabled {
		tree = append(tree, redirectServer(s, t, names, w))
	} else {
		tree = append(tree, proxyServer(s, t, w, append(plainHead(s, t, names.all, w), ownCA(s, t)...), false))
	}
	if len(names.others) > 0 {
		tree = append(tree, canonicalServer(s, t, names, w))
	}
	tree = append(tree, proxyServer(s, t, w, tlsHead(s, t, names.served, namedByIP(s), w), true))
	return print(tree, w)
}

// siteNames are the names of a site as nginx writes them.
type siteNames struct {
	all       []string
	served    []string // those that are proxied over TLS
	others    []string // those that are redirected to canonical
	canonical string
}

func (w *words) names(s steps.Site) siteNames {
	var n siteNames
	if s.Redirect.Enabled && s.Redirect.Canonical != "" {
		n.canonical = w.name(s.Redirect.Canonical)
	}
	for _, d := range s.Certs.Domains {
		name := w.name(d)
		n.all = append(n.all, name)
		if n.canonical != "" && name != n.canonical {
			n.others = append(n.others, name)
		}
	}
	n.served = n.all
	if n.canonical != "" {
		n.served = []string{n.canonical}
	}
	if n.canonical != "" && !slices.Contains(n.all, n.canonical) && !slices.ContainsFunc(s.Certs.Domains, steps.Domain.Wildcard) {
		w.fail("the canonical name %q is not a name of the site", n.canonical)
	}
	return n
}

// challenge answers the CA (RFC 8555 section 8.3) before any redirect, without a password, and never through the
// application. A "return" beside it in the server would win over it, which is why every redirect is in a location.
func challenge(t target) conf.Directive {
	return conf.B("location", []string{"^~", steps.ChallengePath},
		conf.D("default_type", "text/plain"),
		conf.D("auth_basic", "off"),
		conf.D("allow", "all"),
		conf.D("root", t.webroot),
	).About("Step trusted: the CA fetches its challenge here.")
}

// ownCA shows the page of this server's own CA, over plain HTTP only: who needs it has no other way in yet. Telephones look
// at the type of the file only.
func ownCA(s steps.Site, t target) []conf.Directive {
	if !s.Trusted.CAPage {
		return nil
	}
	page := conf.B("location", []string{"^~", steps.CAPath},
		conf.B("types", nil, conf.D("text/html", "html"), conf.D("application/x-x509-ca-cert", "crt")),
		conf.D("charset", "utf-8"),
		conf.D("index", steps.CAPageFile),
		conf.D("add_header", "Cache-Control", "no-store"),
		conf.D("add_header", "X-Content-Type-Options", "nosniff"),
		conf.D("root", t.webroot),
	).About("Step trusted: other machines get this server's own CA here.")
	return []conf.Directive{page}
}

func plainHead(s steps.Site, t target, names []string, w *words) []conf.Directive {
	block := append(listenLines(t.http, false, false), serverHead(names)...)
	return append(block, peers(s, w)...)
}

// serverHead is what every server begins with. Headers with "_" in their names are dropped, because to many
// applications X_Real_IP and X-Real-IP are one header.
func serverHead(names []string) []conf.Directive {
	return []conf.Directive{
		conf.D("server_name", names...),
		conf.D("server_tokens", "off"),
		conf.D("underscores_in_headers", "off"),
	}
}

func redirectServer(s steps.Site, t target, names siteNames, w *words) conf.Directive {
	host := "$host"
	if names.canonical != "" {
		host = names.canonical
	}
	block := append(plainHead(s, t, names.all, w), challenge(t))
	block = append(append(block, ownCA(s, t)...), redirect(s, host, w))
	return conf.B("server", nil, block...).
		About("Step redirect: plain HTTP sends everybody to https, with the same path and query, in one hop.")
}

// redirect is in a server with names, so $host is one of them.
func redirect(s steps.Site, host string, w *words) conf.Directive {
	if s.Redirect.Status != 301 && s.Redirect.Status != 308 {
		w.fail("%d is no status of a permanent redirect", s.Redirect.Status)
	}
	return conf.B("location", []string{"/"},
		conf.D("return", strconv.Itoa(s.Redirect.Status), "https://"+host+"$request_uri"))
}

func canonicalServer(s steps.Site, t target, names siteNames, w *words) conf.Directive {
	block := append(tlsHead(s, t, names.others, false, w), challenge(t), redirect(s, names.canonical, w))
	return conf.B("server", nil, block...).
		About("Step redirect: the other names lead to the canonical one.")
}

// tlsHead is what a TLS server begins with. dflt makes it what answers handshakes without a name.
func tlsHead(s steps.Site, t target, names []string, dflt bool, w *words) []conf.Directive {
	block := listenTLS(t.https, t.caps, false, dflt, s.SSL.HTTP2)
	if s.SSL.HTTP3 {
		block = append(block, listenLines(t.quic, false, dflt, "quic")...)
	}
	if t.caps.HTTP2Directive {
		block = append(block, conf.D("http2", onOff(s.SSL.HTTP2)))
	}
	block = append(block, serverHead(names)...)
	block = append(block, peers(s, w)...)
	block = append(block, tlsSettings(s, t)...)
	block = append(block, certificate(w.site(s.Name), t)...)
	block = append(block, clientAuth(s, t)...)
	if line, ok := hsts(s); ok {
		block = append(block, line)
	}
	block = append(block, announcement(s, t)...)
	return append(block, guards(s)...)
}

func hsts(s steps.Site) (conf.Directive, bool) {
	age := int64(s.SSL.HSTS.MaxAge.Seconds())
	if age <= 0 {
		return conf.Directive{}, false
	}
	value := "max-age=" + strconv.FormatInt(age, 10)
	if s.SSL.HSTS.IncludeSubDomains {
		value += "; includeSubDomains"
	}
	return conf.D("add_header", "Strict-Transport-Security", value, "always"), true
}

// guards refuse a request whose Host, or whose handshake, named another site (RFC 9110 section 7.4). Clients name no
// address in the handshake.
func guards(s steps.Site) []conf.Directive {
	guard := func(variable string) conf.Directive {
		return conf.B("if", []string{"(" + variable, "!=", s.Name + ")"}, conf.D("return", "421"))
	}
	all := []conf.Directive{guard("$sslwizard_host")}
	if !namedByIP(s) {
		all = append(all, guard("$sslwizard_sni"))
	}
	return all
}

func onOff(b bool) string {
	if b {
		return "on"
	}
	return "off"
}
