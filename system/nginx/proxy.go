package nginx

import (
	"net"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/c93d5bcb/sslwizard/steps"
	"github.com/c93d5bcb/sslwizard/system/nginx/conf"
)

const (
	// keepIdle is how long an idle connection to the application is kept: less than Node's 5 s, so that it is never the
	// application that closes it just when a request is on its way.
	keepIdle       = 4 * time.Second
	keepPerWorker  = 32
	connectTimeout = 10 * time.Second

	defaultTimeout = time.Minute // where a site says nothing
	defaultIdle    = time.Hour

	// noFile is tried before the location is chosen, because try_files wants a file first; nobody has it.
	noFile = "/.sslwizard/none"
)

func upstreamName(s steps.Site, w *words) string { return "sslwizard_" + w.site(s.Name) }

// upstream is the application. Its connections are kept between requests.
func upstream(s steps.Site, t target, w *words) conf.Directive {
	block := servers(t.upstream(s), t, w)
	block = append(block,
		conf.D("keepalive", strconv.Itoa(keepPerWorker)),
		conf.D("keepalive_timeout", duration(keepIdle)))
	return conf.B("upstream", []string{upstreamName(s, w)}, block...).
		About("Step proxy: where the requests go. Connections are kept, and closed before the application would close them.")
}

// servers name the upstream. "localhost" is IPv4 first and IPv6 only if that does not answer, whatever the resolver
// thinks; max_fails=0 has neither of them shut out while the application restarts.
func servers(u steps.Upstream, t target, w *words) []conf.Directive {
	port := strconv.Itoa(u.Port)
	switch {
	case u.Scheme == "unix":
		if strings.ContainsAny(u.Path, ":") || !strings.HasPrefix(u.Path, "/") {
			w.fail("nginx cannot take the socket %q", u.Path)
		}
		return []conf.Directive{conf.D("server", "unix:"+w.literal("the socket", u.Path))}
	case u.Host == "localhost":
		v4 := conf.D("server", net.JoinHostPort("127.0.0.1", port), "max_fails=0")
		if !t.ipv6 {
			return []conf.Directive{v4}
		}
		return []conf.Directive{v4, conf.D("server", net.JoinHostPort("::1", port), "max_fails=0", "backup")}
	}
	return []conf.Directive{conf.D("server", net.JoinHostPort(w.literal("the upstream", u.Host), port))}
}

// proxyServer is the server that passes requests on. What all its locations share is in the server itself; a location
// that sets one header has to set them all, which only @websocket does.
func proxyServer(s steps.Site, t target, w *words, head []conf.Directive, secure bool) conf.Directive {
	pass := conf.D("proxy_pass", scheme(t.upstream(s))+"://"+upstreamName(s, w))
	block := append(head, conf.D("client_max_body_size", size(s.Proxy.MaxBody)))
	block = append(block, proxySettings(s, t, w)...)
	block = append(block, headers(s, false, w)...)
	block = append(block, challenge(t))
	block = append(block, locations(s, pass, w)...)
	block = append(block, down(s, secure)...)
	what := "Step proxy: https, passed to the application."
	if !secure {
		what = "Step redirect: plain HTTP is served as well."
	}
	return conf.B("server", nil, block...).About(what)
}

func scheme(u steps.Upstream) string {
	if u.Scheme == "https" {
		return "https"
	}
	return "http"
}

func proxySettings(s steps.Site, t target, w *words) []conf.Directive {
	timeout := duration(positive(s.Proxy.Timeout, defaultTimeout))
	out := []conf.Directive{
		conf.D("proxy_http_version", "1.1"),
		conf.D("proxy_connect_timeout", duration(min(connectTimeout, positive(s.Proxy.Timeout, defaultTimeout)))),
		conf.D("proxy_read_timeout", timeout),
		conf.D("proxy_send_timeout", timeout),
		conf.D("proxy_redirect", "off"),
	}
	if u := t.upstream(s); u.Scheme == "https" {
		out = append(out, upstreamTLS(u, t, w)...)
	}
	if _, ok := hsts(s); ok {
		out = append(out, conf.D("proxy_hide_header", "Strict-Transport-Security"))
	}
	return out
}

func positive(d, otherwise time.Duration) time.Duration {
	if d <= 0 {
		return otherwise
	}
	return d
}

func upstreamTLS(u steps.Upstream, t target, w *words) []conf.Directive {
	out := []conf.Directive{
		conf.D("proxy_ssl_server_name", "on"),
		conf.D("proxy_ssl_name", w.literal("the upstream", u.Host)),
		conf.D("proxy_ssl_protocols", "TLSv1.2", "TLSv1.3"),
	}
	if u.Verify {
		out = append(out,
			conf.D("proxy_ssl_verify", "on"),
			conf.D("proxy_ssl_verify_depth", "5"),
			conf.D("proxy_ssl_trusted_certificate", t.bundle))
	}
	return out
}

