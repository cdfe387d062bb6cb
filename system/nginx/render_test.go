package nginx

import (
	"bytes"
	"flag"
	"net/netip"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/c93d5bcb/sslwizard/steps"
)

var update = flag.Bool("update", false, "write the golden files anew")

// shop is the site that most cases begin with: everything at its default.
func shop() steps.Site {
	return steps.Site{
		Name:       "shop.example.com",
		Install:    steps.SiteInstall{Executor: steps.ExecutorNginx, Firewall: true},
		Certs:      steps.SiteCerts{Domains: []steps.Domain{"shop.example.com", "www.shop.example.com"}, Key: steps.ECDSAP256, Days: 365, DHGroup: "none"},
		SSL:        steps.SiteSSL{Profile: steps.Intermediate, HTTP2: true},
		Redirect:   steps.SiteRedirect{Enabled: true, Status: 301},
		Proxy:      steps.SiteProxy{Upstream: steps.Upstream{Scheme: "http", Host: "127.0.0.1", Port: 3000}, Timeout: time.Minute, MaxBody: 20 << 20},
		WebSockets: steps.SiteWebSockets{Enabled: true, Paths: []string{"/"}, Idle: time.Hour},
		Trusted:    steps.SiteTrusted{Source: steps.SourceACME, Challenge: steps.HTTP01},
	}
}

// with returns a site that differs from shop.
func with(change func(*steps.Site)) steps.Site {
	s := shop()
	change(&s)
	return s
}

func named(s *steps.Site, domains ...steps.Domain) {
	s.Name, s.Certs.Domains = string(domains[0]), domains
}

// cases are the configurations that have golden files and are run on the real nginx.
var cases = []struct {
	name  string
	sites []steps.Site
}{
	{"default", []steps.Site{shop()}},
	{"canonical", []steps.Site{with(func(s *steps.Site) {
		s.Redirect.Canonical, s.Redirect.Status = "shop.example.com", 308
		s.SSL.HSTS = steps.HSTS{MaxAge: 63072000 * time.Second, IncludeSubDomains: true}
	})}},
	{"plain", []steps.Site{with(func(s *steps.Site) {
		s.Redirect = steps.SiteRedirect{}
		s.SSL.HTTP2, s.WebSockets.Enabled, s.Proxy.MaxBody = false, false, 0
	})}},
	{"grpc", []steps.Site{
		with(func(s *steps.Site) {
			s.Proxy.Upstream, s.WebSockets.Enabled = steps.Upstream{Scheme: "h2c", Host: "127.0.0.1", Port: 50051}, false
			s.SSL.HSTS.MaxAge = 24 * time.Hour
		}),
		with(func(s *steps.Site) {
			named(s, "tls.example.net")
			s.Proxy.Upstream, s.WebSockets.Enabled = steps.Upstream{Scheme: "h2", Host: "app.example.net", Port: 443, Verify: true}, false
		}),
	}},
	{"http3", []steps.Site{
		with(func(s *steps.Site) { s.SSL.HTTP3 = true }),
		with(func(s *steps.Site) { named(s, "without.example.net") }),
	}},
	{"behind", []steps.Site{
		with(func(s *steps.Site) {
			s.Proxy.Trusted, s.Proxy.ClientAddress = []netip.Prefix{netip.MustParsePrefix("203.0.113.0/24"), netip.MustParsePrefix("2001:db8::/32")}, "CF-Connecting-IP"
			s.Redirect.Canonical = "shop.example.com"
		}),
		with(func(s *steps.Site) {
			named(s, "hops.example.net")
			s.Proxy.Trusted, s.WebSockets.Enabled = []netip.Prefix{netip.MustParsePrefix("192.0.2.1/32"), netip.MustParsePrefix("127.0.0.0/8"), netip.MustParsePrefix("::1/128")}, false
			s.Proxy.Headers = []steps.Header{{Name: "True-Client-Ip", Value: "ours"}}
		}),
		with(func(s *steps.Site) {
			named(s, "own.example.net")
			s.Proxy.Trusted, s.Proxy.ClientAddress = []netip.Prefix{netip.MustParsePrefix("127.0.0.1/32")}, "X-Our-Client"
			s.Proxy.Upstream, s.WebSockets.Enabled = steps.Upstream{Scheme: "h2c", Host: "127.0.0.1", Port: 50051}, false
		}),
	}},
	{"modern", []steps.Site{with(func(s *steps.Site) { s.SSL.Profile = steps.Modern })}},
	{"dh", []steps.Site{with(func(s *steps.Site) { s.Certs.DHGroup, s.Certs.Key = "ffdhe2048", steps.RSA2048 })}},
	{"paths", []steps.Site{with(func(s *steps.Site) {
		s.WebSockets.Paths = []string{"/ws", "/socket.io/", "/a b"}
		s.WebSockets.Idle, s.Proxy.Timeout = 90*time.Minute, 1500*time.Millisecond
	})}},
	{"headers", []steps.Site{with(func(s *steps.Site) {
		s.Proxy.Headers = []steps.Header{{Name: "X-Env", Value: `say "hi"; }`}, {Name: "X-Forwarded-Prefix", Value: "/app"}}
	})}},
	{"unix", []steps.Site{with(func(s *steps.Site) { s.Proxy.Upstream = steps.Upstream{Scheme: "unix", Path: "/run/app/app.sock"} })}},
	{"https", []steps.Site{with(func(s *steps.Site) {
		s.Proxy.Upstream = steps.Upstream{Scheme: "https", Host: "localhost", Port: 8443, Verify: true}
	})}},
	{"several", []steps.Site{with(func(s *steps.Site) {
		s.Proxy.More = []steps.Upstream{{Scheme: "http", Host: "::1", Port: 3001}, {Scheme: "unix", Path: "/run/app/app.sock"}}
	})}},
	{"wildcard", []steps.Site{with(func(s *steps.Site) {
		named(s, "*.example.org")
		s.Name = "_wildcard.example.org"
	})}},
	{"address", []steps.Site{with(func(s *steps.Site) { named(s, "192.0.2.1", "2001:db8::1"); s.Name = "192.0.2.1" }), shop()}},
	{"clients", []steps.Site{
		with(func(s *steps.Site) { s.SSL.ClientAuth, s.SSL.ClientCA = steps.ClientRequired, "/etc/ssl/clients.pem" }),
		with(func(s *steps.Site) {
			named(s, "may.example.net")
			s.SSL.ClientAuth, s.SSL.ClientCA = steps.ClientOptional, "/etc/ssl/clients.pem"
		}),
		with(func(s *steps.Site) { named(s, "open.example.net") }),
	}},
	{"long", []steps.Site{with(func(s *steps.Site) {
		named(s, "a-name-that-is-longer-than-what-fits-into-the-default-buckets.example.com")
	})}},
	{"two", []steps.Site{shop(), with(func(s *steps.Site) { named(s, "blog.example.net"); s.Proxy.Upstream.Port = 4000 })}},
}

