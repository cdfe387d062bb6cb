package acme

import (
	"bytes"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"time"

	"github.com/go-acme/lego/v4/acme"
	"github.com/go-acme/lego/v4/acme/api"

	"github.com/c93d5bcb/sslwizard/steps"
)

// order returns the order to work on: the unfinished one when the CA still has it, or a new one.
func (s *session) order() (*acme.ExtendedOrder, error) {
	if s.Order != "" {
		o, err := s.resume()
		if o != nil || err != nil {
			return o, err
		}
	}
	o, err := s.newOrder(s.Replaces)
	if isUnknownAccount(err) {
		if err := s.signInAgain(); err != nil {
			return nil, err
		}
		o, err = s.newOrder(s.Replaces)
	}
	if s.Replaces != "" && mayComeOfReplacing(err) {
		o, err = s.newOrder("")
	}
	if err != nil {
		return nil, err
	}
	if err := s.orders.Save(o.Location); err != nil {
		return nil, fmt.Errorf("cannot store the order: %w", err)
	}
	return o, nil
}

// resume looks at the order of an earlier run. An order that is gone, over or for other names is no error: a new one
// takes its place. An authorization is not repeated, since the CA remembers it.
func (s *session) resume() (*acme.ExtendedOrder, error) {
	o, err := s.getOrder(s.Order)
	switch {
	case isUnknownAccount(err), isProblem(err, "malformed"), isProblem(err, "unauthorized"), isNotFound(err):
		return nil, nil
	case err != nil:
		return nil, err
	case o.Status == acme.StatusInvalid:
		return nil, s.void(o)
	case o.Status == acme.StatusExpired, !sameNames(o.Identifiers, s.Domains):
		return nil, nil
	}
	s.progress("Going on with the order of an earlier run (%s)", o.Status)
	return o, nil
}

func sameNames(got []acme.Identifier, want []steps.Domain) bool {
	a, b := make([]string, len(got)), steps.DomainTexts(want)
	for i, id := range got {
		a[i] = id.Value
	}
	slices.Sort(a)
	slices.Sort(b)
	return slices.Equal(slices.Compact(a), slices.Compact(b))
}

// mayComeOfReplacing reports whether an order may be taken that does not say what it replaces. A CA that does not know that
// certificate any more refuses the whole order (malformed, or an error of its own); the renewal is worth more than its
// exemption from limits. lego itself does so where it was replaced already.
func mayComeOfReplacing(err error) bool {
	var problem *acme.ProblemDetails
	var server *serverError
	switch {
	case isProblem(err, "rateLimited"), isProblem(err, "userActionRequired"), isProblem(err, "accountDoesNotExist"):
		return false
	case errors.As(err, &problem):
		return true
	}
	return errors.As(err, &server) && server.RetryAfter == "" && server.Status != http.StatusServiceUnavailable
}

func (s *session) newOrder(replaces string) (*acme.ExtendedOrder, error) {
	profile, err := s.profile()
	if err != nil {
		return nil, err
	}
	s.progress("Ordering a certificate for %s from %s", names(s.Domains), hostOf(s.Directory))
	o, err := askEach(s, "order a certificate", s.ordering(), func() (acme.ExtendedOrder, error) {
		return s.core.Orders.NewWithOptions(steps.DomainTexts(s.Domains), &api.OrderOptions{Profile: profile, ReplacesCertID: replaces})
	})
	if err != nil {
		return nil, err
	}
	return &o, nil
}

// ordering counts each try that may make an order. When two replies were lost there is no third try: the orders behind
// them are nobody's, and the CA counts them.
func (s *session) ordering() func(last error) error {
	lost := 0
	return func(last error) error {
		switch {
		case last == nil:
		case !mayBeDone(last):
			return nil
		case lost > 0:
			return last
		default:
			lost++
		}
		return s.orders.Ordering()
	}
}

func (s *session) getOrder(url string) (*acme.ExtendedOrder, error) {
	o, err := ask(s, "look at the order", func() (acme.ExtendedOrder, error) { return s.core.Orders.Get(url) })
	if err != nil {
		return nil, err
	}
	o.Location = url
	return &o, nil
}

// finalize hands in the signing request and waits for the certificate. When the reply is lost or the CA says that the
// order is not ready (any more), the order itself is asked: it may be made already (A19).
//
// The certificate is counted before it is asked for, so that a reply that is lost, or a kill, leaves it counted.
func (s *session) finalize(o *acme.ExtendedOrder) error {
	deadline := time.Now().Add(s.pace.Issue)
	if err := s.settle(o, deadline, acme.StatusPending, acme.StatusProcessing); err != nil {
		return err
	}
	if err := s.orders.Finalizing(o.Location); err != nil {
		return fmt.Errorf("cannot write down that the certificate is asked for: %w", err)
	}
	if o.Status == acme.StatusReady {
		if err := s.handIn(o); err != nil {
			return err
		}
	}
	return s.settle(o, deadline, acme.StatusProcessing, acme.StatusReady)
}

