package dns01

import (
	"errors"
	"net/http"
	"strings"
	"testing"

	"github.com/c93d5bcb/sslwizard/steps"
)

// TestProviders has each provider asked, given a record, and told to take it away, in the words of its documentation.
func TestProviders(t *testing.T) {
	t.Parallel()
	const (
		no       = http.StatusNotFound
		porkKeys = `"apikey":"pk1","secretapikey":"sk1"`
	)
	bearer := map[string]string{"Authorization": "Bearer t0ken", "Content-Type": ""}
	withJSON := func(h map[string]string) map[string]string {
		delete(h, "Content-Type")
		return h
	}
	all := map[string]struct {
		settings steps.DNSSettings
		headers  map[string]string
		record   string // empty: shop
		unasked  bool
		ask      []exchange
		add      []exchange
		remove   []exchange
	}{
		"cloudflare": {settings: steps.DNSSettings{"token": "t0ken"}, headers: withJSON(bearer),
			ask: []exchange{
				{ask: "GET /zones?name=_acme-challenge.shop.example.com", answer: `{"success":true,"result":[]}`},
				{ask: "GET /zones?name=shop.example.com", answer: `{"success":true,"result":[]}`},
				{ask: "GET /zones?name=example.com", answer: `{"success":true,"result":[{"id":"023e","name":"example.com"}]}`},
				{ask: "GET /zones/023e/dns_records?name=_acme-challenge.shop.example.com&per_page=100&type=TXT", answer: `{"success":true,"result":[]}`},
			},
			add: []exchange{{ask: "POST /zones/023e/dns_records", body: `{"content":"\"` + value + `\"","name":"` + shop + `","ttl":60,"type":"TXT"}`, answer: `{"success":true,"result":{"id":"r1"}}`}},
			remove: []exchange{
				{ask: "GET /zones/023e/dns_records?name=_acme-challenge.shop.example.com&per_page=100&type=TXT",
					answer: `{"success":true,"result":[{"id":"r0","name":"` + shop + `","content":"\"other\""},{"id":"r1","name":"` + shop + `","content":"\"` + value + `\""}]}`},
				{ask: "DELETE /zones/023e/dns_records/r1", answer: `{"result":{"id":"r1"}}`},
			}},
		"digitalocean": {settings: steps.DNSSettings{"token": "t0ken"}, headers: map[string]string{"Authorization": "Bearer t0ken"},
			ask: []exchange{
				{ask: "GET /domains/_acme-challenge.shop.example.com", status: no, answer: `{"id":"not_found"}`}, {ask: "GET /domains/shop.example.com", status: no},
				{ask: "GET /domains/example.com", answer: `{"domain":{"name":"example.com"}}`},
				{ask: "GET /domains/example.com/records?name=_acme-challenge.shop.example.com&per_page=200&type=TXT", answer: `{"domain_records":[]}`},
			},
			add: []exchange{{ask: "POST /domains/example.com/records", body: `{"data":"` + value + `","name":"_acme-challenge.shop","ttl":30,"type":"TXT"}`, status: http.StatusCreated, answer: `{"domain_record":{"id":28448433}}`}},
			remove: []exchange{
				{ask: "GET /domains/example.com/records?name=_acme-challenge.shop.example.com&per_page=200&type=TXT",
					answer: `{"domain_records":[{"id":1,"data":"other"},{"id":28448433,"data":"` + value + `"}]}`},
				{ask: "DELETE /domains/example.com/records/28448433", status: http.StatusNoContent},
			}},
		"porkbun": {settings: steps.DNSSettings{"key": "pk1", "secret": "sk1"}, headers: map[string]string{"Content-Type": "application/json"},
			ask: []exchange{
				{ask: "POST /domain/listAll", body: `{` + porkKeys + `,"start":"0"}`, answer: `{"status":"SUCCESS","domains":[{"domain":"example.com"}]}`},
				{ask: "POST /domain/listAll", body: `{` + porkKeys + `,"start":"0"}`, answer: `{"status":"SUCCESS","domains":[{"domain":"example.com"}]}`},
				{ask: "POST /domain/listAll", body: `{` + porkKeys + `,"start":"0"}`, answer: `{"status":"SUCCESS","domains":[{"domain":"example.org"},{"domain":"example.com"}]}`},
				{ask: "POST /dns/retrieveByNameType/example.com/TXT/_acme-challenge.shop", body: `{` + porkKeys + `}`, answer: `{"status":"SUCCESS","records":[]}`},
			},
			add: []exchange{{ask: "POST /dns/create/example.com", body: `{"apikey":"pk1","content":"` + value + `","name":"_acme-challenge.shop","secretapikey":"sk1","ttl":"600","type":"TXT"}`, answer: `{"status":"SUCCESS","id":106926659}`}},
			remove: []exchange{
				{ask: "POST /dns/retrieveByNameType/example.com/TXT/_acme-challenge.shop", body: `{` + porkKeys + `}`,
					answer: `{"status":"SUCCESS","records":[{"id":"7","content":"other"},{"id":"106926659","content":"` + value + `"}]}`},
				{ask: "POST /dns/delete/example.com/106926659", body: `{` + porkKeys + `}`, answer: `{"status":"SUCCESS"}`},
			}},
		"desec": {settings: steps.DNSSettings{"token": "t0ken"}, headers: map[string]string{"Authorization": "Token t0ken"},
			ask: []exchange{
				{ask: "GET /domains/_acme-challenge.shop.example.com/", status: no, answer: `{"detail":"Not found."}`}, {ask: "GET /domains/shop.example.com/", status: no},
				{ask: "GET /domains/example.com/", answer: `{"name":"example.com","minimum_ttl":3600}`},
				{ask: "GET /domains/example.com/rrsets/_acme-challenge.shop/TXT/", status: no, answer: `{"detail":"Not found."}`},
			},
			add: []exchange{
				{ask: "GET /domains/example.com/rrsets/_acme-challenge.shop/TXT/", answer: `{"records":["\"other\""]}`},
				{ask: "PUT /domains/example.com/rrsets/", body: `[{"records":["\"other\"","\"` + value + `\""],"subname":"_acme-challenge.shop","ttl":3600,"type":"TXT"}]`, answer: `[]`},
			},
			remove: []exchange{
				{ask: "GET /domains/example.com/rrsets/_acme-challenge.shop/TXT/", answer: `{"records":["\"` + value + `\""]}`},
				{ask: "PUT /domains/example.com/rrsets/", body: `[{"records":[],"subname":"_acme-challenge.shop","ttl":3600,"type":"TXT"}]`, answer: `[]`},
			}},
		"gandi": {settings: steps.DNSSettings{"token": "t0ken"}, headers: map[string]string{"Authorization": "Bearer t0ken"},
			ask: []exchange{
				{ask: "GET /domains/_acme-challenge.shop.example.com", status: http.StatusForbidden, answer: `{"message":"Access was denied"}`}, // a token for one domain
				{ask: "GET /domains/shop.example.com", status: no}, {ask: "GET /domains/example.com", answer: `{"fqdn":"example.com"}`},
				{ask: "GET /domains/example.com/records/_acme-challenge.shop/TXT", status: no},
			},
			add: []exchange{
				{ask: "GET /domains/_acme-challenge.shop.example.com", status: http.StatusForbidden},
				{ask: "GET /domains/example.com/records/_acme-challenge.shop/TXT", answer: `{"rrset_values":["\"other\""]}`},
				{ask: "PUT /domains/example.com/records/_acme-challenge.shop/TXT", body: `{"rrset_ttl":300,"rrset_values":["\"other\"","\"` + value + `\""]}`, status: http.StatusCreated, answer: `{"message":"DNS Record Created"}`},
			},
			remove: []exchange{
				{ask: "GET /domains/_acme-challenge.shop.example.com", status: http.StatusForbidden},
				{ask: "GET /domains/example.com/records/_acme-challenge.shop/TXT", answer: `{"rrset_values":["\"` + value + `\""]}`},
				{ask: "DELETE /domains/example.com/records/_acme-challenge.shop/TXT", status: http.StatusNoContent},
			}},
		"godaddy": {settings: steps.DNSSettings{"key": "k3y", "secret": "s3cret"}, headers: map[string]string{"Authorization": "sso-key k3y:s3cret"},
			ask: []exchange{
				{ask: "GET /domains/_acme-challenge.shop.example.com", status: no}, {ask: "GET /domains/shop.example.com", status: no}, {ask: "GET /domains/example.com", answer: `{"domain":"example.com"}`},
				{ask: "GET /domains/example.com/records/TXT/_acme-challenge.shop", answer: `[]`},
			},
			add: []exchange{
				{ask: "GET /domains/example.com/records/TXT/_acme-challenge.shop", answer: `[{"data":"other","name":"_acme-challenge.shop","ttl":600,"type":"TXT"}]`},
				{ask: "PUT /domains/example.com/records/TXT/_acme-challenge.shop", body: `[{"data":"other","ttl":600},{"data":"` + value + `","ttl":600}]`},
			},
			remove: []exchange{
				{ask: "GET /domains/example.com/records/TXT/_acme-challenge.shop", answer: `[{"data":"` + value + `"}]`},
				{ask: "DELETE /domains/example.com/records/TXT/_acme-challenge.shop", status: http.StatusNoContent},
			}},
		"hetzner": {settings: steps.DNSSettings{"token": "t0ken"}, headers: map[string]string{"Authorization": "Bearer t0ken"},
			ask: []exchange{{ask: "GET /zones/_acme-challenge.shop.example.com", status: no}, {ask: "GET /zones/shop.example.com", status: no}, {ask: "GET /zones/example.com", answer: `{"zone":{"id":42}}`}},
			add: []exchange{{ask: "POST /zones/example.com/rrsets/_acme-challenge.shop/TXT/actions/add_records", body: `{"records":[{"value":"\"` + value + `\""}],"ttl":60}`, status: http.StatusCreated, answer: `{"action":{"id":1,"status":"running"}}`}},
			remove: []exchange{{ask: "POST /zones/example.com/rrsets/_acme-challenge.shop/TXT/actions/remove_records", body: `{"records":[{"value":"\"` + value + `\""}]}`, status: http.StatusCreated,
				answer: `{"action":{"id":2,"status":"running"}}`}}},
		"acme-dns": {settings: steps.DNSSettings{"server": "HERE", "username": "c36f", "password": "htB9", "subdomain": "8e57", "fulldomain": "8e57.auth.example.org"},
			headers: map[string]string{"X-Api-User": "c36f", "X-Api-Key": "htB9"}, record: "8e57.auth.example.org",
			ask: []exchange{{ask: "GET /health"}}, add: []exchange{{ask: "POST /update", body: `{"subdomain":"8e57","txt":"` + value + `"}`, answer: `{"txt":"` + value + `"}`}}},
		"httpreq": {settings: steps.DNSSettings{"endpoint": "HERE", "username": "me", "password": "pass"}, headers: map[string]string{"Authorization": "Basic bWU6cGFzcw=="}, unasked: true,
			add:    []exchange{{ask: "POST /present", body: `{"fqdn":"` + shop + `.","value":"` + value + `"}`}},
			remove: []exchange{{ask: "POST /cleanup", body: `{"fqdn":"` + shop + `.","value":"` + value + `"}`}}},
		"duckdns": {settings: steps.DNSSettings{"token": "t0-ken"}, record: "_acme-challenge.www.mine.duckdns.org", unasked: true,
			add:    []exchange{{ask: "GET /update?domains=mine&token=t0-ken&txt=" + value, answer: "OK"}},
			remove: []exchange{{ask: "GET /update?clear=true&domains=mine&token=t0-ken&txt=" + value, answer: "OK"}}},
	}
	for name, c := range all {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if c.record == "" {
				c.record = shop
			}
			f := newFake(t, c.headers, append(append(append([]exchange{}, c.ask...), c.add...), c.remove...)...)
			p := f.open(name, c.settings)
			if err := p.Ask(t.Context(), c.record); errors.Is(err, ErrUnasked) != c.unasked || err != nil && !c.unasked {
				t.Errorf("ask: %v", err)
			}
			if err := p.Add(t.Context(), Record{c.record, value}); err != nil {
				t.Errorf("add: %v", err)
			}
			if err := p.Remove(t.Context(), Record{c.record, value}); err != nil {
				t.Errorf("remove: %v", err)
			}
		})
	}
	for _, p := range steps.DNSProviders() {
		if _, ok := all[p.Name]; !ok && p.Name != "rfc2136" && p.Name != "exec" {
			t.Errorf("%s is not tried", p.Name)
		}
	}
	if len(makers) != len(steps.DNSProviders()) {
		t.Errorf("%d providers are made, %d are told", len(makers), len(steps.DNSProviders()))
	}
}

