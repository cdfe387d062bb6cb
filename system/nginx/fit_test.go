package nginx

import (
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/c93d5bcb/sslwizard/e2e/failures"
	"github.com/c93d5bcb/sslwizard/steps"
)

func other(file string, names []string, listens ...string) steps.NginxServer {
	return steps.NginxServer{File: file, Line: 3, Names: names, Listens: listens}
}

func TestFit(t *testing.T) {
	t.Parallel()
	type edit = func(*steps.Facts)
	site := func(change func(*steps.Site)) func(*steps.Facts, *steps.Site) {
		return func(_ *steps.Facts, s *steps.Site) { change(s) }
	}
	host := func(change edit) func(*steps.Facts, *steps.Site) {
		return func(f *steps.Facts, _ *steps.Site) { change(f) }
	}
	server := func(s steps.NginxServer) func(*steps.Facts, *steps.Site) {
		return host(func(f *steps.Facts) { f.Nginx.Servers = append([]steps.NginxServer{s}, f.Nginx.Servers...) })
	}
	sites := "/etc/nginx/sites-enabled/"
	for _, c := range []struct {
		name   string
		change func(*steps.Facts, *steps.Site)
		want   []string // "severity code words", in order
	}{
		{"fits", site(func(*steps.Site) {}), nil},
		{"not installed", host(func(f *steps.Facts) { f.Nginx = steps.Nginx{Candidate: "1.22.1-9+deb12u2"} }), nil},
		{"no service manager", host(func(f *steps.Facts) { f.Services = "" }), []string{"blocker N14 service manager"}},
		{"cannot be installed", host(func(f *steps.Facts) { f.Nginx, f.Packages.Kind = steps.Nginx{}, "" }), []string{"blocker H10 package manager"}},
		{"own build", host(func(f *steps.Facts) { f.Nginx.Packaged = false }), []string{"blocker unpackaged"}},
		{"broken", host(func(f *steps.Facts) { f.Nginx.ConfigOK, f.Nginx.ConfigError = false, "x in y:12" }), []string{"blocker N03 x in y:12"}},
		{"not told whether it is broken", host(func(f *steps.Facts) { f.Nginx.ConfigOK = false }), []string{"blocker N03 cannot be told"}},
		{"http3", func(f *steps.Facts, s *steps.Site) { f.Nginx.Caps.QUIC, s.SSL.HTTP3 = true, true }, []string{"warning http3 issue 425"}},
		{"http3 without its module", func(f *steps.Facts, s *steps.Site) { f.Nginx.Caps.QUIC, s.SSL.HTTP3 = false, true }, []string{"blocker http3 ngx_http_v3_module"}},
		{"no include", host(func(f *steps.Facts) { f.Nginx.Include = "" }), []string{"blocker N07"}},
		{"too old", host(func(f *steps.Facts) { f.Nginx.Version = "1.14.1" }), []string{"blocker N10 1.14.1"}},
		{"candidate too old", host(func(f *steps.Facts) { f.Nginx = steps.Nginx{Candidate: "1:1.14.1-9.el8"} }), []string{"blocker N10"}},
		{"rogue", host(func(f *steps.Facts) {
			f.Listeners = []steps.Listener{{Port: steps.Port{Number: 80, Proto: "tcp"}, Address: netip.IPv4Unspecified(), PID: 7, Process: "nginx"}}
		}), []string{"blocker N02 process 7"}},
		{"same name", server(other(sites+"old", []string{"x.example", "SHOP.example.com"}, "80")),
			[]string{"blocker N08 shop.example.com: " + sites + "old:3"}},
		{"answers strangers", server(other(sites+"old", []string{"a.example"}, "443 ssl")), []string{"warning N08 reads it first"}},
		{"same name elsewhere", server(other(sites+"old", []string{"shop.example.com"}, "8080")), nil},
		{"dotted name", server(other("/etc/nginx/conf.d/a.conf", []string{".shop.example.com"}, "443 ssl")), []string{"blocker N08"}},
		{"wildcard beside", server(other("/etc/nginx/conf.d/a.conf", []string{"*.example.com"}, "443 ssl")), nil},
		{"nameless and first", server(other(sites+"app", []string{"_"}, "443 ssl")), []string{"blocker N08 visitors"}},
		{"nameless, before us", server(other("/etc/nginx/conf.d/app.conf", []string{"_"}, "443 ssl")), nil},
		{"nameless, default", server(other(sites+"app", []string{"_"}, "443 ssl default_server", "[::]:443 ssl default_server")),
			[]string{"warning N08 ssl_protocols"}},
		{"one address", server(other(sites+"app", []string{"a.example"}, "192.0.2.1:443 ssl", "127.0.0.1:80")), []string{"warning N08 192.0.2.1:443"}},
		{"both families in one", server(other("/etc/nginx/conf.d/a.conf", []string{"a.example"}, "[::]:443 ssl ipv6only=off")), []string{"blocker N08 ipv6only"}},
		{"address and their default", func(f *steps.Facts, s *steps.Site) {
			named(s, "192.0.2.1")
			f.Nginx.Servers = append(f.Nginx.Servers, other(sites+"app", []string{"a.example"}, "443 ssl default_server"))
		}, []string{"blocker N08 address"}},
		{"verified address", site(func(s *steps.Site) {
			s.Proxy.Upstream = steps.Upstream{Scheme: "https", Host: "192.0.2.7", Port: 443, Verify: true}
		}), []string{"blocker upstream-name"}},
		{"named upstream", site(func(s *steps.Site) { s.Proxy.Upstream.Host = "app.internal" }), []string{"warning N11 app.internal"}},
		{"several", site(func(s *steps.Site) { s.Proxy.More = []steps.Upstream{{Scheme: "unix", Path: "/run/app.sock"}} }), nil},
		{"sticky", site(func(s *steps.Site) {
			s.Proxy.More, s.Proxy.Sticky = []steps.Upstream{{Scheme: "unix", Path: "/run/app.sock"}}, true
		}), []string{"blocker sticky"}},
		{"clients", func(f *steps.Facts, s *steps.Site) {
			s.SSL.ClientAuth, f.ClientCAs = steps.ClientRequired, map[string]steps.ClientCA{s.Name: {PEM: []byte("x")}}
		}, nil},
		{"clients, not looked at", func(f *steps.Facts, s *steps.Site) {
			s.SSL.ClientAuth, f.ClientCAs = steps.ClientOptional, map[string]steps.ClientCA{s.Name: {}}
		}, nil},
		{"clients, and their default", func(f *steps.Facts, s *steps.Site) {
			s.SSL.ClientAuth = steps.ClientRequired
			f.Nginx.Servers = append(f.Nginx.Servers, other("/etc/nginx/conf.d/a.conf", []string{"a.example"}, "443 ssl default_server", "[::]:443 ssl default_server"))
		}, []string{"warning N08 ssl_protocols", "warning client-sessions /etc/nginx/conf.d/a.conf:3"}},
		{"clients, and one before us", func(f *steps.Facts, s *steps.Site) {
			s.SSL.ClientAuth = steps.ClientOptional
			f.Nginx.Servers = append(f.Nginx.Servers, other("/etc/nginx/conf.d/a.conf", []string{"a.example"}, "443 ssl"))
		}, []string{"warning client-sessions"}},
		{"clients, and another site", func(f *steps.Facts, s *steps.Site) {
			s.SSL.ClientAuth = steps.ClientOptional
			f.Nginx.Servers = append(f.Nginx.Servers, other("/etc/nginx/conf.d/z.conf", []string{"a.example"}, "443 ssl", "8443 ssl default_server"))
		}, []string{"warning N08 reads it first"}},
		{"behind a CDN", site(func(s *steps.Site) { s.Proxy.Trusted = []netip.Prefix{netip.MustParsePrefix("203.0.113.0/24")} }), nil},
		{"behind a CDN, no module", func(f *steps.Facts, s *steps.Site) {
			s.Proxy.Trusted, f.Nginx.Caps.NoRealIP = []netip.Prefix{netip.MustParsePrefix("203.0.113.0/24")}, true
		}, []string{"blocker realip ngx_http_realip_module"}},
		{"no module, and no need", func(f *steps.Facts, _ *steps.Site) { f.Nginx.Caps.NoRealIP = true }, nil},
		{"sticky, to one", site(func(s *steps.Site) { s.Proxy.Sticky = true }), nil},
		{"several names to verify", site(func(s *steps.Site) {
			s.Proxy.Upstream = steps.Upstream{Scheme: "https", Host: "a.internal", Port: 443, Verify: true}
			s.Proxy.More = []steps.Upstream{{Scheme: "https", Host: "b.internal", Port: 443, Verify: true}}
		}), []string{"warning N11 a.internal", "warning N11 b.internal", "blocker upstream-names b.internal"}},
		{"several ports to verify", site(func(s *steps.Site) {
			s.Proxy.Upstream = steps.Upstream{Scheme: "https", Host: "a.internal", Port: 443, Verify: true}
			s.Proxy.More = []steps.Upstream{{Scheme: "https", Host: "a.internal", Port: 444, Verify: true}}
		}), []string{"warning N11 a.internal"}},
		{"tls-alpn", site(func(s *steps.Site) { s.Trusted.Challenge = steps.TLSALPN01 }), []string{"blocker A25"}},
		{"dh with ecdsa", site(func(s *steps.Site) { s.Certs.DHGroup = "ffdhe2048" }), []string{"warning dh-unused"}},
		{"dh with rsa", site(func(s *steps.Site) { s.Certs.DHGroup, s.Certs.Key = "ffdhe2048", steps.RSA2048 }), []string{"warning dh-old"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			f, s := facts("1.22.1"), shop()
			f.Nginx.Servers = slices.Clone(f.Nginx.Servers)
			c.change(&f, &s)
			judge(t, Executor{}.Fit(s, f), c.want)
		})
	}
}

