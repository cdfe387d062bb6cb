package renew

import (
	"context"
	"crypto/x509"
	"errors"
	"io/fs"
	"slices"
	"strings"
	"testing"
	"time"

	pebbletest "github.com/c93d5bcb/sslwizard/e2e/pebble"
	"github.com/c93d5bcb/sslwizard/steps"
	"github.com/c93d5bcb/sslwizard/system/cert"
	"github.com/c93d5bcb/sslwizard/system/doctor"
	"github.com/c93d5bcb/sslwizard/system/systemtest"
)

func TestObtain(t *testing.T) {
	t.Parallel()
	w := newWorld(t, pebbletest.Options{})
	w.mustMake(localChange())
	if a := w.pending(w.obtain()); a != steps.Modify {
		t.Errorf("over a local certificate it is %c", a)
	}
	if n := w.ca.Requests("/"); n != 0 {
		t.Errorf("the preview asked the CA %d times", n)
	}
	begin := time.Now()
	w.mustMake(w.obtain())
	t.Logf("two names, look and order: %v", time.Since(begin).Round(time.Millisecond))
	w.trusted(w.ca)
	if a := w.pending(w.obtain()); a != steps.Nothing {
		t.Errorf("afterwards it is %c", a)
	}
	asked := w.ca.Requests("/")
	w.mustMake(w.obtain())
	if w.ca.Requests("/") != asked {
		t.Error("the second run asked the CA")
	}
	if a := w.pending(localChange()); a != steps.Nothing {
		t.Errorf("a local certificate would replace it: %c", a)
	}
	w.tidy()
}

// tidy looks at what may not stay and at modes.
func (w *world) tidy() {
	w.t.Helper()
	for name, text := range w.host.Snapshot() {
		switch {
		case strings.HasPrefix(name, steps.ACMEDir+"/orders/"):
			w.t.Errorf("the finished order stayed: %s", name)
		case strings.HasPrefix(name, steps.Webroot+steps.ChallengePath):
			w.t.Errorf("a token stayed: %s", name)
		case strings.HasPrefix(name, steps.ACMEDir) && !strings.HasPrefix(text, "-rw------- 0:0") && !strings.HasPrefix(text, "drwx------ 0:0"):
			w.t.Errorf("%s is open: %.20s", name, text)
		case strings.HasPrefix(name, steps.Webroot) && !strings.HasPrefix(text, "drwxr-xr-x 0:0"):
			w.t.Errorf("%s is closed to the web server: %.20s", name, text)
		case strings.Contains(text, "PRIVATE KEY") && !strings.HasPrefix(text, "-rw------- 0:0") && !strings.HasPrefix(text, "-rw-r----- 0:998"):
			w.t.Errorf("the key %s is open: %.20s", name, text)
		}
	}
}

// TestUndoneCertificateIsUsedAgain: an undo keeps what the CA gave, and who applies again is not counted a second time. Of a
// CA that is not known here any more, and by force, a new one is asked for.
func TestUndoneCertificateIsUsedAgain(t *testing.T) {
	t.Parallel()
	w := newWorld(t, pebbletest.Options{})
	w.host.File("/etc/ssl/test-ca.pem", string(w.ca.DirectoryCA())+string(w.ca.Roots()))
	w.mustMake(localChange())
	first := w.mustMake(w.obtain())
	undone := func() {
		t.Helper()
		if err := w.host.Remove(steps.CertsDir + "/" + site + "/current"); err != nil {
			t.Fatal(err)
		}
		w.mustMake(localChange())
	}
	undone()
	asked := w.ca.Requests("/")
	changed := w.obtain()
	changed.Group = "" // another executor
	again := w.mustMake(changed)
	if w.ca.Requests("/") != asked || again.Meta.SHA256 != first.Meta.SHA256 || again.Name == first.Name || !cert.ReadableBy(w.host, site, "") {
		t.Errorf("the CA was asked: %t; %s %+v", w.ca.Requests("/") != asked, again.Name, again.Meta)
	}
	w.trusted(w.ca)
	if out := w.manager().Renew(t.Context(), w.host, w.sites()[:1], Options{Force: true}, &live{w: w, serves: map[string]string{}}, nil); out[0].Err != nil {
		t.Fatal(out[0].Err)
	}
	forced, err := cert.Current(w.host, site)
	if err != nil || forced.Meta.SHA256 == first.Meta.SHA256 {
		t.Errorf("by force the same certificate: %v", err)
	}
	undone()
	w.host.File("/etc/ssl/test-ca.pem", string(w.ca.DirectoryCA()))
	if last := w.mustMake(w.obtain()); last.Meta.SHA256 == forced.Meta.SHA256 || last.Meta.SHA256 == first.Meta.SHA256 {
		t.Error("a certificate whose root is not known was used again")
	}
}

