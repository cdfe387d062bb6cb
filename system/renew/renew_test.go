package renew

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/c93d5bcb/sslwizard/e2e/failures"
	pebbletest "github.com/c93d5bcb/sslwizard/e2e/pebble"
	"github.com/c93d5bcb/sslwizard/steps"
	"github.com/c93d5bcb/sslwizard/system/cert"
)

// live is an executor that takes what is current when it is told to.
type live struct {
	w       *world
	serves  map[string]string // site → SHA-256 that is served
	reloads [][]string
	broken  error
	stale   bool // reloads and keeps the old certificate
}

func (l *live) Reload(_ context.Context, sites []steps.Site) error {
	var names []string
	for _, s := range sites {
		names = append(names, s.Name)
		if f, err := cert.CurrentFacts(l.w.host, s.Name); err == nil && !l.stale {
			l.serves[s.Name] = f.SHA256
		}
	}
	l.reloads = append(l.reloads, names)
	return l.broken
}

func (l *live) Served(_ context.Context, site steps.Site, sha256 string) error {
	if l.serves[site.Name] != sha256 {
		return errors.New("another certificate is served")
	}
	return nil
}

func (l *live) Outdated(_ context.Context, site steps.Site, sha256 string) bool {
	served := l.serves[site.Name]
	return served != "" && served != sha256
}

func (w *world) sites() []steps.Site {
	o := w.obtain()
	shop := steps.Site{Name: site, Certs: steps.SiteCerts{Domains: domains, Key: steps.ECDSAP256, Days: 365}, Trusted: o.Trusted}
	blog := steps.Site{Name: "blog.example.com", Certs: steps.SiteCerts{Domains: []steps.Domain{"blog.example.com"}, Key: steps.ECDSAP256, Days: 90},
		Trusted: steps.SiteTrusted{Source: steps.SourceNone}}
	return []steps.Site{shop, blog}
}

func (w *world) blogChange() steps.IssueLocal {
	c := localChange()
	c.Site, c.Domains, c.Days = "blog.example.com", []steps.Domain{"blog.example.com"}, 90
	return c
}

func (w *world) renew(l *live, force bool) []Outcome {
	return w.manager().Renew(w.t.Context(), w.host, w.sites(), Options{Force: force}, l, nil)
}

func TestRenewInTime(t *testing.T) {
	t.Parallel()
	w := newWorld(t, pebbletest.Options{Validity: 90 * 24 * time.Hour})
	w.mustMake(localChange())
	if err := w.make(w.blogChange()); err != nil {
		t.Fatal(err)
	}
	l := &live{w: w, serves: map[string]string{}}

	// The first time the shop still waits for its trusted certificate; the blog wants none.
	out := w.renew(l, false)
	if out[0].Err != nil || !out[0].Renewed || out[1].Renewed || out[1].Err != nil || out[1].Note == "" {
		t.Fatalf("%+v", out)
	}
	w.trusted(w.ca)
	if want := [][]string{{site}}; !slices.EqualFunc(l.reloads, want, slices.Equal) {
		t.Errorf("reloads: %v", l.reloads)
	}
	w.renew(l, false) // the CA is asked once when it wants the new certificate renewed
	asked, before := w.ca.Requests("/"), w.mutations()
	if out := w.renew(l, false); out[0].Renewed || out[0].Err != nil || len(l.reloads) != 1 || w.ca.Requests("/") != asked || w.mutations() != before {
		t.Errorf("a certificate that is not due was touched: %+v", out)
	}

	group, err := cert.CurrentGroup(w.host, site)
	if err != nil || group != "sslwizard" {
		t.Errorf("the group became %q (%v)", group, err)
	}
	first, _ := cert.CurrentName(w.host, site)
	out = w.renew(l, true)
	if !out[0].Renewed || !out[1].Renewed || len(l.reloads) != 2 || len(l.reloads[1]) != 2 {
		t.Errorf("with force: %+v %v", out, l.reloads)
	}
	if second, _ := cert.CurrentName(w.host, site); second == first {
		t.Error("force made nothing new")
	}
}

