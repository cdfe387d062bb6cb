package renew

import (
	"context"
	"crypto"
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"errors"
	"io/fs"
	"net/url"
	"path"
	"slices"

	"github.com/c93d5bcb/sslwizard/steps"
	"github.com/c93d5bcb/sslwizard/system/acme"
	"github.com/c93d5bcb/sslwizard/system/cert"
	"github.com/c93d5bcb/sslwizard/system/host"
	"github.com/c93d5bcb/sslwizard/system/rootonly"
)

// AccountsOf are the ACME accounts of this host, without their keys.
func AccountsOf(r host.Reader) ([]steps.ACMEAccount, error) {
	folder := path.Join(steps.ACMEDir, "accounts")
	dir, err := r.ReadFile(folder)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var all []steps.ACMEAccount
	for _, name := range dir.Entries {
		file := path.Join(folder, name, "key.pem")
		m := metaIn(r, path.Join(folder, name))
		a := steps.ACMEAccount{Directory: steps.CleanLine(m.Directory), URL: steps.CleanLine(m.URL), Email: steps.CleanLine(m.Email), KeyFile: file}
		f, err := r.ReadFile(file)
		if err != nil {
			continue
		}
		a.Since = f.ModTime
		if key, err := cert.ParseKey(f.Data); err == nil {
			a.Key, a.Thumb = fingerprint(key), acme.Thumbprint(key)
			next, err := nextKey(r, path.Join(folder, name), key)
			a.Moving = next != nil || err != nil
		}
		all = append(all, a)
	}
	return all, nil
}

// fingerprint names a public key: SHA-256 of its SubjectPublicKeyInfo.
func fingerprint(key crypto.Signer) string {
	der, err := x509.MarshalPKIXPublicKey(key.Public())
	if err != nil {
		return ""
	}
	sum := sha256.Sum256(der)
	return hex.EncodeToString(sum[:])
}

// acme is the client for our accounts on this host.
func (m *Manager) acme(h host.Host, progress func(string)) *acme.Client {
	return &acme.Client{Accounts: accounts{h, openLedger(h, m.now)}, UserAgent: m.UserAgent, Progress: progress, Now: m.Now, Pace: m.Pace, Dialer: m.Dialer}
}

// RollOver gives our account at a directory a new key.
func (m *Manager) RollOver(ctx context.Context, h host.Host, r steps.AccountRequest, progress func(string)) error {
	roots, err := Roots(h, r.CARoots)
	if err != nil {
		return err
	}
	_, err = m.acme(h, progress).RollOver(ctx, acme.Request{Directory: r.Directory, Roots: roots})
	return err
}

// Import moves an account of another client in, by its private key (PEM, or JWK as certbot keeps it). One that is there is
// replaced only when that was asked for: what was ordered with it cannot be gone on with.
func (m *Manager) Import(ctx context.Context, h host.Host, r steps.AccountRequest, progress func(string)) error {
	cannot := "cannot move the account in: "
	if accountURL(h, r.Directory) != "" && !r.Replace {
		return &steps.Failure{Text: cannot + "this server has one at " + acme.NameOf(r.Directory) + " already", Status: steps.ExitUsage,
			Fixes: []string{"sslwizard account    shows it", "the same with --replace    gives that one up"}}
	}
	key, err := accountKey(h, accountFile(h, r))
	if err != nil {
		return &steps.Failure{Text: cannot + "its key in " + steps.CleanLine(r.KeyFile) + " cannot be used", Err: err, Status: steps.ExitUsage,
			Fixes: []string{"certbot has it in /etc/letsencrypt/accounts/…/private_key.json (or name /etc/letsencrypt, if it has one account there), acme.sh in ~/.acme.sh/ca/…/account.key, lego in accounts/…/keys"}}
	}
	roots, err := Roots(h, r.CARoots)
	if err != nil {
		return err
	}
	client := m.acme(h, progress)
	found, err := client.Find(ctx, acme.Request{Directory: r.Directory, Roots: roots}, key)
	if err != nil {
		return err
	}
	// With the URL of one account and the key of another nothing could be ordered. A key alone is found at the CA again.
	if err := h.Remove(path.Join(accountDir(r.Directory), "account.json")); err != nil {
		return err
	}
	return client.Accounts.Save(r.Directory, found)
}

// accountFile is the key in the folder of another client's: certbot's own ("/etc/letsencrypt"), where the accounts are below the
// CA's address, or that of one account. A file is the key itself.
func accountFile(r host.Reader, a steps.AccountRequest) string {
	folder := func(name string) []string {
		f, err := r.ReadFile(name)
		if err != nil || !f.Mode.IsDir() {
			return nil
		}
		return f.Entries
	}
	there := folder(a.KeyFile)
	if slices.Contains(there, certbotKey) {
		return path.Join(a.KeyFile, certbotKey)
	}
	u, err := url.Parse(a.Directory)
	if err != nil || len(there) == 0 {
		return a.KeyFile
	}
	accounts := path.Join(a.KeyFile, "accounts", u.Host, path.Clean("/"+u.Path))
	if ids := folder(accounts); len(ids) == 1 {
		return path.Join(accounts, ids[0], certbotKey)
	}
	return a.KeyFile
}

// certbotKey is the file of an account's key in certbot's folder of that account.
const certbotKey = "private_key.json"

// accountKey reads a private key; its errors say nothing of the content.
func accountKey(r host.Reader, file string) (crypto.Signer, error) {
	f, err := rootonly.Linked(r, file)
	if err != nil {
		return nil, err
	}
	if key, err := cert.ParseKey(f.Data); err == nil {
		return key, nil
	}
	return acme.ParseJWK(f.Data)
}