// TestKeyIsStoredFirst watches the order of events from the disk's side.
func TestKeyIsStoredFirst(t *testing.T) {
	t.Parallel()
	w := newWorld(t, pebbletest.Options{})
	seen := map[string]bool{}
	w.host.FailOn(func(mutation string) error {
		switch {
		case strings.HasSuffix(mutation, "/orders/"+site+"/key.pem") && strings.HasPrefix(mutation, "write"):
			seen["key"] = true
			if w.ca.Requests("/") != 0 {
				t.Error("the CA was asked before the key was stored")
			}
		case strings.HasPrefix(mutation, "write") && strings.HasSuffix(mutation, "order.json") && w.ca.Requests("/order-plz") == 1:
			seen["url"] = true
			if w.ca.Requests("/chalZ") != 0 {
				t.Error("names were proved before the order was stored")
			}
		case strings.HasSuffix(mutation, "/accounts/") || strings.Contains(mutation, "/accounts/") && strings.HasSuffix(mutation, "/key.pem"):
			seen["account"] = true
			if w.ca.Requests("/sign-me-up") != 0 {
				t.Error("the account was registered before its key was stored")
			}
		}
		return nil
	})
	w.mustMake(w.obtain())
	if !seen["key"] || !seen["url"] || !seen["account"] {
		t.Errorf("only %v was seen", seen)
	}
}

// TestKilledAnywhere kills the process before every mutation of an issuance. The next run always ends with a trusted
// certificate, and the CA has never made more than one.
func TestKilledAnywhere(t *testing.T) {
	t.Parallel()
	points := 0
	for n := 1; ; n++ {
		w := newWorld(t, pebbletest.Options{})
		w.mustMake(localChange())
		w.host.DieAt(n)
		err := w.make(w.obtain())
		w.host.Revive()
		if v, current := cert.Current(w.host, site); current != nil || len(v.Key) == 0 {
			t.Fatalf("killed at %d: the site has no certificate: %v", n, current)
		}
		w.mustMake(w.obtain())
		w.trusted(w.ca)
		if made := w.ca.Requests("/finalize-order/"); made != 1 {
			t.Errorf("killed at %d: %d certificates were made", n, made)
		}
		if b := w.book(); len(b.Issued) != 1 || len(b.Ordered) > 2 || len(b.Registered) > 2 {
			t.Errorf("killed at %d: the ledger says %+v", n, b)
		}
		for name := range w.host.Snapshot() {
			if strings.HasPrefix(name, steps.ACMEDir+"/orders/") { // the next renewal would go on with it, and get this certificate again
				t.Errorf("killed at %d: the finished order stayed: %s", n, name)
			}
		}
		if err == nil {
			break
		}
		points++
	}
	if points < 20 {
		t.Errorf("only %d points were tried", points)
	}
	t.Logf("%d points", points)
}

