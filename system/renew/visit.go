package renew

import (
	"time"

	"github.com/c93d5bcb/sslwizard/steps"
	"github.com/c93d5bcb/sslwizard/system/acme"
	"github.com/c93d5bcb/sslwizard/system/doctor"
	"github.com/c93d5bcb/sslwizard/system/host"
)

// Visit is what a doctor is told of names that shall get a certificate: our account at the CA, and what our own record of
// its limits says.
func Visit(h host.Host, t steps.SiteTrusted, domains []steps.Domain, now time.Time) doctor.Visit {
	return doctor.Visit{
		Domains: domains, Directory: t.Directory, Challenge: t.Challenge, Profile: t.Profile, Account: accountURL(h, t.Directory),
		Bound: t.EAB.KeyID != "",
		Allowed: func() error {
			return openLedger(h, func() time.Time { return now }).allows(t.Directory, domains, again)
		},
	}
}

// Webroot puts proofs of a challenge where the executors answer from.
func Webroot(h host.Host, challenge string) acme.Presenter {
	return &webroot{host: h, challenge: challenge}
}
