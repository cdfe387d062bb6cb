package renew

import (
	"context"
	"crypto/x509"
	"errors"
	"time"

	"github.com/c93d5bcb/sslwizard/steps"
	"github.com/c93d5bcb/sslwizard/system/acme"
	"github.com/c93d5bcb/sslwizard/system/cert"
)

// window is when the CA wants a certificate to be renewed (ARI, RFC 9773), and the moment in it that was drawn. It is drawn
// once: who draws again with every look renews at the beginning of the window, like everybody else.
type window struct {
	Start time.Time `json:"start"`
	End   time.Time `json:"end"`
	Drawn time.Time `json:"drawn"`
	Page  string    `json:"page,omitempty"` // where the CA says why
}

// holds reports whether a renewal now is within what the CA asked for: then none of its limits counts it.
func (w *window) holds(now time.Time) bool {
	return w != nil && !now.Before(w.Start) && now.Before(w.End)
}

// CA is what is asked of a certificate authority; acme.Client is the real one.
type CA interface {
	Obtain(ctx context.Context, r acme.Request, present acme.Presenter, orders acme.Orders) ([]byte, error)
	Introduce(ctx context.Context, r acme.Request) (account string, issuers []string, err error)
}

// Adviser says when certificates of one CA should be renewed; acme.Renewals is the real one.
type Adviser interface {
	Info(ctx context.Context, leaf *x509.Certificate) (acme.RenewalInfo, error)
	Close()
}

// advisers are those that were asked in one round. One that cannot be reached is not tried again for every site.
type advisers struct {
	*Manager
	open   map[string]Adviser
	failed map[string]error
}

func (a *advisers) close() {
	for _, adviser := range a.open {
		adviser.Close()
	}
}

func (a *advisers) ask(ctx context.Context, directory string, roots []byte, leaf *x509.Certificate) (acme.RenewalInfo, error) {
	if err := a.failed[directory]; err != nil {
		return acme.RenewalInfo{}, err
	}
	adviser := a.open[directory]
	if adviser == nil {
		var err error
		if adviser, err = a.adviser(ctx, directory, roots); err != nil {
			a.failed[directory] = err
			return acme.RenewalInfo{}, err
		}
		a.open[directory] = adviser
	}
	info, err := adviser.Info(ctx, leaf)
	if err != nil && !acme.Answered(err) {
		a.failed[directory] = err
	}
	return info, err
}

func (m *Manager) adviser(ctx context.Context, directory string, roots []byte) (Adviser, error) {
	if m.Advise != nil {
		return m.Advise(ctx, directory, roots)
	}
	client := &acme.Client{UserAgent: m.UserAgent, Now: m.Now, Pace: m.Pace, Dialer: m.Dialer}
	return client.Renewals(ctx, directory, roots)
}

// How often a CA is asked: as it says, within these bounds.
const (
	askSoonest = time.Hour
	askLatest  = 24 * time.Hour
	askUsually = 6 * time.Hour
)

// consult asks the CA that gave the certificate, when it may be asked, and draws a moment in a window that is new.
func (r *round) consult(ctx context.Context, site steps.Site, f steps.CertFacts, s *state) {
	now := r.now()
	s.plan(f, r.draw)
	if f.Source != steps.SourceACME || now.Before(s.AskAt) {
		return
	}
	info, err := r.advice(ctx, site, f)
	if context.Cause(ctx) != nil {
		return
	}
	again := s.Unheard != ""
	s.Unheard = ""
	pause := askUsually
	switch {
	case errors.Is(err, acme.ErrNoRenewalInfo):
		s.Window, pause = nil, askLatest
	case err != nil:
		s.Unheard = steps.CleanLine(err.Error())
		if at := acme.Again(err); at.After(now) {
			pause = bounded(at.Sub(now))
		} else if !again {
			pause = askSoonest
		}
	default:
		s.hear(info, f, r.draw)
		if info.Again > 0 {
			pause = bounded(info.Again)
		}
	}
	s.AskAt = now.Add(pause + r.draw(pause/4)) // many sites were set up together
}

// plan draws when the certificate is renewed by our own rule.
func (s *state) plan(f steps.CertFacts, draw func(time.Duration) time.Duration) {
	if s.Drawn.IsZero() && !f.NotAfter.IsZero() {
		s.Drawn = DueAt(f).Add(-draw(slack(f)))
	}
}

func bounded(d time.Duration) time.Duration { return min(max(d, askSoonest), askLatest) }

func (r *round) advice(ctx context.Context, site steps.Site, f steps.CertFacts) (acme.RenewalInfo, error) {
	roots, err := Roots(r.host, site.Trusted.Of(f).CARoots)
	if err != nil {
		return acme.RenewalInfo{}, err
	}
	v, err := cert.Current(r.host, site.Name)
	if err != nil {
		return acme.RenewalInfo{}, err
	}
	chain, err := cert.ParseChain(v.Chain)
	if err != nil {
		return acme.RenewalInfo{}, err
	}
	return r.advisers.ask(ctx, f.Directory, roots, chain[0])
}

// hear takes an answer. The same window keeps its moment, which is drawn from the part of it that our own rule leaves.
func (s *state) hear(info acme.RenewalInfo, f steps.CertFacts, draw func(time.Duration) time.Duration) {
	w := &window{Start: info.Start, End: info.End, Page: info.Explanation}
	if old := s.Window; old != nil && old.Start.Equal(w.Start) && old.End.Equal(w.End) {
		w.Drawn = old.Drawn
	} else {
		end := w.End
		if rule := DueAt(f); w.Start.Before(rule) {
			end = earlier(end, rule)
		}
		w.Drawn = w.Start.Add(draw(end.Sub(w.Start)))
	}
	s.Window = w
}

// replaces is how the CA calls the certificate that an order is the renewal of; empty when it is none of that CA's. The
// second value reports whether the CA asked for it, and so does not count it.
func (o obtain) replaces(j *job) (id string, exempt bool) {
	if j.present == nil || j.present.facts.Source != steps.SourceACME || j.present.facts.Directory != o.Trusted.Directory {
		return "", false
	}
	if len(steps.Lacking(o.Domains, j.present.facts.Domains)) == len(o.Domains) {
		return "", false
	}
	chain, err := cert.ParseChain(j.present.Chain)
	if err != nil {
		return "", false
	}
	if id, err = acme.CertID(chain[0]); err != nil {
		return "", false
	}
	return id, readState(j.host, o.Site, j.present.facts.SHA256).Window.holds(j.now())
}
