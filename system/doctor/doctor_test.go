package doctor

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/c93d5bcb/sslwizard/e2e/failures"
	"github.com/c93d5bcb/sslwizard/steps"
	"github.com/c93d5bcb/sslwizard/system/acme"
	"github.com/c93d5bcb/sslwizard/system/resolve"
)

const (
	here4 = "203.0.113.7"
	here6 = "2001:db8::7"
	shop  = steps.Domain("shop.example.com")
)

// webroot is the presenter and the site in one.
type webroot struct {
	mu     sync.Mutex
	tokens map[string]string
}

func newWebroot() *webroot { return &webroot{tokens: map[string]string{}} }

func (w *webroot) ServeHTTP(rw http.ResponseWriter, r *http.Request) {
	w.mu.Lock()
	defer w.mu.Unlock()
	body, ok := w.tokens[strings.TrimPrefix(r.URL.Path, steps.ChallengePath)]
	if !ok {
		http.NotFound(rw, r)
		return
	}
	_, _ = rw.Write([]byte(body))
}

func (w *webroot) Present(p acme.Proof) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.tokens[p.Token] = p.Body
	return nil
}

func (w *webroot) CleanUp(p acme.Proof) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	delete(w.tokens, p.Token)
	return nil
}

// doctor looks at this internet from a host with these addresses.
func (n *internet) doctor(own ...string) *Doctor {
	if len(own) == 0 {
		own = []string{here4, here6}
	}
	d := &Doctor{Resolver: n.resolver, Dial: n.dial, Patience: 6 * time.Second}
	for _, a := range own {
		d.Own = append(d.Own, netip.MustParseAddr(a))
	}
	return d
}

// troubles are the checks that say that something is wrong, as "fail A01".
func troubles(checks []steps.Check) []steps.Check {
	var some []steps.Check
	for _, c := range checks {
		if c.Verdict == steps.Fail || c.Verdict == steps.Warn {
			some = append(some, c)
		}
	}
	return some
}

// sees holds what was found against what is there: exactly one trouble of that verdict and code, or none at all.
func sees(t *testing.T, checks []steps.Check, want, says string) {
	t.Helper()
	failures.MetChecks(t, checks)
	got := troubles(checks)
	if want == "" {
		if len(got) != 0 {
			t.Errorf("found %+v", got)
		}
		return
	}
	if len(got) != 1 || string(got[0].Verdict)+" "+got[0].Code != want || !strings.Contains(got[0].Detail+" "+got[0].Evidence, says) {
		t.Fatalf("found %+v, want %s with %q", got, want, says)
	}
	c := got[0]
	if len(c.Fix) == 0 || c.Verdict == steps.Fail && !strings.HasPrefix(c.Detail, "cannot ") || strings.ContainsRune(c.Detail+c.Evidence, 0x1b) {
		t.Errorf("the check is not one for people: %+v", c)
	}
	if _, known := steps.CauseOf(c.Code); !known {
		t.Errorf("%s is no cause of the table", c.Code)
	}
}

// both is an address of this host in each family for shop.
var both = []string{"shop.example.com. 300 IN A " + here4, "shop.example.com. 300 IN AAAA " + here6}

func TestAllWell(t *testing.T) {
	t.Parallel()
	n, root := newInternet(t, serversZone(), example(both...)), newWebroot()
	n.hosts[here4], n.hosts[here6] = root, root
	checks := n.doctor().Examine(t.Context(), Visit{Domains: []steps.Domain{shop}, Directory: letsEncrypt, Present: root}, nil)
	sees(t, checks, "", "")
	for _, want := range []string{"http.reach", "dns.caa", "strategy"} {
		if !has(checks, want, steps.OK) {
			t.Errorf("%s is not said to be well: %+v", want, checks)
		}
	}
	if len(root.tokens) != 0 {
		t.Error("the test token stayed")
	}
}

const letsEncrypt = "https://acme-v02.api.letsencrypt.org/directory"

func has(checks []steps.Check, name string, v steps.Verdict) bool {
	for _, c := range checks {
		if c.Name == name && c.Verdict == v {
			return true
		}
	}
	return false
}

