package renew

import (
	"context"
	"crypto/x509"
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/c93d5bcb/sslwizard/e2e/failures"
	pebbletest "github.com/c93d5bcb/sslwizard/e2e/pebble"
	"github.com/c93d5bcb/sslwizard/steps"
	"github.com/c93d5bcb/sslwizard/system/acme"
	"github.com/c93d5bcb/sslwizard/system/cert"
	"github.com/c93d5bcb/sslwizard/system/dns01"
	"github.com/c93d5bcb/sslwizard/system/doctor"
	"github.com/c93d5bcb/sslwizard/system/host"
	"github.com/c93d5bcb/sslwizard/system/resolve"
	"github.com/c93d5bcb/sslwizard/system/systemtest"
)

const site = "shop.example.com"

var domains = []steps.Domain{"shop.example.com", "www.shop.example.com"}

// world is a host in memory whose webroot is served on loopback, a CA with its staging, and their DNS.
type world struct {
	t           *testing.T
	host        *systemtest.Host
	ca, staging *pebbletest.Server
	dns         *pebbletest.DNS
	webPort     int
	now         time.Time // zero: the real time
	said        []string
	cut         func(network string) bool // whether nobody is reached any more
	mu          sync.Mutex
}

func newWorld(t *testing.T, o pebbletest.Options) *world {
	t.Helper()
	w := &world{t: t, host: newHost(t)}
	web := httptest.NewServer(http.HandlerFunc(w.serve))
	t.Cleanup(web.Close)
	w.webPort = web.Listener.Addr().(*net.TCPAddr).Port
	var err error
	if w.dns, err = pebbletest.StartDNS(""); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = w.dns.Close() })
	w.dns.SetDefault("127.0.0.1")
	o.DNSServer, o.HTTPPort = w.dns.Address, w.webPort
	w.ca = w.start(o)
	w.staging = w.start(pebbletest.Options{DNSServer: w.dns.Address, HTTPPort: w.webPort})
	w.host.File("/etc/ssl/test-ca.pem", string(w.ca.DirectoryCA())+string(w.staging.DirectoryCA()))
	return w
}

func newHost(t *testing.T) *systemtest.Host {
	h := systemtest.New(t)
	h.File("/etc/group", "root:x:0:\nsslwizard:x:998:\n")
	h.File("/etc/hostname", "web1\n")
	return h
}

func (w *world) start(o pebbletest.Options) *pebbletest.Server {
	w.t.Helper()
	s, err := pebbletest.Start(o)
	if err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(func() { _ = s.Close() })
	return s
}

// serve is the web server that both executors are: files of the webroot, to everybody who may read them.
func (w *world) serve(rw http.ResponseWriter, r *http.Request) { serveWebroot(w.host, rw, r) }

func serveWebroot(h host.Reader, rw http.ResponseWriter, r *http.Request) {
	f, err := h.ReadFile(steps.Webroot + r.URL.Path)
	if err != nil || f.Mode.Perm()&0o004 == 0 {
		http.NotFound(rw, r)
		return
	}
	_, _ = rw.Write(f.Data)
}

func (w *world) manager() *Manager {
	resolver := &resolve.Client{Timeout: 3 * time.Second, Dial: w.dial}
	if w.dns != nil {
		resolver.Servers = []string{w.dns.Address}
	}
	m := &Manager{
		UserAgent: "sslwizard/test",
		Doctor:    &doctor.Doctor{Own: []netip.Addr{netip.MustParseAddr("127.0.0.1")}, Resolver: resolver, Port: w.webPort, Patience: 3 * time.Second},
		Pace:      acme.Pace{Poll: 5 * time.Millisecond, PollMax: 50 * time.Millisecond, Retry: 5 * time.Millisecond, Patience: 300 * time.Millisecond},
	}
	m.DNS = DNS{
		Means: dns01.Means{Dial: w.dial, Resolver: resolver, Pause: time.Millisecond},
		Watch: dns01.Watch{Resolver: resolver, Poll: time.Millisecond, Patience: 10 * time.Second},
	}
	if !w.now.IsZero() {
		m.Now = func() time.Time { return w.now }
	}
	return m
}

