package nearby

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"

	"github.com/c93d5bcb/sslwizard/steps"
	"github.com/c93d5bcb/sslwizard/system/echo"
)

// zone is a DNS in memory. A name that is not in it does not exist.
type zone struct {
	names   map[string][]string
	reverse map[string][]string
}

func (z zone) LookupNetIP(_ context.Context, _, name string) ([]netip.Addr, error) {
	var all []netip.Addr
	for _, a := range z.names[name] {
		if a == "silent" {
			return nil, &net.DNSError{Err: "timeout", IsTimeout: true}
		}
		all = append(all, netip.MustParseAddr(a))
	}
	if all == nil {
		return nil, &net.DNSError{Err: "no such host", IsNotFound: true}
	}
	return all, nil
}

func (z zone) LookupAddr(_ context.Context, addr string) ([]string, error) {
	return z.reverse[addr], nil
}

var world = zone{
	names:   map[string][]string{"shop.example.com": {"203.0.113.7", "2001:db8::7"}, "old.example.com": {"198.51.100.1"}, "half.example.com": {"203.0.113.7", "2001:db8::bad"}, "slow.example.com": {"silent"}},
	reverse: map[string][]string{"203.0.113.7": {"shop.example.com.", "bad_name.example.com."}},
}

// listener is where a test server listens, as the facts would have it.
func listener(t *testing.T, address, process string) steps.Listener {
	t.Helper()
	at := netip.MustParseAddrPort(address)
	return steps.Listener{Port: steps.Port{Number: int(at.Port()), Proto: "tcp"}, Address: at.Addr(), Process: process, Unit: process + ".service"}
}

// talker is a server that says something first, or nothing at all, or hangs up.
func talker(t *testing.T, banner string, hold bool) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			_, _ = conn.Write([]byte(banner))
			if !hold {
				conn.Close()
			} else {
				t.Cleanup(func() { conn.Close() })
			}
		}
	}()
	return l.Addr().String()
}

func TestApps(t *testing.T) {
	t.Parallel()
	chat := httptest.NewServer(echo.Handler())
	t.Cleanup(chat.Close)
	secure := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.Header().Set("X-Powered-By", "Express") }))
	t.Cleanup(secure.Close)
	f := steps.Facts{Hostname: "web1.example.net", Addresses: []netip.Addr{netip.MustParseAddr("203.0.113.7"), netip.MustParseAddr("2001:db8::7")}, Listeners: []steps.Listener{
		listener(t, talker(t, "220 mail ESMTP\r\n", true), "postfix"), listener(t, talker(t, "", false), "closer"),
		listener(t, secure.Listener.Addr().String(), "secure"), listener(t, chat.Listener.Addr().String(), "chat"),
	}}
	silent := listener(t, talker(t, "", true), "silent")
	f.Listeners = append(f.Listeners, silent)
	n := Find(t.Context(), f, world)
	if len(n.Apps) != 2 {
		t.Fatalf("%+v", n.Apps)
	}
	if a := n.Apps[0]; a.Process != "chat" || a.Status != 200 || len(a.WebSockets) == 0 || a.WebSockets[0] != "/" || a.Upstream != chat.URL {
		t.Errorf("%+v", a)
	}
	if a := n.Apps[1]; a.Process != "secure" || !strings.HasPrefix(a.Upstream, "https://") || a.Server != "Express" {
		t.Errorf("%+v", a)
	}
	if len(n.Names) == 0 || n.Names[0].Domain != "shop.example.com" || !strings.Contains(n.Names[0].Source, "203.0.113.7") {
		t.Errorf("%+v", n.Names)
	}
	for _, name := range n.Names {
		if strings.Contains(string(name.Domain), "_") {
			t.Errorf("%s is no name", name.Domain)
		}
	}
}

// Only what listens on this host is asked, and nothing that is not for browsers.
func TestNobodyElseIsAsked(t *testing.T) {
	t.Parallel()
	ours := listener(t, "127.0.0.1:3999", "sslwizard")
	ours.Ours = true
	ssh := listener(t, "127.0.0.1:22", "sshd")
	udp := listener(t, "127.0.0.1:4000", "dns")
	udp.Port.Proto = "udp"
	if found := Find(t.Context(), steps.Facts{Listeners: []steps.Listener{ours, ssh, udp}}, zone{}); len(found.Apps) != 0 || len(found.Names) != 0 {
		t.Errorf("%+v", found)
	}
}

