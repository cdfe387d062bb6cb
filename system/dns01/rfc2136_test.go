package dns01

import (
	"errors"
	"slices"
	"strings"
	"testing"

	pebbletest "github.com/c93d5bcb/sslwizard/e2e/pebble"
	"github.com/c93d5bcb/sslwizard/steps"
)

const primary = "192.0.2.1"

// A name server of another make takes what we sign, adds one value beside others, and loses no other with it.
func TestRFC2136(t *testing.T) {
	t.Parallel()
	w := newWorld(t, primary)
	w.example()
	w.at(primary).SetRecord(shop, pebbletest.Record{Texts: []string{"somebody else's"}})
	for _, algorithm := range []string{"", "hmac-sha256", "HMAC-SHA512.", "hmac-sha384"} {
		p := w.open("rfc2136", steps.DNSSettings{"server": primary, "key": "SSLwizard.", "secret": secret, "algorithm": algorithm})
		if err := p.Ask(t.Context(), shop); err != nil {
			t.Fatalf("%s: %v", algorithm, err)
		}
		for range 2 { // twice is once
			if err := p.Add(t.Context(), Record{shop, value}); err != nil {
				t.Fatalf("%s: %v", algorithm, err)
			}
		}
		if err := p.Add(t.Context(), Record{shop, "another"}); err != nil {
			t.Fatal(err)
		}
		if got := w.texts(primary, shop); !slices.Equal(got, []string{"somebody else's", value, "another"}) {
			t.Fatalf("%s: %q", algorithm, got)
		}
		for _, v := range []string{value, "another", "never there"} {
			if err := p.Remove(t.Context(), Record{shop, v}); err != nil {
				t.Fatal(err)
			}
		}
		if got := w.texts(primary, shop); !slices.Equal(got, []string{"somebody else's"}) {
			t.Fatalf("%s: %q is left", algorithm, got)
		}
	}
}

func TestRFC2136Refusals(t *testing.T) {
	t.Parallel()
	w := newWorld(t, primary)
	w.example()
	w.at(primary).SetRecord("closed.example.org", pebbletest.Record{Servers: []string{"ns1.example.com"}})
	right := steps.DNSSettings{"server": primary + ":53", "key": "sslwizard", "secret": secret}
	for _, test := range []struct {
		name, key, value, record string
		want                     error
	}{
		{"another key", "key", "somebody", shop, ErrDenied},
		{"another secret", "secret", "d3Jvbmc=", shop, ErrDenied},
		{"no key at all", "key", "", shop, ErrDenied},
		{"a zone without updates", "", "", "_acme-challenge.closed.example.org", ErrDenied},
		{"no zone of its own", "", "", "_acme-challenge.example.net", ErrNoZone},
		{"not in the zone that is named", "zone", "example.com", "_acme-challenge.example.net", ErrNoZone},
	} {
		s := steps.DNSSettings{}
		for k, v := range right {
			s[k] = v
		}
		if s[test.key] = test.value; test.value == "" {
			delete(s, test.key)
			if test.key != "" {
				delete(s, "secret")
			}
		}
		p := w.open("rfc2136", s)
		for what, err := range map[string]error{"ask": p.Ask(t.Context(), test.record), "add": p.Add(t.Context(), Record{test.record, value})} {
			if !errors.Is(err, test.want) || strings.Contains(err.Error(), s["secret"]) && s["secret"] != "" {
				t.Errorf("%s, %s: %v", test.name, what, err)
			}
		}
	}
	delete(right, "server")
	right["server"] = "192.0.2.9" // nobody is there
	if err := w.open("rfc2136", right).Ask(t.Context(), shop); err == nil || errors.Is(err, ErrDenied) {
		t.Errorf("a server that is away: %v", err)
	}
	for key, value := range map[string]string{"secret": "not base64!", "algorithm": "hmac-md5", "key": "a..b"} {
		s := steps.DNSSettings{"server": primary, "key": "k", "secret": secret}
		s[key] = value
		if _, err := Open("rfc2136", s, Means{}); err == nil || strings.Contains(err.Error(), value) {
			t.Errorf("%s: %v", key, err)
		}
	}
}