// dial leads to the one name server, which is at port 53 for who asks the DNS, unless this machine is dead.
func (w *world) dial(ctx context.Context, network, address string) (net.Conn, error) {
	if w.host.Dead() || w.cut != nil && w.cut(network) {
		return nil, systemtest.ErrDead
	}
	if w.dns != nil && address == "127.0.0.1:53" {
		address = w.dns.Address
	}
	return new(net.Dialer).DialContext(ctx, network, address)
}

func (w *world) obtain() steps.ObtainCertificate {
	return steps.ObtainCertificate{
		For: steps.For(steps.IDTrusted), Site: site, Domains: domains, KeyType: steps.ECDSAP256, Webroot: steps.Webroot, Group: "sslwizard",
		Trusted: steps.SiteTrusted{
			Source: steps.SourceACME, Directory: w.ca.Directory, CARoots: "/etc/ssl/test-ca.pem", Email: "ops@example.com",
			AcceptTerms: true, Challenge: steps.HTTP01,
		},
	}
}

func localChange() steps.IssueLocal {
	return steps.IssueLocal{For: steps.For(steps.IDCerts), Site: site, Domains: domains, KeyType: steps.ECDSAP256, Days: 365, Group: "sslwizard"}
}

func (w *world) progress(text string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.said = append(w.said, text)
}

func (w *world) saidAnything(part string) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return strings.Contains(strings.Join(w.said, "\n"), part)
}

func (w *world) make(c steps.Change) error {
	w.t.Helper()
	return w.manager().Make(w.t.Context(), w.host, c, w.progress)
}

func (w *world) mustMake(c steps.Change) cert.Version {
	w.t.Helper()
	if err := w.make(c); err != nil {
		w.t.Fatal(err)
	}
	v, err := cert.Current(w.host, site)
	if err != nil {
		w.t.Fatal(err)
	}
	return v
}

func (w *world) pending(c steps.Change) steps.Action {
	w.t.Helper()
	a, note, err := w.manager().Pending(w.t.Context(), readOnly{w.host}, c)
	if err != nil {
		w.t.Fatal(err)
	}
	if note == "" {
		w.t.Error("there is no note")
	}
	return a
}

// readOnly is all that a preview gets.
type readOnly struct{ host.Reader }

// book is what the ledger holds.
func (w *world) book() *book {
	w.t.Helper()
	b, err := openLedger(w.host, time.Now).read()
	if err != nil {
		w.t.Fatal(err)
	}
	return b
}

// trusted judges the current certificate as a browser that trusts the CA.
func (w *world) trusted(ca *pebbletest.Server) {
	w.t.Helper()
	v, err := cert.Current(w.host, site)
	if err != nil {
		w.t.Fatal(err)
	}
	chain, err := cert.ParseChain(v.Chain)
	if err != nil {
		w.t.Fatal(err)
	}
	key, err := cert.ParseKey(v.Key)
	if err != nil {
		w.t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(ca.Roots())
	if err := cert.Check(chain, cert.Expected{Key: key.Public(), Domains: domains, Exact: true, Roots: roots, Now: time.Now()}); err != nil {
		w.t.Error(err)
	}
}

func expect(t *testing.T, err error, code string, status int) *steps.Failure {
	t.Helper()
	failures.MetError(t, err)
	var f *steps.Failure
	if !errors.As(err, &f) {
		t.Fatalf("want a failure %s, got %v", code, err)
	}
	if f.Code != code || f.ExitStatus() != status || len(f.Fixes) == 0 || !strings.HasPrefix(f.Text, "cannot ") {
		t.Errorf("got %s with status %d (%v; %v), want %s with %d", f.Code, f.ExitStatus(), err, f.Fixes, code, status)
	}
	return f
}