func judge(t *testing.T, got []steps.Finding, want []string) {
	t.Helper()
	failures.MetFindings(t, got)
	if len(got) != len(want) {
		t.Fatalf("got %d findings %+v, want %q", len(got), got, want)
	}
	for i, f := range got {
		words := strings.SplitN(want[i], " ", 3)
		if string(f.Severity) != words[0] || f.Code != words[1] || len(words) > 2 && !strings.Contains(f.Text, words[2]) {
			t.Errorf("got %+v, want %q", f, want[i])
		}
		if len(f.Fix) == 0 || f.Step == "" {
			t.Errorf("%q has no way on, or no step", f.Text)
		}
		if f.Severity == steps.Blocker && !strings.HasPrefix(f.Text, "cannot ") {
			t.Errorf("%q does not say what cannot be done", f.Text)
		}
	}
}

func TestParseListen(t *testing.T) {
	t.Parallel()
	for s, want := range map[string]listening{
		"80":                           {"", 80, false, false, false},
		"":                             {"", 80, false, false, false},
		"*:8080 default":               {"", 8080, true, false, false},
		"0.0.0.0:443 ssl":              {"", 443, false, false, false},
		"[::]:443 ssl default_server":  {"[::]", 443, true, false, false},
		"[::]:80 ipv6only=off":         {"[::]", 80, false, true, false},
		"192.0.2.1":                    {"192.0.2.1", 80, false, false, false},
		"[2001:db8::1]":                {"[2001:db8::1]", 80, false, false, false},
		"localhost:443":                {"localhost", 443, false, false, false},
		"unix:/run/x.sock default":     {"unix:/run/x.sock", 0, true, false, false},
		"443 ssl http2 default_server": {"", 443, true, false, false},
		"443 quic reuseport":           {"", 443, false, false, true},
	} {
		if got := parseListen(s); got != want {
			t.Errorf("parseListen(%q) = %+v, want %+v", s, got, want)
		}
	}
}