// TestProvidersRefuse has the same providers not take the credentials, and not have the zone; whatever they say of it, no
// secret comes back in an error.
func TestProvidersRefuse(t *testing.T) {
	t.Parallel()
	for name, s := range map[string]steps.DNSSettings{
		"cloudflare": {"token": "s3cret/x"}, "digitalocean": {"token": "s3cret/x"}, "desec": {"token": "s3cret/x"}, "gandi": {"token": "s3cret/x"},
		"hetzner": {"token": "s3cret/x"}, "godaddy": {"key": "k", "secret": "s3cret/x"}, "porkbun": {"key": "k", "secret": "s3cret/x"},
		"httpreq": {"endpoint": "HERE", "username": "me", "password": "s3cret/x"}, "duckdns": {"token": "s3cret/x"},
		"acme-dns": {"server": "HERE", "username": "u", "password": "s3cret/x", "subdomain": "d", "fulldomain": "mine.duckdns.org"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newFake(t, nil)
			f.server.Config.Handler = http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
				rw.WriteHeader(http.StatusUnauthorized)
				_, _ = rw.Write([]byte(`{"errors":[{"code":10000,"message":"no such token s3cret/x\u001b[31m"}],"detail":"s3cret%2Fx at ` + r.URL.RequestURI() + `"}`))
			})
			err := f.open(name, s).Add(t.Context(), Record{"mine.duckdns.org", value})
			if !errors.Is(err, ErrDenied) || strings.Contains(err.Error(), "s3cret") || strings.Contains(err.Error(), "\x1b") {
				t.Errorf("%v", err)
			}
			if f.server.Close(); true { // and when nobody is there
				err = f.open(name, s).Add(t.Context(), Record{"mine.duckdns.org", value})
				if err == nil || errors.Is(err, ErrDenied) || strings.Contains(err.Error(), "s3cret") || strings.Contains(err.Error(), "update?") {
					t.Errorf("%v", err)
				}
			}
		})
	}
}

