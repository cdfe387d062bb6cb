package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/c93d5bcb/sslwizard/steps"
	"github.com/c93d5bcb/sslwizard/system/cert"
	"github.com/c93d5bcb/sslwizard/system/host"
	"github.com/c93d5bcb/sslwizard/system/native"
)

// The sites: the application of one lives all the time, that of the other is killed again and again.
const (
	steady = "steady.test"
	mortal = "mortal.test"
)

// building is the program that is tried.
type building struct {
	engine string
	race   bool // with the race detector
}

// service is the proxy under test with what belongs to it. Its program is replaced, so it is one process after another.
type service struct {
	dir         string
	building    building
	host        *host.Linux // what is stored is stored as the installer does
	authority   *cert.Authority
	program     []byte
	plain       string
	secure      string
	log         *os.File
	apps        map[string]*app
	generations generations

	mu   sync.Mutex // one reload after the other
	pids []int      // of every process, the serving one last
}

// generations number what is stored, so that each answer can tell how old what answered it was.
type generations struct {
	stored, live atomic.Int64 // the newest that is stored; the newest that was seen to be served
	followed     atomic.Int64 // the last of the program that was followed last: over the connections that it has it may still answer
	leaves       sync.Map     // fingerprint → generation, of steady
}

// newService builds the program, starts the applications, stores the sites, and returns when they are served.
func newService(ctx context.Context, dir string, what building) (*service, error) {
	s := &service{dir: dir, building: what, host: host.New(dir), apps: map[string]*app{}}
	// A program that was followed becomes an orphan of ours: so its end can be seen.
	if err := unix.Prctl(unix.PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0); err != nil {
		return nil, err
	}
	if err := s.build(ctx); err != nil {
		return nil, err
	}
	if err := s.furnish(); err != nil {
		return nil, err
	}
	if err := s.start(); err != nil {
		return nil, errors.Join(err, s.complaints())
	}
	return s, nil
}

func (s *service) build(ctx context.Context) error {
	out, err := exec.CommandContext(ctx, "go", "list", "-m", "-f", "{{.Dir}}").Output()
	if err != nil {
		return fmt.Errorf("cannot find the tree: %w", err)
	}
	cmd := exec.CommandContext(ctx, "go", "build", "-trimpath", "-race="+strconv.FormatBool(s.building.race), "-o", s.path("sslwizard"), ".")
	cmd.Dir = strings.TrimSpace(string(out))
	if text, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("cannot build the program: %w\n%s", err, text)
	}
	s.program, err = os.ReadFile(s.path("sslwizard"))
	return err
}

func (s *service) path(name string) string { return filepath.Join(s.dir, name) }

// furnish has everything ready that the service needs.
func (s *service) furnish() (err error) {
	for _, dir := range []string{steps.SitesDir, steps.CertsDir, steps.Webroot} {
		if err := os.MkdirAll(s.path(dir), 0o755); err != nil {
			return err
		}
	}
	for _, name := range []string{steady, mortal} {
		if s.apps[name], err = startApp(); err != nil {
			return err
		}
	}
	for _, at := range []*string{&s.plain, &s.secure} {
		if *at, err = freeAddress(); err != nil {
			return err
		}
	}
	key, err := cert.GenerateKey(steps.ECDSAP256)
	if err != nil {
		return err
	}
	s.authority, err = cert.NewAuthority(key, "chaos", []steps.Domain{steady, mortal}, time.Now())
	if err != nil {
		return err
	}
	if s.log, err = os.Create(logFile(s.dir)); err != nil {
		return err
	}
	return s.store()
}

// start runs the service as `sslwizard serve` on its addresses.
func (s *service) start() error {
	cmd := exec.Command(s.path("sslwizard"), "serve", "--http", s.plain, "--https", s.secure, "--sites", s.path(steps.SitesDir),
		"--certs", s.path(steps.CertsDir), "--webroot", s.path(steps.Webroot), "--control", s.control(), "--metrics", s.path("metrics"),
		"--engine", s.building.engine)
	cmd.Stderr = s.log
	if err := cmd.Start(); err != nil { // its access log goes to /dev/null
		return err
	}
	s.pids = append(s.pids, cmd.Process.Pid)
	return eventually("the proxy serves", func() error { return s.awaitLoad(native.Status{}) })
}

func (s *service) control() string { return s.path("control") }
func (s *service) pid() int        { return s.pids[len(s.pids)-1] }

func (s *service) status() (native.Status, error) {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	return native.AskStatus(ctx, s.control())
}

