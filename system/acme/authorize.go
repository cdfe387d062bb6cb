package acme

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/go-acme/lego/v4/acme"

	"github.com/c93d5bcb/sslwizard/steps"
)

// parallel is how many names are proved at once.
const parallel = 8

// perName bounds how many authorizations an order may have for each of its names. CAs have one; an order with thousands
// would keep us, and the lock, for hours.
const perName = 2

var errTooMany = errors.New("it wants more proofs than there are names")

// authorize proves every name of the order, all at once. All are seen through even when one fails, so that the user
// learns of every name that has to be repaired.
func (s *session) authorize(o *acme.ExtendedOrder, present Presenter) error {
	if o.Status != acme.StatusPending {
		return nil
	}
	if len(o.Authorizations) > perName*len(s.Domains) {
		return s.fail("prove the names", errTooMany)
	}
	deadline := time.Now().Add(s.pace.Validate)
	failed := make([]error, len(o.Authorizations))
	slots := make(chan struct{}, parallel)
	var wait sync.WaitGroup
	for i, url := range o.Authorizations {
		wait.Go(func() {
			slots <- struct{}{}
			defer func() { <-slots }()
			failed[i] = s.prove(url, present, deadline)
		})
	}
	wait.Wait()
	return joinRefusals(failed)
}

// prove answers one authorization and waits for the CA's verdict.
func (s *session) prove(url string, present Presenter, deadline time.Time) error {
	authz, err := s.getAuthorization(url)
	if err != nil {
		return err
	}
	if authz.Status == acme.StatusValid {
		s.progress("%s is already proved", short(authz.Identifier.Value))
		return nil
	}
	challenge, err := s.pick(authz)
	if err != nil {
		return err
	}
	proof, err := s.proof(authz, challenge)
	if err != nil {
		return err
	}
	began := time.Now()
	if err := present.Present(proof); err != nil {
		return notPresented(err)
	}
	put := time.Since(began)
	defer present.CleanUp(proof) //nolint:errcheck // a proof that stays is harmless: it answers for nothing any more
	s.progress("Proving %s", short(authz.Identifier.Value))
	if err := s.answer(challenge.URL, url); err != nil {
		return err
	}
	return s.verdict(url, deadline.Add(put))
}

// notPresented leaves an error for people as it is.
func notPresented(err error) error {
	var failure *steps.Failure
	if errors.As(err, &failure) {
		return err
	}
	return fmt.Errorf("cannot put the challenge's answer in its place: %w", err)
}

// proof answers the challenge. The name goes into a file name: only one that was asked for is taken.
func (s *session) proof(authz acme.Authorization, challenge acme.Challenge) (Proof, error) {
	name := steps.Domain(authz.Identifier.Value)
	wanted := name
	if authz.Wildcard {
		wanted = "*." + name
	}
	if !slices.Contains(s.Domains, wanted) {
		return Proof{}, untrue("A21", "the CA wants a proof for %q, which was not asked for", short(string(wanted)))
	}
	if s.Challenge == steps.DNSPersist01 {
		return Proof{Domain: name}, nil
	}
	body, err := s.core.GetKeyAuthorization(challenge.Token)
	if err != nil {
		return Proof{}, fmt.Errorf("cannot answer the challenge: %w", err)
	}
	return Proof{Domain: name, Token: challenge.Token, Body: body}, nil
}

// pick finds the challenge of the kind that was asked for. A token goes into a file name and a URL: only base64url is
// taken (RFC 8555 section 8.3; CVE-2026-40611 was a client that took more).
func (s *session) pick(authz acme.Authorization) (acme.Challenge, error) {
	way := cmp.Or(s.Challenge, steps.HTTP01)
	for _, c := range authz.Challenges {
		if c.Type != way {
			continue
		}
		if way != steps.DNSPersist01 && !ValidToken(c.Token) {
			return c, untrue("X01", "the CA sent a token that is none: %q", short(c.Token))
		}
		return c, nil
	}
	other := steps.HTTP01
	if way == steps.HTTP01 {
		other = steps.TLSALPN01
	}
	return acme.Challenge{}, &steps.Failure{
		Text: fmt.Sprintf("cannot prove %s by %s: the CA does not offer that", short(authz.Identifier.Value), way), Code: "A25",
		Status: steps.ExitAnswers, Fixes: []string{"set trusted.challenge to " + other},
	}
}

// untrue is for what no CA in its right mind sends.
func untrue(code, format string, args ...any) *steps.Failure {
	return &steps.Failure{
		Text: "cannot answer the challenge: " + fmt.Sprintf(format, args...), Code: code, Status: steps.ExitUnavailable,
		Fixes: []string{"check the address in trusted.directory; the site keeps the certificate that it has"},
	}
}

// ValidToken reports whether a challenge token is base64url of at least 128 bits and at most a file name's length.
func ValidToken(token string) bool {
	for _, r := range token {
		if r != '-' && r != '_' && (r < '0' || r > '9') && (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') {
			return false
		}
	}
	return len(token) >= 22 && len(token) <= 200
}

// answer tells the CA to look. If the reply was lost, the second try may be refused because the CA is looking or has
// looked already: then the challenge is not pending any more, and that is what counts (RFC 8555 section 8.2: it is
// "processing" while its authorization is still "pending").
func (s *session) answer(challenge, authorization string) error {
	_, err := ask(s, "have the CA look", func() (acme.ExtendedChallenge, error) { return s.core.Challenges.New(challenge) })
	var failure *steps.Failure
	if err == nil || !errors.As(err, &failure) {
		return err
	}
	if authz, look := s.getAuthorization(authorization); look == nil && begun(authz, challenge) {
		return nil
	}
	return err
}

// begun reports whether the CA was told already to look at the challenge.
func begun(authz acme.Authorization, challenge string) bool {
	if authz.Status != acme.StatusPending {
		return true
	}
	return slices.ContainsFunc(authz.Challenges, func(c acme.Challenge) bool {
		return c.URL == challenge && c.Status != acme.StatusPending
	})
}

func (s *session) verdict(url string, deadline time.Time) error {
	var authz acme.Authorization
	err := s.poll(url, time.Until(deadline), func() (bool, error) {
		var err error
		authz, err = s.getAuthorization(url)
		return authz.Status != acme.StatusPending, err
	})
	switch {
	case errors.Is(err, errTimeUp):
		return s.undecided(authz)
	case err != nil:
		return err
	case authz.Status == acme.StatusValid:
		s.progress("%s is proved", short(authz.Identifier.Value))
		return nil
	}
	return refused(authz)
}

func (s *session) getAuthorization(url string) (acme.Authorization, error) {
	return ask(s, "look at the authorization", func() (acme.Authorization, error) { return s.core.Authorizations.Get(url) })
}

func (s *session) undecided(authz acme.Authorization) error {
	return &steps.Failure{
		Text: fmt.Sprintf("cannot prove %s yet: %s has not finished looking", short(authz.Identifier.Value), hostOf(s.Directory)),
		Code: "A19", Status: steps.ExitTryLater,
		Fixes: []string{"run the same command again in a few minutes: it goes on with this order and makes no new one"},
	}
}
