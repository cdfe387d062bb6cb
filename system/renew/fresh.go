package renew

import (
	"fmt"
	"time"

	"github.com/c93d5bcb/sslwizard/steps"
	"github.com/c93d5bcb/sslwizard/system/host"
)

// short is the lifetime below which a certificate is renewed at half of it: an outage of the CA for a day would
// otherwise eat most of what is left (Let's Encrypt's integration guide).
const short = 10 * 24 * time.Hour

// DueAt is when a certificate should be renewed at the latest, as long as its CA says nothing else: when a third of its
// lifetime is left, or half of a short one.
func DueAt(f steps.CertFacts) time.Time {
	life := lifetime(f)
	if life < short {
		return f.NotAfter.Add(-life / 2)
	}
	return f.NotAfter.Add(-life / 3)
}

func due(f steps.CertFacts, now time.Time) bool { return !now.Before(DueAt(f)) }

// spread is the part of a lifetime over which renewals of certificates that were made together are spread.
const spread = 50

// lifetime is how long a certificate is good for in all.
func lifetime(f steps.CertFacts) time.Duration { return f.NotAfter.Sub(f.NotBefore) }

// slack is by what a renewal may come before our own rule for that.
func slack(f steps.CertFacts) time.Duration { return lifetime(f) / spread }

// due is when the certificate is renewed: at the time that was drawn, for our own rule or in the CA's window. A CA can
// bring it forward, and choose within what was drawn and our rule only as long as it answers; never does it come later than
// our rule, whatever the CA says: what is left then is there for outages, and not the CA's to spend.
func (s *state) due(f steps.CertFacts, now time.Time) time.Time {
	latest := DueAt(f)
	own := latest
	if !s.Drawn.IsZero() && s.Drawn.Before(own) {
		own = s.Drawn
	}
	switch {
	case s.Window == nil:
		return own
	case s.Window.Drawn.Before(own):
		return earlier(own, later(s.Window.Drawn, s.notYet()))
	case s.Unheard != "" || now.After(s.AskAt.Add(grace)):
		return own
	case s.Window.Drawn.After(latest):
		return own
	}
	return s.Window.Drawn
}

// notYet is before when a CA is not believed that wants a certificate renewed before our rule would: one that says so of every
// certificate that it gives would have us ask for ever.
func (s *state) notYet() time.Time {
	if s.Early.IsZero() {
		return time.Time{}
	}
	return s.Early.Add(24 * time.Hour)
}

func earlier(a, b time.Time) time.Time {
	if b.Before(a) {
		return b
	}
	return a
}

func later(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}

// grace is how late the timer may come to ask the CA again before its last answer counts as old.
const grace = 3 * time.Hour

// isDue reports whether the site's certificate of the CA should be renewed.
func isDue(r host.Reader, site string, f steps.CertFacts, now time.Time) bool {
	return !now.Before(readState(r, site, f.SHA256).due(f, now))
}

// left says in words how long a certificate is still good for.
func left(f steps.CertFacts, now time.Time) string {
	switch d := f.NotAfter.Sub(now); {
	case d <= 0:
		return "it has expired"
	case d < 48*time.Hour:
		return fmt.Sprintf("%d hours are left", int(d.Hours()))
	default:
		return fmt.Sprintf("%d days are left", int(d.Hours()/24))
	}
}
