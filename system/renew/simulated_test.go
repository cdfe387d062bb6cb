package renew

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/c93d5bcb/sslwizard/steps"
	"github.com/c93d5bcb/sslwizard/system/acme"
	"github.com/c93d5bcb/sslwizard/system/cert"
	"github.com/c93d5bcb/sslwizard/system/doctor"
	"github.com/c93d5bcb/sslwizard/system/systemtest"
)

// The two CAs that are simulated, by their real directories: our own ledger counts the first.
const (
	firstCA  = "https://acme-v02.api.letsencrypt.org/directory"
	secondCA = "https://acme.example.net/directory"
)

// span is a time in which something is wrong.
type span struct{ from, to time.Time }

func (s span) holds(t time.Time) bool { return !t.Before(s.from) && t.Before(s.to) }

// simulatedCA gives certificates as Let's Encrypt does, and as strictly: what a client must not do is noted.
type simulatedCA struct {
	directory string
	life      time.Duration
	authority *cert.Authority
	now       func() time.Time
	advises   bool // it has ARI

	down, silent, refuses, limits func(time.Time) bool // not reached, ARI not answered, names not proved, 429

	given    map[string]*given
	failed   []time.Time
	counted  []time.Time // issued, and counted by its limit
	askedAt  map[string]time.Time
	asked    int
	attempts int
	orders   int
	wrongs   []string // what it would refuse an account for
}

// given is a certificate that it gave.
type given struct {
	leaf     *x509.Certificate
	replaced bool
	revoked  time.Time
	window   acme.RenewalInfo
}

// advised is how long it does not want to be asked again.
const advised = 20 * time.Hour

func newSimulatedCA(t *testing.T, directory string, life time.Duration, now func() time.Time) *simulatedCA {
	t.Helper()
	key, err := cert.GenerateKey(steps.ECDSAP256)
	if err != nil {
		t.Fatal(err)
	}
	authority, err := cert.NewAuthority(key, "ca", domains, now())
	if err != nil {
		t.Fatal(err)
	}
	never := func(time.Time) bool { return false }
	return &simulatedCA{directory: directory, life: life, authority: authority, now: now, advises: true,
		down: never, silent: never, refuses: never, limits: never, given: map[string]*given{}, askedAt: map[string]time.Time{}}
}

func (ca *simulatedCA) wrong(format string, args ...any) {
	ca.wrongs = append(ca.wrongs, ca.now().Format(time.DateTime)+" "+fmt.Sprintf(format, args...))
}

var errDown = &acme.Later{Failure: &steps.Failure{Text: "cannot reach the CA", Code: "A16", Status: steps.ExitUnavailable, Fixes: []string{"run the same command again later"}}}

// Introduce implements CA. No simulated site is proved by a record that stays.
func (ca *simulatedCA) Introduce(context.Context, acme.Request) (string, []string, error) {
	return "", nil, errDown
}

// Obtain implements CA.
func (ca *simulatedCA) Obtain(_ context.Context, r acme.Request, _ acme.Presenter, orders acme.Orders) ([]byte, error) {
	now := ca.now()
	ca.attempts++
	switch {
	case r.Directory != ca.directory:
		ca.wrong("an order for %s", r.Directory)
	case ca.down(now):
		return nil, errDown
	case ca.limits(now):
		return nil, &acme.Later{Failure: &steps.Failure{Text: "cannot order: busy", Code: "A16"}, Until: now.Add(12 * time.Hour)}
	}
	replaced, exempt := ca.replaces(r.Replaces)
	ca.orders++
	order := fmt.Sprintf("%s/order/%d", ca.directory, ca.orders)
	if err := errors.Join(orders.Ordering(), orders.Save(order)); err != nil {
		return nil, err
	}
	if ca.refuses(now) {
		if ca.failed = append(ca.failed, now); within(ca.failed, now, time.Hour) > 5 {
			ca.wrong("more than five failed authorizations in an hour")
		}
		return nil, &acme.Refused{Failure: &steps.Failure{Text: "cannot prove " + site + ": no valid A records found", Code: "A01"}, Domains: r.Domains[:1]}
	}
	if !exempt {
		if ca.counted = append(ca.counted, now); within(ca.counted, now, 7*24*time.Hour) > 5 {
			ca.wrong("more than five certificates in a week")
		}
	}
	if err := orders.Finalizing(order); err != nil {
		return nil, err
	}
	if replaced != nil {
		replaced.replaced = true
	}
	return ca.issue(r)
}

func within(all []time.Time, now time.Time, window time.Duration) (n int) {
	for _, at := range all {
		if at.Add(window).After(now) {
			n++
		}
	}
	return n
}

