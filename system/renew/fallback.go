package renew

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/c93d5bcb/sslwizard/steps"
	"github.com/c93d5bcb/sslwizard/system/acme"
	"github.com/c93d5bcb/sslwizard/system/cert"
)

// second is the same wish at the second CA of the site; false when it has none.
func (o obtain) second() (obtain, bool) {
	t, ok := o.Trusted.Second()
	first := o.Trusted.Directory
	o.Trusted = t
	return obtain{o.ObtainCertificate, first}, ok
}

// at is the wish at the CA of a directory: the second one's, or else the first's.
func (o obtain) at(directory string) obtain {
	if second, ok := o.second(); ok && second.Trusted.Directory == directory {
		return second
	}
	return o
}

// make asks the first CA, and the second one where the first cannot issue and a certificate is needed.
func (o obtain) make(ctx context.Context, j *job) (string, error) {
	version, err := o.makeHere(ctx, j)
	second, ok := o.second()
	if err == nil || !ok || context.Cause(ctx) != nil || !o.turns(j, err) {
		return version, err
	}
	j.say("%s cannot issue now (%v); asking %s in its place", acme.NameOf(o.Trusted.Directory), err, acme.NameOf(second.Trusted.Directory))
	version, e2 := second.makeHere(ctx, j)
	if e2 != nil {
		return "", &bothFailed{err, e2, acme.NameOf(second.Trusted.Directory)}
	}
	return version, nil
}

// turns reports whether the second CA is asked after this failure of the first: at once where the site has no certificate of
// either that is good for its names, and for a renewal when half of the time that is there for it is over. What is in the
// way of any CA, such as the DNS of the names, is no reason.
func (o obtain) turns(j *job, failure error) bool {
	if !o.covered(j) {
		return o.unable(j, failure)
	}
	return !j.now().Before(turnAt(j.present.facts)) && (o.unable(j, failure) || stuck(failure))
}

// covered reports whether the certificate that is there does what the new one is for, until it ends.
func (o obtain) covered(j *job) bool {
	if j.present == nil {
		return false
	}
	f := j.present.facts
	ours := f.Directory == o.Trusted.Directory || f.Directory == o.Trusted.Fallback.Directory
	return f.Source == steps.SourceACME && ours && revoked(j.host, f.SHA256) == nil && cert.SameDomains(f.Domains, o.Domains) && j.now().Before(f.NotAfter)
}

// turnAt is when a renewal that the first CA does not give is asked of the second: half-way between when it was due and the
// end. Fifteen days are left then of ninety, and two of six.
func turnAt(f steps.CertFacts) time.Time {
	return f.NotAfter.Add(-f.NotAfter.Sub(DueAt(f)) / 2)
}

// nearly is how long a limit is waited for in any case. Those that count names which could not be proved end within it, and
// another CA could not prove them either.
const nearly = time.Hour

// unable reports whether it is the CA itself that cannot issue: it is away or out of order, limits us, or has closed our
// account. A directory that never worked, and is not plainly away, is the user's to correct.
func (o obtain) unable(j *job, failure error) bool {
	var refused *acme.Refused
	var limited *acme.Limited
	var later *acme.Later
	switch {
	case errors.As(failure, &refused):
		return false
	case errors.As(failure, &limited):
		return limited.Until.IsZero() || limited.Until.Sub(j.now()) > nearly
	case errors.As(failure, &later):
		return true
	}
	switch codeOf(failure) {
	case "A13", "A16":
		return accountURL(j.host, o.Trusted.Directory) != ""
	case "A17":
		return true
	}
	return false
}

// stuck is a CA that is there, and gives nothing that can be used: a person who waits tries again, a renewal cannot for ever.
func stuck(failure error) bool {
	switch codeOf(failure) {
	case "A19", "A23", "A24", "A30":
		return true
	}
	return false
}

func codeOf(err error) string {
	var f *steps.Failure
	if errors.As(err, &f) {
		return f.Code
	}
	return ""
}

// bothFailed is what the two CAs of a site said.
type bothFailed struct {
	first, second error
	name          string // of the second
}

var _ steps.Coded = (*bothFailed)(nil)

func (b *bothFailed) Error() string {
	return fmt.Sprintf("%v; and %s, which was asked in its place: %v", b.first, b.name, b.second)
}

func (b *bothFailed) Unwrap() []error { return []error{b.first, b.second} }

// ExitStatus implements steps.Coded.
func (b *bothFailed) ExitStatus() int { return steps.ExitStatus("", b.first) }

// Fix implements steps.Coded.
func (b *bothFailed) Fix() []string { return append(steps.Fixes(b.first), steps.Fixes(b.second)...) }

// askAgain is when the CA that failed so wants to be asked again, of two the one that can be sooner; zero when one did not say.
func askAgain(err error) time.Time {
	var both *bothFailed
	if errors.As(err, &both) {
		return earlier(acme.Again(both.first), acme.Again(both.second))
	}
	return acme.Again(err)
}

// wakeToTurn has the timer come when the second CA may be asked, however long the first one wants to be left alone.
func (s *state) wakeToTurn(t steps.SiteTrusted, f steps.CertFacts, now time.Time) {
	if _, ok := t.Second(); !ok || f.Source != steps.SourceACME {
		return
	}
	if at := turnAt(f); at.After(now) {
		s.Pause = earlier(s.Pause, at)
	}
}