// TestNameCauses has the DNS of a name wrong in every way that is told apart.
func TestNameCauses(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name    string
		domains []steps.Domain
		records []string
		change  func(*internet)
		want    string
		says    string
	}{
		{"no name", nil, []string{"example.com. 300 IN A " + here4}, nil, "fail A01", "NXDOMAIN, said by ns3.servers.com (192.0.2.3)"},
		{"a name without addresses", nil, []string{`shop.example.com. 300 IN TXT "x"`}, nil, "fail A01", "NOERROR"},
		{"www without a record", []steps.Domain{"example.com", "www.example.com"}, []string{"example.com. 300 IN A " + here4}, nil, "fail D30", "whereas example.com has"},
		{"no such domain", []steps.Domain{"shop.exmaple.com"}, nil, nil, "fail D01", "below com"},
		{"alias to nowhere", nil, []string{"shop.example.com. 300 IN CNAME gone.example.com."}, nil, "fail D05", "shop.example.com → gone.example.com"},
		{"alias out of the zone, to nowhere", nil, []string{"shop.example.com. 300 IN CNAME ns77.servers.com."}, nil, "fail D05", "ns77.servers.com"},
		{"alias in a circle", nil, []string{"shop.example.com. 300 IN CNAME a.example.com.", "a.example.com. 300 IN CNAME shop.example.com."}, nil, "fail D06", "a.example.com → shop.example.com"},
		{"alias that is fine", nil, []string{"shop.example.com. 300 IN CNAME web.example.com.", "web.example.com. 300 IN A " + here4}, nil, "", ""},
		{"DNSSEC does not fit", nil, both, func(n *internet) { n.bogus = []string{"example.com"} }, "fail D10", "with checking: SERVFAIL, without: NOERROR"},
		{"the DNS fails", nil, both, func(n *internet) { // for A and for AAAA, with and without checking
			z := n.zoneOf("example.com.")
			z.servers["192.0.2.3"], z.servers["192.0.2.4"] = "SERVFAIL A", "SERVFAIL AAAA"
		}, "fail A10", "SERVFAIL"},
		{"no resolver answers", nil, both, func(n *internet) { n.deaf = true }, "fail D11", "192.0.2.53:53"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			n, root := newInternet(t, serversZone(), example(test.records...)), newWebroot()
			n.hosts[here4], n.hosts[here6] = root, root
			if test.change != nil {
				n.change(func() { test.change(n) })
			}
			if test.domains == nil {
				test.domains = []steps.Domain{shop}
			}
			sees(t, n.doctor().Examine(t.Context(), Visit{Domains: test.domains, Directory: letsEncrypt, Present: root}, nil), test.want, test.says)
		})
	}
}

func TestWhatHasToBeRegistered(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]string{"www.shop.exmaple.com": "exmaple.com", "exmaple.com": "exmaple.com", "www.shop.example.co.uk": "shop.example.co.uk"} {
		zone := map[bool]string{true: "com", false: "example.co.uk"}[strings.HasSuffix(name, ".com")]
		if got := below(zone, name); got != want {
			t.Errorf("%s in %s: %s", name, zone, got)
		}
	}
}

