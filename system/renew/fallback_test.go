package renew

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	pebbletest "github.com/c93d5bcb/sslwizard/e2e/pebble"
	"github.com/c93d5bcb/sslwizard/steps"
	"github.com/c93d5bcb/sslwizard/system/acme"
	"github.com/c93d5bcb/sslwizard/system/cert"
)

// pair is a world in which a second CA stands by: the one that its other Pebble is.
type pair struct {
	*world
	broken atomic.Pointer[string] // what the first CA answers with 503: paths that begin so
}

func newPair(t *testing.T, o pebbletest.Options) *pair {
	t.Helper()
	p := &pair{}
	o.Wrap = func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
			if at := p.broken.Load(); at != nil && strings.HasPrefix(r.URL.Path, *at) {
				http.Error(rw, "closed for maintenance", http.StatusServiceUnavailable)
				return
			}
			next.ServeHTTP(rw, r)
		})
	}
	p.world = newWorld(t, o)
	return p
}

func (p *pair) breaks(at string) { p.broken.Store(&at) }
func (p *pair) heals()           { p.broken.Store(nil) }

func (p *pair) obtain() steps.ObtainCertificate {
	o := p.world.obtain()
	o.Trusted.Fallback = steps.SiteFallback{Directory: p.staging.Directory, CARoots: "/etc/ssl/test-ca.pem"}
	return o
}

func (p *pair) facts() steps.CertFacts { return current(p.host, site) }

// TestFallback: a CA that is away is stood in for at once by the second one, with an account of its own; the next renewal is
// the first one's again, which is told of no certificate that it did not give.
func TestFallback(t *testing.T) {
	t.Parallel()
	p := newPair(t, pebbletest.Options{Validity: 90 * day})
	p.breaks("/dir")
	p.mustMake(p.obtain())
	p.trusted(p.staging)
	if f := p.facts(); f.Directory != p.staging.Directory || f.InPlaceOf != p.ca.Directory {
		t.Errorf("%+v", f)
	}
	if !p.saidAnything("cannot issue now") {
		t.Errorf("nobody was told: %v", p.said)
	}
	if all := Accounts(p.host); !slices.Equal(all, []string{p.staging.Directory}) {
		t.Errorf("accounts at %v", all)
	}
	for _, e := range p.book().Issued {
		if e.Directory != p.staging.Directory {
			t.Errorf("counted: %+v", e)
		}
	}
	if a := p.pending(p.obtain()); a != steps.Nothing {
		t.Errorf("it is not taken for what was asked for: %v", a)
	}

	p.heals()
	shop := p.sites()[0]
	shop.Trusted = p.obtain().Trusted
	before := p.staging.Requests("")
	l := &live{w: p.world, serves: map[string]string{}}
	if out := p.manager().Renew(t.Context(), p.host, []steps.Site{shop}, Options{Force: true}, l, nil)[0]; out.Err != nil || !out.Renewed {
		t.Fatalf("%+v", out)
	}
	p.trusted(p.ca)
	if f := p.facts(); f.Directory != p.ca.Directory || f.InPlaceOf != "" {
		t.Errorf("%+v", f)
	}
	if n := p.staging.Requests("/sign-me-up") + p.staging.Requests("/order-plz"); before == 0 || n != 2 {
		t.Errorf("the second CA was asked for %d accounts and orders", n)
	}
}

// TestFallbackWaits: as long as the certificate has half of its time for a renewal, only the first CA is asked.
func TestFallbackWaits(t *testing.T) {
	t.Parallel()
	p := newPair(t, pebbletest.Options{Validity: 90 * day})
	p.mustMake(p.obtain())
	p.breaks("/")
	p.now = turnAt(p.facts()).Add(-time.Hour)
	expect(t, p.make(p.obtain()), "A16", steps.ExitUnavailable)
	if n := p.staging.Requests(""); n != 0 {
		t.Errorf("the second CA was asked %d times", n)
	}
	p.now = turnAt(p.facts()).Add(time.Hour)
	if err := p.make(p.obtain()); err == nil || p.staging.Requests("/dir") == 0 || !strings.Contains(err.Error(), "clock") { // it is a real one, of today
		t.Errorf("the second CA was asked %d times: %v", p.staging.Requests(""), err)
	}
}