// classes are the version lines that differ (facts 1.1).
var classes = []string{"1.18.0", "1.22.1", "1.26.3", "1.30.6"}

// facts are a Debian server with this nginx and its untouched default site.
func facts(version string) steps.Facts {
	return steps.Facts{
		Distro: steps.Distro{ID: "debian"}, Packages: steps.PackageManager{Kind: "apt"}, Services: "systemd", IPv6: true,
		Nginx: steps.Nginx{
			Installed: true, Packaged: true, Version: version, ConfigOK: true, Include: "/etc/nginx/conf.d",
			Servers: stock.servers, Caps: CapsOf(version),
		},
	}
}

func TestGolden(t *testing.T) {
	t.Parallel()
	for _, class := range classes {
		for _, c := range cases {
			if !fitting(c.sites, class) {
				continue
			}
			t.Run(class+"/"+c.name, func(t *testing.T) {
				t.Parallel()
				f := facts(class)
				l := layoutOf(f)
				changes, err := files(sorted(c.sites), l, liveTarget(l, f))
				if err != nil {
					t.Fatal(err)
				}
				golden(t, filepath.Join("testdata", class, c.name+".conf"), joined(changes))
			})
		}
	}
}

// fitting reports whether the sites get as far as a configuration with this version.
func fitting(sites []steps.Site, version string) bool {
	return CapsOf(version).QUIC || !steps.HTTP3(sites)
}

// joined puts all files of a case into one.
func joined(changes []steps.Change) []byte {
	var b bytes.Buffer
	for _, c := range changes {
		f := c.(steps.WriteFile)
		b.WriteString("## " + f.Path + "\n")
		b.Write(f.Content)
	}
	return b.Bytes()
}

func golden(t *testing.T, file string, got []byte) {
	t.Helper()
	if *update {
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("%s differs (-update writes it anew):\n%s", file, got)
	}
}
