package renew

import (
	"crypto"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"path"
	"strings"

	"github.com/c93d5bcb/sslwizard/steps"
	"github.com/c93d5bcb/sslwizard/system/acme"
	"github.com/c93d5bcb/sslwizard/system/cert"
	"github.com/c93d5bcb/sslwizard/system/host"
)

// accounts keeps one ACME account for each directory: ACMEDir/accounts/HOST-HASH/{key.pem,account.json}.
type accounts struct {
	host host.Host
	book ledger
}

var _ acme.Accounts = accounts{}

type accountMeta struct {
	Directory string `json:"directory"`
	URL       string `json:"url,omitempty"`
	Email     string `json:"email,omitempty"`
}

// accountDir is readable for people by the host and unique by the hash of the whole address.
func accountDir(directory string) string {
	sum := sha256.Sum256([]byte(directory))
	name := "ca"
	if u, err := url.Parse(directory); err == nil {
		name = strings.Map(func(r rune) rune {
			if r == '.' || r == '-' || r >= '0' && r <= '9' || r >= 'a' && r <= 'z' {
				return r
			}
			return '_'
		}, strings.ToLower(u.Host))
	}
	return path.Join(steps.ACMEDir, "accounts", name+"-"+hex.EncodeToString(sum[:4]))
}

// accountURL is our account at a directory; empty when there is none yet, or it cannot be read.
func accountURL(r host.Reader, directory string) string {
	m := metaIn(r, accountDir(directory))
	if m.Directory != directory {
		return ""
	}
	return m.URL
}

// metaIn is what is known of the account in a folder; zero when it cannot be read.
func metaIn(r host.Reader, dir string) accountMeta {
	text, err := r.ReadFile(path.Join(dir, "account.json"))
	var m accountMeta
	if err != nil || json.Unmarshal(text.Data, &m) != nil {
		return accountMeta{}
	}
	return m
}

// Registering implements acme.Accounts.
func (a accounts) Registering(directory string) error { return a.book.registering(directory) }

// Accounts are the directories at which this host has an account, as far as they can be read.
func Accounts(r host.Reader) []string {
	folder := path.Join(steps.ACMEDir, "accounts")
	dir, err := r.ReadFile(folder)
	if err != nil {
		return nil
	}
	var all []string
	for _, name := range dir.Entries {
		if m := metaIn(r, path.Join(folder, name)); m.URL != "" {
			all = append(all, m.Directory)
		}
	}
	return all
}

// Load implements acme.Accounts. A key without account.json is an account whose registration was cut off.
func (a accounts) Load(directory string) (acme.Account, error) {
	dir := accountDir(directory)
	keyFile := path.Join(dir, "key.pem")
	text, err := a.host.ReadFile(keyFile)
	if err != nil {
		return acme.Account{}, fmt.Errorf("cannot read the account key: %w", err)
	}
	key, err := cert.ParseKey(text.Data)
	if err != nil {
		return acme.Account{}, &steps.Failure{
			Text: "cannot use the account key in " + keyFile, Err: err,
			Fixes: []string{"put it back from a backup, or have a new account made: sudo rm -r " + dir},
		}
	}
	account := acme.Account{Key: key}
	if account.Next, err = nextKey(a.host, dir, key); err != nil {
		return acme.Account{}, err
	}
	meta, err := a.host.ReadFile(path.Join(dir, "account.json"))
	if errors.Is(err, fs.ErrNotExist) {
		return account, nil
	}
	if err != nil {
		return acme.Account{}, fmt.Errorf("cannot read the account: %w", err)
	}
	var m accountMeta
	if json.Unmarshal(meta.Data, &m) == nil && m.Directory == directory {
		account.URL, account.Email = m.URL, m.Email
	}
	return account, nil
}

// nextKey is the key that shall take the place of another; nil: none, or it has done so already.
func nextKey(r host.Reader, dir string, key crypto.Signer) (crypto.Signer, error) {
	file := path.Join(dir, "next.pem")
	text, err := r.ReadFile(file)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("cannot read the next account key: %w", err)
	}
	next, err := cert.ParseKey(text.Data)
	if err != nil {
		return nil, &steps.Failure{Text: "cannot use the next account key in " + file, Err: err,
			Fixes: []string{"put it back from a backup; the CA may have taken it already"}}
	}
	if cert.SameKey(next.Public(), key.Public()) {
		return nil, nil
	}
	return next, nil
}

// Save implements acme.Accounts. A next key is on the disk before anything else, and goes when it is the key itself.
func (a accounts) Save(directory string, account acme.Account) error {
	dir := accountDir(directory)
	if err := ensureDirs(a.host, 0o700, steps.ACMEDir, path.Dir(dir), dir); err != nil {
		return err
	}
	nextFile := path.Join(dir, "next.pem")
	if account.Next != nil {
		if err := a.saveKey(nextFile, account.Next); err != nil {
			return err
		}
	}
	if err := a.saveKey(path.Join(dir, "key.pem"), account.Key); err != nil {
		return err
	}
	if account.Next == nil {
		if err := a.host.Remove(nextFile); err != nil {
			return err
		}
	}
	if account.URL == "" {
		return nil
	}
	return writeJSON(a.host, path.Join(dir, "account.json"), accountMeta{directory, account.URL, account.Email})
}

// saveKey leaves a file alone that has the key already.
func (a accounts) saveKey(file string, key crypto.Signer) error {
	if there, err := a.host.ReadFile(file); err == nil {
		if stored, err := cert.ParseKey(there.Data); err == nil && cert.SameKey(stored.Public(), key.Public()) {
			return nil
		}
	}
	text, err := cert.MarshalKey(key)
	if err != nil {
		return err
	}
	return a.host.WriteFile(file, host.File{Data: text, Mode: 0o600})
}