// replaces judges what an order says that it replaces, as Boulder does.
func (ca *simulatedCA) replaces(id string) (replaced *given, exempt bool) {
	if id == "" || !ca.advises {
		return nil, false
	}
	g := ca.given[id]
	switch {
	case g == nil:
		ca.wrong("an order that replaces what this CA never gave")
		return nil, false
	case g.replaced:
		ca.wrong("an order that replaces what was replaced")
	}
	now := ca.now()
	return g, !now.Before(g.window.Start) && now.Before(g.window.End)
}

func (ca *simulatedCA) issue(r acme.Request) ([]byte, error) {
	csr, err := x509.ParseCertificateRequest(r.CSR)
	if err != nil {
		return nil, err
	}
	chain, err := ca.authority.Issue(csr.PublicKey, r.Domains, int(ca.life/(24*time.Hour)), ca.now())
	if err != nil {
		return nil, err
	}
	id, err := acme.CertID(chain[0])
	if err != nil {
		return nil, err
	}
	third := chain[0].NotAfter.Add(-ca.life / 3)
	if ca.life < short {
		third = chain[0].NotAfter.Add(-ca.life / 2)
	}
	ca.given[id] = &given{leaf: chain[0], window: acme.RenewalInfo{Start: third.Add(-ca.life / 100), End: third.Add(ca.life / 100), Again: advised}}
	return cert.EncodeChain(chain), nil
}

// advise is Manager.Advise.
func (ca *simulatedCA) advise(_ context.Context, directory string, _ []byte) (Adviser, error) {
	switch {
	case directory != ca.directory:
		ca.wrong("asked about a certificate of %s", directory)
		return nil, errDown
	case ca.down(ca.now()):
		return nil, errDown
	case !ca.advises:
		return nil, acme.ErrNoRenewalInfo
	}
	return ca, nil
}

// Close implements Adviser.
func (ca *simulatedCA) Close() {}

// Info implements Adviser.
func (ca *simulatedCA) Info(_ context.Context, leaf *x509.Certificate) (acme.RenewalInfo, error) {
	ca.asked++
	id, err := acme.CertID(leaf)
	if err != nil {
		return acme.RenewalInfo{}, err
	}
	if ca.silent(ca.now()) {
		return acme.RenewalInfo{}, errors.New("500")
	}
	g := ca.given[id]
	if g == nil {
		ca.wrong("asked about a certificate that this CA never gave")
		return acme.RenewalInfo{}, errors.New("404")
	}
	if at, before := ca.askedAt[id]; before && ca.now().Before(at.Add(advised)) {
		ca.wrong("asked again after %v", ca.now().Sub(at))
	}
	ca.askedAt[id] = ca.now()
	return g.window, nil
}

// revoke wants every certificate renewed at once.
func (ca *simulatedCA) revoke() {
	for _, g := range ca.given {
		g.revoked = ca.now()
		g.window = acme.RenewalInfo{Start: ca.now().Add(-time.Hour), End: ca.now().Add(-30 * time.Minute), Again: advised, Explanation: "https://ca.example/incident"}
	}
}

// healthy finds nothing: what is wrong with the names, the CA shall say.
type healthy struct{}

func (healthy) Examine(context.Context, doctor.Visit, func(steps.Check)) []steps.Check { return nil }

// life is a host over years: a clock, a timer, its CAs, and who is told.
type life struct {
	*world
	clock   time.Time
	chance  *rand.Rand
	first   *simulatedCA
	second  *simulatedCA
	manager *Manager
	site    steps.Site
	live    *live
	off     func(time.Time) bool // the host is switched off
	reloads func(time.Time) bool // the server takes what is new
	told    []message
	without time.Duration // the longest time that an expired certificate was served
	least   float64       // the smallest part of a lifetime that was left
	silent  []string      // failures that nobody was told of in time
	since   time.Time

	replacedIn time.Duration // the longest time that a revoked certificate was served
	version    string        // that was read last
	read       steps.CertFacts
}

type message struct {
	at time.Time
	Notice
}

func newLife(t *testing.T, lifetime time.Duration) *life {
	t.Helper()
	l := &life{world: &world{t: t, host: systemtest.New(t)}, clock: noon, chance: rand.New(rand.NewPCG(1, uint64(lifetime))), least: 1}
	l.host.File("/etc/group", "root:x:0:\nsslwizard:x:998:\n")
	l.host.File("/etc/hostname", "web1\n")
	now := func() time.Time { return l.clock }
	l.first, l.second = newSimulatedCA(t, firstCA, lifetime, now), newSimulatedCA(t, secondCA, lifetime, now)
	l.host.File("/etc/ssl/roots.pem", string(l.first.authority.PEM())+string(l.second.authority.PEM()))
	l.off, l.reloads = func(time.Time) bool { return false }, func(time.Time) bool { return true }
	l.live = &live{w: l.world, serves: map[string]string{}}
	l.manager = &Manager{Doctor: healthy{}, Now: now, CA: l.first, Advise: l.first.advise, Draw: func(below time.Duration) time.Duration { return time.Duration(l.chance.Int64N(int64(below))) }}
	l.site = steps.Site{Name: site, Certs: steps.SiteCerts{Domains: domains, Key: steps.ECDSAP256, Days: 365},
		Trusted: steps.SiteTrusted{Source: steps.SourceACME, Directory: firstCA, CARoots: "/etc/ssl/roots.pem", AcceptTerms: true, Challenge: steps.HTTP01}}
	l.apply()
	return l
}