// TestNameServerCauses has the domain's own name servers not agree with each other or with this server's resolver.
func TestNameServerCauses(t *testing.T) {
	t.Parallel()
	older := []string{"example.com. 300 IN SOA ns3.servers.com. hostmaster.example.com. 6 3600 600 86400 300", "shop.example.com. 300 IN A 198.51.100.9"}
	for _, test := range []struct {
		name   string
		change func(*internet, *zone)
		want   string
		says   string
	}{
		{"one is silent", func(n *internet, z *zone) { z.servers["192.0.2.4"], n.slow = "silent", true }, "warn D02", "ns4.servers.com (192.0.2.4): no answer in time"},
		{"one refuses", func(_ *internet, z *zone) { z.servers["192.0.2.3"] = "REFUSED" }, "warn D02", "ns3.servers.com (192.0.2.3): REFUSED"},
		{"one does not know", func(_ *internet, z *zone) { z.servers["192.0.2.3"] = "NOTAUTH" }, "warn D02", "1 of 2"},
		{"all are silent", func(_ *internet, z *zone) { z.servers["192.0.2.3"], z.servers["192.0.2.4"] = "silent", "silent" }, "fail D02", "none of the name servers of example.com answers"},
		{"all refuse", func(_ *internet, z *zone) { z.servers["192.0.2.3"], z.servers["192.0.2.4"] = "REFUSED", "REFUSED" }, "fail D02", "REFUSED"},
		{"one has only an address of a family that is not here", func(n *internet, z *zone) {
			delete(z.servers, "192.0.2.4")
			z.servers["192.0.2.9"] = ""
			n.zoneOf("servers.com.").records = append(slices.DeleteFunc(n.zoneOf("servers.com.").records, func(r string) bool { return strings.HasPrefix(r, "ns9.") }), "ns9.servers.com. 300 IN AAAA 2001:db8::9")
			n.stale["shop.example.com"] = both[:1]
			z.records = slices.DeleteFunc(z.records, func(r string) bool { return strings.Contains(r, "AAAA") })
		}, "", ""},
		{"one is behind", func(_ *internet, z *zone) { z.older = map[string][]string{"192.0.2.4": older} }, "warn D03", "(serial 6)"},
		{"the resolver keeps an old address", func(n *internet, _ *zone) { n.stale["shop.example.com"] = older[1:] }, "warn D09", "198.51.100.9 (said by 192.0.2.53:53)"},
		{"the resolver keeps that there is none", func(n *internet, _ *zone) { n.stale["shop.example.com"] = nil }, "warn D09", "here: none"},
		{"inside is another world", func(n *internet, _ *zone) {
			n.stale["shop.example.com"] = []string{"shop.example.com. 300 IN A 10.0.0.5"}
		}, "warn D04", "here: 10.0.0.5"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			z := example(both...)
			n, root := newInternet(t, serversZone(), z), newWebroot()
			n.hosts[here4], n.hosts[here6] = root, root
			n.change(func() { test.change(n, z) })
			own := []string{here4, here6}
			if strings.Contains(test.name, "family that is not here") {
				own = own[:1]
			}
			sees(t, n.doctor(own...).Examine(t.Context(), Visit{Domains: []steps.Domain{shop}, Directory: letsEncrypt, Present: root}, nil), test.want, test.says)
		})
	}
}

// TestNotChecked is what the doctor does not know: it says so, and raises no alarm.
func TestNotChecked(t *testing.T) {
	t.Parallel()
	z := example(both...)
	n, root := newInternet(t, serversZone(), z), newWebroot()
	n.hosts[here4], n.hosts[here6] = root, root
	delete(n.servers, "192.0.2.3:53") // a firewall keeps questions to name servers in; the resolver is fine
	delete(n.servers, "192.0.2.4:53")
	checks := n.doctor().Examine(t.Context(), Visit{Domains: []steps.Domain{shop}, Directory: letsEncrypt, WhyNot: "port 80 is held by apache2"}, nil)
	sees(t, checks, "", "")
	for _, name := range []string{"dns.authority", "http.reach"} {
		if !has(checks, name, steps.Skip) {
			t.Errorf("%s is not said to be not checked: %+v", name, checks)
		}
	}
}

// An answer for every asker is no fault: name servers that differ in what is not ours, with one serial.
func TestAnswersForEveryAsker(t *testing.T) {
	t.Parallel()
	z := example("shop.example.com. 300 IN A 104.16.1.1")
	z.older = map[string][]string{"192.0.2.4": {z.records[0], "shop.example.com. 300 IN A 104.16.1.2"}}
	n, root := newInternet(t, serversZone(), z), newWebroot()
	n.hosts["104.16.1.1"], n.hosts["104.16.1.2"] = root, root
	sees(t, n.doctor().Examine(t.Context(), Visit{Domains: []steps.Domain{shop}, Directory: letsEncrypt, Present: root}, nil), "", "")
}