func TestNamesThatLeadHereComeFirst(t *testing.T) {
	t.Parallel()
	f := steps.Facts{Hostname: "old.example.com", Addresses: []netip.Addr{netip.MustParseAddr("203.0.113.7"), netip.MustParseAddr("2001:db8::7"), netip.MustParseAddr("10.0.0.1")},
		Nginx: steps.Nginx{Servers: []steps.NginxServer{{File: "/etc/nginx/x", Names: []string{"half.example.com", "_", "*.example.com", "localhost", "192.0.2.1"}}}}}
	n := Find(t.Context(), f, world)
	if len(n.Names) != 3 || n.Names[0].Domain != "shop.example.com" || !n.Names[0].Here || n.Names[1].Here {
		t.Errorf("%+v", n.Names)
	}
}

func TestLookAtNames(t *testing.T) {
	t.Parallel()
	f := steps.Facts{Addresses: []netip.Addr{netip.MustParseAddr("203.0.113.7"), netip.MustParseAddr("2001:db8::7")}}
	a := steps.Defaults()
	for _, c := range []struct {
		name    string
		verdict steps.Verdict
		want    string
	}{
		{"shop.example.com", steps.OK, "leads here"},
		{"none.example.com", steps.Warn, "no address in the DNS"},
		{"old.example.com", steps.Warn, "198.51.100.1"},
		{"half.example.com", steps.Warn, "also to 2001:db8::bad"},
		{"slow.example.com", steps.Skip, "does not answer"},
		{"intranet", steps.Warn, "no CA issues"},
		{"192.0.2.1", steps.Warn, "192.0.2.1"},
		{"203.0.113.7", steps.OK, "leads here"},
		{"*.example.com", steps.Skip, "record in the DNS"},
	} {
		a.Certs.Domains = []string{c.name}
		got := Look(t.Context(), "certs.domains", a, f, world)
		if len(got) != 1 || got[0].Verdict != c.verdict || !strings.Contains(got[0].Detail, c.want) || got[0].Address != c.name {
			t.Errorf("%s: %+v", c.name, got)
		}
	}
	if got := Look(t.Context(), "ssl.profile", a, f, world); got != nil {
		t.Errorf("%+v", got)
	}
}

// TestManyAddresses: what a DNS with thousands of addresses says fits a line all the same.
func TestManyAddresses(t *testing.T) {
	t.Parallel()
	var many []string
	for n := range 2000 {
		many = append(many, fmt.Sprintf("2001:db8:1::%x", n+1))
	}
	a := steps.Defaults()
	a.Certs.Domains = []string{"many.example.com"}
	got := Look(t.Context(), "certs.domains", a, steps.Facts{}, zone{names: map[string][]string{"many.example.com": many}})
	if len(got) != 1 || len(got[0].Detail) > 200 || !strings.Contains(got[0].Detail, "2001:db8:1::4 and 1996 more") {
		t.Errorf("%.500v", got)
	}
}

func TestLookAtTheApplication(t *testing.T) {
	t.Parallel()
	chat := httptest.NewServer(echo.Handler())
	t.Cleanup(chat.Close)
	plain := httptest.NewServer(http.NotFoundHandler())
	t.Cleanup(plain.Close)
	look := func(key, upstream string) steps.Check {
		a := steps.Defaults()
		a.Proxy.Upstream = upstream
		got := Look(t.Context(), key, a, steps.Facts{}, zone{})
		if len(got) != 1 {
			t.Fatalf("%s %s: %+v", key, upstream, got)
		}
		return got[0]
	}
	for _, c := range []struct {
		key, upstream string
		verdict       steps.Verdict
		want          string
	}{
		{"proxy.upstream", chat.URL, steps.OK, "answers 200"},
		{"proxy.upstream", "http://127.0.0.1:1", steps.Warn, "nothing listens"},
		{"proxy.upstream", "unix:/nowhere/app.sock", steps.Warn, "no such file"},
		{"proxy.upstream", strings.Replace(plain.URL, "http:", "https:", 1), steps.Warn, "plain HTTP"},
		{"websockets.paths", chat.URL, steps.OK, "opens a WebSocket"},
		{"websockets.paths", plain.URL, steps.Warn, "no WebSocket there"},
		{"websockets.paths", "http://127.0.0.1:1", steps.Warn, "nothing listens"},
	} {
		if got := look(c.key, c.upstream); got.Verdict != c.verdict || !strings.Contains(got.Detail, c.want) {
			t.Errorf("%s %s: %+v", c.key, c.upstream, got)
		}
	}
}
