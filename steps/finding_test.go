package steps

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"net/netip"
	"path/filepath"
	"strings"
	"testing"
)

// findingsOf asks the seven steps, as Build does.
func findingsOf(s Site, f Facts) []Finding {
	var all []Finding
	for _, step := range All() {
		all = append(all, step.Check(s, f)...)
	}
	return dedupe(all)
}

func TestFindings(t *testing.T) {
	t.Parallel()
	listener := func(port int, address, process, unit string) Listener {
		return Listener{Port: Port{port, "tcp"}, Address: netip.MustParseAddr(address), PID: 812, Process: process, Unit: unit, Package: process}
	}
	managedNginx := siteOf(t, "install: {executor: nginx}\n"+minimal)
	for name, c := range map[string]struct {
		answers string // laid over minimal
		facts   func(*Facts)
		want    string // severity, code and the beginning of the text; "" for no finding at all
	}{
		"all is well":          {"", func(*Facts) {}, ""},
		"not root":             {"", func(f *Facts) { f.Root = false }, "blocker H01 cannot change this server without root"},
		"no systemd":           {"", func(f *Facts) { f.Services = "" }, "blocker H10 cannot set up Debian GNU/Linux 13 (trixie): "},
		"unknown distribution": {"", func(f *Facts) { f.Packages.Kind, f.Distro = "", Distro{} }, "blocker H10 cannot set up this system: "},
		"disk full":            {"", func(f *Facts) { f.FreeBytes = 12 << 20 }, "blocker H06 cannot work safely with only 12 MiB free"},
		"disk unknown":         {"", func(f *Facts) { f.FreeBytes = -1 }, ""},
		"apt is busy":          {"", func(f *Facts) { f.Packages.LockedBy = "apt-get, pid 812" }, "info H11 the package manager is busy (apt-get, pid 812)"},

		"apache": {"", func(f *Facts) {
			f.Listeners = append(f.Listeners, listener(80, "::", "apache2", "apache2.service"), listener(443, "0.0.0.0", "apache2", "apache2.service"))
		}, "blocker N01 cannot listen on ports 80 and 443: held by apache2.service (process apache2, pid 812, package apache2)"},
		"docker": {"", func(f *Facts) {
			f.Listeners = append(f.Listeners, listener(443, "0.0.0.0", "docker-proxy", "docker.service"))
		}, "blocker N01 cannot listen on port 443: held by docker.service"},
		"caddy, for nginx": {"install: {executor: nginx}", func(f *Facts) { f.Listeners = append(f.Listeners, listener(80, "::", "caddy", "caddy.service")) }, "blocker N01 cannot listen on port 80: held by caddy.service"},
		"nginx, for nginx": {"install: {executor: nginx}", func(f *Facts) { f.Listeners = append(f.Listeners, listener(80, "0.0.0.0", "nginx", "nginx.service")) }, ""},
		"nginx, for native": {"", func(f *Facts) {
			f.Listeners = append(f.Listeners, listener(80, "0.0.0.0", "nginx", "nginx.service"))
			f.Nginx.Servers = []NginxServer{{Stock: true}, {File: "/etc/nginx/conf.d/a.conf", Line: 3, Names: []string{"a.example.com"}}}
		}, "blocker N01 cannot listen on port 80: held by nginx.service (process nginx, pid 812, package nginx), which serves a.example.com (/etc/nginx/conf.d/a.conf:3)"},
		"nginx with our sites only": {"", func(f *Facts) {
			f.Listeners = append(f.Listeners, listener(80, "0.0.0.0", "nginx", "nginx.service"))
			f.Nginx.Servers, f.Managed.Sites = []NginxServer{{Stock: true}}, []Site{managedNginx}
		}, ""},
		"ourselves": {"", func(f *Facts) {
			l := listener(80, "0.0.0.0", "sslwizard", "sslwizard-proxy.service")
			l.Ours = true
			f.Listeners = append(f.Listeners, l)
		}, ""},
		"unseen":     {"", func(f *Facts) { f.Listeners = append(f.Listeners, Listener{Port: Port{80, "tcp"}}) }, "blocker N01 cannot listen on port 80: held by a program that could not be seen"},
		"other port": {"", func(f *Facts) { f.Listeners = append(f.Listeners, listener(8080, "0.0.0.0", "java", "")) }, ""},
		"udp":        {"", func(f *Facts) { f.Listeners = append(f.Listeners, Listener{Port: Port{443, "udp"}}) }, ""},

		"ports closed":     {"", func(f *Facts) { f.Firewall = Firewall{Kind: "ufw", Open: []Port{{80, "tcp"}}} }, "info N16 ufw keeps 443/tcp closed; that will be opened"},
		"ports stay shut":  {"install: {firewall: false}", func(f *Facts) { f.Firewall.Kind = "firewalld" }, "warning N16 firewalld keeps 80/tcp and 443/tcp closed"},
		"ports are open":   {"", func(f *Facts) { f.Firewall = Firewall{Kind: "iptables", Open: servedPorts} }, ""},
		"firewall unknown": {"", func(f *Facts) { f.Firewall.Kind = "" }, ""},

		"IDN":                 {"certs: {domains: [bücher.example.com]}", nil, "info X02 xn--bcher-kva.example.com is bücher.example.com"},
		"DH with native":      {"certs: {domains: [a.example.com], dhGroup: ffdhe2048}", nil, "warning dh-group the native executor has no DHE"},
		"DH with nginx":       {"install: {executor: nginx}\ncerts: {domains: [a.example.com], dhGroup: ffdhe2048}", nil, ""},
		"DH with modern":      {"install: {executor: nginx}\ncerts: {domains: [a.example.com], dhGroup: ffdhe2048}\nssl: {profile: modern}", nil, "info dh-group the modern profile"},
		"modern, long":        {"ssl: {profile: modern}\ntrusted: {source: none}", nil, "warning untrusted |info days the guideline's modern profile"},
		"HSTS, no redirect":   {"ssl: {hsts: {maxAge: 1d}}\nredirect: {enabled: false}", nil, "warning hsts-http |warning http-kept http://shop.example.com will"},
		"HSTS, first":         {"ssl: {hsts: {maxAge: 365d, includeSubDomains: true}}", nil, "info hsts-subdomains |info hsts-first "},
		"HSTS, known":         {"ssl: {hsts: {maxAge: 365d}}", func(f *Facts) { f.Managed.Certs["shop.example.com"] = CertFacts{} }, ""},
		"HSTS, untrusted":     {"ssl: {hsts: {maxAge: 1d}}\ntrusted: {source: none}", nil, "warning hsts-untrusted |warning untrusted "},
		"http is kept":        {"redirect: {enabled: false}", nil, "warning http-kept http://shop.example.com will serve"},
		"short sockets":       {"websockets: {idle: 30s}", nil, "info W05 sockets that are silent for 30s are closed"},
		"short, but off":      {"websockets: {idle: 30s, enabled: false}", nil, ""},
		"no trusted source":   {"trusted: {source: none}", nil, "warning untrusted browsers will warn"},
		"staging":             {"trusted: {acceptTerms: true, directory: letsencrypt-staging}", nil, "warning A22 certificates of the staging"},
		"ZeroSSL":             {"trusted: {acceptTerms: true, directory: zerossl}", nil, "blocker A18 cannot ask ZeroSSL: "},
		"ZeroSSL, bound":      {"trusted: {acceptTerms: true, directory: zerossl, eab: {keyID: k1, keyFile: /root/eab.key}}", nil, ""},
		"ZeroSSL, there":      {"trusted: {acceptTerms: true, directory: zerossl}", func(f *Facts) { f.Managed.Accounts = []string{"https://acme.zerossl.com/v2/DV90"} }, ""},
		"Google":              {"trusted: {acceptTerms: true, directory: google}", nil, "blocker A18 cannot ask Google Trust Services: "},
		"an address":          {"certs: {domains: [203.0.113.7]}", nil, ""},
		"a second CA":         {"trusted: {acceptTerms: true, fallback: {directory: zerossl}}", nil, "warning D46 the second CA of trusted.fallback could not issue: cannot ask ZeroSSL: "},
		"a second CA, bound":  {"trusted: {acceptTerms: true, fallback: {directory: zerossl, eab: {keyID: k1, keyFile: /root/eab.key}}}", nil, ""},
		"a second CA, there":  {"trusted: {acceptTerms: true, fallback: {directory: zerossl}}", func(f *Facts) { f.Managed.Accounts = []string{"https://acme.zerossl.com/v2/DV90"} }, ""},
		"a second CA, within": {"certs: {domains: [shop.internal]}\ntrusted: {acceptTerms: true, directory: \"https://ca.internal/dir\", fallback: {directory: letsencrypt}}", nil, "warning D46 the second CA of trusted.fallback could not issue: cannot get a certificate for shop.internal: Let's Encrypt"},
		"a short address":     {"certs: {domains: [203.0.113.7]}\ntrusted: {acceptTerms: true, profile: shortlived}", nil, ""},
		"a long address":      {"certs: {domains: [203.0.113.7]}\ntrusted: {acceptTerms: true, profile: classic}", nil, "blocker A26 cannot get a certificate for the address 203.0.113.7 with the profile classic"},
		"a private address":   {"certs: {domains: [192.168.1.7]}\ntrusted: {acceptTerms: true, directory: letsencrypt}", nil, "blocker A28 cannot get a certificate for 192.168.1.7: Let's Encrypt"},
		"an address within":   {"certs: {domains: [10.0.0.7]}\ntrusted: {acceptTerms: true, directory: \"https://ca.internal/dir\"}", nil, ""},
		"a private name":      {"certs: {domains: [shop.internal]}", nil, "warning untrusted "},
		"asked all the same":  {"certs: {domains: [shop.internal]}\ntrusted: {acceptTerms: true, source: acme}", nil, "blocker A28 cannot get a certificate for shop.internal: Let's Encrypt"},
		"a private CA":        {"certs: {domains: [shop.internal]}\ntrusted: {acceptTerms: true, directory: \"https://ca.internal/dir\"}", nil, ""},
		"files":               {"trusted: {source: files, certificate: /a, key: /b}", nil, ""},
		"nobody listens":      {"proxy: {upstream: 3001}", nil, "warning upstream-silent nothing listens on 127.0.0.1:3001 now"},
		"only on IPv6":        {"proxy: {upstream: 3001}", func(f *Facts) { f.Listeners = append(f.Listeners, listener(3001, "::1", "node", "")) }, "warning upstream-silent nothing listens on 127.0.0.1:3001 now"},
		"mapped":              {"proxy: {upstream: 3001}", func(f *Facts) { f.Listeners = append(f.Listeners, listener(3001, "::ffff:127.0.0.1", "java", "")) }, ""},
		"open to all":         {"proxy: {upstream: 8080}", func(f *Facts) { f.Listeners = append(f.Listeners, listener(8080, "::", "java", "")) }, "warning upstream-open java listens on all addresses of port 8080"},
		"listeners unknown":   {"proxy: {upstream: 3001}", func(f *Facts) { f.Listeners = nil }, ""},
		"a socket":            {"proxy: {upstream: unix:/run/app.sock}", nil, ""},
		"own address":         {"proxy: {upstream: \"https://203.0.113.7\"}", nil, "blocker W09 cannot proxy to https://203.0.113.7:443: "},
		"one more, gone":      {"proxy: {upstream: 3000, moreUpstreams: [3001]}", nil, "warning upstream-silent nothing listens on 127.0.0.1:3001 now; requests go to the other"},
		"one more, ourselves": {"proxy: {upstream: 3000, moreUpstreams: [\"http://203.0.113.7:443\"]}", nil, "blocker W09 cannot proxy to http://203.0.113.7:443: "},
		"own name":            {"proxy: {upstream: \"http://WEB1\"}", nil, "blocker W09 cannot proxy to http://web1:80: "},
		"own proxy":           {"proxy: {upstream: 8443}", func(f *Facts) { f.Listeners = []Listener{{Port: Port{8443, "tcp"}, Ours: true}} }, "blocker W09 cannot proxy to http://127.0.0.1:8443: "},
		"in the clear":        {"proxy: {upstream: \"http://198.51.100.9:8080\"}", nil, "warning upstream-clear requests go to http://198.51.100.9:8080"},
		"in a private net":    {"proxy: {upstream: \"http://10.0.0.9:8080\"}", nil, ""},
		"gRPC": {"proxy: {upstream: \"grpc://127.0.0.1:50051\"}", func(f *Facts) { f.Listeners = nil },
			"info grpc-body what one call of gRPC sends is 20M in all|info grpc-sockets there are no WebSockets"},
		"gRPC, any size": {"proxy: {upstream: \"h2c+unix:/run/app.sock\", maxBody: 0}", nil, "info grpc-sockets "},
		"gRPC, HTTP/1":   {"ssl: {http2: false}\nproxy: {upstream: \"h2c://10.0.0.9:50051\", maxBody: 0}", nil, "warning grpc-front |info grpc-sockets "},
		"gRPC, in the clear": {"proxy: {upstream: \"h2c://198.51.100.9:50051\", maxBody: 0}", nil,
			"warning upstream-clear requests go to h2c://198.51.100.9:50051|info grpc-sockets "},
		"gRPC over TLS":      {"proxy: {upstream: \"h2://198.51.100.9\", maxBody: 0}", nil, "info grpc-sockets "},
		"behind a CDN":       {"proxy: {upstream: 3000, trusted: [198.51.100.0/24]}", nil, "info front-https what stands before this server has to connect over HTTPS"},
		"trusted, and HTTP":  {"proxy: {upstream: 3000, trusted: [198.51.100.0/24]}\nredirect: {enabled: false}", nil, "warning http-kept "},
		"nobody is trusted":  {"proxy: {upstream: 3000, clientAddress: CF-Connecting-IP}", nil, "warning client-unused proxy.clientAddress has no effect"},
		"encrypted upstream": {"proxy: {upstream: \"https://198.51.100.9\"}", nil, ""},
	} {
		f := freshFacts()
		if c.facts != nil {
			c.facts(&f)
		}
		var wants []string
		if c.want != "" {
			wants = strings.Split(c.want, "|")
		}
		found := findingsOf(siteOf(t, over(minimal, c.answers)), f)
		if len(found) != len(wants) {
			t.Errorf("%s: got %+v, want %q", name, found, wants)
			continue
		}
		for i, got := range found {
			text := fmt.Sprintf("%s %s %s", got.Severity, got.Code, got.Text)
			if !strings.HasPrefix(text, wants[i]) {
				t.Errorf("%s: got %q, want %q…", name, text, wants[i])
			}
			if got.Step == "" || got.Severity == Blocker && (len(got.Fix) == 0 || !strings.HasPrefix(got.Text, "cannot ")) {
				t.Errorf("%s: incomplete: %+v", name, got)
			}
		}
	}
}

