package doctor

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/c93d5bcb/sslwizard/steps"
	"github.com/c93d5bcb/sslwizard/system/dns01"
)

// keeper answers for one name, and for no other.
type keeper struct {
	t    *testing.T
	name string
	err  error
}

func (k keeper) Ask(_ context.Context, name string) error {
	if name != k.name {
		k.t.Errorf("the provider is asked about %s, not %s", name, k.name)
	}
	return k.err
}

// TestRecordCauses has every reason for which a name cannot be proved by a record of the DNS.
func TestRecordCauses(t *testing.T) {
	t.Parallel()
	const record = "_acme-challenge.shop.example.com"
	told := func(code string) error {
		return &steps.Failure{Text: "cannot use the file in trusted.dns.credentials", Code: code, Fixes: []string{"sudo nano"}}
	}
	for _, test := range []struct {
		name    string
		records []string
		end     string // which name the provider is asked about
		kept    error
		domain  steps.Domain
		want    string
		says    string
	}{
		{"all is well, without any address", nil, record, nil, shop, "", ""},
		{"a wildcard", nil, "_acme-challenge.example.com", nil, "*.example.com", "", ""},
		{"an address of nobody does not matter", []string{"shop.example.com. 300 IN A 10.0.0.7"}, record, nil, shop, "", ""},
		{"an alias", []string{record + ". 300 IN CNAME shop.proofs.servers.com."}, "shop.proofs.servers.com", nil, shop, "", ""},
		{"no question that changes nothing", nil, record, dns01.ErrUnasked, shop, "", ""},
		{"no file", nil, record, told("D41"), shop, "fail D41", "credentials"},
		{"a file for everybody", nil, record, told("D42"), shop, "fail D42", "credentials"},
		{"a token that is not taken", nil, record, fmt.Errorf("Cloudflare answers 403: %w", dns01.ErrDenied), shop, "fail A12", "Cloudflare answers 403"},
		{"another account", nil, record, dns01.ErrNoZone, shop, "fail D43", "no zone"},
		{"a provider that is away", nil, record, errors.New("Cloudflare does not answer"), shop, "fail D45", "does not answer"},
		{"an alias to nowhere", []string{record + ". 300 IN CNAME x.gone.com."}, "", nil, shop, "fail D44", "whose domain does not exist"},
		{"an alias in a circle", []string{record + ". 300 IN CNAME a.example.com.", "a.example.com. 300 IN CNAME " + record + "."}, "", nil, shop, "fail D44", "lead back"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			n := newInternet(t, serversZone(), example(test.records...))
			v := Visit{Domains: []steps.Domain{test.domain}, Directory: letsEncrypt, Challenge: steps.DNS01, Keeper: keeper{t, test.end, test.kept}}
			sees(t, n.doctor().Examine(t.Context(), v, nil), test.want, test.says)
		})
	}
	t.Run("the DNS fails", func(t *testing.T) {
		t.Parallel()
		z := example()
		z.servers = map[string]string{"192.0.2.3": "REFUSED", "192.0.2.4": "REFUSED"}
		n := newInternet(t, serversZone(), z)
		checks := n.doctor().Examine(t.Context(), Visit{Domains: []steps.Domain{shop}, Directory: letsEncrypt, Challenge: steps.DNS01}, nil)
		sees(t, checks, "fail A10", "does not answer")
	})
	t.Run("its signatures do not fit", func(t *testing.T) {
		t.Parallel()
		n := newInternet(t, serversZone(), example())
		n.change(func() { n.bogus = []string{"example.com"} })
		checks := n.doctor().Examine(t.Context(), Visit{Domains: []steps.Domain{shop}, Directory: letsEncrypt, Challenge: steps.DNS01}, nil)
		sees(t, checks, "fail D10", "DNSSEC")
	})
	t.Run("no provider is named", func(t *testing.T) {
		t.Parallel()
		n := newInternet(t, serversZone(), example())
		checks := n.doctor().Examine(t.Context(), Visit{Domains: []steps.Domain{shop}, Directory: letsEncrypt, Challenge: steps.DNS01}, nil)
		sees(t, checks, "", "")
	})
}
