package renew

import (
	"errors"
	"path"
	"strings"
	"sync"
	"time"

	"github.com/c93d5bcb/sslwizard/steps"
	"github.com/c93d5bcb/sslwizard/system/acme"
	"github.com/c93d5bcb/sslwizard/system/host"
)

// webroot puts proofs where the executors answer challenges from: both before any redirect on port 80, and the native one
// in handshakes too. Everybody may read them: they are what a CA asks of the whole world.
type webroot struct {
	host      host.Host
	dir       string // steps.Webroot when empty
	challenge string // steps.HTTP01 or TLSALPN01
	once      sync.Mutex
}

var _ acme.Presenter = (*webroot)(nil)

func (w *webroot) root() string {
	if w.dir == "" {
		return steps.Webroot
	}
	return w.dir
}

// Present implements acme.Presenter.
func (w *webroot) Present(p acme.Proof) error {
	if err := w.ensure(); err != nil {
		return err
	}
	return w.host.WriteFile(w.file(p), host.File{Data: []byte(p.Body), Mode: 0o644})
}

// CleanUp implements acme.Presenter.
func (w *webroot) CleanUp(p acme.Proof) error { return w.host.Remove(w.file(p)) }

// file is where the proof is looked for: HTTP-01 is asked by its token, TLS-ALPN-01 by the name.
func (w *webroot) file(p acme.Proof) string {
	name := p.Token
	if w.challenge == steps.TLSALPN01 {
		name = string(p.Domain)
	}
	return path.Join(w.root(), w.folder(), name)
}

func (w *webroot) folder() string {
	if w.challenge == steps.TLSALPN01 {
		return steps.ALPNPath
	}
	return steps.ChallengePath
}

// ensure makes the folders with modes that the umask of nobody can spoil.
func (w *webroot) ensure() error {
	w.once.Lock()
	defer w.once.Unlock()
	dirs, dir := []string{w.root()}, w.root()
	for _, part := range strings.Split(strings.Trim(w.folder(), "/"), "/") {
		dir = path.Join(dir, part)
		dirs = append(dirs, dir)
	}
	return ensureDirs(w.host, 0o755, dirs...)
}

// staleProof is how old a proof is that nobody can still ask for.
const staleProof = 24 * time.Hour

// sweepProofs takes away what killed runs left in the webroot. Only what is a proof by its form is touched: who knows what else
// people put there.
func sweepProofs(h host.Host, now time.Time) error {
	var failed error
	for _, folder := range []string{steps.ChallengePath, steps.ALPNPath} {
		dir := path.Join(steps.Webroot, folder)
		all, err := h.ReadFile(dir)
		if err != nil {
			continue // nothing was ever proved in this way
		}
		for _, name := range all.Entries {
			f, err := h.ReadFile(path.Join(dir, name))
			if err != nil || !f.Mode.IsRegular() || now.Sub(f.ModTime) < staleProof || !isProof(folder, name, string(f.Data)) {
				continue
			}
			failed = errors.Join(failed, h.Remove(path.Join(dir, name)))
		}
	}
	return failed
}

// isProof reports whether the file is a key authorization (RFC 8555, 8.1): a token and the thumbprint of an account's key.
func isProof(folder, name, body string) bool {
	const base64url = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
	token, thumbprint, ok := strings.Cut(body, ".")
	const leastToken, sha256 = 22, 43 // 128 bits, 256 bits
	return ok && len(token) >= leastToken && len(thumbprint) == sha256 && strings.Trim(token+thumbprint, base64url) == "" &&
		(folder == steps.ALPNPath || name == token)
}