func TestSockets(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name    string
		servers []steps.NginxServer
		want    []socket // 80 and [::]:80, then 443 and [::]:443
	}{
		{"nobody", nil, []socket{{"80", true, true}, {"[::]:80", true, true}, {"443", true, true}, {"[::]:443", true, true}}},
		{"Debian's own", stock.servers, []socket{{"80", false, true}, {"[::]:80", false, true}, {"443", true, true}, {"[::]:443", true, true}}},
		{"another site", []steps.NginxServer{other("/etc/nginx/sites-enabled/a", []string{"a.example"}, "80", "443 ssl")},
			[]socket{{"80", true, false}, {"[::]:80", true, true}, {"443", true, false}, {"[::]:443", true, true}}},
		{"another default", []steps.NginxServer{other("/etc/nginx/sites-enabled/a", []string{"_"}, "443 ssl default_server")},
			[]socket{{"80", true, true}, {"[::]:80", true, true}, {"443", false, false}, {"[::]:443", true, true}}},
		{"read before us", []steps.NginxServer{other("/etc/nginx/conf.d/a.conf", []string{"_"}, "80")},
			[]socket{{"80", false, false}, {"[::]:80", true, true}, {"443", true, true}, {"[::]:443", true, true}}},
		{"another that has QUIC", []steps.NginxServer{other("/etc/nginx/sites-enabled/a", []string{"a.example"}, "443 quic reuseport default_server")},
			[]socket{{"80", true, true}, {"[::]:80", true, true}, {"443", true, true}, {"[::]:443", true, true}}},
	} {
		l := layout{include: "/etc/nginx/conf.d", servers: c.servers}
		quic := len(l.on("", 443, true)) > 0
		if got, want := l.sockets(443, true, true), []socket{{"443", !quic, !quic}, {"[::]:443", true, true}}; !slices.Equal(got, want) {
			t.Errorf("%s: for QUIC got %+v, want %+v", c.name, got, want)
		}
		if got := append(l.sockets(80, true, false), l.sockets(443, true, false)...); !slices.Equal(got, c.want) {
			t.Errorf("%s: got %+v, want %+v", c.name, got, c.want)
		}
		if got := l.sockets(80, false, false); len(got) != 1 {
			t.Errorf("%s: without IPv6 there are %d sockets", c.name, len(got))
		}
	}
}

func TestCapsOf(t *testing.T) {
	t.Parallel()
	for v, want := range map[string]steps.NginxCaps{
		"1.18.0":           {},
		"1.19.4":           {RejectHandshake: true},
		"1.22.1-9+deb12u2": {RejectHandshake: true},
		"nginx/1.23.2":     {RejectHandshake: true, TicketRotation: true},
		"1.25.0":           {RejectHandshake: true, TicketRotation: true, QUIC: true},
		"1:1.25.1-1.el9":   {RejectHandshake: true, TicketRotation: true, HTTP2Directive: true, QUIC: true},
		"1.30":             {HTTP2Directive: true, RejectHandshake: true, TicketRotation: true, ModernUpstream: true, QUIC: true},
		"":                 {},
		"unknown":          {},
	} {
		if got := CapsOf(v); got != want {
			t.Errorf("CapsOf(%q) = %+v, want %+v", v, got, want)
		}
	}
}
