package renew

import (
	"fmt"
	"time"

	"github.com/c93d5bcb/sslwizard/steps"
)

// short is the lifetime below which a certificate is renewed at half of it: an outage of the CA for a day would
// otherwise eat most of what is left (Let's Encrypt's integration guide).
const short = 10 * 24 * time.Hour

// DueAt is when a certificate should be renewed: when a third of its lifetime is left, or half of a short one.
func DueAt(f steps.CertFacts) time.Time {
	life := f.NotAfter.Sub(f.NotBefore)
	if life < short {
		return f.NotAfter.Add(-life / 2)
	}
	return f.NotAfter.Add(-life / 3)
}

func due(f steps.CertFacts, now time.Time) bool { return !now.Before(DueAt(f)) }

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
