package probe

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/hex"
	"io"
	"log"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/c93d5bcb/sslwizard/steps"
	"github.com/c93d5bcb/sslwizard/system/echo"
)

const siteName = "shop.test"

// authority signs certificates in tests.
type authority struct {
	cert *x509.Certificate
	key  crypto.Signer
}

var serial atomic.Int64

func newKeyPair(t testing.TB) crypto.Signer {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

// sign makes a certificate; a nil parent signs itself.
func sign(t testing.TB, c x509.Certificate, key crypto.Signer, parent *authority) *x509.Certificate {
	t.Helper()
	c.SerialNumber = big.NewInt(serial.Add(1))
	if c.NotBefore.IsZero() {
		c.NotBefore = time.Now().Add(-time.Hour)
	}
	if c.NotAfter.IsZero() {
		c.NotAfter = c.NotBefore.Add(90 * 24 * time.Hour)
	}
	by := &authority{&c, key}
	if parent != nil {
		by = parent
	}
	der, err := x509.CreateCertificate(rand.Reader, &c, by.cert, key.Public(), by.key)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return cert
}

func newAuthority(t testing.TB, name string, parent *authority) *authority {
	t.Helper()
	key := newKeyPair(t)
	c := x509.Certificate{Subject: pkix.Name{CommonName: name}, IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign, NotAfter: time.Now().Add(10 * 365 * 24 * time.Hour)}
	return &authority{sign(t, c, key, parent), key}
}

// pool is the roots that trust only this CA.
func (a *authority) pool() *x509.CertPool {
	p := x509.NewCertPool()
	p.AddCert(a.cert)
	return p
}

// leafTemplate is a good server certificate.
func leafTemplate() x509.Certificate {
	return x509.Certificate{
		Subject: pkix.Name{CommonName: siteName}, DNSNames: []string{siteName},
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}, BasicConstraintsValid: true,
		KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageKeyEncipherment,
	}
}

// issue makes a leaf and its tls.Certificate; above are sent after the leaf.
func (a *authority) issue(t testing.TB, c x509.Certificate, above ...*x509.Certificate) tls.Certificate {
	t.Helper()
	return a.issueFor(t, c, newKeyPair(t), above...)
}

func (a *authority) issueFor(t testing.TB, c x509.Certificate, key crypto.Signer, above ...*x509.Certificate) tls.Certificate {
	t.Helper()
	leaf := sign(t, c, key, a)
	out := tls.Certificate{Certificate: [][]byte{leaf.Raw}, PrivateKey: key, Leaf: leaf}
	for _, x := range above {
		out.Certificate = append(out.Certificate, x.Raw)
	}
	return out
}

// chainless is the authority's own certificate as a server's.
func (a *authority) chainless() tls.Certificate {
	return tls.Certificate{Certificate: [][]byte{a.cert.Raw}, PrivateKey: a.key, Leaf: a.cert}
}

type signer = crypto.Signer

func fingerprint(c tls.Certificate) string {
	sum := sha256.Sum256(c.Certificate[0])
	return hex.EncodeToString(sum[:])
}

// guidelineConfig is crypto/tls set to a profile of the guideline.
func guidelineConfig(profile steps.Profile, cert tls.Certificate) *tls.Config {
	c := &tls.Config{Certificates: []tls.Certificate{cert}, MinVersion: tls.VersionTLS12, CipherSuites: ids(guidelineSuites), NextProtos: []string{"h2", "http/1.1"}}
	if profile == steps.Modern {
		c.MinVersion = tls.VersionTLS13
	}
	return c
}

// rejectForeign refuses every name but the site's.
func rejectForeign(c *tls.Config) *tls.Config {
	cert := c.Certificates[0]
	c.Certificates = nil
	c.GetCertificate = func(h *tls.ClientHelloInfo) (*tls.Certificate, error) {
		if h.ServerName != siteName {
			return nil, net.ErrClosed
		}
		return &cert, nil
	}
	return c
}

// serve runs a server on loopback until the test ends and returns where.
func serve(t testing.TB, config *tls.Config, h http.Handler) netip.AddrPort {
	t.Helper()
	l := listen(t)
	at := addrOf(l)
	server := &http.Server{Handler: h, ErrorLog: log.New(io.Discard, "", 0), ReadHeaderTimeout: 5 * time.Second, TLSConfig: config}
	switch {
	case config == nil:
		go func() { _ = server.Serve(l) }()
	case slices.Contains(config.NextProtos, "h2"):
		go func() { _ = server.ServeTLS(l, "", "") }()
	default: // ServeTLS adds h2, and refuses suites that h2 forbids
		go func() { _ = server.Serve(tls.NewListener(l, config)) }()
	}
	t.Cleanup(func() { _ = server.Close() })
	return at
}

func listen(t testing.TB) net.Listener {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	return l
}