// over replaces the sections of base that are in answers.
func over(base, answers string) string {
	kept := answers + "\n"
	for line := range strings.Lines(base) {
		section, _, _ := strings.Cut(line, ":")
		if !strings.HasPrefix("\n"+answers, "\n"+section+":") && !strings.Contains(answers, "\n"+section+":") {
			kept += line
		}
	}
	return kept
}

func TestUnseenPortsWithoutRoot(t *testing.T) {
	t.Parallel()
	f := freshFacts()
	f.Root, f.Listeners = false, append(f.Listeners, Listener{Port: Port{80, "tcp"}})
	found := findingsOf(siteOf(t, minimal), f)
	if len(found) != 2 || found[0].Code != "H01" || found[1].Code != "N01" || found[1].Severity != Warning {
		t.Errorf("got %+v", found)
	}
}

// TestEveryBlockerHasAFix reads the source: wherever a Finding is written with the severity Blocker, a Fix is written.
func TestEveryBlockerHasAFix(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	blockers := 0
	set := token.NewFileSet()
	for _, name := range files {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		file, err := parser.ParseFile(set, name, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(file, func(n ast.Node) bool {
			if lit, ok := n.(*ast.CompositeLit); ok && fieldOf(lit, "Severity") == "Blocker" {
				blockers++
				if fieldOf(lit, "Fix") == "" {
					t.Errorf("%v: a blocker without a fix", set.Position(lit.Pos()))
				}
			}
			return true
		})
	}
	if blockers < 8 {
		t.Errorf("only %d blockers found: the test looks at the wrong thing", blockers)
	}
}

// fieldOf is the name that a field of a literal is set to, "?" for anything else, "" if it is not set.
func fieldOf(lit *ast.CompositeLit, field string) string {
	for _, e := range lit.Elts {
		kv, ok := e.(*ast.KeyValueExpr)
		if !ok {
			continue
		}
		if key, ok := kv.Key.(*ast.Ident); ok && key.Name == field {
			if value, ok := kv.Value.(*ast.Ident); ok {
				return value.Name
			}
			return "?"
		}
	}
	return ""
}

// TestSSHIsNoApplication: who moves it behind the site, as any other holder of the port, cannot log in any more.
func TestSSHIsNoApplication(t *testing.T) {
	t.Parallel()
	for _, l := range []Listener{{Process: "sshd"}, {Process: "dropbear", PID: 3}, {Process: "systemd", Unit: "ssh.socket"}, {Unit: "dropbear.service"}, {Process: "sshd", Unit: "session-3.scope"}} {
		f := (holder{Listener: l, ports: []int{443}}).conflict()
		all := strings.Join(f.Fix, "\n")
		if len(f.Fix) != 1 || !strings.Contains(all, "see that you can log in") || strings.Contains(all, "127.0.0.1") || strings.Contains(all, "disable") {
			t.Errorf("%+v: %q", l, f.Fix)
		}
	}
	f := (holder{Listener: Listener{Process: "sshfs-web", Unit: "sshportal.service"}, ports: []int{443}}).conflict()
	if len(f.Fix) != 2 || !strings.Contains(f.Fix[1], "127.0.0.1:8080") {
		t.Errorf("another program: %q", f.Fix)
	}
}

// TestWayToStopAHolder: the command ends what holds the port, and nothing else.
func TestWayToStopAHolder(t *testing.T) {
	t.Parallel()
	for unit, want := range map[string]string{
		"apache2.service":          "sudo systemctl disable --now apache2.service",
		"web.socket":               "sudo systemctl disable --now web.socket",
		"node.service of user 7":   "systemctl --user disable --now node.service    as the user with the number 7",
		"session-3.scope":          "ps -fp 812",
		"machine-web.scope":        "ps -fp 812",
		"user@1000.service":        "ps -fp 812",
		"":                         "ps -fp 812",
		"ssh.service":              "take the port out of /etc/ssh/sshd_config",
		"ssh.socket":               "take the port out of /etc/ssh/sshd_config",
		"ssh@3.service":            "take the port out of /etc/ssh/sshd_config",
		"dropbear.service":         "take the port out of /etc/default/dropbear",
		"dropbear@3-1.service":     "take the port out of /etc/default/dropbear",
		"nginx.service of user 33": "systemctl --user disable --now nginx.service    as the user with the number 33",
	} {
		h := holder{Listener: Listener{PID: 812, Process: "web", Unit: unit}}
		if got := h.stop(); !strings.HasPrefix(got[0], want) {
			t.Errorf("%q: %q, want %q", unit, got, want)
		}
	}
}