// TestFinishedCertificateIsFetchedWhateverElse: an order whose certificate waits at the CA costs nothing more, so neither a
// full ledger (TestFullLedgerHoldsUpNoFinishedCertificate) nor a name that cannot be proved now keeps it from being fetched.
func TestFinishedCertificateIsFetchedWhateverElse(t *testing.T) {
	t.Parallel()
	w := newWorld(t, pebbletest.Options{})
	w.leaveUnstored()
	w.dns.SetRecord("www.shop.example.com", pebbletest.Record{Fail: true})
	w.mustMake(w.obtain())
	w.trusted(w.ca)
	if n := w.ca.Requests("/order-plz"); n != 1 || len(w.book().Issued) != 1 {
		t.Errorf("%d orders, the ledger says %+v", n, w.book())
	}
}

// TestUnfinishedOrderIsExamined: an order whose names are still to be proved is gone on with only where they can be.
func TestUnfinishedOrderIsExamined(t *testing.T) {
	t.Parallel()
	w := newWorld(t, pebbletest.Options{})
	w.host.FailOn(func(mutation string) error {
		if w.ca.Requests("/order-plz") > 0 && strings.Contains(mutation, steps.ChallengePath) {
			return systemtest.ErrDead
		}
		return nil
	})
	if err := w.make(w.obtain()); !errors.Is(err, systemtest.ErrDead) {
		t.Fatal(err)
	}
	w.host.FailOn(nil)
	w.dns.SetRecord("www.shop.example.com", pebbletest.Record{})
	expect(t, w.make(w.obtain()), "D30", steps.ExitFailed)
	if n := w.ca.Requests("/chalZ/"); n != 0 {
		t.Errorf("the CA was told to look %d times", n)
	}
	w.dns.Set("www.shop.example.com", "127.0.0.1")
	w.mustMake(w.obtain())
	w.trusted(w.ca)
	if n := w.ca.Requests("/order-plz"); n != 1 {
		t.Errorf("%d orders were made", n)
	}
}

func TestFailedValidationKeepsWhatIsThere(t *testing.T) {
	t.Parallel()
	w := newWorld(t, pebbletest.Options{})
	local := w.mustMake(localChange())
	m := w.manager()
	m.Doctor = blind{}
	w.dns.Unset("www.shop.example.com")
	w.dns.SetRecord("www.shop.example.com", pebbletest.Record{Fail: true})
	err := m.Make(t.Context(), w.host, w.obtain(), nil)
	f := expect(t, err, "A01", steps.ExitFailed)
	if !strings.Contains(f.Text, "www.shop.example.com") {
		t.Errorf("it says %q", f.Text)
	}
	if v, err := cert.Current(w.host, site); err != nil || v.Name != local.Name {
		t.Errorf("the local certificate is gone: %v", err)
	}
	w.dns.Set("www.shop.example.com", "127.0.0.1")
	w.mustMake(w.obtain())
	w.trusted(w.ca)
	w.tidy()
}

// blind is a doctor who finds nothing.
type blind struct{}

func (blind) Examine(context.Context, doctor.Visit, func(steps.Check)) []steps.Check { return nil }

func TestDoctorStopsBeforeTheCA(t *testing.T) {
	t.Parallel()
	w := newWorld(t, pebbletest.Options{})
	local := w.mustMake(localChange())
	w.dns.SetRecord("www.shop.example.com", pebbletest.Record{})
	err := w.make(w.obtain())
	f := expect(t, err, "D30", steps.ExitFailed)
	if !strings.Contains(f.Text, "www.shop.example.com") || w.ca.Requests("/") != 0 {
		t.Errorf("it says %q after %d requests", f.Text, w.ca.Requests("/"))
	}
	if v, _ := cert.Current(w.host, site); v.Name != local.Name {
		t.Error("the certificate changed")
	}
}

func TestCAIsDown(t *testing.T) {
	t.Parallel()
	w := newWorld(t, pebbletest.Options{})
	local := w.mustMake(localChange())
	c := w.obtain()
	if err := w.ca.Close(); err != nil {
		t.Fatal(err)
	}
	expect(t, w.make(c), "A16", steps.ExitUnavailable)
	if v, _ := cert.Current(w.host, site); v.Name != local.Name {
		t.Error("the certificate changed")
	}
}