// TestAddressCauses has the records of a name lead to somewhere else, or half of the way.
func TestAddressCauses(t *testing.T) {
	t.Parallel()
	root := newWebroot()
	other := page("<html>\x1b[2Jsome other site" + strings.Repeat("x", 500))
	for _, test := range []struct {
		name      string
		dns       []string
		hosts     map[string]http.Handler
		own       []string
		directory string
		want      string
		says      string
	}{
		{"points elsewhere", []string{"198.51.100.9"}, map[string]http.Handler{"198.51.100.9": other}, nil, letsEncrypt, "fail A02", "points to 198.51.100.9, this server is " + here4},
		{"points nowhere", []string{"198.51.100.9"}, nil, nil, letsEncrypt, "fail A02", "198.51.100.9"},
		{"wrong AAAA", []string{here4, "2001:db8::bad"}, map[string]http.Handler{here4: root, "2001:db8::bad": other}, nil, letsEncrypt, "fail A03", "2001:db8::bad"},
		{"AAAA, but no IPv6 here", []string{here4, here6}, map[string]http.Handler{here4: root, here6: nil}, []string{here4}, letsEncrypt, "fail A03", "IPv6 here: none"},
		{"one of two is another's", []string{here4, "198.51.100.9"}, map[string]http.Handler{here4: root, "198.51.100.9": other}, nil, letsEncrypt, "fail D12", "198.51.100.9 is another server's"},
		{"IPv6 does not get through", []string{here4, here6}, map[string]http.Handler{here4: root, here6: nil}, nil, letsEncrypt, "fail D13", "connection refused"},
		{"a private address", []string{"10.0.0.5"}, map[string]http.Handler{"10.0.0.5": root}, []string{"10.0.0.5"}, letsEncrypt, "fail D07", "10.0.0.5"},
		{"loopback", []string{"127.0.0.1"}, map[string]http.Handler{"127.0.0.1": root}, nil, letsEncrypt, "fail D07", "127.0.0.1"},
		{"a shared address in the DNS", []string{"100.64.3.4"}, map[string]http.Handler{"100.64.3.4": root}, []string{"100.64.3.4"}, letsEncrypt, "fail D08", "CGNAT"},
		{"a shared address here", []string{"198.51.100.9"}, nil, []string{"100.64.3.4"}, letsEncrypt, "warn D08", "own address 100.64.3.4"},
		{"a VPN's shared address beside a private one", []string{"198.51.100.9"}, nil, []string{"10.0.0.5", "100.64.3.4"}, letsEncrypt, "warn D14", "own addresses 10.0.0.5"},
		{"containers' addresses beside a public one", []string{"198.51.100.9"}, nil, []string{here4, "172.17.0.1"}, letsEncrypt, "fail A02", "this server is " + here4 + " "},
		{"NAT that works", []string{"198.51.100.9"}, map[string]http.Handler{"198.51.100.9": root}, []string{"10.0.0.5"}, letsEncrypt, "", ""},
		{"a floating address that works", []string{"198.51.100.9"}, map[string]http.Handler{"198.51.100.9": root}, nil, letsEncrypt, "", ""},
		{"NAT that hides us from ourselves", []string{"198.51.100.9"}, nil, []string{"10.0.0.5"}, letsEncrypt, "warn D14", "router"},
		{"Cloudflare by address", []string{"104.16.1.1"}, map[string]http.Handler{"104.16.1.1": status(403)}, nil, letsEncrypt, "fail A04", "Cloudflare"},
		{"Cloudflare by header", []string{"198.51.100.9"}, map[string]http.Handler{"198.51.100.9": status(522, "Cf-Ray", "1")}, nil, letsEncrypt, "fail A04", "Cloudflare"},
		{"a CDN that lets it pass", []string{"151.101.1.1"}, map[string]http.Handler{"151.101.1.1": root}, nil, letsEncrypt, "", ""},
		{"a CA inside: a private address is fine", []string{"10.0.0.5"}, map[string]http.Handler{"10.0.0.5": root}, []string{"10.0.0.5"}, "https://ca.internal/dir", "", ""},
		{"a CA inside: somebody else's private address", []string{"10.0.0.9"}, nil, []string{"10.0.0.5"}, "https://ca.internal/dir", "fail A02", "10.0.0.9"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			n := newInternet(t, serversZone(), example(recordsOf(test.dns)...))
			n.hosts = test.hosts
			checks := n.doctor(test.own...).Examine(t.Context(), Visit{Domains: []steps.Domain{shop}, Directory: test.directory, Present: root}, nil)
			sees(t, checks, test.want, test.says)
			if test.name == "points elsewhere" && !strings.Contains(troubles(checks)[0].Fix[0], " to "+here4+",") {
				t.Errorf("the fix does not say where it should point to: %q", troubles(checks)[0].Fix)
			}
		})
	}
}