func (s *session) handIn(o *acme.ExtendedOrder) error {
	s.progress("Asking for the certificate")
	got, err := ask(s, "hand in the signing request", func() (acme.ExtendedOrder, error) {
		return s.core.Orders.UpdateForCSR(o.Finalize, s.CSR)
	})
	switch {
	case err == nil:
		got.Location = o.Location
		*o = got
	case isProblem(err, "orderNotReady"):
		o.Status = acme.StatusProcessing
	default:
		return s.notTaken(o, err)
	}
	return nil
}

// notTaken is for a signing request that was refused, or whose reply did not come. The order says whether it was taken all
// the same. If it was refused no certificate will come of it; otherwise nobody knows, and it stays counted.
func (s *session) notTaken(o *acme.ExtendedOrder, refusal error) error {
	now, err := s.getOrder(o.Location)
	switch {
	case err != nil:
		return refusal
	case now.Status == acme.StatusProcessing, now.Status == acme.StatusValid:
		*o = *now
		return nil
	case now.Status != acme.StatusInvalid && mayBeDone(refusal):
		return refusal
	}
	return alsoOf(refusal, s.void(o))
}

func (s *session) void(o *acme.ExtendedOrder) error {
	if err := s.orders.Void(o.Location); err != nil {
		return fmt.Errorf("cannot write down that the order brought no certificate: %w", err)
	}
	return nil
}

// alsoOf adds what went wrong while something else was dealt with.
func alsoOf(err, more error) error {
	if more == nil {
		return err
	}
	return errors.Join(err, more)
}

// settle polls until the order has left these states, and is not invalid.
func (s *session) settle(o *acme.ExtendedOrder, deadline time.Time, leave ...string) error {
	first := true
	err := s.poll(o.Location, time.Until(deadline), func() (bool, error) {
		// What was just received is looked at first; only then is the CA asked again.
		if !first {
			got, err := s.getOrder(o.Location)
			if err != nil {
				return false, err
			}
			*o = *got
		}
		first = false
		return !slices.Contains(leave, o.Status), nil
	})
	if errors.Is(err, errTimeUp) && (o.Status == acme.StatusPending || o.Status == acme.StatusReady) {
		return alsoOf(s.stuck(o), s.void(o)) // it was not taken
	}
	if errors.Is(err, errTimeUp) {
		return s.stuck(o)
	}
	if err != nil {
		return err
	}
	if o.Status == acme.StatusInvalid {
		return alsoOf(s.fail("get the certificate", orderError(o)), s.void(o))
	}
	return nil
}

func orderError(o *acme.ExtendedOrder) error {
	if err := o.Err(); err != nil {
		return err
	}
	return errors.New("the CA gave the order up and did not say why")
}

func (s *session) stuck(o *acme.ExtendedOrder) error {
	return &steps.Failure{
		Text: fmt.Sprintf("cannot get the certificate yet: %s is still making it (the order is %q)", hostOf(s.Directory), short(o.Status)),
		Code: "A19", Status: steps.ExitTryLater,
		Fixes: []string{"run the same command again in a few minutes: it goes on with this order and makes no new one"},
	}
}

// download fetches the chain. A chain that is torn, or whose key is not the request's, is asked for once more.
func (s *session) download(o *acme.ExtendedOrder) ([]byte, error) {
	csr, err := x509.ParseCertificateRequest(s.CSR)
	if err != nil {
		return nil, fmt.Errorf("cannot read the signing request: %w", err)
	}
	s.progress("Downloading the certificate")
	for range 3 {
		var chain []byte
		chain, err = s.getChain(o.Certificate)
		if err != nil && !isNotFound(err) {
			return nil, err
		}
		if err == nil {
			if err = fits(chain, csr); err == nil {
				return chain, nil
			}
		}
		if err := s.sleep(s.pace.Poll * 25); err != nil {
			return nil, err
		}
	}
	return nil, useless(err)
}

var errOtherKey = errors.New("it is for another key")

// useless is for a certificate that cannot be got out of the CA although it was made.
func useless(err error) *steps.Failure {
	f := &steps.Failure{
		Text: "cannot use what the CA sent as the certificate", Code: "A23", Err: err, Status: steps.ExitUnavailable,
		Fixes: []string{"run the same command again: it asks for this certificate again and makes no new order"},
	}
	switch {
	case errors.Is(err, errOtherKey):
		f.Code = "A24"
	case isNotFound(err):
		f.Text, f.Code, f.Err, f.Status = "cannot get the certificate yet: the CA has made it and does not hand it out", "A19", nil, steps.ExitTryLater
	}
	return f
}

func (s *session) getChain(url string) ([]byte, error) {
	return ask(s, "download the certificate", func() ([]byte, error) {
		chain, _, err := s.core.Certificates.Get(url, true)
		return chain, err
	})
}

// fits reports whether the reply is a chain whose leaf has the key that was asked for.
func fits(chain []byte, csr *x509.CertificateRequest) error {
	block, rest := pem.Decode(chain)
	if block == nil {
		return errors.New("it is no certificate in PEM form")
	}
	leaf, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		return fmt.Errorf("the certificate is damaged: %w", err)
	}
	if key, ok := leaf.PublicKey.(interface{ Equal(crypto any) bool }); ok && !key.Equal(csr.PublicKey) {
		return errOtherKey
	}
	for len(bytes.TrimSpace(rest)) > 0 {
		if block, rest = pem.Decode(rest); block == nil {
			return errors.New("the chain is cut off")
		}
	}
	return nil
}
