package proxy

import (
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"testing"

	"github.com/c93d5bcb/sslwizard/steps"
)

// behind has a site trust peers, who tell the client in a field.
func behind(field string, peers ...string) func(*steps.Site) {
	return func(s *steps.Site) {
		for _, p := range peers {
			s.Proxy.Trusted = append(s.Proxy.Trusted, netip.MustParsePrefix(p))
		}
		s.Proxy.ClientAddress = field
	}
}

// dialFrom connects from another address of loopback.
func (i *instance) dialFrom(t *testing.T, from, sni string) *tls.Conn {
	t.Helper()
	dialer := &net.Dialer{Timeout: patience, LocalAddr: &net.TCPAddr{IP: net.ParseIP(from)}}
	conn, err := tls.DialWithDialer(dialer, "tcp", i.secure, &tls.Config{ServerName: sni, RootCAs: i.roots, NextProtos: []string{"http/1.1"}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return conn
}

// TestTheClientIsWhoATrustedPeerNames, and nobody whom another one names: in all that the application is told, and in the log.
func TestTheClientIsWhoATrustedPeerNames(t *testing.T) {
	t.Parallel()
	app := echoServer(t)
	i := serve(t, Config{Sites: []Site{
		testSite(app.URL, names("hops.test"), behind("", "127.0.0.2/32", "127.0.0.4/31", "2001:db8::/32")),
		testSite(app.URL, names("cdn.test"), behind("CF-Connecting-IP", "127.0.0.2/32", "127.0.0.4/31")),
		testSite(app.URL, names("real.test"), behind("X-Real-IP", "127.0.0.2/32")),
		testSite(app.URL, names("own.test"), behind("X-Our-Client", "127.0.0.2/32")),
	}})
	const trusted, other = "127.0.0.2", "127.0.0.3"
	for _, c := range []struct{ from, site, lines, want string }{
		{trusted, "hops.test", "X-Forwarded-For: 192.0.2.1", "192.0.2.1"},
		{trusted, "hops.test", "", trusted},
		{other, "hops.test", "X-Forwarded-For: 192.0.2.1", other},
		{"127.0.0.1", "hops.test", "X-Forwarded-For: 192.0.2.1", "127.0.0.1"},
		{"127.0.0.5", "hops.test", "X-Forwarded-For: 192.0.2.1", "192.0.2.1"},
		{"127.0.0.6", "hops.test", "X-Forwarded-For: 192.0.2.1", "127.0.0.6"},
		// What the client says itself stands to the left of what was added.
		{trusted, "hops.test", "X-Forwarded-For: 6.6.6.6, 192.0.2.1", "192.0.2.1"},
		{trusted, "hops.test", "X-Forwarded-For: 6.6.6.6\r\nX-Forwarded-For: 192.0.2.1", "192.0.2.1"},
		{trusted, "hops.test", "X-Forwarded-For: 6.6.6.6, 192.0.2.1, 127.0.0.4,127.0.0.5", "192.0.2.1"},
		{trusted, "hops.test", "X-Forwarded-For: 6.6.6.6, 192.0.2.1\r\nX-Forwarded-For: 127.0.0.4", "192.0.2.1"},
		{trusted, "hops.test", "X-Forwarded-For: 6.6.6.6\r\nX-Forwarded-For: 192.0.2.1\r\nX-Forwarded-For: 127.0.0.4, 127.0.0.5", "192.0.2.1"},
		{other, "hops.test", "X-Forwarded-For: 127.0.0.2\r\nX-Forwarded-For: 6.6.6.6, 127.0.0.2", other},
		{trusted, "hops.test", "X-Forwarded-For: 6.6.6.6, 192.0.2.1, ::ffff:127.0.0.4", "192.0.2.1"},
		{trusted, "hops.test", "X-Forwarded-For: 6.6.6.6, 2001:DB9::7, 2001:db8::1", "2001:db9::7"},
		{trusted, "hops.test", "X-Forwarded-For: 127.0.0.5, 127.0.0.4", "127.0.0.5"},
		{trusted, "hops.test", "X-Forwarded-For: 6.6.6.6, ::ffff:192.0.2.1", "192.0.2.1"},
		{trusted, "hops.test", "X-Forwarded-For: 192.0.2.1:4711", "192.0.2.1"},
		{trusted, "hops.test", "X-Forwarded-For: [2001:db9::7]:4711", "2001:db9::7"},
		{trusted, "hops.test", "X-Forwarded-For: 6.6.6.6 192.0.2.1 ,\t,", "192.0.2.1"},
		// What cannot be read ends the reading.
		{trusted, "hops.test", "X-Forwarded-For: 6.6.6.6, unknown", trusted},
		{trusted, "hops.test", "X-Forwarded-For: 6.6.6.6, unknown, 127.0.0.4", "127.0.0.4"},
		{trusted, "hops.test", "X-Forwarded-For: 6.6.6.6\r\nX-Forwarded-For:", trusted},
		{trusted, "hops.test", "X-Forwarded-For: ,", trusted},
		{trusted, "hops.test", "X-Forwarded-For: 6.6.6.6, fe80::1%eth0", trusted},
		{trusted, "hops.test", "X-Forwarded-For: 6.6.6.6, 192.0.2.256", trusted},
		{trusted, "hops.test", "X-Forwarded-For: 6.6.6.6, for=192.0.2.1", trusted},
		{trusted, "hops.test", "X-Forwarded-For: 6.6.6.6, \"192.0.2.1\"", trusted},
		// Only the field that was named is read, under its own spelling.
		{trusted, "hops.test", "X-Real-IP: 6.6.6.6\r\nCF-Connecting-IP: 6.6.6.6\r\nForwarded: for=6.6.6.6", trusted},
		{trusted, "hops.test", "X_Forwarded_For: 6.6.6.6\r\nX-Forwarded_For: 6.6.6.6", trusted},
		{trusted, "hops.test", "Connection: X-Forwarded-For\r\nX-Forwarded-For: 192.0.2.1", "192.0.2.1"},
		{trusted, "cdn.test", "CF-Connecting-IP: 192.0.2.1", "192.0.2.1"},
		{trusted, "cdn.test", "cf-connecting-ip: 2001:db9::7\r\nX-Forwarded-For: 6.6.6.6\r\nTrue-Client-IP: 6.6.6.6", "2001:db9::7"},
		{trusted, "cdn.test", "X-Forwarded-For: 6.6.6.6", trusted},
		{trusted, "cdn.test", "CF-Connecting-IP: 6.6.6.6\r\nCF-Connecting-IP: 192.0.2.1", trusted},
		{trusted, "cdn.test", "CF_Connecting_IP: 6.6.6.6", trusted},
		{other, "cdn.test", "CF-Connecting-IP: 6.6.6.6", other},
		{other, "cdn.test", "CF_Connecting_IP: 6.6.6.6\r\nTrue-Client-IP: 6.6.6.6\r\nX-Client-IP: 6.6.6.6", other},
		{trusted, "real.test", "X-Real-IP: 192.0.2.1\r\nX-Forwarded-For: 6.6.6.6", "192.0.2.1"},
		{other, "real.test", "X-Real-IP: 6.6.6.6\r\nX-Forwarded-For: 6.6.6.6", other},
		{trusted, "own.test", "X-Our-Client: 192.0.2.1", "192.0.2.1"},
		{other, "own.test", "X-Our-Client: 6.6.6.6\r\nX_Our_Client: 6.6.6.6", other},
	} {
		lines := c.lines
		if lines != "" {
			lines += "\r\n"
		}
		_, body := raw(t, i.dialFrom(t, c.from, c.site), "GET / HTTP/1.1\r\nHost: "+c.site+"\r\n"+lines+"\r\n")
		a := echoed(t, body)
		fields := map[string]string{"X-Real-Ip": c.want, "X-Forwarded-For": c.want, "X-Forwarded-Proto": "https", "X-Forwarded-Host": c.site}
		switch c.site {
		case "cdn.test":
			fields["Cf-Connecting-Ip"] = c.want
		case "own.test":
			fields["X-Our-Client"] = c.want
		}
		for name, want := range fields {
			if got := a.Headers.Values(name); len(got) != 1 || got[0] != want {
				t.Errorf("%s, from %s, %q: %s is %q, want %q", c.site, c.from, c.lines, name, got, want)
			}
		}
		if strings.Contains(string(body), "6.6.6.6") {
			t.Errorf("%s, from %s, %q: a lie reached the application: %s", c.site, c.from, c.lines, body)
		}
		peer := ""
		if c.want != c.from {
			peer = c.from
		}
		if got := <-i.accesses; got.Remote != c.want || got.Peer != peer {
			t.Errorf("%s, from %s, %q: logged as %q of %q", c.site, c.from, c.lines, got.Remote, got.Peer)
		}
	}
}

// TestNobodyIsTrustedUnasked: of a site without a list the fields of CDNs are nobody's business.
func TestNobodyIsTrustedUnasked(t *testing.T) {
	t.Parallel()
	app := echoServer(t)
	i := serve(t, Config{Sites: []Site{testSite(app.URL, names("a.test")), testSite(app.URL, names("b.test"), behind("", "127.0.0.1/32"))}})
	_, body := raw(t, i.dialTLS(t, "a.test"), "GET / HTTP/1.1\r\nHost: a.test\r\nCF-Connecting-IP: 192.0.2.1\r\nX-Forwarded-For: 192.0.2.1\r\n\r\n")
	if a := echoed(t, body); a.Headers.Get("X-Forwarded-For") != "127.0.0.1" || a.Headers.Get("X-Real-Ip") != "127.0.0.1" || a.Headers.Get("Cf-Connecting-Ip") != "192.0.2.1" {
		t.Errorf("%v", a.Headers)
	}
}

// TestNobodyIsBelievedAboutTheScheme: what comes over HTTP is redirected, and served as such where that is wanted,
// whatever a trusted peer says. A header that turns the redirect off would be one that turns encryption off.
func TestNobodyIsBelievedAboutTheScheme(t *testing.T) {
	t.Parallel()
	app := echoServer(t)
	i := serve(t, Config{Sites: []Site{
		testSite(app.URL, names("a.test"), behind("", "127.0.0.1/32")),
		testSite(app.URL, names("b.test"), behind("", "127.0.0.1/32"), func(s *steps.Site) { s.Redirect.Enabled = false }),
	}})
	const says = "X-Forwarded-Proto: https\r\nX-Forwarded-For: 192.0.2.1\r\n\r\n"
	if r, _ := raw(t, i.dialPlain(t), "GET /x HTTP/1.1\r\nHost: a.test\r\n"+says); r.StatusCode != 301 || r.Header.Get("Location") != "https://a.test/x" {
		t.Errorf("%s to %q", r.Status, r.Header.Get("Location"))
	}
	if got := <-i.accesses; got.Remote != "192.0.2.1" {
		t.Errorf("the redirect is logged as that of %s", got.Remote)
	}
	_, body := raw(t, i.dialPlain(t), "GET /x HTTP/1.1\r\nHost: b.test\r\n"+says)
	if a := echoed(t, body); a.Headers.Get("X-Forwarded-Proto") != "http" || a.Headers.Get("X-Forwarded-For") != "192.0.2.1" {
		t.Errorf("%v", a.Headers)
	}
}

// TestClientsOverHTTP2: each request of a connection may be somebody else's.
func TestClientsOverHTTP2(t *testing.T) {
	t.Parallel()
	app := echoServer(t)
	i := serve(t, Config{Sites: []Site{testSite(app.URL, names("a.test"), behind("", "127.0.0.1/32"))}})
	client := i.client(t, true)
	for n := range 5 {
		want := fmt.Sprintf("192.0.2.%d", n+1)
		request, _ := http.NewRequestWithContext(t.Context(), http.MethodGet, "https://a.test/", nil)
		request.Header["X-Forwarded-For"] = []string{"6.6.6.6", want}
		response, err := client.Do(request)
		if err != nil {
			t.Fatal(err)
		}
		body, _ := io.ReadAll(response.Body)
		response.Body.Close()
		if a := echoed(t, body); response.ProtoMajor != 2 || a.Headers.Get("X-Forwarded-For") != want || a.Headers.Get("X-Real-Ip") != want {
			t.Errorf("%s: %v", response.Proto, a.Headers)
		}
	}
}

// TestATrustedPeerIsManyClients: it is not held to what one client may have, as long as a site trusts it.
func TestATrustedPeerIsManyClients(t *testing.T) {
	t.Parallel()
	app := echoServer(t)
	s := New(Options{})
	limits := s.onHTTP().caps
	limits.ofAddress = 1
	two := func(ip string) bool {
		first, second := limits.admit(from(ip)), limits.admit(from(ip))
		if second != nil {
			_ = second.Close()
		}
		_ = first.Close()
		return second != nil
	}
	for n, edit := range []func(*steps.Site){behind(""), behind("", "203.0.113.0/24", "2001:db8::/32"), behind("")} {
		if err := s.Swap(Config{Sites: []Site{testSite(app.URL, names("a.test"), edit), testSite(app.URL, names("b.test"))}}); err != nil {
			t.Fatal(err)
		}
		for ip, trusted := range map[string]bool{"203.0.113.9": true, "2001:db8::9": true, "::ffff:203.0.113.9": true, "203.0.114.1": false, "2001:db9::1": false} {
			if want := trusted && n == 1; two(ip) != want {
				t.Errorf("configuration %d: two connections of %s, want %t", n, ip, want)
			}
		}
		if !two("::1") || !two("127.0.0.1") {
			t.Error("this machine is held to what one client may have")
		}
	}
	_ = s.Shutdown(context.Background())
}
