package native

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/c93d5bcb/sslwizard/steps"
	"github.com/c93d5bcb/sslwizard/system/cert"
	"github.com/c93d5bcb/sslwizard/system/host"
)

// patience bounds every wait of a test.
const patience = 20 * time.Second

// tree is a host below a folder, on which the service runs: what the installer would write is written there. It knows
// one command, systemctl reload, and sends the service its signal as the unit's ExecReload does.
type tree struct {
	t       *testing.T
	root    string
	signals chan os.Signal
	reload  func() // what systemctl reload does; nil: SIGHUP
}

func newTree(t *testing.T) *tree {
	h := &tree{t: t, root: t.TempDir(), signals: make(chan os.Signal, 8)}
	for _, dir := range []string{steps.SitesDir, steps.CertsDir, steps.CADir, steps.Webroot} {
		if err := os.MkdirAll(h.path(dir), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	return h
}

func (h *tree) path(p string) string { return filepath.Join(h.root, p) }

// ReadFile implements host.Reader.
func (h *tree) ReadFile(p string) (host.File, error) {
	info, err := os.Lstat(h.path(p))
	if err != nil {
		return host.File{}, err
	}
	f := host.File{Mode: info.Mode()}
	switch info.Mode().Type() {
	case fs.ModeSymlink:
		f.Link, err = os.Readlink(h.path(p))
	case fs.ModeDir:
		var list []os.DirEntry
		list, err = os.ReadDir(h.path(p))
		for _, e := range list {
			f.Entries = append(f.Entries, e.Name())
		}
	default:
		f.Data, err = os.ReadFile(h.path(p))
	}
	return f, err
}

// Query implements host.Reader.
func (h *tree) Query(context.Context, host.Command) (host.Output, error) {
	return host.Output{}, errors.New("no command was expected")
}

// WriteFile implements host.Host.
func (h *tree) WriteFile(p string, f host.File) error {
	full := h.path(p)
	switch f.Mode.Type() {
	case fs.ModeDir:
		return os.MkdirAll(full, 0o700)
	case fs.ModeSymlink:
		_ = os.Remove(full + ".new")
		if err := os.Symlink(f.Link, full+".new"); err != nil {
			return err
		}
	default:
		if err := os.WriteFile(full+".new", f.Data, 0o600); err != nil {
			return err
		}
	}
	return os.Rename(full+".new", full)
}

// Remove implements host.Host.
func (h *tree) Remove(p string) error { return os.RemoveAll(h.path(p)) }

// Run implements host.Host.
func (h *tree) Run(_ context.Context, c host.Command) (host.Output, error) {
	if argv := strings.Join(c.Argv, " "); argv != "systemctl reload sslwizard-proxy.service" {
		h.t.Errorf("unexpected command: %s", argv)
	}
	if h.reload != nil {
		h.reload()
		return host.Output{}, nil
	}
	h.signals <- syscall.SIGHUP
	return host.Output{}, nil
}

// store stores a site in front of the upstream, with a certificate of the local CA; it returns the leaf.
func (h *tree) store(domain steps.Domain, upstream string, edit ...func(*steps.Answers)) string {
	h.t.Helper()
	h.storeSite(domain, upstream, edit...)
	return h.renew(domain)
}

func (h *tree) storeSite(domain steps.Domain, upstream string, edit ...func(*steps.Answers)) {
	h.t.Helper()
	a := steps.Defaults()
	a.Certs.Domains = []string{string(domain)}
	a.Proxy.Upstream = upstream
	a.Trusted.Source = steps.SourceNone
	a.Install.Executor = steps.ExecutorNative
	for _, e := range edit {
		e(&a)
	}
	site, problems := a.Site()
	if len(problems) > 0 {
		h.t.Fatal(problems)
	}
	if err := h.WriteFile(steps.SiteFile(site.Name), host.File{Data: steps.Print(site)}); err != nil {
		h.t.Fatal(err)
	}
}

// renew gives a site another certificate.
func (h *tree) renew(domain steps.Domain) string {
	h.t.Helper()
	domains := []steps.Domain{domain}
	key, err := cert.GenerateKey(steps.ECDSAP256)
	if err != nil {
		h.t.Fatal(err)
	}
	ca, err := cert.NewAuthority(key, "test", domains, time.Now())
	if err != nil {
		h.t.Fatal(err)
	}
	leafKey, err := cert.GenerateKey(steps.ECDSAP256)
	if err != nil {
		h.t.Fatal(err)
	}
	chain, err := ca.Issue(leafKey.Public(), domains, 30, time.Now())
	if err != nil {
		h.t.Fatal(err)
	}
	text, err := cert.MarshalKey(leafKey)
	if err != nil {
		h.t.Fatal(err)
	}
	version, err := cert.Add(h, string(domain), cert.Version{Key: text, Chain: cert.EncodeChain(chain), Meta: cert.Meta{Source: cert.SourceLocal}})
	if err != nil {
		h.t.Fatal(err)
	}
	if err := cert.Switch(h, string(domain), version); err != nil {
		h.t.Fatal(err)
	}
	sum := sha256.Sum256(chain[0].Raw)
	return hex.EncodeToString(sum[:])
}

// unit is the running service.
type unit struct {
	*tree
	plain, secure, control string
	runtime                *Runtime
	out, err               *syncBuffer
	ended                  chan error
}

// start runs the service on free ports until the test ends.
func (h *tree) start(edit ...func(*ServeOptions)) *unit {
	h.t.Helper()
	u := &unit{tree: h, plain: freeAddress(h.t), secure: freeAddress(h.t), control: filepath.Join(h.t.TempDir(), "c.sock"),
		out: &syncBuffer{}, err: &syncBuffer{}, ended: make(chan error, 1)}
	u.runtime = &Runtime{control: u.control, https: []string{u.secure}, within: patience}
	o := ServeOptions{Out: u.out, Err: u.err, Signals: h.signals, Drain: 300 * time.Millisecond}
	o.HTTP, o.HTTPS, o.Control = []string{u.plain}, []string{u.secure}, u.control
	o.SitesDir, o.CertsDir, o.Webroot, o.LogDir = h.path(steps.SitesDir), h.path(steps.CertsDir), h.path(steps.Webroot), h.path(steps.LogDir)
	for _, e := range edit {
		e(&o)
	}
	ctx, stop := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		u.ended <- Serve(ctx, o)
	}()
	h.t.Cleanup(func() { stop(); <-done })
	return u
}

// ready waits until the service serves.
func (u *unit) ready() *unit {
	u.t.Helper()
	u.wait(func() bool {
		conn, err := net.Dial("tcp", u.secure)
		if err != nil {
			return false
		}
		conn.Close()
		_, err = AskStatus(u.t.Context(), u.control)
		return err == nil
	})
	return u
}

func (u *unit) wait(so func() bool) {
	u.t.Helper()
	for end := time.Now().Add(patience); !so(); time.Sleep(2 * time.Millisecond) {
		select {
		case err := <-u.ended:
			u.ended <- err
			u.t.Fatalf("the service ended: %v\n%s", err, u.err)
		default:
		}
		if time.Now().After(end) {
			u.t.Fatalf("this never came to be\n%s", u.err)
		}
	}
}

func (u *unit) status() Status {
	u.t.Helper()
	s, err := AskStatus(u.t.Context(), u.control)
	if err != nil {
		u.t.Fatal(err)
	}
	return s
}

// leaf is what the service shows to a client.
func (u *unit) leaf(name string) string {
	u.t.Helper()
	leaf, err := servedLeaf(u.t.Context(), u.secure, name)
	if err != nil {
		return err.Error()
	}
	return leaf
}

// freeAddress is a port of loopback that was free a moment ago.
// addresses counts the addresses that freeAddress gave.
var addresses atomic.Uint32

// freeAddress is one that nobody else takes before it is listened on: the address is of this process alone, so that no
// other test and no connection of theirs can get its port meanwhile.
func freeAddress(t *testing.T) string {
	t.Helper()
	n := addresses.Add(1)
	l, err := net.Listen("tcp", fmt.Sprintf("127.%d.%d.%d:0", 1+os.Getpid()%250, n/250, 1+n%250))
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

func portOfAddress(address string) string {
	_, port, _ := net.SplitHostPort(address)
	return port
}

type syncBuffer struct {
	mu   sync.Mutex
	text strings.Builder
}

func (s *syncBuffer) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.text.Write(p)
}

func (s *syncBuffer) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.text.String()
}