func TestRenewWhenDue(t *testing.T) {
	t.Parallel()
	// The CA gives certificates for eight minutes: half of it is left after four.
	w := newWorld(t, pebbletest.Options{Validity: 8 * time.Minute})
	w.mustMake(w.obtain())
	l := &live{w: w, serves: map[string]string{}}
	if out := w.renew(l, false)[:1]; out[0].Renewed || out[0].Err != nil {
		t.Errorf("not due: %+v", out)
	}
	w.now = time.Now().Add(7 * time.Minute) // the CA may want it a little later than our own rule
	if out := w.renew(l, false); !out[0].Renewed || out[0].Err != nil {
		t.Errorf("due: %+v", out)
	}
}

func TestRenewFailsWithoutHarm(t *testing.T) {
	t.Parallel()
	w := newWorld(t, pebbletest.Options{})
	good := w.mustMake(w.obtain())
	if err := w.make(w.blogChange()); err != nil {
		t.Fatal(err)
	}
	if err := w.ca.Close(); err != nil {
		t.Fatal(err)
	}
	l := &live{w: w, serves: map[string]string{}}
	out := w.renew(l, true)
	expect(t, out[0].Err, "A16", steps.ExitUnavailable)
	if out[0].Renewed || !out[1].Renewed || out[0].NotAfter.IsZero() {
		t.Errorf("%+v", out)
	}
	if v, _ := cert.Current(w.host, site); v.Name != good.Name {
		t.Error("the good certificate is gone")
	}
}

func TestRenewIsProvenOnTheWire(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(*live){
		"stale":  func(l *live) { l.stale = true },
		"reload": func(l *live) { l.broken = errors.New("nginx is not running") },
	} {
		w := newWorld(t, pebbletest.Options{})
		w.mustMake(w.obtain())
		l := &live{w: w, serves: map[string]string{}}
		change(l)
		out := w.renew(l, true)
		expect(t, out[0].Err, "N06", steps.ExitUnverified)
		if out[0].Renewed {
			t.Errorf("%s: it counts as renewed", name)
		}
	}
}

// TestRenewGoesLiveLater: a reload that failed, or that never came because the renewal was killed before it, is done when
// the timer comes again, although nothing is due.
func TestRenewGoesLiveLater(t *testing.T) {
	t.Parallel()
	w := newWorld(t, pebbletest.Options{Validity: 90 * 24 * time.Hour})
	w.mustMake(w.obtain())
	if err := w.make(w.blogChange()); err != nil {
		t.Fatal(err)
	}
	l := &live{w: w, serves: map[string]string{site: "older"}, stale: true}
	expect(t, w.renew(l, false)[0].Err, "N06", steps.ExitUnverified)
	said := StandingOf(w.host, site, current(w.host, site), time.Now()).Findings(site)
	if !slices.ContainsFunc(said, func(f steps.Finding) bool { return f.Code == "R03" && len(f.Fix) > 0 }) {
		t.Errorf("nobody is told that the old one is still served: %+v", said)
	}
	failures.MetFindings(t, said)
	l.stale = false
	out := w.renew(l, false)
	if out[0].Err != nil || !out[0].Renewed || out[1].Renewed || len(l.reloads) != 2 || !slices.Equal(l.reloads[1], []string{site}) {
		t.Errorf("%+v, reloads %v", out, l.reloads)
	}
	if again := w.renew(l, false); again[0].Renewed || len(l.reloads) != 2 {
		t.Errorf("%+v, reloads %v", again, l.reloads)
	}
}

func TestRenewStops(t *testing.T) {
	t.Parallel()
	w := offline(t)
	ctx, cancel := context.WithCancelCause(t.Context())
	stop := errors.New("stopped")
	cancel(stop)
	out := new(Manager).Renew(ctx, w.host, []steps.Site{{Name: site}}, Options{}, &live{w: w}, nil)
	if !errors.Is(out[0].Err, stop) || w.mutations() != 0 {
		t.Errorf("%+v", out)
	}
	out = new(Manager).Renew(t.Context(), w.host, []steps.Site{{Name: site}}, Options{}, &live{w: w}, nil)
	if out[0].Err == nil {
		t.Error("a site without any certificate is not said to be a failure")
	}
}
