package cert

import (
	"crypto"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"time"

	"github.com/c93d5bcb/sslwizard/steps"
	"github.com/c93d5bcb/sslwizard/system/host"
)

// CAFile and CAKeyFile are the two files of the local CA.
var (
	CAFile    = path.Join(steps.CADir, "ca.pem")
	CAKeyFile = path.Join(steps.CADir, "ca.key")
)

// LoadAuthority reads the local CA of this server. It fails with fs.ErrNotExist when there is none.
func LoadAuthority(r host.Reader) (*Authority, error) {
	certificate, err := r.ReadFile(CAFile)
	if err != nil {
		return nil, fmt.Errorf("cannot read the local CA: %w", err)
	}
	key, err := r.ReadFile(CAKeyFile)
	if err != nil {
		return nil, fmt.Errorf("cannot read the key of the local CA: %w", err)
	}
	a, err := ParseAuthority(certificate.Data, key.Data)
	if err != nil {
		return nil, fmt.Errorf("cannot use the local CA in %s: %w", steps.CADir, err)
	}
	return a, nil
}

// EnsureAuthority returns the local CA, made or extended so that it may sign for these domains. Its key stays the same
// for as long as it can be read; it is stored before the certificate that names it.
func EnsureAuthority(h host.Host, domains []steps.Domain, now time.Time) (*Authority, error) {
	present, err := LoadAuthority(h)
	if err == nil && present.Permits(domains) && present.Lasts(now) {
		return present, nil
	}
	permitted := domains
	if err == nil {
		permitted = set(append(present.Permitted(), domains...))
	}
	key, err := ensureCAKey(h)
	if err != nil {
		return nil, err
	}
	made, err := NewAuthority(key, host.Name(h), permitted, now)
	if err != nil {
		return nil, err
	}
	if err := h.WriteFile(CAFile, host.File{Data: made.PEM(), Mode: 0o644}); err != nil {
		return nil, fmt.Errorf("cannot store the local CA: %w", err)
	}
	return made, nil
}

func ensureCAKey(h host.Host) (crypto.Signer, error) {
	stored, err := h.ReadFile(CAKeyFile)
	if err == nil {
		key, err := ParseKey(stored.Data)
		if err != nil {
			return nil, &steps.Failure{
				Text:  "cannot read the key of the local CA in " + CAKeyFile,
				Err:   err,
				Fixes: []string{"put it back from a backup, or have a new local CA made: sudo rm " + CAKeyFile + " " + CAFile},
			}
		}
		return key, nil
	}
	if !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("cannot read the key of the local CA: %w", err)
	}
	return makeCAKey(h)
}

func makeCAKey(h host.Host) (crypto.Signer, error) {
	key, err := GenerateKey(steps.ECDSAP256)
	if err != nil {
		return nil, err
	}
	text, err := MarshalKey(key)
	if err != nil {
		return nil, err
	}
	if err := ensureDir(h, steps.StateDir, host.File{Mode: fs.ModeDir | 0o711}); err != nil {
		return nil, err
	}
	if err := ensureDir(h, steps.CADir, host.File{Mode: fs.ModeDir | 0o700}); err != nil {
		return nil, err
	}
	if err := h.WriteFile(CAKeyFile, host.File{Data: text, Mode: 0o600}); err != nil {
		return nil, fmt.Errorf("cannot store the key of the local CA: %w", err)
	}
	return key, nil
}
