package nginx

import (
	"context"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"testing"

	"github.com/c93d5bcb/sslwizard/steps"
)

// behind has a site trust peers, who tell the client in a field.
func behind(name steps.Domain, field string, peers ...string) steps.Site {
	return with(func(s *steps.Site) {
		named(s, name)
		for _, p := range peers {
			s.Proxy.Trusted = append(s.Proxy.Trusted, netip.MustParsePrefix(p))
		}
		s.Proxy.ClientAddress = field
	})
}

// from is a transport whose connections come from another address of loopback.
func (l live) from(ip string) *http.Transport {
	transport := l.transport("")
	transport.DialContext = func(ctx context.Context, network, address string) (net.Conn, error) {
		return (&net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(ip)}}).DialContext(ctx, network, l.at(address).String())
	}
	return transport
}

// TestTheClientIsWhoATrustedPeerNames: the outcomes are those of the native proxy, but where the contrary is said.
func TestTheClientIsWhoATrustedPeerNames(t *testing.T) {
	t.Parallel()
	app, _ := echoApp(t)
	l := serve(t, app, nil,
		behind("hops.example.net", "", "127.0.0.2/32", "127.0.0.4/31", "2001:db8::/32"),
		behind("cdn.example.net", "CF-Connecting-IP", "127.0.0.2/32"),
		behind("real.example.net", "X-Real-IP", "127.0.0.2/32"),
		behind("own.example.net", "X-Our-Client", "127.0.0.2/32"),
		shop())
	const trusted, other, xff = "127.0.0.2", "127.0.0.3", "X-Forwarded-For"
	for _, c := range []struct {
		from, site  string
		field, says string // a line for each
		want        string
	}{
		{trusted, "hops", xff, "192.0.2.1", "192.0.2.1"},
		{other, "hops", xff, "192.0.2.1", other},
		{"127.0.0.5", "hops", xff, "192.0.2.1", "192.0.2.1"},
		{"127.0.0.6", "hops", xff, "192.0.2.1", "127.0.0.6"},
		{trusted, "hops", xff, "6.6.6.6, 192.0.2.1, 127.0.0.4,127.0.0.5", "192.0.2.1"},
		{trusted, "hops", xff, "6.6.6.6\n192.0.2.1", "192.0.2.1"},
		{trusted, "hops", xff, "6.6.6.6, 192.0.2.1\n127.0.0.4", "192.0.2.1"},
		{trusted, "hops", xff, "6.6.6.6\n192.0.2.1\n127.0.0.4, 127.0.0.5", "192.0.2.1"},
		{trusted, "hops", xff, "6.6.6.6\n", trusted},
		{trusted, "hops", xff, ",", trusted},
		{trusted, "hops", xff, "6.6.6.6, fe80::1%eth0", trusted},
		{trusted, "hops", xff, "6.6.6.6, 192.0.2.256", trusted},
		{trusted, "hops", xff, "6.6.6.6, 192.0.2.1, ::ffff:127.0.0.4", "192.0.2.1"},
		{trusted, "hops", xff, "6.6.6.6, ::ffff:192.0.2.1", "::ffff:192.0.2.1"}, // native says 192.0.2.1
		{other, "hops", xff, "127.0.0.2\n6.6.6.6, 127.0.0.2", other},
		{trusted, "cdn", "CF-Connecting-IP", "192.0.2.1\n192.0.2.9", "192.0.2.1"}, // native believes neither
		{trusted, "hops", xff, "6.6.6.6, 2001:DB9::7, 2001:db8::1", "2001:db9::7"},
		{trusted, "hops", xff, "127.0.0.5, 127.0.0.4", "127.0.0.5"},
		{trusted, "hops", xff, "192.0.2.1:4711", "192.0.2.1"},
		{trusted, "hops", xff, "6.6.6.6 192.0.2.1 ,", "192.0.2.1"},
		{trusted, "hops", xff, "6.6.6.6, unknown", trusted},
		{trusted, "hops", xff, "6.6.6.6, unknown, 127.0.0.4", "127.0.0.4"},
		{trusted, "hops", xff, "6.6.6.6, for=192.0.2.1", trusted},
		{trusted, "hops", "CF-Connecting-IP", "6.6.6.6", trusted},
		{trusted, "hops", "X-Real-IP", "6.6.6.6", trusted},
		{trusted, "cdn", "CF-Connecting-IP", "192.0.2.1", "192.0.2.1"},
		{trusted, "cdn", xff, "6.6.6.6", trusted},
		{trusted, "cdn", "CF_Connecting_IP", "6.6.6.6", trusted},
		{other, "cdn", "CF-Connecting-IP", "6.6.6.6", other},
		{other, "cdn", "True-Client-IP", "6.6.6.6", other},
		{trusted, "real", "X-Real-IP", "192.0.2.1", "192.0.2.1"},
		{other, "real", "X-Real-IP", "6.6.6.6", other},
		{trusted, "own", "X-Our-Client", "192.0.2.1", "192.0.2.1"},
		{other, "own", "X-Our-Client", "6.6.6.6", other},
	} {
		r, err := l.send(l.from(c.from), "GET", "https://"+c.site+".example.net/", http.Header{c.field: strings.Split(c.says, "\n"), "X-Forwarded-Proto": {"6.6.6.6"}}, nil)
		if err != nil {
			t.Fatal(err)
		}
		a := answer(t, r)
		fields := map[string]string{"X-Real-Ip": c.want, xff: c.want, "X-Forwarded-Proto": "https"}
		switch c.site {
		case "cdn":
			fields["Cf-Connecting-Ip"] = c.want
		case "own":
			fields["X-Our-Client"] = c.want
		}
		for name, want := range fields {
			if got := a.Headers.Values(name); len(got) != 1 || got[0] != want {
				t.Errorf("%s, from %s, %s: %s: %s is %q, want %q", c.site, c.from, c.field, c.says, name, got, want)
			}
		}
		if strings.Contains(r.body, "6.6.6.6") {
			t.Errorf("%s, from %s, %s: %s: a lie reached the application: %s", c.site, c.from, c.field, c.says, r.body)
		}
	}
	r := l.ask("GET", "https://shop.example.com/", http.Header{"CF-Connecting-IP": {"192.0.2.1"}, xff: {"192.0.2.1"}})
	if a := answer(t, r); a.Headers.Get(xff) != "127.0.0.1" || a.Headers.Get("Cf-Connecting-Ip") != "192.0.2.1" {
		t.Errorf("a site that trusts nobody passes %v", a.Headers)
	}
	over, err := l.send(l.from(trusted), "GET", "http://hops.example.net/x", http.Header{"X-Forwarded-Proto": {"https"}}, nil)
	if err != nil || over.StatusCode != 301 || over.Header.Get("Location") != "https://hops.example.net/x" {
		t.Errorf("over HTTP: %v %v", over.Response, err)
	}
}