// TestFallbackKeepsTheFirstOrder: a certificate that the first CA has made, and does not hand out now, keeps its key.
func TestFallbackKeepsTheFirstOrder(t *testing.T) {
	t.Parallel()
	p := newPair(t, pebbletest.Options{})
	p.breaks("/certZ/")
	p.mustMake(p.obtain())
	p.trusted(p.staging)
	first := readRecord(p.host, orderDir(site, ""))
	if first == nil || first.URL == "" || first.Directory != p.ca.Directory {
		t.Fatalf("the order of the first CA is gone: %+v", first)
	}
	if left := readRecord(p.host, orderDir(site, p.ca.Directory)); left != nil {
		t.Errorf("the order of the second CA is still there: %+v", left)
	}
	p.heals()
	o := p.obtain()
	o.Trusted.Fallback = steps.SiteFallback{}
	p.mustMake(o)
	v, err := cert.Current(p.host, site)
	if err != nil {
		t.Fatal(err)
	}
	if key, _ := cert.ParseKey(v.Key); !cert.SameKey(key.Public(), first.key.Public()) {
		t.Error("the certificate that was waiting was not fetched")
	}
}

// TestFallbackIsNoCure: names that cannot be proved are refused by the second CA too, which is not asked.
func TestFallbackIsNoCure(t *testing.T) {
	t.Parallel()
	p := newPair(t, pebbletest.Options{Blocked: []string{"shop.example.com"}})
	if err := p.make(p.obtain()); err == nil || p.staging.Requests("") != 0 {
		t.Errorf("%v, and %d questions to the second CA", err, p.staging.Requests(""))
	}
}

// TestBothFail: what both said is told, and the earlier of their times is kept.
func TestBothFail(t *testing.T) {
	t.Parallel()
	p := newPair(t, pebbletest.Options{})
	p.breaks("/")
	if err := p.staging.Close(); err != nil {
		t.Fatal(err)
	}
	err := p.make(p.obtain())
	f := expect(t, err, "A16", steps.ExitUnavailable)
	var both *bothFailed
	if !errors.As(err, &both) || f == nil || !strings.Contains(err.Error(), "in its place: cannot ") {
		t.Errorf("%v", err)
	}
	at := func(in time.Duration) error {
		return &acme.Later{Failure: &steps.Failure{Text: "cannot"}, Until: noon.Add(in)}
	}
	if got := askAgain(&bothFailed{at(day), at(time.Hour), ""}); !got.Equal(noon.Add(time.Hour)) {
		t.Errorf("asked again at %v", got)
	}
}

// TestSecondBinding: a second CA whose HMAC key cannot be read is as one that was given none, before it is needed.
func TestSecondBinding(t *testing.T) {
	t.Parallel()
	host := newHost(t)
	trusted := steps.SiteTrusted{Source: steps.SourceACME, Directory: firstCA, Fallback: steps.SiteFallback{Directory: secondCA, EAB: steps.SiteBinding{KeyID: "k1", KeyFile: "/root/eab"}}}
	if Visit(host, trusted, domains, noon).Second.Bound {
		t.Error("a file that is not there is a binding")
	}
	host.File("/root/eab", "c2VjcmV0LXRoYXQtaXMtbG9uZy1lbm91Z2gtZm9yLUhTMjU2\n")
	secret, err := host.ReadFile("/root/eab")
	if err != nil {
		t.Fatal(err)
	}
	secret.Mode = 0o600
	if err := host.WriteFile("/root/eab", secret); err != nil {
		t.Fatal(err)
	}
	if !Visit(host, trusted, domains, noon).Second.Bound {
		t.Error("a key that can be used is none")
	}
}

