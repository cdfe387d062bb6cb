package renew

import (
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

// Save implements acme.Accounts. The key is written once and never again.
func (a accounts) Save(directory string, account acme.Account) error {
	dir := accountDir(directory)
	if err := ensureDirs(a.host, 0o700, steps.ACMEDir, path.Dir(dir), dir); err != nil {
		return err
	}
	keyFile := path.Join(dir, "key.pem")
	if _, err := a.host.ReadFile(keyFile); errors.Is(err, fs.ErrNotExist) {
		text, err := cert.MarshalKey(account.Key)
		if err != nil {
			return err
		}
		if err := a.host.WriteFile(keyFile, host.File{Data: text, Mode: 0o600}); err != nil {
			return err
		}
	}
	if account.URL == "" {
		return nil
	}
	return writeJSON(a.host, path.Join(dir, "account.json"), accountMeta{directory, account.URL, account.Email})
}
