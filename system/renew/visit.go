package renew

import (
	"context"
	"time"

	"github.com/c93d5bcb/sslwizard/steps"
	"github.com/c93d5bcb/sslwizard/system/acme"
	"github.com/c93d5bcb/sslwizard/system/dns01"
	"github.com/c93d5bcb/sslwizard/system/doctor"
	"github.com/c93d5bcb/sslwizard/system/host"
)

// Visit is what a doctor is told of names that shall get a certificate: our account at the CA, and what our own record of
// its limits says.
func Visit(h host.Host, t steps.SiteTrusted, domains []steps.Domain, now time.Time) doctor.Visit {
	v := doctor.Visit{
		Domains: domains, Directory: t.Directory, Challenge: t.Challenge, Profile: t.Profile, Account: accountURL(h, t.Directory),
		Bound: t.EAB.KeyID != "",
		Allowed: func() error {
			return openLedger(h, func() time.Time { return now }).allows(t.Directory, domains, again)
		},
	}
	if second, ok := t.Second(); ok {
		of := Visit(h, second, domains, now)
		of.Bound = of.Bound && obtain{ObtainCertificate: steps.ObtainCertificate{Trusted: second}}.bindable(h) == nil // nobody looks at it before the need
		v.Second = &of
	}
	return v
}

// Keeper asks the provider of a site's DNS whether it would take a record; where its file cannot be used, that is the answer.
func Keeper(h host.Host, d steps.SiteDNS) doctor.Keeper {
	p, err := provider(h, d, dns01.Means{})
	if err != nil {
		return unusable{err}
	}
	return p
}

// unusable is a provider that cannot be asked.
type unusable struct{ error }

// Ask implements doctor.Keeper.
func (u unusable) Ask(context.Context, string) error { return u.error }

// Webroot puts proofs of a challenge where the executors answer from.
func Webroot(h host.Host, challenge string) acme.Presenter {
	return &webroot{host: h, challenge: challenge}
}
