package inspect

import (
	"context"
	"errors"
	"net/netip"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/c93d5bcb/sslwizard/steps"
	"github.com/c93d5bcb/sslwizard/system/host"
	"github.com/c93d5bcb/sslwizard/system/systemtest"
)

// testProcess is the process of a test: everything about it is known.
func testProcess(root bool) *Process {
	return &Process{
		Root: root, Arch: "amd64",
		Network: func() ([]netip.Addr, bool) { return []netip.Addr{netip.MustParseAddr("203.0.113.7")}, true },
		Free:    func(string) Room { return Room{Bytes: 1 << 30} },
		Self:    func() steps.Binary { return steps.Binary{Path: "/root/sslwizard", SHA256: "ab", Size: 15} },
	}
}

// gather is what all machines in memory have in common; the test then looks at what differs.
func gather(t *testing.T, h *systemtest.Host, root bool) steps.Facts {
	t.Helper()
	before := h.Snapshot()
	f, err := Gather(t.Context(), h, Options{Process: testProcess(root)})
	if err != nil {
		t.Fatal(err)
	}
	if diff := before.Diff(h.Snapshot()); len(diff) > 0 || len(h.Mutations()) > 0 {
		t.Errorf("gathering changed the host: %q, %q", diff, h.Mutations())
	}
	if f.Root != root || f.Arch != "amd64" || len(f.Addresses) != 1 || !f.IPv6 || f.FreeBytes != 1<<30 || f.Self.Size != 15 {
		t.Errorf("the process is not in the facts: %+v", f)
	}
	return f
}

// release puts an os-release(5) on the machine.
func release(h *systemtest.Host, text string) { h.File("/etc/os-release", text) }

const (
	noble  = "PRETTY_NAME=\"Ubuntu 24.04.3 LTS\"\nNAME=\"Ubuntu\"\nVERSION_ID=\"24.04\"\nVERSION_CODENAME=noble\nID=ubuntu\nID_LIKE=debian\n"
	alma   = "NAME=\"AlmaLinux\"\nID=\"almalinux\"\nID_LIKE=\"rhel centos fedora\"\nVERSION_ID=\"9.6\"\nPRETTY_NAME='AlmaLinux 9.6'\n"
	alpine = "NAME=\"Alpine Linux\"\nID=alpine\nVERSION_ID=3.22.1\nPRETTY_NAME=\"Alpine Linux v3.22\"\n"
)

func TestFreshDebian(t *testing.T) {
	t.Parallel()
	h := systemtest.New(t)
	h.Debian()
	f := gather(t, h, true)
	if want := (steps.Distro{ID: "debian", VersionID: "12", Codename: "bookworm", Pretty: "Debian GNU/Linux 12 (bookworm)"}); !same(f.Distro, want) {
		t.Errorf("distribution: %+v", f.Distro)
	}
	if f.Hostname != "server" || f.Services != "systemd" || f.Packages.Kind != "apt" || f.Firewall.Kind != "none" || len(f.Listeners) != 0 {
		t.Errorf("got %+v", f)
	}
	want := steps.Nginx{Candidate: "1.22.1", Caps: steps.NginxCaps{RejectHandshake: true}}
	if !same(f.Nginx, want) {
		t.Errorf("nginx: %+v", f.Nginx)
	}
}

// same is reflect.DeepEqual for which an empty list is none.
func same(a, b any) bool {
	if d, ok := a.(steps.Distro); ok && len(d.Like) == 0 {
		d.Like = nil
		a = d
	}
	return reflect.DeepEqual(a, b)
}

func TestDebianWithStockNginx(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		version string
		caps    steps.NginxCaps
	}{
		{"1.22.1-9+deb12u11", steps.NginxCaps{RejectHandshake: true}},
		{"1.26.3-3+deb13u7", steps.NginxCaps{HTTP2Directive: true, RejectHandshake: true, TicketRotation: true, QUIC: true}},
		{"1.30.6-1", steps.NginxCaps{HTTP2Directive: true, RejectHandshake: true, TicketRotation: true, ModernUpstream: true, QUIC: true}},
	} {
		h := systemtest.New(t)
		d := h.Debian()
		d.Archive["nginx"] = systemtest.Nginx(c.version)
		d.Install("nginx")
		version, _, _ := strings.Cut(c.version, "-")
		want := steps.Nginx{
			Installed: true, Packaged: true, Version: version, Active: true, Enabled: true, ConfigOK: true,
			Include: "/etc/nginx/conf.d", Caps: c.caps,
			Servers: []steps.NginxServer{{File: "/etc/nginx/sites-enabled/default", Line: 1, Names: []string{"_"},
				Listens: []string{"80 default_server", "[::]:80 default_server"}, Stock: true}},
		}
		if got := gather(t, h, true).Nginx; !reflect.DeepEqual(got, want) {
			t.Errorf("got\n%+v\nwant\n%+v", got, want)
		}
	}
}

