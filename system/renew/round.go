package renew

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"time"

	"github.com/c93d5bcb/sslwizard/steps"
	"github.com/c93d5bcb/sslwizard/system/host"
)

// round is one Renew.
type round struct {
	*Manager
	Options
	advisers

	host     host.Host
	live     Live
	progress func(site, text string)
	sites    []*turn
}

// turn is one site of a round.
type turn struct {
	Outcome
	site   steps.Site
	facts  steps.CertFacts // of the certificate that it has
	state  *state
	begun  bool
	looked bool // what is served was compared with what is stored
}

func (r *round) now() time.Time { return r.Manager.now() }

// run gives every site its turn, the one whose certificate ends first before the others, and has the new certificates
// served.
func (r *round) run(ctx context.Context) {
	began := r.now()
	order := slices.Clone(r.sites)
	slices.SortStableFunc(order, func(a, b *turn) int {
		return cmp.Compare(a.facts.NotAfter.Unix(), b.facts.NotAfter.Unix())
	})
	var renewed []*turn
	for _, t := range order {
		t.Site = t.site.Name
		if r.Time > 0 && r.now().Sub(began) > r.Time {
			t.Note = "it is left for the next round"
			continue
		}
		if t.Err = context.Cause(ctx); t.Err != nil {
			continue
		}
		t.begun = true
		r.consult(ctx, t.site, t.facts, t.state)
		r.attempt(ctx, t)
		if !t.Renewed && r.looksAt(t) {
			r.look(ctx, t)
		}
		if r.rehearses(t) {
			t.Err = r.rehearseProof(ctx, t.site)
		}
		if t.Renewed || r.rehearses(t) {
			renewed = append(renewed, t)
		}
		if t.Renewed {
			t.Note = ""
		}
	}
	r.goLive(ctx, renewed)
}

// rehearses reports whether this round has to show that it can do what a renewal needs: that the server takes a certificate from
// it. It does so once, in the first round after a set-up.
func (r *round) rehearses(t *turn) bool {
	return r.Scheduled && t.Err == nil && t.state.Proven.IsZero() && t.facts.SHA256 != ""
}

// rehearseProof has the staging CA prove the names by the DNS from where renewals run: the credentials may lie where the service
// sees nothing, and a program may need what its sandbox does not give. Files on port 80 are the round's own to write.
func (r *round) rehearseProof(ctx context.Context, site steps.Site) error {
	if site.Trusted.Source != steps.SourceACME || site.Trusted.Rehearsal == "" || site.Trusted.Challenge != steps.DNS01 {
		return nil
	}
	change, err := changeFor(r.host, site)
	if err != nil {
		return err
	}
	o := obtain{ObtainCertificate: change.(steps.ObtainCertificate)}
	j := &job{Manager: r.Manager, host: r.host, progress: r.telling(site.Name)}
	present, err := o.presenter(ctx, j)
	if err != nil {
		return err
	}
	return o.rehearseNow(ctx, j, present)
}

// telling tells what is done for a site, or for all of them, where anybody listens.
func (r *round) telling(of string) func(text string) {
	return func(text string) {
		if r.progress != nil {
			r.progress(of, text)
		}
	}
}

// look compares what is served with what is stored. Once they differed nothing but the sight of the new certificate will do.
func (r *round) look(ctx context.Context, t *turn) {
	t.looked = true
	if t.state.Unserved == "" {
		t.Renewed = outdated(ctx, r.host, t.site, r.live)
		return
	}
	if t.Renewed = proven(ctx, r.host, t.site, r.live) != nil; !t.Renewed {
		t.state.Unserved = ""
	}
}

// attempt has the certificate be what it should be, unless the site is in the pause after a failure and nobody waits.
func (r *round) attempt(ctx context.Context, t *turn) {
	if r.Scheduled && !r.Force && t.state.Failures > 0 && r.now().Before(t.state.Pause) {
		t.Err = t.state.failure(t.site.Name)
		return
	}
	t.Err = r.renew(ctx, t)
	if context.Cause(ctx) == nil {
		r.learn(t, t.Err)
	}
}

// renew has a new certificate made if one is due. A full disk keeps it from that like a CA that is away does.
func (r *round) renew(ctx context.Context, t *turn) error {
	if err := t.state.write(r.host, t.site.Name); err != nil { // what is due is read from there
		return err
	}
	change, err := changeFor(r.host, t.site)
	if err != nil {
		return err
	}
	t.Renewed, err = r.make(ctx, r.host, change, r.telling(t.site.Name), r.Force)
	if err == nil && !t.Renewed {
		_, t.Note, _ = r.Pending(ctx, r.host, change)
	}
	return err
}

