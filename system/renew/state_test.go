package renew

import (
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	pebbletest "github.com/c93d5bcb/sslwizard/e2e/pebble"
	"github.com/c93d5bcb/sslwizard/steps"
	"github.com/c93d5bcb/sslwizard/system/acme"
	"github.com/c93d5bcb/sslwizard/system/cert"
)

// wants has the CA want the site's present certificate renewed in this window.
func (w *world) wants(from, to time.Time) {
	w.t.Helper()
	v, err := cert.Current(w.host, site)
	if err != nil {
		w.t.Fatal(err)
	}
	block, _ := pem.Decode(v.Chain)
	answer := `{"suggestedWindow":{"start":"` + from.UTC().Format(time.RFC3339) + `","end":"` + to.UTC().Format(time.RFC3339) + `"},"explanationURL":"https://ca.example/why"}`
	text, err := json.Marshal(map[string]string{"Certificate": string(pem.EncodeToMemory(block)), "ARIResponse": answer})
	if err != nil {
		w.t.Fatal(err)
	}
	reply, req := httptest.NewRecorder(), httptest.NewRequest(http.MethodPost, "/set-renewal-info/", strings.NewReader(string(text)))
	req.Header.Set("User-Agent", "test")
	if w.ca.Management.ServeHTTP(reply, req); reply.Code != http.StatusOK {
		w.t.Fatalf("Pebble: %d %s", reply.Code, reply.Body)
	}
}

func (w *world) state() *state {
	w.t.Helper()
	return readState(w.host, site, current(w.host, site).SHA256)
}

// round is the timer's round for the shop alone.
func (w *world) round(l *live) Outcome {
	w.t.Helper()
	return w.manager().Renew(w.t.Context(), w.host, w.sites()[:1], Options{Scheduled: true}, l, func(_, text string) { w.progress(text) })[0]
}

const ariPath = "/draft-ietf-acme-ari-03/renewalInfo/"

// TestRenewWhenTheCAAsks: a window in the past is now, whatever our own rule says; the CA is told what is replaced.
func TestRenewWhenTheCAAsks(t *testing.T) {
	t.Parallel()
	w := newWorld(t, pebbletest.Options{Validity: 90 * day})
	first := w.mustMake(w.obtain())
	l := &live{w: w, serves: map[string]string{}}
	w.wants(time.Now().Add(-2*time.Hour), time.Now().Add(-time.Hour))
	if out := w.round(l); out.Err != nil || !out.Renewed {
		t.Fatalf("%+v", out)
	}
	second, err := cert.Current(w.host, site)
	if err != nil || second.Meta.SHA256 == first.Meta.SHA256 {
		t.Fatalf("it was not renewed (%v)", err)
	}
	if !w.saidAnything("Ordering") || w.state().Early.IsZero() {
		t.Errorf("%+v", w.state())
	}
	// A CA that wants every certificate renewed at once is believed once a day.
	w.wants(time.Now().Add(-2*time.Hour), time.Now().Add(-time.Hour))
	if out := w.round(l); out.Err != nil || out.Renewed {
		t.Errorf("the second time: %+v", out)
	}
	s := w.state()
	s.Early = s.Early.Add(-25 * time.Hour)
	if err := s.write(w.host, site); err != nil {
		t.Fatal(err)
	}
	if out := w.round(l); out.Err != nil || !out.Renewed {
		t.Errorf("a day later: %+v", out)
	}
}

// TestTheCAIsAskedRarely: as often as it said, and its window is drawn in once.
func TestTheCAIsAskedRarely(t *testing.T) {
	t.Parallel()
	w := newWorld(t, pebbletest.Options{Validity: 90 * day})
	w.mustMake(w.obtain())
	l := &live{w: w, serves: map[string]string{}}
	from, to := time.Now().Add(20*day).Truncate(time.Second), time.Now().Add(22*day).Truncate(time.Second)
	w.wants(from, to)
	for range 3 {
		if out := w.round(l); out.Err != nil || out.Renewed {
			t.Fatalf("%+v", out)
		}
	}
	s := w.state()
	drawn := s.Window.Drawn
	if asked := w.ca.Requests(ariPath); asked != 1 || drawn.Before(from) || !drawn.Before(to) || s.Window.Page != "https://ca.example/why" {
		t.Errorf("asked %d times, %+v", asked, s.Window)
	}
	if wait := time.Until(s.AskAt); wait < 5*time.Hour || wait > 8*time.Hour {
		t.Errorf("asked again in %v", wait)
	}
	w.now = s.AskAt
	w.round(l)
	if asked := w.ca.Requests(ariPath); asked != 2 || !w.state().Window.Drawn.Equal(drawn) {
		t.Errorf("asked %d times; the same window is drawn in again: %v, was %v", asked, w.state().Window.Drawn, drawn)
	}
	w.wants(from, to.Add(day))
	w.now = w.state().AskAt
	w.round(l)
	if s := w.state(); !s.Window.End.Equal(to.Add(day)) || s.Window.Drawn.Equal(drawn) {
		t.Errorf("another window: %+v", s.Window)
	}
	st := StandingOf(w.host, site, current(w.host, site), w.now)
	if !st.At.Equal(w.state().Window.Drawn) || st.Page == "" || len(st.Findings(site)) > 0 {
		t.Errorf("%+v", st)
	}
	if survey := w.manager().Survey(w.host, []string{site}); len(survey.Awake)+len(survey.Failed) > 0 {
		t.Errorf("%+v", survey)
	}
}

