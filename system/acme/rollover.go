package acme

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"

	"github.com/go-acme/lego/v4/acme"
	"github.com/go-jose/go-jose/v4"

	"github.com/c93d5bcb/sslwizard/steps"
)

// RollOver gives our account at the directory a new key (RFC 8555 section 7.3.5). The new key is stored before the CA
// hears of it, and the old one is given up when the CA is known to have taken the new: a run that was cut off in between
// is finished by the next one that signs in, whichever of the two keys holds by then.
func (c *Client) RollOver(ctx context.Context, r Request) (Account, error) {
	account, err := c.Accounts.Load(r.Directory)
	if errors.Is(err, fs.ErrNotExist) || err == nil && account.URL == "" {
		return account, &steps.Failure{Text: "cannot change the key of the account at " + hostOf(r.Directory) + ": there is no account yet", Code: "A17", Status: steps.ExitUsage,
			Fixes: []string{"sudo sslwizard account    lists the accounts of this server"}}
	}
	if err != nil {
		return account, err
	}
	if account.Next == nil {
		if account.Next, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader); err != nil {
			return account, fmt.Errorf("cannot make an account key: %w", err)
		}
		if err := c.Accounts.Save(r.Directory, account); err != nil {
			return account, fmt.Errorf("cannot store the new account key: %w", err)
		}
	}
	s, err := c.knock(ctx, r)
	if err != nil {
		return account, err
	}
	defer s.close()
	return s.rollOver(account)
}

// rollOver finishes what was begun: the CA may have taken the new key already.
func (s *session) rollOver(account Account) (Account, error) {
	known, err := s.knows(account.Next, account.URL)
	if err != nil {
		return account, err
	}
	if known {
		return s.rolled(account)
	}
	s.progress("Changing the key of the account at %s", hostOf(s.Directory))
	err = s.changeKey(account)
	if err == nil {
		return s.rolled(account)
	}
	// The reply may have been lost, and a repeated request is refused for being signed with the old key.
	var problem *acme.ProblemDetails
	refused := errors.As(err, &problem)
	known, asked := s.knows(account.Next, account.URL)
	switch {
	case asked == nil && known:
		return s.rolled(account)
	case asked == nil && refused:
		account.Next = nil
		if serr := s.client.Accounts.Save(s.Directory, account); serr != nil {
			return account, errors.Join(err, fmt.Errorf("cannot store the account: %w", serr))
		}
	}
	return account, err
}

// rolled has the new key be the only one.
func (s *session) rolled(account Account) (Account, error) {
	account.Key, account.Next = account.Next, nil
	if err := s.client.Accounts.Save(s.Directory, account); err != nil {
		return account, fmt.Errorf("cannot store the account: %w", err)
	}
	s.progress("The account at %s has its new key", hostOf(s.Directory))
	return account, nil
}

// knows reports whether the CA has this account under this key.
func (s *session) knows(key crypto.Signer, url string) (bool, error) {
	found, err := s.find(key)
	if isUnknownAccount(err) {
		return false, nil
	}
	if err == nil && found.URL != url {
		return false, &steps.Failure{Text: "cannot use the new account key: it belongs to another account", Code: "A17", Fixes: []string{"sudo sslwizard account"}}
	}
	return err == nil, err
}

// find asks for the account of a key without making one (RFC 8555 section 7.3.1).
func (s *session) find(key crypto.Signer) (Account, error) {
	if err := s.connect(Account{Key: key}); err != nil {
		return Account{}, err
	}
	found, err := ask(s, "find the account", func() (acme.ExtendedAccount, error) {
		return s.core.Accounts.New(acme.Account{OnlyReturnExisting: true})
	})
	return Account{Key: key, URL: found.Location, Email: emailOf(found.Contact)}, err
}

// changeKey asks with the old key, and proves with the new one that it is ours.
func (s *session) changeKey(account Account) error {
	if err := s.connect(account); err != nil {
		return err
	}
	url := s.core.GetDirectory().KeyChangeURL
	if url == "" {
		return &steps.Failure{Text: "cannot change the key of the account: " + hostOf(s.Directory) + " does not offer that", Code: "A17", Status: steps.ExitUnavailable,
			Fixes: []string{"the key that is there stays in use"}, Err: &acme.ProblemDetails{Detail: "there is no keyChange in its directory"}}
	}
	old, err := jose.JSONWebKey{Key: account.Key.Public()}.MarshalJSON()
	if err != nil {
		return err
	}
	claim, err := json.Marshal(map[string]any{"account": account.URL, "oldKey": json.RawMessage(old)})
	if err != nil {
		return err
	}
	proof, err := sign(account.Next, "", url, "", claim)
	if err != nil {
		return err
	}
	_, err = ask(s, "change the key of the account", func() (struct{}, error) { return struct{}{}, s.post(url, []byte(proof)) })
	return err
}

// Find asks the CA for the account of a key, for one that moves in from another client.
func (c *Client) Find(ctx context.Context, r Request, key crypto.Signer) (Account, error) {
	if _, err := algorithm(key); err != nil {
		return Account{}, &steps.Failure{Text: "cannot use this account key", Err: err, Status: steps.ExitUsage, Fixes: []string{"let sslwizard make an account of its own: it does at the first order"}}
	}
	s, err := c.knock(ctx, r)
	if err != nil {
		return Account{}, err
	}
	defer s.close()
	found, err := s.find(key)
	if isUnknownAccount(err) {
		return Account{}, &steps.Failure{Text: "cannot move the account in: " + hostOf(r.Directory) + " knows none with this key", Code: "A17", Status: steps.ExitUsage,
			Fixes: []string{"name the CA that the account is at: --directory", "check that the file is the account's key, and not a certificate's"}}
	}
	return found, err
}