func recordsOf(addresses []string) []string {
	var out []string
	for _, a := range addresses {
		kind := "A"
		if strings.Contains(a, ":") {
			kind = "AAAA"
		}
		out = append(out, "shop.example.com. 300 IN "+kind+" "+a)
	}
	return out
}

func page(text string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, text) })
}

func status(code int, header ...string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		for i := 0; i+1 < len(header); i += 2 {
			w.Header().Set(header[i], header[i+1])
		}
		w.WriteHeader(code)
	})
}

func to(url string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, strings.ReplaceAll(url, "$path", r.URL.Path), http.StatusMovedPermanently)
	})
}

// TestReachCauses has port 80 of this server's own address not give the token back.
func TestReachCauses(t *testing.T) {
	t.Parallel()
	root := newWebroot()
	altered := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprint(w, "<script src=ad.js></script>\n")
		root.ServeHTTP(w, r)
	})
	for _, test := range []struct {
		name  string
		hosts map[string]http.Handler
		want  string
		says  string
	}{
		{"closed", map[string]http.Handler{here4: nil}, "fail A05", "connection refused"},
		{"silent", nil, "fail A05", "no answer in time"},
		{"redirected to a login", map[string]http.Handler{here4: pathOr("/login", page("<html>"), to("http://shop.example.com/login"))}, "fail A06", "shop.example.com/login"},
		{"redirected in a circle", map[string]http.Handler{here4: to("http://shop.example.com$path")}, "fail D23", "ten redirects"},
		{"redirected to a strange port", map[string]http.Handler{here4: to("http://shop.example.com:8080$path")}, "fail D24", "8080"},
		{"redirected to no http", map[string]http.Handler{here4: to("ftp://shop.example.com$path")}, "fail D24", "something else than http"},
		{"redirected to https that is none", map[string]http.Handler{here4: to("https://plain.example.com$path")}, "fail D22", "plain.example.com"},
		{"redirected, and there all the same", map[string]http.Handler{here4: to("https://cdn.example.com$path"), "198.51.100.1": root}, "", ""},
		{"another page answers", map[string]http.Handler{here4: page("<html>\x1b[2J" + strings.Repeat("x", 500))}, "fail D26", "page of its own"},
		{"another text", map[string]http.Handler{here4: page("nothing here")}, "fail A07", "another text"},
		{"not found", map[string]http.Handler{here4: status(404)}, "fail A07", "404"},
		{"changed on the way", map[string]http.Handler{here4: altered}, "fail D21", "something added"},
		{"refused", map[string]http.Handler{here4: status(403)}, "fail D27", "403"},
		{"a password", map[string]http.Handler{here4: status(401)}, "fail D27", "401"},
		{"a limit", map[string]http.Handler{here4: status(429)}, "fail D29", "429"},
		{"out of order", map[string]http.Handler{here4: status(502)}, "fail D29", "502"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			n := newInternet(t, serversZone(), example("shop.example.com. 300 IN A "+here4, "cdn.example.com. 300 IN A 198.51.100.1", "plain.example.com. 300 IN A 198.51.100.2"))
			n.hosts, n.slow = test.hosts, test.name == "silent"
			d := n.doctor()
			d.Dial = func(ctx context.Context, network, address string) (net.Conn, error) {
				if address == "198.51.100.2:443" { // plain HTTP stands on 443
					n.mu.Lock()
					n.hosts["198.51.100.2"] = status(400)
					n.mu.Unlock()
					address = "198.51.100.2:80"
				}
				return n.dial(ctx, network, address)
			}
			sees(t, d.Examine(t.Context(), Visit{Domains: []steps.Domain{shop}, Directory: letsEncrypt, Present: root}, nil), test.want, test.says)
		})
	}
}

func pathOr(path string, there, otherwise http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == path {
			there.ServeHTTP(w, r)
			return
		}
		otherwise.ServeHTTP(w, r)
	})
}