// learn notes how an attempt ended.
func (r *round) learn(t *turn, err error) {
	switch {
	case err != nil:
		t.state.failed(err, t.facts, r.now(), r.draw)
		t.state.wakeToTurn(t.site.Trusted, t.facts, r.now())
	case t.Renewed:
		early := !r.Force && t.state.Window != nil && r.now().Before(DueAt(t.facts).Add(-slack(t.facts)))
		before := t.facts
		t.facts = current(r.host, t.site.Name)
		t.state.follow(t.facts.SHA256)
		t.state.Lived = otherLife(before, t.facts)
		if t.state.Tried = r.now(); early {
			t.state.Early = t.state.Tried
		}
		t.state.plan(t.facts, r.draw)
	default:
		t.state.succeeded()
	}
}

// looksAt reports whether what is served has to be compared with what is stored: daily, and until they are the same.
func (r *round) looksAt(t *turn) bool {
	return !r.Scheduled || t.state.Unserved != "" || !r.now().Before(t.state.LookAt.Add(-lookEarly))
}

// goLive reloads once and proves each site. A certificate that is stored but not served is not renewed.
func (r *round) goLive(ctx context.Context, renewed []*turn) {
	if len(renewed) == 0 {
		return
	}
	var sites []steps.Site
	for _, t := range renewed {
		sites = append(sites, t.site)
	}
	reload := r.live.Reload(ctx, sites)
	for _, t := range renewed {
		err := reload
		if err == nil {
			err = proven(ctx, r.host, t.site, r.live)
		}
		t.looked, t.state.Unserved = true, ""
		if err == nil && r.Scheduled {
			t.state.Proven = r.now()
		}
		if err == nil {
			t.Err = errors.Join(t.Err, discardWithdrawn(r.host, t.site.Name))
		}
		if err != nil {
			failure := notServed(t.site, err)
			t.Renewed, t.Err = false, errors.Join(t.Err, failure)
			if context.Cause(ctx) == nil {
				t.state.Unserved = steps.CleanLine(err.Error())
			}
		}
	}
}

// Once a day what is served is compared with what is stored.
const (
	lookEvery  = 22 * time.Hour
	lookJitter = 2 * time.Hour
	lookEarly  = 6 * time.Hour // by what it may come before, when there is something else to do
)

// end notes what was seen, what has to be told, and when the site is looked at again.
func (r *round) end(t *turn) {
	t.NotAfter = t.facts.NotAfter
	if !t.begun {
		return
	}
	now := r.now()
	if t.looked && !now.Before(t.state.LookAt.Add(-lookEarly)) {
		t.state.LookAt = now.Add(lookEvery + r.draw(lookJitter))
	}
	told := slices.Clone(t.state.Told)
	t.Notices = t.state.notices(t.site, t.facts, now)
	if err := r.tell(t); err != nil { // it is told when it can be written down
		t.state.Told, t.Err = told, errors.Join(t.Err, err)
	}
	if t.state.Login = ""; t.site.Trusted.Notify.Login {
		t.state.Login = t.state.trouble(t.site, t.facts, now).Text
	}
	t.state.Next = t.state.next(t.facts, now)
	if err := t.state.write(r.host, t.site.Name); err != nil {
		t.Err = errors.Join(t.Err, err)
	}
}

func (r *round) tell(t *turn) error {
	if r.Tell == nil || len(t.Notices) == 0 {
		return nil
	}
	return r.Tell(r.host, t.site, t.facts.SHA256, t.Notices)
}

// next is before when there is nothing to look at.
func (s *state) next(f steps.CertFacts, now time.Time) time.Time {
	if s.Unserved != "" {
		return now
	}
	at := s.LookAt
	if f.Source == steps.SourceACME {
		at = earlier(at, s.AskAt)
	}
	switch {
	case s.Failures > 0:
		at = earlier(earlier(at, s.Pause), nextLevel(f, now))
		if told := s.Since.Add(patience); told.After(now) {
			at = earlier(at, told)
		}
	case f.Source == steps.SourceFiles:
		at = earlier(at, nextLevel(f, now))
	case !f.NotAfter.IsZero():
		at = earlier(at, s.due(f, now))
	}
	return later(at, now)
}
