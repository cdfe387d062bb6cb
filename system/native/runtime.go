package native

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"path"
	"strings"
	"time"

	"github.com/c93d5bcb/sslwizard/steps"
	"github.com/c93d5bcb/sslwizard/system/cert"
	"github.com/c93d5bcb/sslwizard/system/host"
)

// reloadTime is how long a reload may take until it is observed.
const reloadTime = 9 * time.Second

// observeEvery is how often a reload is looked at.
const observeEvery = 20 * time.Millisecond

// Runtime is the half of the executor that acts. Make one with NewRuntime.
type Runtime struct {
	control string
	https   []string // where the live service is reached
	within  time.Duration
}

// NewRuntime returns the runtime of this host's service.
func NewRuntime() *Runtime {
	return &Runtime{control: ControlSocket, https: []string{"127.0.0.1:443"}, within: reloadTime}
}

// Name implements apply.Executor.
func (*Runtime) Name() string { return steps.ExecutorNative }

// Test implements apply.Executor. The service checks everything itself before it takes it, and the rehearsal has run
// the same code, so there is nothing more to test.
func (*Runtime) Test(context.Context, host.Host) error { return nil }

// Reload implements apply.Executor. `systemctl reload` is not believed: before systemd 253 it does not wait for a
// service of Type=notify. The service has to say that it serves what is stored now, and a handshake has to show it. One that
// does not answer may just be being started again, after it was killed or fell.
func (r *Runtime) Reload(ctx context.Context, h host.Host, unit string) error {
	ctx, cancel := context.WithTimeout(ctx, r.within)
	defer cancel()
	want, err := entries(stored{h}, 1)
	if err != nil {
		return notTaken("cannot reload "+unit+": what is stored cannot be served", err)
	}
	var before Status
	err = poll(ctx, func() (err error) {
		before, err = AskStatus(ctx, r.control)
		return err
	})
	if err != nil {
		return notTaken("cannot reload "+unit+": it does not answer", err)
	}
	if _, err := h.Run(ctx, host.Command{Argv: []string{"systemctl", "reload", unit}}); err != nil {
		return notTaken("cannot reload "+unit, err)
	}
	if err := r.awaitLoad(ctx, unit, before, fingerprint(want)); err != nil {
		return err
	}
	return r.awaitLeaves(ctx, unit, want)
}

// awaitLoad waits until the service has loaded once more, or a new program has taken its place, and serves what has the
// fingerprint.
func (r *Runtime) awaitLoad(ctx context.Context, unit string, before Status, hash string) error {
	var last Status
	err := poll(ctx, func() error {
		s, err := AskStatus(ctx, r.control)
		if err != nil {
			return err
		}
		last = s
		switch {
		case s.PID == before.PID && s.Loads <= before.Loads:
			return errors.New("it has not read its configuration again")
		case s.Error == "" && s.Hash != hash:
			return errors.New("it serves another configuration than the stored one")
		}
		return nil
	})
	switch {
	case err != nil:
		return notTaken(fmt.Sprintf("cannot reload %s: this was not seen within %s", unit, r.within), err)
	case last.Error != "":
		return notTaken(fmt.Sprintf("cannot reload %s: it kept its old configuration", unit), errors.New(last.Error))
	}
	return nil
}

// awaitLeaves waits until every site is served with its stored certificate. For a site that is named by its address
// the word of the service, which awaitLoad had, has to do: over loopback it cannot be asked for.
func (r *Runtime) awaitLeaves(ctx context.Context, unit string, want []entry) error {
	for _, address := range r.https {
		for _, e := range want {
			if _, isIP := steps.Domain(e.site.Name).IP(); isIP {
				continue
			}
			err := poll(ctx, func() error { return askSecure(ctx, address, e.site.Name, e.leaf) })
			if err != nil {
				return &steps.Failure{
					Text: fmt.Sprintf("cannot reload %s: %s is still not served with its stored certificate after %s", unit, e.site.Name, r.within),
					Code: "N06", Err: err, Fixes: []string{"journalctl -u " + unit + " -n 50"},
				}
			}
		}
	}
	return nil
}

// poll asks again until there is no error or no time; then it returns the last error that was not about the time.
func poll(ctx context.Context, ask func() error) error {
	ticker := time.NewTicker(observeEvery)
	defer ticker.Stop()
	var last error
	for {
		err := ask()
		if err == nil {
			return nil
		}
		if last == nil || !late(ctx, err) {
			last = err
		}
		select {
		case <-ctx.Done():
			return last
		case <-ticker.C:
		}
	}
}

// late reports an error that is about the time. A dial can meet the deadline a moment before the context does.
func late(ctx context.Context, err error) bool {
	var timeout net.Error
	return ctx.Err() != nil || errors.As(err, &timeout) && timeout.Timeout()
}

func notTaken(text string, err error) error {
	return &steps.Failure{Text: text, Code: "N05", Err: err, Fixes: []string{"journalctl -u sslwizard-proxy.service -n 50"}}
}

// stored is the source of the installer: what is on the host.
type stored struct{ host.Reader }

// SiteFiles implements source.
func (s stored) SiteFiles() (map[string][]byte, error) {
	dir, err := s.ReadFile(steps.SitesDir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	files := map[string][]byte{}
	for _, name := range dir.Entries {
		if !isSiteFile(name) {
			continue
		}
		file := path.Join(steps.SitesDir, name)
		f, err := s.ReadFile(file)
		if err != nil {
			return nil, err
		}
		if f.Mode.IsRegular() {
			files[file] = f.Data
		}
	}
	return files, nil
}

// Sites implements source.
func (stored) Sites(name string, content []byte) ([]steps.Site, error) {
	return steps.Sites(name, content)
}

// Announced implements source.
func (s stored) Announced(site string) []byte {
	f, _ := s.ReadFile(steps.AltSvcFile(steps.ExecutorNative, site)) // none: nothing is said
	return f.Data
}

// ClientCAs implements source.
func (s stored) ClientCAs(site string) ([]byte, error) {
	f, err := s.ReadFile(steps.ClientCAFile(site))
	return f.Data, err
}

// Leaf implements source.
func (s stored) Leaf(site string) (string, error) {
	facts, err := cert.CurrentFacts(s, site)
	return strings.ToLower(facts.SHA256), err
}