// TestCAACauses has CAA records keep the CA out in every way that they can.
func TestCAACauses(t *testing.T) {
	t.Parallel()
	const account = "https://acme-v02.api.letsencrypt.org/acme/acct/1"
	for _, test := range []struct {
		name   string
		domain steps.Domain
		caa    []string // after "example.com. 300 IN CAA "
		want   string
		says   string
	}{
		{"another CA", shop, []string{`0 issue "digicert.com"`}, "fail A09", `example.com CAA 0 issue "digicert.com"`},
		{"nobody", shop, []string{`0 issue ";"`}, "fail A09", "do not let letsencrypt.org issue"},
		{"ours beside another", shop, []string{`0 issue "digicert.com"`, `0 issue "LetsEncrypt.org"`}, "", ""},
		{"another account", shop, []string{`0 issue "letsencrypt.org; accounturi=https://acme-v02.api.letsencrypt.org/acme/acct/2"`}, "fail D15", "only another account"},
		{"our account", shop, []string{`0 issue "letsencrypt.org; accounturi=` + account + `"`}, "", ""},
		{"another proof", shop, []string{`0 issue "letsencrypt.org; validationmethods=dns-01,tls-alpn-01"`}, "fail D16", "http-01"},
		{"our proof", shop, []string{`0 issue "letsencrypt.org; validationmethods=dns-01,http-01"`}, "", ""},
		{"no wildcards", "*.example.com", []string{`0 issue "letsencrypt.org"`, `0 issuewild ";"`}, "fail D17", "wildcards"},
		{"wildcards", "*.example.com", []string{`0 issue "digicert.com"`, `0 issuewild "letsencrypt.org"`}, "", ""},
		{"issuewild is not for plain names", shop, []string{`0 issuewild ";"`}, "", ""},
		{"a critical record that nobody knows", shop, []string{`0 issue "letsencrypt.org"`, `128 tbs "x"`}, "fail D18", "tbs"},
		{"a record that nobody knows", shop, []string{`0 issue "letsencrypt.org"`, `0 tbs "x"`}, "", ""},
		{"only where to write to", shop, []string{`0 iodef "mailto:a@example.com"`}, "", ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			records := append([]string{}, both...)
			for _, c := range test.caa {
				records = append(records, "example.com. 300 IN CAA "+c)
			}
			n, root := newInternet(t, serversZone(), example(records...)), newWebroot()
			n.hosts[here4], n.hosts[here6] = root, root
			v := Visit{Domains: []steps.Domain{test.domain}, Directory: letsEncrypt, Account: account, Present: root}
			checks := n.doctor().Examine(t.Context(), v, nil)
			if test.domain.Wildcard() { // http-01 cannot prove it; that is another cause
				checks = without(checks, "A25")
			}
			sees(t, checks, test.want, test.says)
		})
	}
	t.Run("the closest name counts", func(t *testing.T) {
		t.Parallel()
		n, root := newInternet(t, serversZone(), example(append(both, `example.com. 300 IN CAA 0 issue "digicert.com"`, `shop.example.com. 300 IN CAA 0 issue "letsencrypt.org"`)...)), newWebroot()
		n.hosts[here4], n.hosts[here6] = root, root
		sees(t, n.doctor().Examine(t.Context(), Visit{Domains: []steps.Domain{shop}, Directory: letsEncrypt, Present: root}, nil), "", "")
	})
	t.Run("it cannot be looked up", func(t *testing.T) {
		t.Parallel()
		z := example(both...)
		n, root := newInternet(t, serversZone(), z), newWebroot()
		n.hosts[here4], n.hosts[here6] = root, root
		n.change(func() { z.servers["192.0.2.3"] = "SERVFAIL CAA" })
		sees(t, n.doctor().Examine(t.Context(), Visit{Domains: []steps.Domain{shop}, Directory: letsEncrypt, Present: root}, nil), "fail D19", "SERVFAIL")
	})
	t.Run("another account, and none is there yet", func(t *testing.T) {
		t.Parallel()
		n, root := newInternet(t, serversZone(), example(append(both, `example.com. 300 IN CAA 0 issue "letsencrypt.org; accounturi=`+account+`"`)...)), newWebroot()
		n.hosts[here4], n.hosts[here6] = root, root
		sees(t, n.doctor().Examine(t.Context(), Visit{Domains: []steps.Domain{shop}, Directory: letsEncrypt, Present: root}, nil), "fail D15", "another account")
	})
}

