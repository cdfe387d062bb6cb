package renew

import (
	"errors"
	"strings"
	"testing"

	pebbletest "github.com/c93d5bcb/sslwizard/e2e/pebble"
	"github.com/c93d5bcb/sslwizard/steps"
	"github.com/c93d5bcb/sslwizard/system/cert"
)

// TestObtainByStandingRecord: the account is made first, so that the record can be told; with it in the DNS the certificate
// comes, and the next one without anybody.
func TestObtainByStandingRecord(t *testing.T) {
	t.Parallel()
	const name = "_validation-persist.shop.example.com"
	w := newWorld(t, pebbletest.Options{})
	w.dns.SetRecord("example.com", pebbletest.Record{Servers: []string{"ns1.example.com"}})
	c := w.obtain()
	c.Domains = []steps.Domain{"shop.example.com", "*.shop.example.com"}
	c.Trusted.Challenge, c.Trusted.Rehearsal = steps.DNSPersist01, w.staging.Directory

	err := w.make(c)
	var f *steps.Failure
	account := accountURL(w.host, w.ca.Directory)
	value := "pebble.test; accounturi=" + account + "; policy=wildcard"
	if !errors.As(err, &f) || f.Code != "D47" || account == "" || !strings.Contains(strings.Join(f.Fixes, "\n"), name+`. TXT "`+value+`"`) {
		t.Fatalf("%v, %q", err, steps.Fixes(err))
	}
	w.dns.SetRecord(name, pebbletest.Record{Texts: []string{strings.TrimSuffix(value, "; policy=wildcard")}})
	if err := w.make(c); !errors.As(err, &f) || f.Code != "D48" || !strings.Contains(f.Text, "policy=wildcard is missing") {
		t.Fatalf("%v", err)
	}
	if n := w.ca.Requests("/order-plz") + w.staging.Requests("/order-plz"); n > 0 {
		t.Fatalf("%d orders were made in vain", n)
	}
	w.dns.SetRecord(name, pebbletest.Record{Texts: []string{"v=other", value}})
	v := w.mustMake(c)
	facts, err := v.Facts()
	if err != nil || !cert.SameDomains(facts.Domains, c.Domains) {
		t.Errorf("%+v, %v", facts, err)
	}
	if w.staging.Requests("/order-plz") > 0 {
		t.Error("the staging server was asked, where the record is none of our account")
	}
	if changed, err := w.manager().make(t.Context(), w.host, c, w.progress, true); !changed || err != nil {
		t.Errorf("renewed %t, %v", changed, err)
	}
	if now := w.dns.Record(name).Texts; len(now) != 2 {
		t.Errorf("the record has become %q", now)
	}
	w.tidy()
}
