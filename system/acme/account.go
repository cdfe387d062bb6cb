package acme

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"strings"

	"github.com/go-acme/lego/v4/acme"

	"github.com/c93d5bcb/sslwizard/steps"
)

// signIn has an account at the directory: the stored one, or a new one whose key is stored before the CA hears of it,
// so that a crash in between costs nothing (the CA gives the same account for the same key).
func (s *session) signIn() error {
	account, err := s.client.Accounts.Load(s.Directory)
	if errors.Is(err, fs.ErrNotExist) {
		account, err = s.newAccount()
	}
	if err != nil {
		return err
	}
	if account.Next != nil {
		if account, err = s.rollOver(account); err != nil && account.Next != nil {
			return err
		}
	}
	if err := s.connect(account); err != nil {
		return err
	}
	if account.URL == "" {
		return s.register()
	}
	if s.Email != "" && account.Email != s.Email { // a site that names none has no say: the account is all sites'
		return s.updateContact()
	}
	return nil
}

func (s *session) newAccount() (Account, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return Account{}, fmt.Errorf("cannot make an account key: %w", err)
	}
	a := Account{Key: key}
	if err := s.client.Accounts.Save(s.Directory, a); err != nil {
		return Account{}, fmt.Errorf("cannot store the account key: %w", err)
	}
	return a, nil
}

// register makes the account known to the CA, or finds it there by its key (RFC 8555 section 7.3.1).
func (s *session) register() error {
	if err := s.mayRegister(); err != nil {
		return err
	}
	if err := s.client.Accounts.Registering(s.Directory); err != nil {
		return err
	}
	s.progress("Registering an account at %s", hostOf(s.Directory))
	request := acme.Account{TermsOfServiceAgreed: true, Contact: contact(s.Email)}
	create := func() (acme.ExtendedAccount, error) { return s.core.Accounts.New(request) }
	if s.Binding != nil {
		bound, err := s.Binding()
		if err != nil {
			return err
		}
		create = func() (acme.ExtendedAccount, error) { return s.core.Accounts.NewEAB(request, bound.KeyID, bound.HMAC) }
	}
	made, err := ask(s, "register an account", create)
	if err != nil {
		return err
	}
	s.account.URL, s.account.Email = made.Location, s.Email
	if err := s.client.Accounts.Save(s.Directory, s.account); err != nil {
		return fmt.Errorf("cannot store the account: %w", err)
	}
	return nil
}

// mayRegister stops for what only the user can give.
func (s *session) mayRegister() error {
	meta := s.core.GetDirectory().Meta
	if meta.ExternalAccountRequired && s.Binding == nil {
		return &steps.Failure{
			Text: "cannot register at " + hostOf(s.Directory) + ": this CA wants an account that was made on its website first", Code: "A18", Status: steps.ExitAnswers,
			Fixes: []string{steps.BindingAt(s.Directory), "say it in trusted.eab.keyID and trusted.eab.keyFile", "or set trusted.directory to letsencrypt, which needs no such account"},
		}
	}
	if !s.Terms {
		return &steps.Failure{
			Text:   "cannot register at " + hostOf(s.Directory) + ": nobody agreed to its terms (" + short(meta.TermsOfService) + ")",
			Code:   "A18",
			Status: steps.ExitAnswers, Fixes: []string{"read them, and set trusted.acceptTerms to true"},
		}
	}
	return nil
}

// signInAgain is for an account that the CA does not know (any more): first the same key is registered again.
func (s *session) signInAgain() error {
	s.progress("The CA does not know our account; registering it again")
	s.account.URL = ""
	if err := s.connect(s.account); err != nil {
		return err
	}
	return s.register()
}

func (s *session) updateContact() error {
	_, err := ask(s, "change the account's e-mail address", func() (acme.Account, error) {
		return s.core.Accounts.Update(s.account.URL, acme.Account{Contact: contact(s.Email)})
	})
	if isUnknownAccount(err) {
		return s.signInAgain()
	}
	if err != nil {
		// An address that the CA does not take is no reason to let a certificate run out.
		s.progress("The account keeps its e-mail address: %v", err)
		return nil
	}
	s.account.Email = s.Email
	if err := s.client.Accounts.Save(s.Directory, s.account); err != nil {
		return fmt.Errorf("cannot store the account: %w", err)
	}
	return nil
}

func contact(email string) []string {
	if email == "" {
		return nil
	}
	return []string{"mailto:" + email}
}

// emailOf is the first address of an account's contacts.
func emailOf(contact []string) string {
	for _, c := range contact {
		if email, ok := strings.CutPrefix(c, "mailto:"); ok {
			return steps.CleanLine(email)
		}
	}
	return ""
}

func isUnknownAccount(err error) bool {
	return isProblem(err, "accountDoesNotExist")
}