// TestTurns: which failures are the CA's own, and which are a reason only when time runs out.
func TestTurns(t *testing.T) {
	t.Parallel()
	limit := func(in time.Duration) error {
		l := &acme.Limited{Failure: &steps.Failure{Text: "cannot", Code: "A14"}}
		if in != 0 {
			l.Until = noon.Add(in)
		}
		return l
	}
	code := func(c string) error { return &steps.Failure{Text: "cannot", Code: c} }
	for name, test := range map[string]struct {
		err                 error
		known               bool // there is an account at the first CA
		atOnce, late, early bool // without a certificate; when time runs out; before
	}{
		"away":                         {&acme.Later{Failure: &steps.Failure{Code: "A16"}}, false, true, true, false},
		"limited for days":             {limit(2 * day), false, true, true, false},
		"limited for minutes":          {limit(50 * time.Minute), false, false, false, false},
		"paused until unpaused":        {limit(0), false, true, true, false},
		"the account is blocked":       {code("A17"), true, true, true, false},
		"no CA there, and never was":   {code("A16"), false, false, false, false},
		"no CA there any more":         {code("A16"), true, true, true, false},
		"stuck":                        {code("A19"), true, false, true, false},
		"useless certificates":         {code("A23"), true, false, true, false},
		"names not proved":             {&acme.Refused{Failure: &steps.Failure{Code: "A16"}}, true, false, false, false},
		"DNS":                          {code("A10"), true, false, false, false},
		"an account binding is wanted": {code("A18"), true, false, false, false},
		"no file":                      {errors.New("cannot write"), true, false, false, false},
	} {
		host := newHost(t)
		o := obtain{ObtainCertificate: steps.ObtainCertificate{Site: site, Domains: domains, Trusted: steps.SiteTrusted{Source: steps.SourceACME, Directory: firstCA,
			Fallback: steps.SiteFallback{Directory: secondCA}}}}
		if test.known {
			key, err := cert.GenerateKey(steps.ECDSAP256)
			if err != nil {
				t.Fatal(err)
			}
			if err := (accounts{host: host}).Save(firstCA, acme.Account{Key: key, URL: "https://ca/1"}); err != nil {
				t.Fatal(err)
			}
		}
		j := &job{Manager: &Manager{Now: func() time.Time { return noon }}, host: host}
		if got := o.turns(j, test.err); got != test.atOnce {
			t.Errorf("%s, no certificate: %v", name, got)
		}
		f := steps.CertFacts{Source: steps.SourceACME, Directory: firstCA, Domains: domains, NotBefore: noon.Add(-76 * day), NotAfter: noon.Add(14 * day)}
		j.present = &present{facts: f}
		if got := o.turns(j, test.err); got != test.late {
			t.Errorf("%s, late: %v", name, got)
		}
		j.present.facts.NotBefore, j.present.facts.NotAfter = noon.Add(-74*day), noon.Add(16*day)
		if got := o.turns(j, test.err); got != test.early {
			t.Errorf("%s, early: %v", name, got)
		}
		j.present.facts.Directory = "https://left.example/dir"
		if got := o.turns(j, test.err); got != test.atOnce {
			t.Errorf("%s, with a certificate of neither: %v", name, got)
		}
	}
}

// twoCAs are both simulated ones, each by its directory.
type twoCAs struct{ *life }

func (c twoCAs) of(directory string) *simulatedCA {
	if directory == secondCA {
		return c.second
	}
	return c.first
}

// Obtain implements CA.
func (c twoCAs) Obtain(ctx context.Context, r acme.Request, p acme.Presenter, o acme.Orders) ([]byte, error) {
	return c.of(r.Directory).Obtain(ctx, r, p, o)
}

// Introduce implements CA.
func (c twoCAs) Introduce(ctx context.Context, r acme.Request) (string, []string, error) {
	return c.of(r.Directory).Introduce(ctx, r)
}

func (c twoCAs) advise(ctx context.Context, directory string, roots []byte) (Adviser, error) {
	return c.of(directory).advise(ctx, directory, roots)
}

// standsBy has the second CA be the one that is asked when the first cannot issue.
func (l *life) standsBy() {
	both := twoCAs{l}
	l.manager.CA, l.manager.Advise = both, both.advise
	l.site.Trusted.Fallback = steps.SiteFallback{Directory: secondCA, CARoots: "/etc/ssl/roots.pem"}
}

// TestFallbackYears: the first CA is away for longer than any certificate lasts, in every year; none runs out, the second CA
// gives what is needed and no more, and afterwards the first one has the site again.
func TestFallbackYears(t *testing.T) {
	t.Parallel()
	for lifetime, years := range map[time.Duration]int{90 * day: 3, 6 * day: 1} {
		l := newLife(t, lifetime)
		l.standsBy()
		for year := range years {
			l.until(noon.AddDate(year, 3, 0))
			l.until(l.state().due(l.facts(), l.clock))
			l.first.down = span{l.clock, l.clock.Add(120 * day)}.holds
			l.until(noon.AddDate(year+1, 0, 0))
			if f := l.facts(); f.Directory != firstCA || f.InPlaceOf != "" {
				t.Errorf("%v, year %d: the first CA did not come back: %+v", lifetime, year, f)
			}
		}
		if l.without > 0 || len(l.silent) > 0 || len(l.first.wrongs)+len(l.second.wrongs) > 0 {
			t.Errorf("%v: %v without, silent %v, wrongs %v %v", lifetime, l.without, l.silent, l.first.wrongs, l.second.wrongs)
		}
		// One at the beginning, and one whenever that one's time is over but for a quarter.
		if n := len(l.second.given); n < years || n > years*(2+int(120*day/(lifetime*3/4))) {
			t.Errorf("%v: the second CA gave %d", lifetime, n)
		}
		if l.least < 0.1 {
			t.Errorf("%v: only %.0f %% of a lifetime were left once", lifetime, 100*l.least)
		}
	}
}
