package acme

import (
	"context"
	"crypto"
	"encoding/base64"
	"errors"
	"io/fs"

	"github.com/go-acme/lego/v4/acme"

	"github.com/c93d5bcb/sslwizard/steps"
)

// Revocation is a certificate that is to be withdrawn.
type Revocation struct {
	Leaf   []byte        // DER
	Key    crypto.Signer // of the certificate; nil: it is not there any more
	Reason steps.RevocationReason
}

// Revoke withdraws a certificate (RFC 8555 section 7.6): in the name of the account that it was given to or, where the CA
// does not know that any more, with the certificate's own key. A key that is in other hands signs itself: that proves it
// to the CA, which then takes the key for no certificate again. What is revoked already is well.
func (c *Client) Revoke(ctx context.Context, r Request, v Revocation) error {
	s, err := c.knock(ctx, r)
	if err != nil {
		return err
	}
	defer s.close()
	if v.Reason != steps.KeyCompromise || v.Key == nil {
		done, err := s.revokeAsAccount(v)
		if done || err != nil {
			return err
		}
		s.progress("The account is not known any more: the certificate's own key asks")
	}
	if v.Key == nil {
		return &steps.Failure{Text: "cannot revoke the certificate: neither its account nor its key is there any more", Code: "A17",
			Fixes: []string{"ask the CA: " + hostOf(s.Directory)}}
	}
	if err := s.connect(Account{Key: v.Key}); err != nil {
		return err
	}
	return s.revoke(v)
}

// revokeAsAccount reports false when there is no account that may ask for it.
func (s *session) revokeAsAccount(v Revocation) (bool, error) {
	account, err := s.client.Accounts.Load(s.Directory)
	if errors.Is(err, fs.ErrNotExist) || err == nil && account.URL == "" {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	if account.Next != nil {
		if account, err = s.rollOver(account); err != nil {
			return false, err
		}
	}
	if err := s.connect(account); err != nil {
		return false, err
	}
	err = s.revoke(v)
	if isUnknownAccount(err) || isProblem(err, "unauthorized") {
		return false, nil
	}
	return err == nil, err
}

func (s *session) revoke(v Revocation) error {
	s.progress("Revoking the certificate at %s", hostOf(s.Directory))
	reason := v.Reason.Code()
	message := acme.RevokeCertMessage{Certificate: base64.RawURLEncoding.EncodeToString(v.Leaf), Reason: &reason}
	_, err := ask(s, "revoke the certificate", func() (struct{}, error) { return struct{}{}, s.core.Certificates.Revoke(message) })
	if isProblem(err, "alreadyRevoked") {
		s.progress("It was revoked before")
		return nil
	}
	return err
}
