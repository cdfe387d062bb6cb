package renew

import (
	"path"
	"strings"
	"sync"

	"github.com/c93d5bcb/sslwizard/steps"
	"github.com/c93d5bcb/sslwizard/system/acme"
	"github.com/c93d5bcb/sslwizard/system/host"
)

// webroot puts challenge tokens where both executors serve them, before any redirect. Everybody may read them: a token
// is what a CA asks of the whole world.
type webroot struct {
	host host.Host
	dir  string // steps.Webroot when empty
	once sync.Mutex
}

var _ acme.Presenter = (*webroot)(nil)

func (w *webroot) root() string {
	if w.dir == "" {
		return steps.Webroot
	}
	return w.dir
}

// Present implements acme.Presenter.
func (w *webroot) Present(token, body string) error {
	if err := w.ensure(); err != nil {
		return err
	}
	return w.host.WriteFile(w.file(token), host.File{Data: []byte(body), Mode: 0o644})
}

// CleanUp implements acme.Presenter.
func (w *webroot) CleanUp(token string) error { return w.host.Remove(w.file(token)) }

func (w *webroot) file(token string) string { return path.Join(w.root(), steps.ChallengePath, token) }

// ensure makes the folders with modes that the umask of nobody can spoil.
func (w *webroot) ensure() error {
	w.once.Lock()
	defer w.once.Unlock()
	dirs, dir := []string{w.root()}, w.root()
	for _, part := range strings.Split(strings.Trim(steps.ChallengePath, "/"), "/") {
		dir = path.Join(dir, part)
		dirs = append(dirs, dir)
	}
	return ensureDirs(w.host, 0o755, dirs...)
}