// TestNginxWithoutAModule: what nginx says that it does not know is missing, and nothing else is.
func TestNginxWithoutAModule(t *testing.T) {
	t.Parallel()
	for lacks, want := range map[string]bool{"": false, "set_real_ip_from": true, "http2": false} {
		h := systemtest.New(t)
		d := h.Debian()
		d.Install("nginx")
		d.NginxLacks = lacks
		if got := gather(t, h, true).Nginx.Caps.NoRealIP; got != want {
			t.Errorf("without %q: %t", lacks, got)
		}
	}
}

func TestNginxWithSites(t *testing.T) {
	t.Parallel()
	h := systemtest.New(t)
	d := h.Debian()
	d.Install("nginx")
	d.Units["nginx.service"].Active = false
	h.Take("/etc/nginx/sites-enabled/default")
	h.Link("/etc/nginx/sites-enabled/default", "/etc/nginx/sites-available/default")
	h.File("/etc/nginx/sites-available/default", systemtest.StockSite+"# touched\n")
	h.File("/etc/nginx/conf.d/shop.conf", "# shop\nserver {\n\tlisten 443 ssl;\n\tserver_name shop.example www.shop.example;\n}\n")
	h.File("/etc/nginx/conf.d/sslwizard-site.conf", "server { listen 443 ssl; }\n")
	d.NginxTest = `cannot load certificate "/x": BIO_new_file() failed`
	n := gather(t, h, true).Nginx
	want := []steps.NginxServer{
		{File: "/etc/nginx/conf.d/shop.conf", Line: 2, Names: []string{"shop.example", "www.shop.example"}, Listens: []string{"443 ssl"}},
		{File: "/etc/nginx/sites-enabled/default", Line: 1, Names: []string{"_"}, Listens: []string{"80 default_server", "[::]:80 default_server"}},
	}
	if !reflect.DeepEqual(n.Servers, want) || n.ConfigOK || n.ConfigError != d.NginxTest || n.Active {
		t.Errorf("got %+v", n)
	}
}

// Without root a configuration that cannot be read is neither good nor bad.
func TestNginxWithoutRoot(t *testing.T) {
	t.Parallel()
	h := systemtest.New(t)
	d := h.Debian()
	d.Install("nginx")
	d.NginxTest = `cannot load certificate key "/etc/ssl/k.pem": BIO_new_file() failed (SSL: error:8000000D:system library::Permission denied)`
	if n := gather(t, h, false).Nginx; n.ConfigOK || n.ConfigError != "" || !n.Active {
		t.Errorf("got %+v", n)
	}
	h.Take("/etc/nginx/nginx.conf")
	if n := gather(t, h, false).Nginx; n.ConfigOK || n.ConfigError != "" || !n.Installed {
		t.Errorf("got %+v", n)
	}
}

func TestStrayNginxIsNoReasonToInstallAnother(t *testing.T) {
	t.Parallel()
	h := systemtest.New(t)
	h.Debian()
	h.File("/usr/local/nginx/sbin/nginx", "ELF")
	if n := gather(t, h, true).Nginx; !reflect.DeepEqual(n, steps.Nginx{Installed: true}) {
		t.Errorf("got %+v", n)
	}
}

func TestOtherDistributions(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, release string
		host          func(*systemtest.Host)
		want          steps.Facts
	}{
		{"ubuntu", noble, func(h *systemtest.Host) { h.Debian(); release(h, noble) }, steps.Facts{
			Distro:   steps.Distro{ID: "ubuntu", VersionID: "24.04", Codename: "noble", Pretty: "Ubuntu 24.04.3 LTS", Like: []string{"debian"}},
			Packages: steps.PackageManager{Kind: "apt"}, Services: "systemd", Hostname: "server",
		}},
		{"almalinux", alma, func(h *systemtest.Host) {
			release(h, alma)
			h.Dir("/run/systemd/system", 0o755)
			h.File("/proc/sys/kernel/hostname", "alma\n")
			h.Expect(systemtest.Stdout("Id=nginx.service\nActiveState=inactive\n\nId=firewalld.service\nActiveState=inactive\n"),
				"systemctl", "show", "-p", "Id,ActiveState,UnitFileState", "nginx.service", "firewalld.service")
		}, steps.Facts{
			Distro:   steps.Distro{ID: "almalinux", VersionID: "9.6", Pretty: "AlmaLinux 9.6", Like: []string{"rhel", "centos", "fedora"}},
			Services: "systemd", Hostname: "alma",
		}},
		{"alpine", alpine, func(h *systemtest.Host) { release(h, alpine) }, steps.Facts{
			Distro: steps.Distro{ID: "alpine", VersionID: "3.22.1", Pretty: "Alpine Linux v3.22"},
		}},
		{"unknown", "", func(*systemtest.Host) {}, steps.Facts{}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			h := systemtest.New(t)
			c.host(h)
			f, err := Gather(t.Context(), h, Options{Process: testProcess(true), NoCandidate: true})
			if err != nil || !same(f.Distro, c.want.Distro) || f.Packages != c.want.Packages || f.Services != c.want.Services ||
				f.Hostname != c.want.Hostname || f.Firewall.Kind != "none" {
				t.Errorf("got %+v, %v", f, err)
			}
		})
	}
}

