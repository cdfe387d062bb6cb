package acme

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/go-acme/lego/v4/acme"

	"github.com/c93d5bcb/sslwizard/steps"
)

// Limited says that a limit of the CA was met, and until when.
type Limited struct {
	*steps.Failure
	Until time.Time // zero when it has to be lifted by hand
	Whole bool      // it holds for the whole account, or for this server's address, whatever the names
	Own   bool      // it is our own count that says no: the CA was not asked
}

// Unwrap returns the failure.
func (l *Limited) Unwrap() error { return l.Failure }

// Later says that a CA cannot answer now.
type Later struct {
	*steps.Failure
	Until time.Time // when it wants to be asked again; zero when it did not say
}

// Unwrap returns the failure.
func (l *Later) Unwrap() error { return l.Failure }

// Again is when the CA that failed so wants to be asked again; zero when it did not say.
func Again(err error) time.Time {
	var limited *Limited
	var later *Later
	switch {
	case errors.As(err, &limited):
		return limited.Until
	case errors.As(err, &later):
		return later.Until
	}
	return time.Time{}
}

// Answered reports whether the CA, or somebody in its place, gave an answer that was this error.
func Answered(err error) bool {
	var way *wayError
	return !errors.As(err, &way)
}

// Refused says that the CA could not verify names.
type Refused struct {
	*steps.Failure
	Domains []steps.Domain
}

// Unwrap returns the failure.
func (r *Refused) Unwrap() error { return r.Failure }

// caError is a problem document in the CA's own words, cleaned; lego's text has addresses and type names in it that
// help nobody.
type caError struct{ problem *acme.ProblemDetails }

func (e *caError) Error() string {
	const most = 10 // of what may be thousands
	text := "the CA says: " + short(e.problem.Detail)
	for _, sub := range e.problem.SubProblems[:min(most, len(e.problem.SubProblems))] {
		text += "; " + short(sub.Identifier.Value+": "+sub.Detail)
	}
	if more := len(e.problem.SubProblems) - most; more > 0 {
		text += fmt.Sprintf("; and %d more", more)
	}
	return text
}

func (e *caError) Unwrap() error { return e.problem }

const problemPrefix = "urn:ietf:params:acme:error:"

func isProblem(err error, kind string) bool {
	var p *acme.ProblemDetails
	return errors.As(err, &p) && p.Type == problemPrefix+kind
}

func isNotFound(err error) bool {
	var p *acme.ProblemDetails
	var s *serverError
	return errors.As(err, &p) && p.HTTPStatus == 404 || errors.As(err, &s) && s.Status == 404
}

// isTLS reports a certificate of the CA's own server that is not trusted: asking again does not help.
func isTLS(err error) bool {
	var unknown x509.UnknownAuthorityError
	var name x509.HostnameError
	var invalid x509.CertificateInvalidError
	var verify *tls.CertificateVerificationError
	return errors.As(err, &unknown) || errors.As(err, &name) || errors.As(err, &invalid) || errors.As(err, &verify)
}

// mayBeDone reports a request that the CA may have done although its reply did not come, or says 5xx.
func mayBeDone(err error) bool {
	var way *wayError
	var dial *net.OpError
	var server *serverError
	if errors.As(err, &server) {
		return server.Status >= http.StatusInternalServerError
	}
	return errors.As(err, &way) && !(errors.As(err, &dial) && dial.Op == "dial") && !isTLS(err)
}

// fail makes an error for people out of what stopped a request.
func (s *session) fail(what string, err error) error {
	var already *steps.Failure
	var problem *acme.ProblemDetails
	var server *serverError
	var nonce *nonceError
	switch {
	case errors.As(err, &already):
		return err
	case errors.As(err, &nonce):
		return s.failProblem(what, err, &acme.ProblemDetails{Type: acme.BadNonceErr, Detail: nonce.Detail})
	case errors.As(err, &problem):
		return s.failProblem(what, err, problem)
	case errors.As(err, &server) && server.Status == http.StatusTooManyRequests:
		return s.limitedAtFront(what, server)
	}
	return s.failWay(what, err)
}

// failWay is for a CA that gave no ACME answer.
func (s *session) failWay(what string, err error) error {
	f := &steps.Failure{
		Text: "cannot " + what + ": " + hostOf(s.Directory) + " is not available", Code: "A16", Err: plainError{err},
		Status: steps.ExitUnavailable,
		Fixes:  []string{"run the same command again later; until then the site keeps the certificate that it has"},
	}
	var server *serverError
	var name *net.DNSError
	switch {
	case strings.Contains(err.Error(), "identifiers have been modified"):
		f.Text, f.Code, f.Err = "cannot "+what+": "+hostOf(s.Directory)+" changed the names that were asked for", "A21", nil
		f.Fixes = []string{"check the names in certs.domains; the site keeps the certificate that it has"}
	case errors.As(err, &server) && server.Status < 500, !typed(err):
		f.Err = unread(err)
		f.Text = "cannot " + what + ": " + hostOf(s.Directory) + " does not answer like an ACME server"
		f.Fixes = []string{"check the address in trusted.directory: " + steps.CleanLine(s.Directory)}
	case errors.As(err, &server):
		if wait := retryAfter(server.RetryAfter, s.client.now()); wait > 0 {
			until := s.client.now().Add(wait)
			f.Status = steps.ExitTryLater
			f.Fixes = []string{"run the same command again after " + clock(until) + "; until then the site keeps the certificate that it has"}
			return &Later{Failure: f, Until: until}
		}
		return &Later{Failure: f}
	case isTLS(err):
		f.Text = "cannot " + what + ": the TLS certificate of " + hostOf(s.Directory) + " is not trusted"
		f.Fixes = []string{"for a CA of your own, let trusted.caRoots name its root certificate", "for a public CA: sudo apt-get install --reinstall ca-certificates, and check the clock"}
	case errors.As(err, &name):
		f.Fixes = append([]string{"getent hosts " + steps.CleanLine(name.Name) + "    shows whether this server can look up names"}, f.Fixes...)
		return &Later{Failure: f}
	default:
		return &Later{Failure: f}
	}
	return f
}

