package acme

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"io/fs"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	pebbletest "github.com/c93d5bcb/sslwizard/e2e/pebble"
	"github.com/c93d5bcb/sslwizard/steps"
)

// world is a CA, its DNS, and a web server that answers challenges: all on loopback.
type world struct {
	t        *testing.T
	ca       *pebbletest.Server
	dns      *pebbletest.DNS
	web      *webroot
	accounts *accountStore
	orders   *orderStore
	said     *said
}

func newWorld(t *testing.T, o pebbletest.Options) *world {
	t.Helper()
	w := &world{t: t, web: newWebroot(t), accounts: &accountStore{}, orders: &orderStore{}, said: &said{}}
	var err error
	if w.dns, err = pebbletest.StartDNS(""); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = w.dns.Close() })
	w.dns.SetDefault("127.0.0.1")
	o.DNSServer, o.HTTPPort = w.dns.Address, w.web.port
	if w.ca, err = pebbletest.Start(o); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = w.ca.Close() })
	return w
}

// client waits as little as a test wants to.
func (w *world) client() *Client {
	return &Client{
		Accounts: w.accounts, UserAgent: "sslwizard/test", Progress: w.said.add,
		Pace: Pace{Poll: 5 * time.Millisecond, PollMax: 50 * time.Millisecond, Retry: 5 * time.Millisecond, Patience: 3 * time.Second, Validate: 5 * time.Second, Issue: 5 * time.Second, Request: 5 * time.Second},
	}
}

func (w *world) request(domains ...steps.Domain) Request {
	return Request{Directory: w.ca.Directory, Roots: w.ca.DirectoryCA(), Email: "ops@example.com", Terms: true, Domains: domains, CSR: newCSR(w.t, domains)}
}

func newCSR(t *testing.T, domains []steps.Domain) []byte {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.CertificateRequest{}
	for _, d := range domains {
		if a, ok := d.IP(); ok {
			template.IPAddresses = append(template.IPAddresses, a.AsSlice())
		} else {
			template.DNSNames = append(template.DNSNames, string(d))
		}
	}
	csr, err := x509.CreateCertificateRequest(rand.Reader, template, key)
	if err != nil {
		t.Fatal(err)
	}
	return csr
}

// trusted verifies the chain as a browser would, and returns the leaf.
func (w *world) trusted(chain []byte, domains ...steps.Domain) *x509.Certificate {
	w.t.Helper()
	block, rest := pem.Decode(chain)
	if block == nil {
		w.t.Fatal("there is no certificate")
	}
	leaf, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		w.t.Fatal(err)
	}
	roots, between := x509.NewCertPool(), x509.NewCertPool()
	roots.AppendCertsFromPEM(w.ca.Roots())
	between.AppendCertsFromPEM(rest)
	for _, d := range domains {
		if _, err := leaf.Verify(x509.VerifyOptions{DNSName: string(d), Roots: roots, Intermediates: between}); err != nil {
			w.t.Errorf("%s: %v", d, err)
		}
	}
	return leaf
}

// webroot is the presenter and the site in one.
type webroot struct {
	port   int
	mu     sync.Mutex
	tokens map[string]string
	most   int          // how many tokens were there at once
	answer http.Handler // instead of the tokens; nil: the tokens
}

func newWebroot(t *testing.T) *webroot {
	w := &webroot{tokens: map[string]string{}}
	server := httptest.NewServer(w)
	t.Cleanup(server.Close)
	w.port = server.Listener.Addr().(*net.TCPAddr).Port
	return w
}

func (w *webroot) ServeHTTP(rw http.ResponseWriter, r *http.Request) {
	w.mu.Lock()
	answer := w.answer
	w.mu.Unlock()
	if answer != nil {
		answer.ServeHTTP(rw, r)
		return
	}
	w.serveToken(rw, r)
}

func (w *webroot) serveToken(rw http.ResponseWriter, r *http.Request) {
	w.mu.Lock()
	body, ok := w.tokens[strings.TrimPrefix(r.URL.Path, steps.ChallengePath)]
	w.mu.Unlock()
	if !ok {
		http.NotFound(rw, r)
		return
	}
	_, _ = rw.Write([]byte(body))
}

func (w *webroot) replace(answer http.HandlerFunc) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.answer = answer
}

func (w *webroot) Present(p Proof) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.tokens[p.Token] = p.Body
	w.most = max(w.most, len(w.tokens))
	return nil
}

func (w *webroot) CleanUp(p Proof) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	delete(w.tokens, p.Token)
	return nil
}

type accountStore struct {
	mu    sync.Mutex
	saved []Account
}

func (a *accountStore) Load(string) (Account, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if len(a.saved) == 0 {
		return Account{}, fs.ErrNotExist
	}
	return a.saved[len(a.saved)-1], nil
}

func (a *accountStore) Save(_ string, account Account) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.saved = append(a.saved, account)
	return nil
}

func (a *accountStore) Registering(string) error { return nil }

type orderStore struct{ urls, spent, void []string }

func (o *orderStore) Ordering() error { return nil }

func (o *orderStore) Finalizing(url string) error {
	o.spent = append(o.spent, url)
	return nil
}

func (o *orderStore) Void(url string) error {
	o.void = append(o.void, url)
	return nil
}

func (o *orderStore) Save(url string) error {
	o.urls = append(o.urls, url)
	return nil
}

type said struct {
	mu    sync.Mutex
	lines []string
}

func (s *said) add(line string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.lines = append(s.lines, line)
}

func (s *said) contains(part string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return strings.Contains(strings.Join(s.lines, "\n"), part)
}