func without(checks []steps.Check, code string) []steps.Check {
	var rest []steps.Check
	for _, c := range checks {
		if c.Code != code {
			rest = append(rest, c)
		}
	}
	return rest
}

// TestAskedCauses are names that no CA would take, found without asking anybody.
func TestAskedCauses(t *testing.T) {
	t.Parallel()
	var many []steps.Domain
	for i := range 101 {
		many = append(many, steps.Domain(fmt.Sprintf("h%d.example.com", i)))
	}
	for _, test := range []struct {
		name    string
		visit   Visit
		want    string
		says    string
		nothing bool
	}{
		{"a wildcard over port 80", Visit{Domains: []steps.Domain{"*.example.com"}}, "fail A25", "proof in the DNS", false},
		{"a wildcard by DNS", Visit{Domains: []steps.Domain{"*.example.com"}, Challenge: steps.DNS01}, "", "", true},
		{"too many", Visit{Domains: many}, "fail A27", "101", false},
		{"too many for a short one", Visit{Domains: many[:26], Profile: "shortlived"}, "fail A27", "at most 25", false},
		{"a reserved name", Visit{Domains: []steps.Domain{"shop.local"}}, "fail A28", "names on the internet", false},
		{"a whole registry", Visit{Domains: []steps.Domain{"co.uk"}}, "fail A28", "others register", false},
		{"a private address", Visit{Domains: []steps.Domain{"10.0.0.5"}}, "fail A28", "private network", false},
		{"an address by DNS", Visit{Domains: []steps.Domain{"203.0.113.7"}, Challenge: steps.DNS01}, "fail A26", "address", false},
		{"a name twice", Visit{Domains: []steps.Domain{"*.example.com", "shop.example.com"}, Challenge: steps.DNS01}, "fail D31", "covers it", false},
		{"a reserved name at a CA of one's own", Visit{Domains: []steps.Domain{"shop.local"}, Directory: "https://ca.internal/dir"}, "", "", true},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			n := newInternet(t)
			e := n.doctor().examination(test.visit, nil)
			sees(t, e.asked(), test.want, test.says)
		})
	}
}

func TestStrategy(t *testing.T) {
	t.Parallel()
	for code, domains := range map[string][]steps.Domain{
		"S01": {"shop.example.com", "www.example.com"},
		"S02": {"shop.example.com", "203.0.113.7"},
		"S03": {"shop.example.com", "web1.local"},
	} {
		checks := newInternet(t).doctor().examination(Visit{Domains: domains}, nil).strategy()
		if len(checks) != 1 || checks[0].Code != code || checks[0].Verdict != steps.OK {
			t.Errorf("%v: %+v", domains, checks)
		}
	}
}

func TestLedgerCause(t *testing.T) {
	t.Parallel()
	n := newInternet(t)
	full := func() error {
		return &steps.Failure{Text: "cannot ask the CA now: five", Code: "A14", Fixes: []string{"wait until 14:20"}}
	}
	sees(t, n.doctor().examination(Visit{Allowed: full}, nil).limits(), "fail A14", "five")
	sees(t, n.doctor().examination(Visit{Allowed: func() error { return nil }}, nil).limits(), "", "")
}

func TestRenewerCauses(t *testing.T) {
	t.Parallel()
	v := Visit{Domains: []steps.Domain{shop, "other.example.com"}, Renewers: []steps.Renewer{
		{Tool: "certbot", Name: "shop", File: "/etc/letsencrypt/renewal/shop.conf", Names: []steps.Domain{shop}},
		{Tool: "Caddy", Name: "x.example.com", File: "/var/lib/caddy/x", Names: []steps.Domain{"x.example.com"}},
	}}
	sees(t, newInternet(t).doctor().examination(v, nil).others(), "warn R04", "/etc/letsencrypt/renewal/shop.conf")
}

