package acme

import (
	"errors"
	"net/http"
	"strings"
	"testing"

	"github.com/go-acme/lego/v4/acme"

	pebbletest "github.com/c93d5bcb/sslwizard/e2e/pebble"
	"github.com/c93d5bcb/sslwizard/steps"
)

func TestRefusedNames(t *testing.T) {
	t.Parallel()
	w := newWorld(t, pebbletest.Options{})
	w.web.replace(func(rw http.ResponseWriter, r *http.Request) {
		if strings.HasPrefix(r.Host, "good.") {
			w.web.mu.Lock()
			defer w.web.mu.Unlock()
			_, _ = rw.Write([]byte(w.web.tokens[strings.TrimPrefix(r.URL.Path, steps.ChallengePath)]))
			return
		}
		http.Error(rw, "<html>another site", http.StatusForbidden)
	})
	_, err := w.client().Obtain(t.Context(), w.request("good.example.com", "bad.example.com", "worse.example.com"), w.web, w.orders)
	var r *Refused
	if !errors.As(err, &r) || len(r.Domains) != 2 {
		t.Fatalf("got %v", err)
	}
	expect(t, err, "A07", steps.ExitFailed)
	for _, name := range []string{"bad.example.com", "worse.example.com"} {
		if !strings.Contains(err.Error(), name) {
			t.Errorf("%s is not named: %v", name, err)
		}
	}
	if strings.Contains(err.Error(), "good.example.com") || len(w.web.tokens) != 0 {
		t.Errorf("%v; tokens %v", err, w.web.tokens)
	}
}

// TestBoulderTexts has the words of Let's Encrypt on one side and the row of the catalogue on the other.
func TestBoulderTexts(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ kind, detail, code string }{
		{"connection", "203.0.113.9: Fetching http://shop.example.com/.well-known/acme-challenge/x: Timeout during connect (likely firewall problem)", "A05"},
		{"connection", "203.0.113.9: Fetching http://shop.example.com/.well-known/acme-challenge/x: Connection refused", "A05"},
		{"connection", "203.0.113.9: Fetching http://shop.example.com/.well-known/acme-challenge/x: Connection reset by peer", "A05"},
		{"dns", "no valid A records found for shop.example.com; no valid AAAA records found for shop.example.com", "A01"},
		{"dns", "DNS problem: NXDOMAIN looking up A for shop.example.com - check that a DNS record exists for this domain", "A01"},
		{"dns", "DNS problem: SERVFAIL looking up A for shop.example.com - the domain's nameservers may be malfunctioning", "A10"},
		{"dns", "DNS problem: query timed out looking up A for shop.example.com", "A10"},
		{"caa", "CAA record for shop.example.com prevents issuance", "A09"},
		{"caa", "DNS problem: SERVFAIL looking up CAA for example.com", "A10"},
		{"unauthorized", "203.0.113.9: Invalid response from http://shop.example.com/.well-known/acme-challenge/abc: 404", "A07"},
		{"unauthorized", "203.0.113.9: Invalid response from https://shop.example.com/login?next=%2F: 200", "A06"},
		{"unauthorized", `The key authorization file from the server did not match this challenge "x" != "<html>"`, "A07"},
		{"unauthorized", "During secondary validation: 203.0.113.9: Invalid response from http://shop.example.com/.well-known/acme-challenge/x: 403", "A08"},
		{"connection", "During secondary validation: 203.0.113.9: Fetching http://x: Timeout during connect (likely firewall problem)", "A08"},
		{"tls", "Fetching https://shop.example.com/: remote error: tls: handshake failure", "D22"},
		{"somethingNew", "hm", "A07"},
	} {
		err := refused(acme.Authorization{
			Status: "invalid", Identifier: acme.Identifier{Type: "dns", Value: "shop.example.com"},
			Challenges: []acme.Challenge{{Type: "http-01", Error: &acme.ProblemDetails{Type: problemPrefix + test.kind, Detail: test.detail}}},
		})
		f := expect(t, err, test.code, steps.ExitFailed)
		if !strings.Contains(f.Text, "shop.example.com") || !strings.Contains(err.Error(), "the CA says") {
			t.Errorf("%s: %v", test.detail, err)
		}
	}
}

// TestTextsOfHandshakes are those of TLS-ALPN-01: they speak of the port that it is asked at.
func TestTextsOfHandshakes(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ kind, detail, code, says string }{
		{"connection", "203.0.113.9: Timeout during connect (likely firewall problem)", "A05", "port 443"},
		{"connection", "203.0.113.9: Connection refused", "A05", "port 443"},
		{"connection", "203.0.113.9: Error getting validation data", "A05", "port 443"},
		{"unauthorized", `Cannot negotiate ALPN protocol "acme-tls/1" for tls-alpn-01 challenge`, "D37", "another program ends TLS"},
		{"unauthorized", "Incorrect validation certificate for tls-alpn-01 challenge. Requested shop.example.com from 203.0.113.9:443.", "D37", "another program ends TLS"},
		{"tls", "203.0.113.9: remote error: tls: unrecognized name", "D37", "another program ends TLS"},
		{"tls", "203.0.113.9: remote error: tls: handshake failure", "D37", "another program ends TLS"},
		{"connection", "During secondary validation: 203.0.113.9: Timeout during connect (likely firewall problem)", "A08", "world"},
		{"dns", "no valid A records found for shop.example.com", "A01", "DNS"},
		{"caa", "CAA record for shop.example.com prevents issuance", "A09", "DNS"},
	} {
		err := refused(acme.Authorization{
			Status: "invalid", Identifier: acme.Identifier{Type: "dns", Value: "shop.example.com"},
			Challenges: []acme.Challenge{{Type: "tls-alpn-01", Error: &acme.ProblemDetails{Type: problemPrefix + test.kind, Detail: test.detail}}},
		})
		f := expect(t, err, test.code, steps.ExitFailed)
		if told := f.Text + strings.Join(f.Fixes, " "); !strings.Contains(told, test.says) || strings.Contains(told, "port 80") {
			t.Errorf("%s: %s", test.detail, told)
		}
	}
}

func TestTokens(t *testing.T) {
	t.Parallel()
	for token, want := range map[string]bool{
		"LoqXcYV8q5ONbJQxbmR7SCTNo3tiAXDfowyjxAjEuX0": true,
		"../../../../etc/cron.d/aaaaaaaaaaaaaaaaaaaa": false, "": false, "short": false, "LoqXcYV8q5ONbJQxbmR7SCTNo3tiAXDfowyjxAjEuX0\n": false,
		strings.Repeat("a", 201): false,
	} {
		if ValidToken(token) != want {
			t.Errorf("%q: %t", token, !want)
		}
	}
}
