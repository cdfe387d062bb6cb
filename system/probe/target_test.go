package probe

import (
	"errors"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/c93d5bcb/sslwizard/steps"
)

func TestParse(t *testing.T) {
	t.Parallel()
	for raw, want := range map[string]Target{
		"shop.test":                     {Name: "shop.test", Path: "/"},
		"https://Shop.Test./":           {Name: "shop.test", Path: "/"},
		"https://shop.test:8443/a?b=1":  {Name: "shop.test", Path: "/a?b=1", HTTPSPort: 8443},
		"wss://shop.test/ws?room=1":     {Name: "shop.test", WSPath: "/ws?room=1"},
		"https://[2001:db8::1]:8443/":   {Name: "2001:db8::1", Path: "/", HTTPSPort: 8443},
		"https://192.0.2.1":             {Name: "192.0.2.1", Path: "/"},
		"https://shop.test/%0d%0aX:%20": {Name: "shop.test", Path: "/%0d%0aX:%20"},
	} {
		got, err := Parse(raw)
		if err != nil || got.Name != want.Name || got.Path != want.Path || got.HTTPSPort != want.HTTPSPort || got.WSPath != want.WSPath || !got.Trusted {
			t.Errorf("%s was read as %+v (%v)", raw, got, err)
		}
	}
	for _, raw := range []string{"", "http://shop.test", "ftp://shop.test", "https://", "https://user:secret@shop.test", "https://shop.test:0", "https://shop.test:99999", "https://sh op.test", "https://shop.test/\x1b[31m"} {
		_, err := Parse(raw)
		var f *steps.Failure
		if !errors.As(err, &f) || f.ExitStatus() != steps.ExitUsage || len(f.Fix()) == 0 || f.Error() != steps.CleanLine(f.Error()) {
			t.Errorf("%q gave %v", raw, err)
		}
	}
}

func TestDefaults(t *testing.T) {
	t.Parallel()
	got := Target{Name: "*.shop.test"}.withDefaults()
	if got.Name != "sslwizard-probe.shop.test" || got.HTTPSPort != 443 || got.HTTPPort != 80 || got.Path != "/" || got.Timeout != 10*time.Second || got.Origin != "https://sslwizard-probe.shop.test" {
		t.Errorf("the defaults are %+v", got)
	}
}

// TestNothingSaidGetsIntoTheRequest keeps a path or an origin from becoming a header of its own.
func TestNothingSaidGetsIntoTheRequest(t *testing.T) {
	t.Parallel()
	evil := "x HTTP/1.1\r\nX-Evil: y"
	p := &prober{target: Target{Name: siteName, Path: evil, WSPath: evil, Origin: evil, Subprotocols: []string{evil}}.withDefaults()}
	raw := string(p.request().marshal())
	if strings.Count(raw, "\r\n") != 10 || strings.Contains(raw, "\nX-Evil") || p.target.Path != "/xHTTP/1.1X-Evil:y" {
		t.Errorf("the request is\n%s", raw)
	}
}

// TestWhereToDial shows both ways to probe on other ports: ports that are in the URL, and ports that only stand in.
func TestWhereToDial(t *testing.T) {
	t.Parallel()
	at := netip.MustParseAddrPort
	for _, c := range []struct {
		name   string
		target Target
		host   string
		want   endpoint
	}{
		{"ports of the URL", Target{HTTPSPort: 8443, HTTPPort: 8080, Addresses: []netip.AddrPort{at("127.0.0.1:0")}},
			"shop.test:8443", endpoint{at("127.0.0.1:8443"), at("127.0.0.1:8080")}},
		{"ports that stand in", Target{Addresses: []netip.AddrPort{at("[::1]:18443")}, HTTPAddresses: []netip.AddrPort{at("[::1]:18080")}},
			"shop.test", endpoint{at("[::1]:18443"), at("[::1]:18080")}},
		{"no plain port", Target{HTTPPort: -1, Addresses: []netip.AddrPort{at("127.0.0.1:1")}},
			"shop.test", endpoint{https: at("127.0.0.1:1")}},
	} {
		c.target.Name = siteName
		target := c.target.withDefaults()
		if got := target.endpoints(); len(got) != 1 || got[0] != c.want || target.host() != c.host {
			t.Errorf("%s: %v as %s", c.name, got, target.host())
		}
	}
}