func TestRehearsal(t *testing.T) {
	t.Parallel()
	w := newWorld(t, pebbletest.Options{})
	c := w.obtain()
	c.Trusted.Rehearsal = w.staging.Directory
	w.mustMake(c)
	w.trusted(w.ca)
	if n := w.staging.Requests("/finalize-order/"); n != 1 || !w.saidAnything("Rehearsing") {
		t.Errorf("the rehearsal asked %d times", n)
	}
	if n := accountsOf(w.host); n != 2 {
		t.Errorf("there are %d accounts, the two directories need two", n)
	}
	c.KeyType = steps.ECDSAP384
	w.mustMake(c)
	if n := w.staging.Requests("/finalize-order/"); n != 1 {
		t.Error("names that had a certificate were rehearsed again")
	}
}

func accountsOf(h *systemtest.Host) int {
	n := 0
	for name := range h.Snapshot() {
		if strings.HasSuffix(name, "/account.json") {
			n++
		}
	}
	return n
}

func TestRehearsalFails(t *testing.T) {
	t.Parallel()
	w := newWorld(t, pebbletest.Options{})
	w.staging = w.start(pebbletest.Options{DNSServer: w.dns.Address, HTTPPort: w.webPort, Blocked: []string{"example.com"}})
	w.host.File("/etc/ssl/test-ca.pem", string(w.ca.DirectoryCA())+string(w.staging.DirectoryCA()))
	c := w.obtain()
	c.Trusted.Rehearsal = w.staging.Directory
	f := expect(t, w.make(c), "A28", steps.ExitAnswers)
	if !strings.Contains(f.Text, "rehearsal") || w.ca.Requests("/") != 0 {
		t.Errorf("it says %q; the real CA was asked %d times", f.Text, w.ca.Requests("/"))
	}
}

func TestAnotherDirectoryOrNamesAreAnotherCertificate(t *testing.T) {
	t.Parallel()
	w := newWorld(t, pebbletest.Options{})
	w.mustMake(w.obtain())
	for name, change := range map[string]func(*steps.ObtainCertificate){
		"directory": func(c *steps.ObtainCertificate) { c.Trusted.Directory = w.staging.Directory },
		"fewer":     func(c *steps.ObtainCertificate) { c.Domains = domains[:1] },
		"more":      func(c *steps.ObtainCertificate) { c.Domains = append(domains[:2:2], "api.shop.example.com") },
		"key":       func(c *steps.ObtainCertificate) { c.KeyType = steps.RSA2048 },
	} {
		c := w.obtain()
		change(&c)
		if a := w.pending(c); a != steps.Modify {
			t.Errorf("%s: %c", name, a)
		}
	}
}

// leaveUnstored has a run die with its certificate made by the CA and not stored.
func (w *world) leaveUnstored() {
	w.t.Helper()
	w.host.FailOn(func(mutation string) error {
		if strings.Contains(mutation, steps.CertsDir) {
			return systemtest.ErrDead
		}
		return nil
	})
	if err := w.make(w.obtain()); !errors.Is(err, systemtest.ErrDead) {
		w.t.Fatal(err)
	}
	w.host.FailOn(nil)
}

func TestUnfinishedOrderOfOtherNamesIsLeft(t *testing.T) {
	t.Parallel()
	w := newWorld(t, pebbletest.Options{})
	w.leaveUnstored()
	c := w.obtain()
	c.Domains = domains[:1]
	v := w.mustMake(c)
	if facts, err := v.Facts(); err != nil || !cert.SameDomains(facts.Domains, domains[:1]) {
		t.Errorf("got %v (%v)", facts.Domains, err)
	}
}

func TestUnreadableCARoots(t *testing.T) {
	t.Parallel()
	w := newWorld(t, pebbletest.Options{})
	for _, content := range []string{"", "hello", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"} {
		w.host.File("/etc/ssl/bad.pem", content)
		c := w.obtain()
		c.Trusted.CARoots = "/etc/ssl/bad.pem"
		expect(t, w.make(c), "", steps.ExitAnswers)
	}
	c := w.obtain()
	c.Trusted.CARoots = "/etc/ssl/absent.pem"
	if err := w.make(c); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("got %v", err)
	}
}