func addrOf(l net.Listener) netip.AddrPort { return l.Addr().(*net.TCPAddr).AddrPort() }

// rawServer calls handle for every connection that it accepts.
func rawServer(t testing.TB, handle func(*net.TCPConn)) netip.AddrPort {
	t.Helper()
	l := listen(t)
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer func() { _ = c.Close() }()
				_ = c.SetDeadline(time.Now().Add(10 * time.Second))
				handle(c.(*net.TCPConn))
			}()
		}
	}()
	return addrOf(l)
}

func upstreamOf(a netip.AddrPort) *steps.Upstream {
	return &steps.Upstream{Scheme: "http", Host: a.Addr().String(), Port: int(a.Port())}
}

// edge is a right proxy in front of an application.
func edge(upstream netip.AddrPort) http.Handler {
	to := &url.URL{Scheme: "http", Host: upstream.String()}
	return &httputil.ReverseProxy{
		ErrorLog: log.New(io.Discard, "", 0),
		Rewrite: func(r *httputil.ProxyRequest) {
			for name := range r.Out.Header {
				if strings.Contains(name, "_") || strings.HasPrefix(name, "X-Forwarded") || name == "Forwarded" {
					r.Out.Header.Del(name)
				}
			}
			r.SetURL(to)
			r.Out.Host = r.In.Host
			r.SetXForwarded()
			host, _, _ := net.SplitHostPort(r.In.RemoteAddr)
			r.Out.Header.Set("X-Real-IP", host)
		},
	}
}

// toHTTPS is a right plain site.
func toHTTPS() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasPrefix(r.URL.Path, steps.ChallengePath) {
			http.NotFound(w, r)
			return
		}
		host, _, _ := strings.Cut(r.Host, ":")
		w.Header().Set("Location", "https://"+host+r.RequestURI)
		w.WriteHeader(http.StatusMovedPermanently)
	})
}

// goodSite is a whole healthy site: an echo application, a proxy and a redirect.
type goodSite struct {
	target Target
	ca     *authority
	cert   tls.Certificate
}

func expected(profile steps.Profile) *steps.Site {
	return &steps.Site{
		Name:       siteName,
		Certs:      steps.SiteCerts{Domains: []steps.Domain{siteName}, Key: steps.ECDSAP256},
		SSL:        steps.SiteSSL{Profile: profile, HTTP2: true},
		Redirect:   steps.SiteRedirect{Enabled: true, Status: 301},
		WebSockets: steps.SiteWebSockets{Enabled: true, Paths: []string{"/"}},
	}
}

func newGoodSite(t testing.TB, profile steps.Profile) goodSite {
	t.Helper()
	root := newAuthority(t, "Root of the test", nil)
	middle := newAuthority(t, "Intermediate of the test", root)
	cert := middle.issue(t, leafTemplate(), middle.cert)
	app := httptest.NewServer(echo.Handler())
	t.Cleanup(app.Close)
	upstream := app.Listener.Addr().(*net.TCPAddr).AddrPort()
	s := goodSite{ca: root, cert: cert}
	s.target = Target{
		Name:          siteName,
		Addresses:     []netip.AddrPort{serve(t, rejectForeign(guidelineConfig(profile, cert)), edge(upstream))},
		HTTPAddresses: []netip.AddrPort{serve(t, nil, toHTTPS())},
		Roots:         root.pool(), Trusted: true, Expect: expected(profile), ExpectLeaf: fingerprint(cert),
		Upstream: upstreamOf(upstream), Echo: true, WSPath: "/ws", Subprotocols: []string{"chat", "superchat"},
		Timeout: 5 * time.Second,
	}
	return s
}

func run(t testing.TB, target Target) steps.Report {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	return Run(ctx, target, nil)
}

// find returns the check of that name.
func find(t testing.TB, r steps.Report, name string) steps.Check {
	t.Helper()
	for _, c := range r.Checks {
		if c.Name == name {
			return c
		}
	}
	t.Fatalf("no check %q in:\n%s", name, text(r))
	return steps.Check{}
}

// text is a report for failure messages.
func text(r steps.Report) string {
	var b strings.Builder
	for _, c := range r.Checks {
		b.WriteString(strings.Join([]string{string(c.Verdict), string(c.Step), c.Name, c.Code, c.Browser, c.Blame, c.Detail}, " | ") + "\n")
	}
	return b.String()
}

// http2Only is an application that speaks HTTP/2 without TLS and nothing else.
func http2Only(t *testing.T, h http.Handler) netip.AddrPort {
	t.Helper()
	l := listen(t)
	server := &http.Server{Handler: h, Protocols: new(http.Protocols), ReadHeaderTimeout: 5 * time.Second}
	server.Protocols.SetUnencryptedHTTP2(true)
	go func() { _ = server.Serve(l) }()
	t.Cleanup(func() { _ = server.Close() })
	return addrOf(l)
}