// TestDue: a CA can bring a renewal forward, and choose a moment up to our own rule while it answers; never a later one.
func TestDue(t *testing.T) {
	t.Parallel()
	f := steps.CertFacts{NotBefore: noon, NotAfter: noon.Add(90 * day)}
	own := noon.Add(60 * day)
	at := func(days int) *window { return &window{Drawn: noon.Add(time.Duration(days) * day)} }
	now := noon.Add(50 * day)
	for name, test := range map[string]struct {
		state state
		want  time.Time
	}{
		"nothing known":             {state{}, own},
		"drawn":                     {state{Drawn: own.Add(-day)}, own.Add(-day)},
		"drawn later than the rule": {state{Drawn: own.Add(day)}, own},
		"brought forward":           {state{Window: at(40), AskAt: now}, noon.Add(40 * day)},
		"brought forward, silent":   {state{Window: at(40), Unheard: "500"}, noon.Add(40 * day)},
		"put off beyond the rule":   {state{Window: at(70), AskAt: now}, own},
		"chosen":                    {state{Window: at(59), Drawn: own.Add(-2 * day), AskAt: now}, own.Add(-day)},
		"chosen beyond the rule":    {state{Window: at(61), Drawn: own.Add(-2 * day), AskAt: now}, own.Add(-2 * day)},
		"chosen, then silent":       {state{Window: at(59), Drawn: own.Add(-2 * day), AskAt: now, Unheard: "500"}, own.Add(-2 * day)},
		"chosen, not asked since":   {state{Window: at(59), Drawn: own.Add(-2 * day), AskAt: now.Add(-grace - time.Second)}, own.Add(-2 * day)},
		"forward again too soon":    {state{Window: at(40), Early: noon.Add(45 * day)}, noon.Add(46 * day)},
	} {
		if got := test.state.due(f, now); !got.Equal(test.want) {
			t.Errorf("%s: %v, want %v", name, got, test.want)
		}
	}
}

func TestPause(t *testing.T) {
	t.Parallel()
	most := func(d time.Duration) time.Duration { return d - 1 }
	f := steps.CertFacts{NotBefore: noon, NotAfter: noon.Add(90 * day)}
	s := &state{}
	now := noon.Add(60 * day)
	for n, want := range []time.Duration{time.Minute, 10 * time.Minute, 100 * time.Minute, daily + dailyJitter - 1, daily + dailyJitter - 1} {
		s.failed(errors.New("no"), f, now, most)
		if got := s.Pause.Sub(now); got != want || s.Failures != n+1 {
			t.Errorf("after %d failures: %v, want %v", s.Failures, got, want)
		}
	}
	if daily+dailyJitter+90*time.Minute > day {
		t.Error("a CA that can be reached for a day may be missed")
	}
	later := func(in time.Duration) error {
		return &acme.Later{Failure: &steps.Failure{Text: "cannot", Fixes: []string{"wait"}}, Until: now.Add(in)}
	}
	for in, want := range map[time.Duration]time.Duration{5 * time.Hour: 5 * time.Hour, 30 * time.Second: 30 * time.Second, 7 * day: 7 * day, 40 * day: 15 * day} {
		if s.failed(later(in), f, now, most); s.Pause.Sub(now) != want {
			t.Errorf("Retry-After %v: %v", in, s.Pause.Sub(now))
		}
	}
	if s.failed(later(7*day), f, f.NotAfter, most); s.Pause.Sub(f.NotAfter) != whenExpired {
		t.Errorf("expired: %v", s.Pause.Sub(f.NotAfter))
	}
	if s.succeeded(); s.Failures != 0 || s.Error != "" || !s.Pause.IsZero() {
		t.Errorf("%+v", s)
	}
}