// TestJudge has every way in which a CA can be wrong; nothing of it may be served.
func TestJudge(t *testing.T) {
	t.Parallel()
	key, err := cert.GenerateKey(steps.ECDSAP256)
	if err != nil {
		t.Fatal(err)
	}
	other, err := cert.GenerateKey(steps.ECDSAP256)
	if err != nil {
		t.Fatal(err)
	}
	ca, err := cert.NewAuthority(other, "company", append(domains[:2:2], "x.example.com"), time.Now())
	if err != nil {
		t.Fatal(err)
	}
	issue := func(public any, domains ...steps.Domain) []byte {
		chain, err := ca.Issue(public, domains, 30, time.Now())
		if err != nil {
			t.Fatal(err)
		}
		return cert.EncodeChain(append(chain, ca.Certificate))
	}
	const private, public = "https://acme.internal/dir", "https://acme-v02.api.letsencrypt.org/directory"
	for name, test := range map[string]struct {
		chain     []byte
		directory string
		code      string
	}{
		"right":                        {issue(key.Public(), domains...), private, ""},
		"a name dropped":               {issue(key.Public(), domains[0]), private, "A21"},
		"a name added":                 {issue(key.Public(), append(domains[:2:2], "x.example.com")...), private, "A21"},
		"another key":                  {issue(other.Public(), domains...), private, "A24"},
		"cut off":                      {issue(key.Public(), domains...)[:300], private, "A23"},
		"not trusted, from a real CA":  {issue(key.Public(), domains...), public, "A23"},
		"no chain":                     {nil, private, "A23"},
		"the order of the chain wrong": {append(ca.PEM(), issue(key.Public(), domains...)...), private, "A24"},
	} {
		o := obtain{ObtainCertificate: steps.ObtainCertificate{Domains: domains, Trusted: steps.SiteTrusted{Directory: test.directory}}}
		chain, err := o.judge(test.chain, key, nil, time.Now())
		if test.code == "" {
			if err != nil || len(chain) != 1 {
				t.Errorf("%s: %d certificates, %v", name, len(chain), err)
			}
			continue
		}
		expect(t, err, test.code, steps.ExitFailed)
	}
}

func TestUselessCertificateIsNotAskedForAgain(t *testing.T) {
	t.Parallel()
	w := newWorld(t, pebbletest.Options{})
	m := w.manager()
	m.Now = func() time.Time {
		// Only the judge, who comes after the certificate was handed out, sees the future.
		if w.ca.Requests("/certZ/") > 0 {
			return time.Now().AddDate(1, 0, 0)
		}
		return time.Now()
	}
	expect(t, m.Make(t.Context(), w.host, w.obtain(), nil), "A30", steps.ExitFailed)
	if _, err := cert.Current(w.host, site); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("it became current: %v", err)
	}
	w.mustMake(w.obtain())
	if n := w.ca.Requests("/order-plz"); n != 2 {
		t.Errorf("%d orders were made, the useless one must not come back", n)
	}
}

func TestWithoutRoot(t *testing.T) {
	t.Parallel()
	leaf, root := &x509.Certificate{RawSubject: []byte("l"), RawIssuer: []byte("r")}, &x509.Certificate{RawSubject: []byte("r"), RawIssuer: []byte("r")}
	for _, test := range []struct{ in, out []*x509.Certificate }{
		{[]*x509.Certificate{leaf, root}, []*x509.Certificate{leaf}},
		{[]*x509.Certificate{leaf}, []*x509.Certificate{leaf}},
		{[]*x509.Certificate{root}, []*x509.Certificate{root}},
	} {
		if got := withoutRoot(test.in); !slices.Equal(got, test.out) {
			t.Errorf("%d certificates became %d", len(test.in), len(got))
		}
	}
}
