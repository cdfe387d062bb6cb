package nginx

import (
	"net"
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

	// With several upstreams, as the native proxy has it: how long one that failed is left alone, how long it may take to
	// connect, and for how long after it came a request may go to another one.
	markedDown    = time.Second
	connectBeside = 4 * time.Second
	retryTime     = 10 * time.Second

	defaultTimeout = time.Minute // where a site says nothing
	defaultIdle    = time.Hour

	// noFile is tried before the location is chosen, because try_files wants a file first; nobody has it.
	noFile = "/.sslwizard/none"
)

func upstreamName(s steps.Site, w *words) string { return "sslwizard_" + w.site(s.Name) }

// upstream is the application. Its connections are kept between requests.
func upstream(s steps.Site, t target, w *words) conf.Directive {
	all := t.upstreams(s)
	block := servers(all[0], t, w)
	if len(all) > 1 {
		block = balanced(upstreamName(s, w), all, t, w)
	}
	block = append(block,
		conf.D("keepalive", strconv.Itoa(keepPerWorker)),
		conf.D("keepalive_timeout", duration(keepIdle)))
	return conf.B("upstream", []string{upstreamName(s, w)}, block...).
		About("Step proxy: where the requests go. Connections are kept, and closed before the application would close them.")
}

// balanced are several upstreams, which the workers count together: the one with the fewest requests is asked. One that
// fails is left alone for a moment; nginx knows no longer pauses for one that goes on failing.
func balanced(name string, all []steps.Upstream, t target, w *words) []conf.Directive {
	block := []conf.Directive{conf.D("zone", name, "256k"), conf.D("least_conn")}
	for _, u := range all {
		address := servers(u, t, w)[0].Args[0]
		block = append(block, conf.D("server", address, "max_fails=1", "fail_timeout="+duration(markedDown)))
	}
	return block
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
	u := t.upstreams(s)[0]
	pass := conf.D(module(u)+"_pass", passSchemes[u.Scheme]+"://"+upstreamName(s, w))
	block := append(head, conf.D("client_max_body_size", size(s.Proxy.MaxBody)))
	block = append(block, proxySettings(s, t, w)...)
	block = append(block, headers(s, module(u), false, w)...)
	block = append(block, challenge(t))
	block = append(block, locations(s, pass, w)...)
	block = append(block, down(s, secure)...)
	what := "Step proxy: https, passed to the application."
	if !secure {
		what = "Step redirect: plain HTTP is served as well."
	}
	return conf.B("server", nil, block...).About(what)
}

// passSchemes are what nginx calls the ways to speak to an application.
var passSchemes = map[string]string{"http": "http", "unix": "http", "https": "https", "h2c": "grpc", "h2": "grpcs"}

// module is how the directives begin that say how an application is spoken to. The one for gRPC speaks HTTP/2 and passes
// whatever else comes, in every version.
func module(u steps.Upstream) string {
	if u.HTTP2() {
		return "grpc"
	}
	return "proxy"
}

func proxySettings(s steps.Site, t target, w *words) []conf.Directive {
	all, connect := t.upstreams(s), connectTimeout
	u := all[0]
	if len(all) > 1 {
		connect = connectBeside
	}
	set := func(name string, values ...string) conf.Directive { return conf.D(module(u)+name, values...) }
	timeout := duration(positive(s.Proxy.Timeout, defaultTimeout))
	times := []conf.Directive{
		set("_connect_timeout", duration(min(connect, positive(s.Proxy.Timeout, defaultTimeout)))),
		set("_read_timeout", timeout),
		set("_send_timeout", timeout),
	}
	var out []conf.Directive
	if u.HTTP2() {
		out = append(times, conf.D("client_body_timeout", duration(defaultIdle)).
			About("On a stream of gRPC the client may be silent while it is being answered."))
	} else {
		out = append([]conf.Directive{conf.D("proxy_http_version", "1.1")}, append(times, conf.D("proxy_redirect", "off"))...)
	}
	if len(all) > 1 {
		out = append(out,
			set("_next_upstream", "error", "timeout").About("What did not arrive at one upstream, or may arrive twice, goes to the next; not what waited for an answer in vain."),
			set("_next_upstream_timeout", duration(retryTime)))
	}
	if u.TLS() {
		out = append(out, upstreamTLS(u, t, w)...)
	}
	if _, ok := hsts(s); ok {
		out = append(out, set("_hide_header", "Strict-Transport-Security"))
	}
	if announces(s, t) {
		out = append(out, set("_hide_header", "Alt-Svc"))
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
	set := func(name string, values ...string) conf.Directive { return conf.D(module(u)+"_ssl_"+name, values...) }
	out := []conf.Directive{
		set("server_name", "on"),
		set("name", w.literal("the upstream", u.Host)),
		set("protocols", "TLSv1.2", "TLSv1.3"),
	}
	if u.Verify {
		out = append(out, set("verify", "on"), set("verify_depth", "5"), set("trusted_certificate", t.bundle))
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
	{Name: "Client-Cert", Value: ""},
	{Name: "Client-Cert-Chain", Value: ""},
	{Name: "Forwarded", Value: ""},
	{Name: "Proxy", Value: ""},
	{Name: "HTTP2-Settings", Value: ""},
}

// headers are the request headers as the application gets them. The site's own replace ours of the same name.
func headers(s steps.Site, module string, upgrade bool, w *words) []conf.Directive {
	var out []conf.Directive
	set := func(name, value string) { out = append(out, conf.D(module+"_set_header", name, value)) }
	for _, h := range slices.Concat(forwarded, clientFields(s)) {
		if !slices.ContainsFunc(s.Proxy.Headers, func(own steps.Header) bool { return strings.EqualFold(own.Name, h.Name) }) {
			h = withClients(s, h)
			set(h.Name, h.Value)
		}
	}
	for _, h := range s.Proxy.Headers {
		set(w.literal("the header", h.Name), w.literal("the value of the header "+h.Name, h.Value))
	}
	switch {
	case upgrade:
		set("Upgrade", "$sslwizard_upgrade")
		set("Connection", "$sslwizard_connection")
	case module == "proxy":
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
		conf.B("location", []string{"@websocket"}, append(socket, headers(s, "proxy", true, w)...)...).
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