// unread is why a reply was no ACME answer. Of what cannot be parsed lego quotes the whole.
func unread(err error) error {
	if strings.Contains(err.Error(), "unmarshal") {
		return errors.New("its reply cannot be read")
	}
	return plainError{err}
}

// failProblem is for an ACME error (RFC 8555 section 6.7) outside of a challenge.
func (s *session) failProblem(what string, err error, p *acme.ProblemDetails) error {
	said := steps.OfRequest(strings.TrimPrefix(p.Type, problemPrefix), p.Detail)
	f := &steps.Failure{Text: "cannot " + what + ": " + said.Says, Code: said.Code, Status: said.Status, Err: &caError{p}, Fixes: said.Fix}
	switch {
	case p.Type == acme.RateLimitedErr:
		return s.limited(f, err, p)
	case f.Code == "A16" && said.Again == steps.AgainLater:
		return &Later{Failure: f}
	}
	return f
}

// untold is how long we ask nothing more of a CA that met us with a limit and did not say until when.
const untold = time.Hour

// limited adds when it is possible again. A name that Let's Encrypt paused (A15) has a link in the text instead.
func (s *session) limited(f *steps.Failure, err error, p *acme.ProblemDetails) error {
	now := s.client.now()
	l := &Limited{Failure: f, Whole: s.ofWhole(p)}
	var header *acme.RateLimitedError
	if errors.As(err, &header) {
		l.heed(header.RetryAfter, now)
	}
	if l.Until.IsZero() {
		l.Until = earlier(steps.RetryAfter(p.Detail, now), now.Add(longestWait))
	}
	if link := steps.UnpauseLink(p.Detail); link != "" {
		f.Fixes = []string{"the CA paused this name after many failures; open this link and unpause it: " + link}
		return l
	}
	l.sayWhen(now)
	return l
}

// limitedAtFront is a limit that something in front of the CA met us with, which does not speak ACME.
func (s *session) limitedAtFront(what string, server *serverError) error {
	now := s.client.now()
	l := &Limited{Whole: true, Failure: &steps.Failure{
		Text: "cannot " + what + ": " + hostOf(s.Directory) + " was asked too much", Code: "A14", Status: steps.ExitTryLater, Err: plainError{server},
	}}
	l.heed(server.RetryAfter, now)
	l.sayWhen(now)
	return l
}

func (l *Limited) heed(header string, now time.Time) {
	if wait := retryAfter(header, now); wait > 0 {
		l.Until = now.Add(wait)
	}
}

// sayWhen puts the time first in what is to be done; where the CA named none it is our own caution's.
func (l *Limited) sayWhen(now time.Time) {
	const keeps = ". The site keeps the certificate that it has"
	when := "a limit of the CA was met; it is possible again at "
	if l.Until.IsZero() {
		l.Until = now.Add(untold)
		when = "a limit of the CA was met, and it did not say until when; run the same command again after "
	}
	l.Fixes = appendNew([]string{when + clock(l.Until) + keeps}, l.Fixes)
}

// earlier keeps the zero time, which is none.
func earlier(a, b time.Time) time.Time {
	if a.After(b) {
		return b
	}
	return a
}

// ofWhole reports a limit of the account or of this server's address, whatever the names.
func (s *session) ofWhole(p *acme.ProblemDetails) bool {
	said := strings.ToLower(p.Detail)
	return s.core == nil || p.URL == s.core.GetDirectory().NewAccountURL || strings.Contains(said, "from this ") || strings.Contains(said, "service busy")
}

// plainError shortens the text of Go's network errors and cleans it; its chain stays.
type plainError struct{ err error }

func (e plainError) Error() string { return reason(e.err) }
func (e plainError) Unwrap() error { return e.err }

// reason is a few words for a failed request.
func reason(err error) string {
	var wrapped *url.Error
	if errors.As(err, &wrapped) {
		err = wrapped.Err
	}
	var timeout net.Error
	if errors.As(err, &timeout) && timeout.Timeout() {
		return "no answer in time"
	}
	return short(err.Error())
}

// hostOf is how a directory is called in a sentence.
func hostOf(directory string) string {
	u, err := url.Parse(directory)
	if err != nil || u.Host == "" {
		return "the CA"
	}
	if strings.HasSuffix(u.Hostname(), ".api.letsencrypt.org") {
		if strings.Contains(u.Hostname(), "staging") {
			return "Let's Encrypt's staging"
		}
		return "Let's Encrypt"
	}
	return steps.CleanLine(u.Hostname())
}

func names(domains []steps.Domain) string {
	if len(domains) <= 3 {
		return strings.Join(steps.DomainTexts(domains), ", ")
	}
	return fmt.Sprintf("%s and %d more names", domains[0], len(domains)-1)
}

func clock(t time.Time) string { return t.UTC().Format("2006-01-02 15:04 UTC") }