// TestTheTimerWaits: after a failure the timer does not try again at once; a person may, and a run that changes the site wakes
// the timer.
func TestTheTimerWaits(t *testing.T) {
	t.Parallel()
	w := newWorld(t, pebbletest.Options{})
	w.mustMake(localChange())
	l := &live{w: w, serves: map[string]string{}}
	directory := w.ca.Directory
	if err := w.ca.Close(); err != nil {
		t.Fatal(err)
	}
	if out := w.round(l); out.Err == nil {
		t.Fatal("it was renewed without a CA")
	}
	s := w.state()
	if s.Failures != 1 || s.Code != "A16" || s.Error == "" || s.Pause.IsZero() || !s.Next.Equal(s.Pause) {
		t.Errorf("%+v", s)
	}
	if survey := w.manager().Survey(w.host, []string{site}); len(survey.Awake) > 0 || !slices.Equal(survey.Failed, []string{site}) {
		t.Errorf("%+v", survey)
	}
	if out := w.round(l); out.Err == nil || w.state().Failures != 1 || !strings.Contains(out.Err.Error(), "cannot renew the certificate of "+site+" since") {
		t.Errorf("the timer tried again: %v", out.Err)
	}
	if fixes := StandingOf(w.host, site, current(w.host, site), time.Now()).Findings(site); len(fixes) != 1 || fixes[0].Code != "R02" || len(fixes[0].Fix) < 2 {
		t.Errorf("%+v", fixes)
	}
	if out := w.renew(l, false)[0]; out.Err == nil || w.state().Failures != 2 {
		t.Error("a person could not try again")
	}

	w.ca = w.start(pebbletest.Options{DNSServer: w.dns.Address, HTTPPort: w.webPort})
	if w.ca.Directory == directory {
		t.Fatal("the same CA")
	}
	w.host.File("/etc/ssl/test-ca.pem", string(w.ca.DirectoryCA()))
	w.mustMake(w.obtain())
	if s := w.state(); s.Failures != 0 || !s.Next.IsZero() {
		t.Errorf("%+v", s)
	}
	if survey := w.manager().Survey(w.host, []string{site}); !slices.Equal(survey.Awake, []string{site}) {
		t.Errorf("%+v", survey)
	}
}

func TestSurveyForgets(t *testing.T) {
	t.Parallel()
	w := offline(t)
	if err := (&state{Next: noon}).write(w.host, "gone.example.com"); err != nil {
		t.Fatal(err)
	}
	w.host.File(stateFile("damaged.example.com"), "{")
	names := []string{site, "damaged.example.com"}
	survey, err := new(Manager).Survey(w.host, names), Forget(w.host, names)
	if err != nil || !slices.Equal(survey.Awake, []string{site, "damaged.example.com"}) || w.host.Exists(stateFile("gone.example.com")) {
		t.Errorf("%+v (%v)", survey, err)
	}
}

// TestExempt: what the CA asked for, when it asked for it, is counted by none of its limits, and not by our own ledger.
func TestExempt(t *testing.T) {
	t.Parallel()
	w := newWorld(t, pebbletest.Options{})
	v := w.mustMake(w.obtain())
	facts, err := v.Facts()
	if err != nil {
		t.Fatal(err)
	}
	o := obtain{ObtainCertificate: w.obtain()}
	j := &job{Manager: w.manager(), host: w.host, present: &present{v, facts}}
	block, _ := pem.Decode(v.Chain)
	leaf, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		t.Fatal(err)
	}
	want, err := acme.CertID(leaf)
	if err != nil {
		t.Fatal(err)
	}
	if id, exempt := o.replaces(j); id != want || exempt {
		t.Errorf("%q, %t", id, exempt)
	}
	s := readState(w.host, site, facts.SHA256)
	s.Window = &window{Start: time.Now().Add(-time.Hour), End: time.Now().Add(time.Hour)}
	if err := s.write(w.host, site); err != nil {
		t.Fatal(err)
	}
	if id, exempt := o.replaces(j); id != want || !exempt {
		t.Errorf("in the window: %q, %t", id, exempt)
	}
	other := o
	other.Trusted.Directory = "https://ca.example/"
	if id, _ := other.replaces(j); id != "" {
		t.Errorf("another CA is told of it: %q", id)
	}
	other = o
	other.Domains = []steps.Domain{"blog.example.com"}
	if id, _ := other.replaces(j); id != "" {
		t.Errorf("it is for other names: %q", id)
	}
	if k := o.kind(j); k != replacement {
		t.Errorf("it is an order of the kind %v", k)
	}
}

// TestAFullDiskIsAFailure: what keeps a renewal from being begun is remembered and told like what keeps it from its end.
func TestAFullDiskIsAFailure(t *testing.T) {
	t.Parallel()
	w := newWorld(t, pebbletest.Options{})
	w.mustMake(localChange())
	w.host.FailAt(1, syscall.ENOSPC)
	out := w.round(&live{w: w, serves: map[string]string{}})
	if !errors.Is(out.Err, syscall.ENOSPC) {
		t.Fatal(out.Err)
	}
	if s := w.state(); s.Failures != 1 || s.Pause.IsZero() || !strings.Contains(s.Error, "no space left") {
		t.Errorf("%+v", s)
	}
}

// TestWake: a site that was changed is looked at, and is to be rehearsed again, whether its next turn is known or not.
func TestWake(t *testing.T) {
	t.Parallel()
	for _, next := range []time.Time{{}, time.Now().Add(time.Hour)} {
		w := offline(t)
		s := &state{Leaf: "x", Next: next, Proven: time.Now()}
		if err := s.write(w.host, site); err != nil {
			t.Fatal(err)
		}
		if err := Wake(w.host, site); err != nil {
			t.Fatal(err)
		}
		if s, ok := storedState(w.host, site); !ok || !s.Next.IsZero() || !s.Proven.IsZero() {
			t.Errorf("%+v", s)
		}
	}
	if err := Wake(offline(t).host, "unknown.example.com"); err != nil {
		t.Error(err)
	}
}