func TestEveryNameIsExamined(t *testing.T) {
	t.Parallel()
	n, root := newInternet(t, serversZone(), example("a.example.com. 300 IN A "+here4, "c.example.com. 300 IN A 198.51.100.9")), newWebroot()
	n.hosts[here4], n.hosts["198.51.100.9"] = root, nil
	var told atomic.Int32
	got := n.doctor().Examine(t.Context(), Visit{Domains: []steps.Domain{"a.example.com", "b.example.com", "c.example.com", "*.example.net"}, Directory: letsEncrypt, Present: root},
		func(steps.Check) { told.Add(1) })
	var codes []string
	for _, c := range troubles(got) {
		codes = append(codes, c.Code)
	}
	if strings.Join(codes, " ") != "A01 A02 A25" || int(told.Load()) != len(got) {
		t.Errorf("found %v, told %d of %d: %+v", codes, told.Load(), len(got), got)
	}
	for _, f := range Findings(got) {
		if f.Severity == steps.Blocker && (len(f.Fix) == 0 || f.Step != steps.IDTrusted) {
			t.Errorf("%+v", f)
		}
	}
}

// TestDoctorKnocksAtFewDoors: a DNS with thousands of addresses does not have us connect to all of them.
func TestDoctorKnocksAtFewDoors(t *testing.T) {
	t.Parallel()
	var records []string
	for i := range 100 {
		records = append(records, fmt.Sprintf("shop.example.com. 300 IN A 198.51.100.%d", i+1), fmt.Sprintf("shop.example.com. 300 IN AAAA 2001:db8:1::%x", i+1))
	}
	n := newInternet(t, serversZone(), example(records...))
	var knocks, six atomic.Int32
	d := n.doctor()
	d.Dial = func(ctx context.Context, network, address string) (net.Conn, error) {
		if _, ok := n.servers[address]; ok {
			return n.dial(ctx, network, address)
		}
		knocks.Add(1)
		if strings.HasPrefix(address, "[") {
			six.Add(1)
		}
		return nil, &net.OpError{Op: "dial", Net: network, Err: errors.New("connect: connection refused")}
	}
	found := d.Examine(t.Context(), Visit{Domains: []steps.Domain{shop}, Directory: letsEncrypt, Present: newWebroot()}, nil)
	if knocks.Load() > 2*maxAddresses || six.Load() == 0 || six.Load() == knocks.Load() || len(troubles(found)) == 0 {
		t.Errorf("%d times, %d by IPv6: %d findings", knocks.Load(), six.Load(), len(found))
	}
}

// TestDoctorEnds: a world in which nothing answers is given up in time.
func TestDoctorEnds(t *testing.T) {
	t.Parallel()
	n := newInternet(t)
	n.change(func() { n.deaf, n.slow = true, true })
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() {
		defer close(done)
		d := n.doctor()
		d.Patience = time.Hour
		d.Resolver = &resolve.Client{Servers: []string{resolverAddress}, Timeout: time.Hour, Dial: n.dial}
		d.Examine(ctx, Visit{Domains: []steps.Domain{shop}, Directory: letsEncrypt, AskCA: true, Present: newWebroot()}, nil)
	}()
	cancel()
	select {
	case <-done:
	case <-time.After(30 * time.Second):
		t.Fatal("it does not end with its context")
	}
}

func TestDoctorCannotWrite(t *testing.T) {
	t.Parallel()
	n := newInternet(t, serversZone(), example(both...))
	got := troubles(n.doctor().Examine(t.Context(), Visit{Domains: []steps.Domain{shop}, Present: full{}}, nil))
	if len(got) != 1 || got[0].Verdict != steps.Fail || !strings.Contains(got[0].Detail, "no space left") || len(got[0].Fix) == 0 {
		t.Errorf("found %+v", got)
	}
}

type full struct{}

func (full) Present(acme.Proof) error { return errors.New("no space left on device") }
func (full) CleanUp(acme.Proof) error { return nil }

func TestOwnTokensLookLikeTheCAs(t *testing.T) {
	t.Parallel()
	p := newProof(shop)
	if !acme.ValidToken(p.Token) || len(p.Body) > maxBody || !strings.HasPrefix(p.Body, p.Token+".") {
		t.Errorf("%+v", p)
	}
	if next := newProof(shop); next.Token == p.Token {
		t.Error("two tokens are alike")
	}
}