// forwarded are the headers that tell the application who asked. They replace what the client sent, and those that we
// do not send are taken away from it: an empty value sends no header. nginx cannot drop the whole X-Forwarded- family,
// as the native proxy does, so those that applications believe are named.
var forwarded = []steps.Header{
	{Name: "Host", Value: "$host"},
	{Name: "X-Real-IP", Value: "$remote_addr"},
	{Name: "X-Forwarded-For", Value: "$remote_addr"},
	{Name: "X-Forwarded-Proto", Value: "$scheme"},
	{Name: "X-Forwarded-Host", Value: "$host"},
	{Name: "X-Forwarded-Port", Value: "$server_port"},
	{Name: "X-Forwarded-By", Value: ""},
	{Name: "X-Forwarded-Path", Value: ""},
	{Name: "X-Forwarded-Server", Value: ""},
	{Name: "X-Forwarded-Scheme", Value: ""},
	{Name: "X-Forwarded-Ssl", Value: ""},
	{Name: "X-Forwarded-Prefix", Value: ""},
	{Name: "X-Forwarded-Protocol", Value: ""},
	{Name: "X-Forwarded-Uri", Value: ""},
	{Name: "X-Forwarded-User", Value: ""},
	{Name: "X-Forwarded-Email", Value: ""},
	{Name: "X-Forwarded-Groups", Value: ""},
	{Name: "X-Forwarded-Preferred-Username", Value: ""},
	{Name: "X-Forwarded-Client-Cert", Value: ""},
	{Name: "Forwarded", Value: ""},
	{Name: "Proxy", Value: ""},
	{Name: "HTTP2-Settings", Value: ""},
}

// headers are the request headers as the application gets them. The site's own replace ours of the same name.
func headers(s steps.Site, upgrade bool, w *words) []conf.Directive {
	var out []conf.Directive
	set := func(name, value string) { out = append(out, conf.D("proxy_set_header", name, value)) }
	for _, h := range forwarded {
		if !slices.ContainsFunc(s.Proxy.Headers, func(own steps.Header) bool { return strings.EqualFold(own.Name, h.Name) }) {
			set(h.Name, h.Value)
		}
	}
	for _, h := range s.Proxy.Headers {
		set(w.literal("the header", h.Name), w.literal("the value of the header "+h.Name, h.Value))
	}
	if upgrade {
		set("Upgrade", "$sslwizard_upgrade")
		set("Connection", "$sslwizard_connection")
	} else {
		set("Connection", "")
	}
	return out
}

// locations choose how a request is passed. The time-outs of a WebSocket must not be those of a plain request, and nginx
// takes no variable for them: on the paths where an upgrade is passed, the map chooses one of two named locations.
func locations(s steps.Site, pass conf.Directive, w *words) []conf.Directive {
	if !s.WebSockets.Enabled || len(s.WebSockets.Paths) == 0 {
		return []conf.Directive{conf.B("location", []string{"/"}, pass)}
	}
	choose := conf.D("try_files", noFile, "$sslwizard_location")
	var out []conf.Directive
	for _, p := range prefixes(s.WebSockets.Paths, w) {
		if p.upgrade {
			out = append(out, conf.B("location", p.args, choose))
		} else {
			out = append(out, conf.B("location", p.args, pass))
		}
	}
	idle := duration(positive(s.WebSockets.Idle, defaultIdle))
	socket := []conf.Directive{pass, conf.D("proxy_read_timeout", idle), conf.D("proxy_send_timeout", idle)}
	return append(out,
		conf.B("location", []string{"@plain"}, pass),
		conf.B("location", []string{"@websocket"}, append(socket, headers(s, true, w)...)...).
			About("Step websockets: an open socket may be silent for longer than a plain request."))
}

// prefix is a location by its path.
type prefix struct {
	args    []string
	upgrade bool
}

// prefixes are the locations of the paths. A path that ends with "/" gets an exact location without it beside it, or
// nginx would redirect there by itself.
func prefixes(paths []string, w *words) []prefix {
	all := []prefix{{[]string{"/"}, slices.Contains(paths, "/")}}
	for _, p := range slices.Compact(slices.Sorted(slices.Values(paths))) {
		p = w.path(p)
		if p == "/" {
			continue
		}
		if bare, ok := strings.CutSuffix(p, "/"); ok && !slices.Contains(paths, bare) {
			all = append(all, prefix{[]string{"=", bare}, upgrades(bare, paths)})
		}
		all = append(all, prefix{[]string{p}, true})
	}
	return all
}

// upgrades reports whether an upgrade is passed on this path: one of the prefixes begins it.
func upgrades(path string, prefixes []string) bool {
	return slices.ContainsFunc(prefixes, func(p string) bool { return strings.HasPrefix(path, p) })
}

// downStatuses are what nginx answers by itself when the application does not.
var downStatuses = []int{http.StatusBadGateway, http.StatusGatewayTimeout}

// pageVariable holds the page of a status; the shared file has its text.
func pageVariable(status int) string { return "$sslwizard_page" + strconv.Itoa(status) }

// down answers when the application does not: a short page that says so, and when to try again.
func down(s steps.Site, secure bool) []conf.Directive {
	var pages, locations []conf.Directive
	for _, status := range downStatuses {
		code := strconv.Itoa(status)
		block := []conf.Directive{conf.D("default_type", "text/html"), conf.D("add_header", "Retry-After", "5", "always")}
		if line, ok := hsts(s); ok && secure {
			block = append(block, line)
		}
		block = append(block, conf.D("return", code, pageVariable(status)))
		pages = append(pages, conf.D("error_page", code, "@down"+code))
		locations = append(locations, conf.B("location", []string{"@down" + code}, block...))
	}
	return append(pages, locations...)
}
