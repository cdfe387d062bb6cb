package proxy

import (
	"bufio"
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/json"
	"io"
	"log/slog"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/c93d5bcb/sslwizard/steps"
	"github.com/c93d5bcb/sslwizard/system/echo"
)

// patience bounds every wait of a test.
const patience = 15 * time.Second

// instance is a running Server on loopback with the listeners' addresses.
type instance struct {
	*Server
	plain, secure string
	listener      net.Listener // of secure
	roots         *x509.CertPool
	log           *syncBuffer
	accesses      chan Access
	served        chan error
}

// serve runs a server with the configuration until the test ends.
func serve(t *testing.T, c Config) *instance {
	t.Helper()
	return serveAt(t, c, nil)
}

// serveAt has the server believe that it is another time.
func serveAt(t *testing.T, c Config, now func() time.Time) *instance {
	t.Helper()
	return serveWithin(t, c, now, ordinary)
}

// serveWithin has the server keep other limits.
func serveWithin(t *testing.T, c Config, now func() time.Time, l limits) *instance {
	t.Helper()
	return serveOn(t, *engine, c, now, l)
}

// serveOn has the server be on an engine of its own.
func serveOn(t *testing.T, engine string, c Config, now func() time.Time, l limits) *instance {
	t.Helper()
	one := &instance{roots: pool, log: &syncBuffer{}, accesses: make(chan Access, 10_000), served: make(chan error, 1)}
	one.Server = New(Options{
		Log:    slog.New(slog.NewTextHandler(one.log, nil)),
		Access: func(a Access) { one.accesses <- a },
		limits: l, Engine: engine,
	})
	one.parent.Time = now
	one.start(t, c)
	return one
}

// start serves the configuration.
func (i *instance) start(t testing.TB, c Config) {
	t.Helper()
	if err := i.Swap(c); err != nil {
		t.Fatal(err)
	}
	plain, secure := listen(t), listen(t)
	i.listener = secure
	i.plain, i.secure = plain.Addr().String(), secure.Addr().String()
	go func() { i.served <- i.Serve([]net.Listener{plain}, []net.Listener{secure}) }()
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), time.Millisecond)
		defer cancel()
		_ = i.Shutdown(ctx)
	})
}