// TestAskAgain is about answers that pass: too many questions, a server that is out of order, and one that redirects.
func TestAskAgain(t *testing.T) {
	t.Parallel()
	find := func(status int, header string) exchange {
		return exchange{ask: "GET /zones/_acme-challenge.shop.example.com", status: status, header: header, answer: `{"error":{"message":"slowly, please"}}`}
	}
	f := newFake(t, nil, find(429, "Retry-After: 0"), find(503, ""), find(200, ""))
	if err := f.open("hetzner", steps.DNSSettings{"token": "t"}).Ask(t.Context(), shop); err != nil {
		t.Error(err)
	}
	f = newFake(t, nil, find(500, ""), find(500, ""), find(500, ""), find(500, ""))
	if err := f.open("hetzner", steps.DNSSettings{"token": "t"}).Ask(t.Context(), shop); err == nil || !strings.Contains(err.Error(), "slowly, please") {
		t.Error(err)
	}
	f = newFake(t, nil, find(302, "Location: /elsewhere"))
	if err := f.open("hetzner", steps.DNSSettings{"token": "t"}).Ask(t.Context(), shop); err == nil {
		t.Error("a redirect is followed: the token would be somebody else's")
	}
	f = newFake(t, nil, find(404, ""), exchange{ask: "GET /zones/shop.example.com", status: 404}, exchange{ask: "GET /zones/example.com", status: 404})
	if err := f.open("hetzner", steps.DNSSettings{"token": "t"}).Ask(t.Context(), shop); !errors.Is(err, ErrNoZone) {
		t.Error(err)
	}
	f = newFake(t, nil, exchange{ask: "POST /domain/listAll", body: `{"apikey":"pk1_a","secretapikey":"sk1_b","start":"0"}`, status: 400, answer: `{"status":"ERROR","message":"Invalid API key."}`})
	if err := f.open("porkbun", steps.DNSSettings{"key": "pk1_a", "secret": "sk1_b"}).Ask(t.Context(), shop); !errors.Is(err, ErrDenied) || !strings.Contains(err.Error(), "Invalid API key") {
		t.Error(err)
	}
}

// TestWhereSecretsGo refuses addresses at which a password would be read by others.
func TestWhereSecretsGo(t *testing.T) {
	t.Parallel()
	for address, ok := range map[string]bool{"https://dns.example.com/api": true, "http://127.0.0.1:8080": true, "http://localhost": true, "http://[::1]:1": true,
		"http://dns.example.com": false, "ftp://x": false, "dns.example.com": false, "https://me:pw@dns.example.com": false, "": false} {
		if err := checkServer("endpoint", address); (err == nil) != ok {
			t.Errorf("%s: %v", address, err)
		}
	}
	f := newFake(t, nil)
	p := f.open("acme-dns", steps.DNSSettings{"server": "HERE", "fulldomain": "8e57.auth.example.org"})
	for what, err := range map[string]error{"ask": p.Ask(t.Context(), shop), "add": p.Add(t.Context(), Record{shop, value})} {
		if err == nil || !strings.Contains(err.Error(), "alias (CNAME) of 8e57.auth.example.org") {
			t.Errorf("%s: %v", what, err)
		}
	}
	if _, err := domainAt(shop); !errors.Is(err, ErrNoZone) {
		t.Error(err)
	}
}