// apply is what a set-up does.
func (l *life) apply() {
	l.t.Helper()
	if err := l.manager.Make(l.t.Context(), l.host, changeOf(l.site, "sslwizard"), nil); err != nil {
		l.t.Fatal(err)
	}
	if err := l.live.Reload(l.t.Context(), []steps.Site{l.site}); err != nil {
		l.t.Fatal(err)
	}
}

// moves has the site have its certificates from the second CA.
func (l *life) moves() {
	l.manager.CA, l.manager.Advise = l.second, l.second.advise
	l.site.Trusted.Directory = secondCA
	l.apply()
}

// facts are those of the certificate that is stored; a version is read once.
func (l *life) facts() steps.CertFacts {
	l.t.Helper()
	name, err := cert.CurrentName(l.host, site)
	if err != nil {
		l.t.Fatal(err)
	}
	if name != l.version {
		l.version, l.read = name, current(l.host, site)
	}
	return l.read
}

func (l *life) state() *state { return readState(l.host, site, l.facts().SHA256) }

// until runs the timer until then. What lies between two moments at which there is something to do is left out: the timer
// does nothing there, as Survey says.
func (l *life) until(then time.Time) {
	l.t.Helper()
	for l.clock.Before(then) {
		if !l.off(l.clock) {
			l.tick()
		}
		next := l.clock.Add(time.Hour)
		if n := l.state().Next; n.After(next) && !l.off(l.clock) {
			next = n
		}
		if next = next.Add(time.Duration(l.chance.Int64N(int64(20 * time.Minute)))); next.After(then) {
			next = then
		}
		l.clock = next
	}
}

// tick is the timer.
func (l *life) tick() {
	l.t.Helper()
	l.seen()
	if !slices.Contains(l.manager.Survey(l.host, []string{site}).Awake, site) {
		return
	}
	l.live.stale = !l.reloads(l.clock)
	out := l.manager.Renew(l.t.Context(), l.host, []steps.Site{l.site}, Options{Scheduled: true}, l.live, nil)[0]
	for _, n := range out.Notices {
		l.told = append(l.told, message{l.clock, n})
	}
	l.judge(out)
	l.seen()
}

// seen measures the certificate that visitors are shown.
func (l *life) seen() {
	f := l.facts()
	if f.SHA256 != l.live.serves[site] {
		return // it is judged by who looks at what is served
	}
	for _, g := range l.first.given {
		if !g.revoked.IsZero() && g.leaf.NotAfter.Equal(f.NotAfter) {
			l.replacedIn = max(l.replacedIn, l.clock.Sub(g.revoked))
		}
	}
	if past := l.clock.Sub(f.NotAfter); past > l.without {
		l.without = past
	}
	l.least = min(l.least, float64(f.NotAfter.Sub(l.clock))/float64(f.NotAfter.Sub(f.NotBefore)))
}

// toldTime is how long a failure may last in the last third of a lifetime before somebody is told: the patience, and the
// timer's hour.
const toldTime = patience + 2*time.Hour

// judge notes a failure that nobody was told of: after toldTime in the last third of the lifetime.
func (l *life) judge(out Outcome) {
	f := l.facts()
	third := f.NotAfter.Add(-f.NotAfter.Sub(f.NotBefore) / 3)
	if out.Err == nil {
		l.since = time.Time{}
		return
	}
	if l.since.IsZero() {
		l.since = l.clock
	}
	if limit := later(third, l.since).Add(toldTime); l.clock.After(limit) && len(l.state().Told) == 0 {
		l.silent = append(l.silent, l.clock.Format(time.DateTime))
	}
}

// count is how often somebody was told.
func (l *life) count(about string) (n int) {
	for _, m := range l.told {
		if m.About == about {
			n++
		}
	}
	return n
}

// vain is how many attempts there were that brought no certificate.
func (l *life) vain() int { return l.first.attempts + l.second.attempts - l.certificates() }

func (l *life) certificates() int { return len(l.first.given) + len(l.second.given) }

func (l *life) wrongs() []string { return append(l.first.wrongs, l.second.wrongs...) }