// As root apt-cache would write its cache: it is asked as nobody, or told to keep none.
func TestCandidateIsAskedWithoutWriting(t *testing.T) {
	t.Parallel()
	const policy = "nginx:\n  Installed: (none)\n  Candidate: 1:1.26.3-3+deb13u7\n"
	for _, c := range []struct {
		root, setpriv bool
		argv          string
	}{
		{true, true, "setpriv --reuid=65534 --regid=65534 --clear-groups apt-cache policy nginx"},
		{true, false, "apt-cache -oDir::Cache::pkgcache= -oDir::Cache::srcpkgcache= policy nginx"},
		{false, true, "apt-cache policy nginx"},
	} {
		h := systemtest.New(t)
		h.Debian()
		if c.setpriv {
			h.File("/usr/bin/setpriv", "ELF")
		}
		h.Expect(systemtest.Stdout(policy), strings.Fields(c.argv)...)
		if got := inspectorOf(t, h, c.root).candidate(); got != "1.26.3" {
			t.Errorf("%s: %q", c.argv, got)
		}
	}
	for debian, want := range map[string]string{"1.18.0-6.1+deb11u5": "1.18.0", "(none)": "", " 1.30.6-1~x": "1.30.6", "2:1.2": "1.2"} {
		if got := upstreamVersion(debian); got != want {
			t.Errorf("%q is %q, want %q", debian, got, want)
		}
	}
}

const storedSite = `apiVersion: sslwizard/v1
kind: Answers
certs: {domains: [%s]}
proxy: {upstream: "http://127.0.0.1:3000"}
trusted: {source: none}
`

func TestStoredSites(t *testing.T) {
	t.Parallel()
	h := systemtest.New(t)
	h.Debian()
	for _, name := range []string{"b.example", "a.example"} {
		h.File(steps.SiteFile(name), strings.Replace(storedSite, "%s", name, 1))
	}
	h.File(steps.SitesDir+"/notes.txt", "not a site")
	h.File(steps.SitesDir+"/.sslwizard-temp.yaml", "not a site either")
	h.File(steps.SitesDir+"/broken.yaml", "apiVersion: sslwizard/v1\nkind: Answers\ncerts: {domain: x}\n")
	f, err := Gather(t.Context(), h, Options{
		Process: testProcess(true), Files: map[string]string{"/etc/x": "ab"},
		Certificate: func(site string) (steps.CertFacts, bool) {
			return steps.CertFacts{Source: "local"}, site == "a.example"
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, s := range f.Managed.Sites {
		names = append(names, s.Name)
	}
	m := f.Managed
	if !slices.Equal(names, []string{"a.example", "b.example"}) || len(m.Certs) != 1 || m.Certs["a.example"].Source != "local" || m.Files["/etc/x"] != "ab" {
		t.Errorf("got %+v", m)
	}
	if len(m.Bad) != 1 || m.Bad[0].Severity != steps.Blocker || len(m.Bad[0].Fix) == 0 ||
		!strings.HasPrefix(m.Bad[0].Text, "cannot use the stored site: "+steps.SitesDir+"/broken.yaml:") || !strings.HasSuffix(m.Bad[0].Text, " more)") {
		t.Errorf("bad sites: %+v", m.Bad)
	}
}

func TestGatherStops(t *testing.T) {
	t.Parallel()
	h := systemtest.New(t)
	h.Debian()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := Gather(ctx, h, Options{Process: testProcess(true)}); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}

func TestOSRelease(t *testing.T) {
	t.Parallel()
	h := systemtest.New(t)
	h.File("/usr/lib/os-release", "# comment\nID='x'\nPRETTY_NAME=\"a \\\"b\\\" \\$c \x1b[1m\"\nVERSION_ID=\n\"\n")
	if d := inspectorOf(t, h, true).distro(); d.ID != "x" || d.Pretty != `a "b" $c ␛[1m` || d.VersionID != "" {
		t.Errorf("got %+v", d)
	}
}

// The facts of the machine that the tests run on can be read, whatever it is.
func TestThisMachine(t *testing.T) {
	t.Parallel()
	f, err := Gather(t.Context(), host.New(""), Options{NoCandidate: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%+v", f)
	if f.Arch == "" || f.Hostname == "" || f.FreeBytes <= 0 || f.Self.Size == 0 || len(f.Self.SHA256) != 64 || f.Root != (os.Geteuid() == 0) {
		t.Errorf("what every Linux has is missing: %+v", f)
	}
}

// BenchmarkGather is the whole on the machine that it runs on. It is to stay below 150 ms.
func BenchmarkGather(b *testing.B) {
	for b.Loop() {
		if _, err := Gather(b.Context(), host.New(""), Options{NoCandidate: true}); err != nil {
			b.Fatal(err)
		}
	}
}
