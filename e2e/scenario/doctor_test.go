//go:build e2e

package scenario

import (
	"encoding/json"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/c93d5bcb/sslwizard/steps"
)

// visit runs the doctor for names of the CA of this world, and returns the checks that are not well, as "fail A02".
func (st *story) visit(args ...string) (troubles []string, text string) {
	st.Helper()
	r := st.sslwizard(append([]string{"doctor", "-o", "json"}, args...)...)
	for line := range strings.Lines(r.Stdout) {
		var said struct {
			Type  string
			Check steps.Check
		}
		if err := json.Unmarshal([]byte(line), &said); err != nil {
			st.Fatalf("no JSON: %q in %s", line, r)
		}
		if said.Type == "check" && (said.Check.Verdict == steps.Fail || said.Check.Verdict == steps.Warn) {
			troubles = append(troubles, string(said.Check.Verdict)+" "+said.Check.Code)
			if len(said.Check.Fix) == 0 {
				st.Errorf("no way on: %+v", said.Check)
			}
		}
	}
	want := 0
	if strings.Contains(strings.Join(troubles, ","), "fail") {
		want = 3
	}
	if r.Status != want {
		st.Errorf("status %d with %q: %s", r.Status, troubles, r)
	}
	return troubles, r.Text()
}

// TestDoctorOnAServer has causes be there for real, one after the other on one server on which nothing is set up, and then
// on the same one with its site.
func TestDoctorOnAServer(t *testing.T) {
	t.Parallel()
	st := begin(t, "trixie")
	here := []string{"--directory", "https://acme.test:14000/dir", "--ca", "/root/ca.pem"}
	elsewhere := netip.MustParseAddr("203.0.113.99")
	resolv := st.s.Read("/etc/resolv.conf")
	public := `"addresses": ["203.0.113.10", "2001:db8::10"]`
	for _, c := range []struct {
		name  string
		wrong func()
		right func()
		args  []string // instead of here
		want  string   // codes of the failures and warnings
		says  string
	}{
		{"well", nil, nil, nil, "", "reaches this server at 2001:db8::10"},
		{"no record for www", func() { st.w.CA.Forget(www) }, nil, nil, "fail D30", "take " + www + " out"},
		{"no name at all", func() { st.w.CA.Forget(shop) }, nil, nil, "fail A01", "NXDOMAIN"},
		{"another address", func() { st.w.CA.Name(shop, elsewhere) }, nil, nil, "fail A02", "203.0.113.99"},
		{"another IPv6 address", func() { st.w.CA.Name(shop, st.s.Addr4(), netip.MustParseAddr("2001:db8::99")) }, nil, nil, "fail A03", "2001:db8::99"},
		{"one of two addresses", func() { st.w.CA.Name(shop, st.s.Addr4(), elsewhere) }, nil, nil, "fail D12", "203.0.113.99"},
		{"behind a CDN", func() { st.w.CA.Name(shop, netip.MustParseAddr("104.16.1.1")) }, nil, nil, "fail A04", "Cloudflare"},
		{"the DNS fails", func() { st.w.CA.Records(shop, `{"fail": true}`) }, nil, nil, "fail A10", "SERVFAIL"},
		{"IPv6 does not get through", func() { st.s.Filter("input", "meta nfproto ipv6 tcp dport 80 reject with tcp reset") }, st.s.Unfilter, nil, "fail D13,fail D13", "IPv6 does not reach"},
		{"port 80 is closed", func() { st.s.Filter("input", "tcp dport 80 reject with tcp reset") }, st.s.Unfilter, nil, "fail A05,fail A05,fail A05,fail A05", "port 80 does not answer"},
		{"another program has port 80", func() {
			st.s.Must("systemd-run", "--unit=web", "/opt/app", "--listen", "0.0.0.0:80")
			st.await(80)
		}, func() { st.s.Must("systemctl", "stop", "web") }, nil, "fail N01", "not checked: port 80 is held by app"},
		{"the CA is away", st.w.CA.Stop, func() { st.w.CA.Start(); pointed(st); st.trustPebble() }, nil, "fail A16", "takes no connection"},
		{"no way out", func() { st.s.Filter("output", "tcp dport 14000 drop") }, st.s.Unfilter, nil, "fail D33", "no answer in time"},
		{"the CA is not found", nil, nil, []string{"--directory", "https://nowhere.invalid/dir"}, "fail D38", "nowhere.invalid"},
		{"the CA is not trusted", nil, nil, []string{"--directory", "https://acme.test:14000/dir"}, "fail D34", "not trusted"},
		{"not a directory", nil, nil, []string{"--directory", "https://acme.test:14000/roots", "--ca", "/root/ca.pem"}, "fail D35", "no ACME server"},
		{"no resolver", func() { st.s.Write("/etc/resolv.conf", "nameserver 203.0.113.77\n", 0o644) }, func() { st.s.Write("/etc/resolv.conf", resolv, 0o644) }, nil,
			"fail D11,fail D11,fail D38", "203.0.113.77"},
		{"another CA only", func() { st.w.CA.Records(shop, `{`+public+`, "caa": ["digicert.com"]}`) }, nil, []string{"--directory", "letsencrypt"}, "fail A09,fail A09,fail D38", `issue \"digicert.com\"`},
		{"another account only", func() {
			st.w.CA.Records(shop, `{`+public+`, "caa": ["letsencrypt.org; accounturi=https://acme-v02.api.letsencrypt.org/acme/acct/1"]}`)
		}, nil, []string{"--directory", "letsencrypt"}, "fail D15,fail D15,fail D38", "only another account"},
		{"another proof only", func() { st.w.CA.Records(shop, `{`+public+`, "caa": ["letsencrypt.org; validationmethods=dns-01"]}`) }, nil, []string{"--directory", "letsencrypt"}, "fail D16,fail D16,fail D38", "http-01"},
		{"a private address", func() { st.w.CA.Records(shop, `{"addresses": ["10.0.0.5"]}`) }, nil, []string{"--directory", "letsencrypt"}, "fail D07,fail D38", "10.0.0.5"},
		{"a shared address", func() { st.w.CA.Records(shop, `{"addresses": ["100.64.0.5"]}`) }, nil, []string{"--directory", "letsencrypt"}, "fail D08,fail D38", "CGNAT"},
		{"another renews", func() {
			st.s.Must("mkdir", "-p", "/root/.acme.sh/"+shop+"_ecc")
			st.s.Write("/root/.acme.sh/"+shop+"_ecc/"+shop+".conf", "Le_Domain='"+shop+"'\nLe_Alt='no'\n", 0o644)
		}, func() { st.s.Must("rm", "-r", "/root/.acme.sh") }, nil, "warn R04", "acme.sh on this server renews"},
	} {
		if c.wrong != nil {
			c.wrong()
		}
		args := here
		if c.args != nil {
			args = c.args
		}
		troubles, text := st.visit(append([]string{shop, www}, args...)...)
		if got := strings.Join(slices.Sorted(slices.Values(troubles)), ","); got != c.want || !strings.Contains(text, c.says) {
			t.Errorf("%s: found %q, want %q with %q:\n%s", c.name, got, c.want, c.says, text)
		}
		if c.right != nil {
			c.right()
		}
		pointed(st)
	}
	before := st.w.CA.Orders() + st.w.CA.Accounts()
	if before != 0 {
		t.Errorf("the CA was asked %d times", before)
	}
	for _, args := range [][]string{{"*.example.com"}, {"shop.local"}, {"10.0.0.5"}} {
		troubles, text := st.visit(append(args, "--directory", "letsencrypt")...)
		if !strings.Contains(strings.Join(troubles, ","), "fail A2") {
			t.Errorf("%v: %q\n%s", args, troubles, text)
		}
	}
	for _, executor := range []string{"native", "nginx"} {
		st.answer(executor)
		st.must(st.apply())
		if troubles, text := st.visit(); len(troubles) != 0 || !strings.Contains(text, "reaches this server at 203.0.113.10") {
			t.Errorf("%s: %q\n%s", executor, troubles, text)
		}
		st.ends(st.sslwizard("doctor"), 0, "0 failed", shop+" reaches this server", "acme.test answers")
		if left := st.s.Exec("ls", kept+"/webroot/.well-known/acme-challenge").Stdout; strings.Contains(left, "sslwizard-") {
			t.Errorf("a test token stayed: %s", left)
		}
	}
}
