package steps

import (
	"strings"
	"testing"
	"time"
)

func TestStanding(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 23, 0, 0, 0, 0, time.UTC)
	names := []Domain{"shop.test", "www.shop.test"}
	good := CertFacts{Source: SourceACME, Domains: names, NotAfter: now.AddDate(0, 2, 0)}
	with := func(change func(*CertFacts)) CertFacts { c := good; change(&c); return c }
	for _, test := range []struct {
		name      string
		cert      CertFacts
		trusted   SiteTrusted
		want, fix string
	}{
		{"well", good, SiteTrusted{Source: SourceACME}, "", ""},
		{"none", CertFacts{}, SiteTrusted{Source: SourceACME}, "", ""},
		{"expired", with(func(c *CertFacts) { c.NotAfter = now.AddDate(0, 0, -1) }), SiteTrusted{Source: SourceACME}, "expired on 2026-11-22", "sudo sslwizard renew shop.test"},
		{"own, expired", with(func(c *CertFacts) { c.Source, c.NotAfter = SourceFiles, now.AddDate(0, 0, -1) }), SiteTrusted{Source: SourceFiles}, "expired", "--non-interactive"},
		{"a name less", with(func(c *CertFacts) { c.Domains = names[:1] }), SiteTrusted{Source: SourceACME}, "not for www.shop.test", "renew"},
		{"by a wildcard", with(func(c *CertFacts) { c.Domains = []Domain{"shop.test", "*.shop.test"} }), SiteTrusted{Source: SourceFiles}, "", ""},
		{"a wildcard too deep", with(func(c *CertFacts) { c.Domains = []Domain{"*.test"} }), SiteTrusted{Source: SourceFiles}, "not for www.shop.test", ""},
		{"staging", good, SiteTrusted{Source: SourceACME, Directory: stagingURL}, "test certificate", "trusted.directory"},
		{"not yet", with(func(c *CertFacts) { c.Source = sourceLocal }), SiteTrusted{Source: SourceACME}, "not there yet", "renew"},
		{"local as asked", with(func(c *CertFacts) { c.Source = sourceLocal }), SiteTrusted{Source: SourceNone}, "", ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			site := Site{Name: "shop.test", Trusted: test.trusted}
			site.Certs.Domains = names
			found := Standing(site, test.cert, now)
			if test.want == "" {
				if len(found) > 0 {
					t.Errorf("%+v", found)
				}
				return
			}
			if len(found) != 1 {
				t.Fatalf("%+v", found)
			}
			if !strings.Contains(found[0].Text, test.want) || !strings.Contains(strings.Join(found[0].Fix, " "), test.fix) {
				t.Errorf("%+v", found)
			}
			if strings.Contains(test.want, "expired") != (found[0].Code == "R07") {
				t.Errorf("the code of %+v", found)
			}
		})
	}
}