// store stores both sites in a new generation, with new certificates.
func (s *service) store() error {
	n := s.generations.stored.Add(1)
	for _, name := range []string{steady, mortal} {
		a := steps.Defaults()
		a.Certs.Domains, a.Trusted.Source, a.Install.Executor = []string{name}, steps.SourceNone, steps.ExecutorNative
		a.Proxy.Upstream, a.Proxy.MaxBody = "http://"+s.apps[name].address, "0"
		a.Proxy.Headers = map[string]string{generationField: strconv.FormatInt(n, 10)}
		site, problems := a.Site()
		if len(problems) > 0 {
			return fmt.Errorf("a site of the chaos is wrong: %v", problems)
		}
		if err := s.certify(name, n); err != nil {
			return err
		}
		if err := s.host.WriteFile(steps.SiteFile(site.Name), host.File{Data: steps.Print(site), Mode: 0o644}); err != nil {
			return err
		}
	}
	return nil
}

// certify gives a site its next certificate, and removes the oldest.
func (s *service) certify(name string, generation int64) error {
	key, err := cert.GenerateKey(steps.ECDSAP256)
	if err != nil {
		return err
	}
	chain, err := s.authority.Issue(key.Public(), []steps.Domain{steps.Domain(name)}, 30, time.Now())
	if err != nil {
		return err
	}
	if name == steady {
		sum := sha256.Sum256(chain[0].Raw)
		s.generations.leaves.Store(hex.EncodeToString(sum[:]), generation)
	}
	text, err := cert.MarshalKey(key)
	if err != nil {
		return err
	}
	version, err := cert.Add(s.host, name, cert.Version{Key: text, Chain: cert.EncodeChain(chain), Meta: cert.Meta{Source: cert.SourceLocal}})
	if err != nil {
		return err
	}
	return errors.Join(cert.Switch(s.host, name, version), cert.Prune(s.host, name))
}

// reload brings a new generation live.
func (s *service) reload() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.store(); err != nil {
		return err
	}
	return s.hangUp()
}

// hangUp has the service load what is stored, and waits until it says that it has.
func (s *service) hangUp() error {
	before, err := s.status()
	if err != nil {
		return err
	}
	if err := syscall.Kill(s.pid(), syscall.SIGHUP); err != nil {
		return err
	}
	return eventually("the new configuration is served", func() error { return s.awaitLoad(before) })
}

func (s *service) awaitLoad(before native.Status) error {
	now, err := s.status()
	switch {
	case err != nil:
		return err
	case now.PID == before.PID && now.Loads <= before.Loads:
		return errors.New("it has not loaded again")
	case now.Error != "":
		return errors.New(now.Error)
	}
	s.generations.live.Store(s.generations.stored.Load())
	return nil
}

// refuse stores something wrong and wants it refused.
func (s *service) refuse() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	wrong := steps.SiteFile("wrong.test")
	if err := s.host.WriteFile(wrong, host.File{Data: []byte("what: is this\n"), Mode: 0o644}); err != nil {
		return err
	}
	before, err := s.status()
	if err != nil {
		return err
	}
	if err := syscall.Kill(s.pid(), syscall.SIGHUP); err != nil {
		return err
	}
	err = eventually("a wrong configuration is refused", func() error {
		now, err := s.status()
		if err == nil && (now.Loads == before.Loads || now.Error == "") {
			err = errors.New("it says nothing of it")
		}
		return err
	})
	return errors.Join(err, s.host.Remove(wrong))
}

// handOver puts another program in place of the running one, as an upgrade does, and reloads.
func (s *service) handOver() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	next := s.path("sslwizard.new")
	if err := os.WriteFile(next, s.program, 0o755); err != nil {
		return err
	}
	if err := os.Rename(next, s.path("sslwizard")); err != nil {
		return err
	}
	s.generations.followed.Store(s.generations.live.Load())
	if err := s.store(); err != nil {
		return err
	}
	old := s.pid()
	if err := s.hangUp(); err != nil {
		return err
	}
	now, err := s.status()
	if err == nil && now.PID == old {
		err = errors.New("the old program goes on")
	}
	s.pids = append(s.pids, now.PID)
	return err
}

// end ends everything that may still run.
func (s *service) end() {
	for _, pid := range s.pids {
		if syscall.Kill(pid, syscall.SIGKILL) == nil {
			_, _ = syscall.Wait4(pid, nil, 0, nil)
		}
	}
	for _, a := range s.apps {
		a.kill()
	}
	_ = s.log.Close()
}

// complaints are what no process of the service may have said.
func (s *service) complaints() error {
	text, err := os.ReadFile(logFile(s.dir))
	if err != nil {
		return err
	}
	for _, bad := range []string{"panic", "fatal error", "DATA RACE", "http: superfluous"} {
		if strings.Contains(string(text), bad) {
			return fmt.Errorf("the proxy said %q:\n%.8000s", bad, steps.Clean(string(text)))
		}
	}
	return nil
}