func listen(t testing.TB) net.Listener {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// testSite is a valid site for the domains in front of an upstream, changed by edit.
func testSite(upstream string, domains []steps.Domain, edit ...func(*steps.Site)) Site {
	u, _ := url.Parse(upstream)
	port, _ := strconv.Atoi(u.Port())
	s := steps.Site{
		Name:       string(domains[0]),
		Certs:      steps.SiteCerts{Domains: domains},
		SSL:        steps.SiteSSL{Profile: steps.Intermediate, HTTP2: true},
		Redirect:   steps.SiteRedirect{Enabled: true, Status: 301},
		Proxy:      steps.SiteProxy{Upstream: steps.Upstream{Scheme: u.Scheme, Host: u.Hostname(), Port: port}, Timeout: patience},
		WebSockets: steps.SiteWebSockets{Enabled: true, Paths: []string{"/"}, Idle: time.Hour},
	}
	for _, e := range edit {
		e(&s)
	}
	return Site{Site: s, Certificate: certificate(domains...)}
}

// echoServer runs the echo application.
func echoServer(t *testing.T) *httptest.Server {
	t.Helper()
	server := httptest.NewServer(echo.Handler())
	t.Cleanup(server.Close)
	return server
}

// appServer runs any other application.
func appServer(t *testing.T, h http.HandlerFunc) string {
	t.Helper()
	server := httptest.NewServer(h)
	t.Cleanup(server.Close)
	return server.URL
}

// client speaks to the instance whatever the URL's host is; redirects are not followed.
func (i *instance) client(t *testing.T, http2 bool) *http.Client {
	t.Helper()
	dialer := &net.Dialer{Timeout: patience}
	transport := &http.Transport{
		DialContext: func(ctx context.Context, network, address string) (net.Conn, error) {
			to := i.secure
			if _, port, _ := net.SplitHostPort(address); port == "80" {
				to = i.plain
			}
			return dialer.DialContext(ctx, network, to)
		},
		TLSClientConfig:    &tls.Config{RootCAs: i.roots},
		ForceAttemptHTTP2:  http2,
		DisableCompression: true,
	}
	t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{
		Transport: transport, Timeout: patience,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// raw sends bytes and returns the response to them.
func raw(t *testing.T, conn net.Conn, text string) (*http.Response, []byte) {
	t.Helper()
	response, body, err := exchanged(conn, text)
	if err != nil {
		t.Fatalf("no response to %q: %v", text, err)
	}
	return response, body
}

// exchanged sends bytes and returns what comes back.
func exchanged(conn net.Conn, text string) (*http.Response, []byte, error) {
	_ = conn.SetDeadline(time.Now().Add(patience))
	if _, err := io.WriteString(conn, text); err != nil {
		return nil, nil, err
	}
	response, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		return nil, nil, err
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	return response, body, err
}

func (i *instance) dialPlain(t *testing.T) net.Conn {
	t.Helper()
	conn, err := net.Dial("tcp", i.plain)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return conn
}

// dialTLS makes a TLS connection that speaks HTTP/1.1.
func (i *instance) dialTLS(t *testing.T, sni string) *tls.Conn {
	t.Helper()
	return i.dialProtocol(t, sni, "http/1.1")
}

// dialProtocol makes one that speaks another protocol.
func (i *instance) dialProtocol(t *testing.T, sni, protocol string) *tls.Conn {
	t.Helper()
	conn, err := tls.DialWithDialer(&net.Dialer{Timeout: patience}, "tcp", i.secure,
		&tls.Config{ServerName: sni, RootCAs: i.roots, NextProtos: []string{protocol}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return conn
}

func echoed(t *testing.T, body []byte) echo.Answer {
	t.Helper()
	var a echo.Answer
	if err := json.Unmarshal(body, &a); err != nil || a.App != echo.Name {
		t.Fatalf("this is no answer of the echo application: %.200q", body)
	}
	return a
}

func get(t *testing.T, c *http.Client, address string) (*http.Response, []byte) {
	t.Helper()
	response, err := c.Get(address)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return response, body
}

// A CA of the tests, and what it issues.
var (
	pool              = x509.NewCertPool()
	caKey, caTemplate = newCA()
)

func newCA() (*ecdsa.PrivateKey, *x509.Certificate) {
	key, _ := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "test CA"}, IsCA: true, BasicConstraintsValid: true,
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), KeyUsage: x509.KeyUsageCertSign,
	}
	der, _ := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	parsed, _ := x509.ParseCertificate(der)
	pool.AddCert(parsed)
	return key, parsed
}

func certificate(domains ...steps.Domain) tls.Certificate {
	key, _ := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	serial, _ := rand.Int(rand.Reader, big.NewInt(1<<62))
	template := &x509.Certificate{
		SerialNumber: serial, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	for _, d := range domains {
		if addr, ok := d.IP(); ok {
			template.IPAddresses = append(template.IPAddresses, addr.AsSlice())
		} else {
			template.DNSNames = append(template.DNSNames, string(d))
		}
	}
	der, err := x509.CreateCertificate(rand.Reader, template, caTemplate, key.Public(), caKey)
	if err != nil {
		panic(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
}

type syncBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (s *syncBuffer) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.Write(p)
}

func (s *syncBuffer) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.String()
}

// closeIdle closes the connections to upstreams that wait for their next use: they are no leak.
func (i *instance) closeIdle() {
	if loops, ok := i.plane.(*loopPlane); ok {
		loops.each(func(w *worker) { w.close(func(*transport) bool { return true }) })
	}
	for _, one := range i.table().transports() {
		one.round.CloseIdleConnections()
	}
}

// onHTTP is the part of the data plane that stands on net/http.
func (s *Server) onHTTP() *httpPlane {
	if loops, ok := s.plane.(*loopPlane); ok {
		return loops.httpPlane
	}
	return s.plane.(*httpPlane)
}
