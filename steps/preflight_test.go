package steps

import (
	"net/netip"
	"testing"
)

// fit is a host on which nothing is wrong.
func fit() Facts {
	return Facts{Root: true, Arch: "amd64", Services: "systemd", FreeBytes: 11 << 30, Packages: PackageManager{Kind: "apt"},
		Distro: Distro{ID: "debian", Pretty: "Debian GNU/Linux 13 (trixie)"}, Firewall: Firewall{Kind: "none"}, Nginx: Nginx{Candidate: "1.26.3"},
		Listeners: []Listener{{Port: Port{3000, "tcp"}, Process: "node", Unit: "shop.service"}}}
}

func named(checks []Check, name string) (Check, bool) {
	for _, c := range checks {
		if c.Name == name {
			return c, true
		}
	}
	return Check{}, false
}

func TestPreflight(t *testing.T) {
	t.Parallel()
	at := func(port int, l Listener) func(*Facts) {
		return func(f *Facts) { l.Port = Port{port, "tcp"}; f.Listeners = append(f.Listeners, l) }
	}
	for _, c := range []struct {
		name, check string
		change      func(*Facts)
		verdict     Verdict
		detail      string
	}{
		{"a server", "system", func(*Facts) {}, OK, "Debian GNU/Linux 13 (trixie), systemd, amd64"},
		{"another system", "system", func(f *Facts) { f.Distro = Distro{ID: "alpine", Pretty: "Alpine Linux"} }, Fail, "cannot set up Alpine Linux: so far this needs Debian or Ubuntu with systemd"},
		{"no systemd", "system", func(f *Facts) { f.Services = "" }, Fail, "cannot set up Debian GNU/Linux 13 (trixie): so far this needs Debian or Ubuntu with systemd"},
		{"root", "root", func(*Facts) {}, OK, "running as root"},
		{"not root", "root", func(f *Facts) { f.Root = false }, Warn, "not root: the plan can be read, but nothing can be done"},
		{"room", "disk", func(*Facts) {}, OK, "11.0 GB free"},
		{"no room", "disk", func(f *Facts) { f.FreeBytes = 1 << 20 }, Fail, "cannot work safely with only 1 MiB free on the file system of /var/lib/sslwizard; 64 MiB are needed"},
		{"read-only", "disk", func(f *Facts) { f.ReadOnly = true }, Fail, "cannot write: the file system of /var/lib/sslwizard can only be read"},
		{"no more files", "disk", func(f *Facts) { f.NoFiles = true }, Fail, "cannot work safely: hardly any file can be made on the file system of /var/lib/sslwizard any more (its inodes are used up)"},
		{"another renews", "renewers", func(f *Facts) {
			f.Renewers = []Renewer{{Tool: "certbot", Name: "shop.example.com", Names: []Domain{"shop.example.com"}}}
		}, OK, "certbot renews a certificate for shop.example.com"},
		{"another renews ours", "renewers", func(f *Facts) {
			f.Renewers = []Renewer{{Tool: "certbot", Name: "shop.example.com", Names: []Domain{"shop.example.com"}}}
			f.Managed.Sites = []Site{{Trusted: SiteTrusted{Source: SourceACME}, Certs: SiteCerts{Domains: []Domain{"shop.example.com"}}}}
		}, Warn, "certbot renews a certificate for shop.example.com too"},
		{"room not known", "disk", func(f *Facts) { f.FreeBytes = -1 }, Skip, "how much room is left is not known"},
		{"apt", "packages", func(*Facts) {}, OK, "apt is free"},
		{"apt at work", "packages", func(f *Facts) { f.Packages.LockedBy = "apt-get, pid 812" }, Warn, "the package manager is busy (apt-get, pid 812); a run that needs it waits"},
		{"no apt", "packages", func(f *Facts) { f.Packages.Kind = "" }, Skip, "no package manager that is known here"},
		{"free ports", "ports", func(*Facts) {}, OK, "80 and 443 are free"},
		{"a port is held", "ports", at(80, Listener{Process: "apache2", PID: 7, Unit: "apache2.service", Package: "apache2"}), Fail,
			"cannot listen on port 80: held by apache2.service (process apache2, pid 7, package apache2)"},
		{"our own port", "ports", at(443, Listener{Process: "sslwizard", Ours: true}), OK, "sslwizard itself listens on port 443"},
		{"nginx", "ports", at(80, Listener{Process: "nginx"}), OK, "nginx listens on port 80"},
		{"nobody can see who", "ports", func(f *Facts) { f.Root = false; at(80, Listener{})(f) }, Warn, "somebody listens on port 80; only root can see who"},
		{"no nginx", "nginx", func(*Facts) {}, Skip, "not installed; 1.26.3 could be"},
		{"an nginx", "nginx", func(f *Facts) {
			f.Nginx = Nginx{Installed: true, Version: "1.26.3", ConfigOK: true, Servers: []NginxServer{{Stock: true}, {Names: []string{"a.example"}}}}
		}, OK, "1.26.3, its configuration passes, 1 site of yours"},
		{"a broken nginx", "nginx", func(f *Facts) { f.Nginx = Nginx{Installed: true, Version: "1.26.3", ConfigError: "[emerg] x"} }, Warn, "its configuration is broken: [emerg] x"},
		{"no firewall", "firewall", func(*Facts) {}, OK, "none is in charge on this server"},
		{"an open firewall", "firewall", func(f *Facts) { f.Firewall = Firewall{Kind: "ufw", Open: servedPorts} }, OK, "ufw lets 80 and 443 in"},
		{"a closed firewall", "firewall", func(f *Facts) { f.Firewall = Firewall{Kind: "ufw", Open: servedPorts[:1]} }, Warn, "ufw keeps 443 closed; step 1 can open it"},
		{"something listens", "application", func(*Facts) {}, OK, "shop.service listens on port 3000"},
		{"nothing listens", "application", func(f *Facts) { f.Listeners = nil }, Skip, "none listens here yet; step 5 asks where it is"},
		{"an application", "application", func(f *Facts) {
			f.Nearby.Apps = []App{{Upstream: "http://127.0.0.1:3000", Unit: "shop.service", WebSockets: []string{"/chat"}}}
		}, OK, "shop.service at http://127.0.0.1:3000, WebSocket on /chat"},
		{"a name", "name", func(f *Facts) { f.Nearby.Names = []NameHere{{Domain: "shop.example.com", Here: true}} }, OK, "shop.example.com leads here"},
		{"a name elsewhere", "name", func(f *Facts) {
			f.Nearby.Names = []NameHere{{Domain: "shop.example.com", Addresses: []netip.Addr{netip.MustParseAddr("192.0.2.1")}}}
		}, Warn, "shop.example.com does not lead here"},
		{"a site", "sites", func(f *Facts) { f.Managed.Sites = make([]Site, 1) }, OK, "1 site is served by sslwizard already"},
	} {
		f := fit()
		c.change(&f)
		got, ok := named(Preflight(f), c.check)
		if !ok || got.Verdict != c.verdict || got.Detail != c.detail {
			t.Errorf("%s: %q %q, want %q %q", c.name, got.Verdict, got.Detail, c.verdict, c.detail)
		}
		if got.Verdict == Fail && len(got.Fix) == 0 {
			t.Errorf("%s: no way on", c.name)
		}
	}
}

// A host on which nothing is known is no reason to fall over, and every check says something.
func TestPreflightOfNothing(t *testing.T) {
	t.Parallel()
	for _, c := range Preflight(Facts{}) {
		if c.Name == "" || c.Detail == "" || c.Step == "" || c.Verdict == "" {
			t.Errorf("%+v", c)
		}
	}
}
