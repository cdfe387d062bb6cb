// Package demo shows the native proxy at work without root: a small application behind it on loopback ports, with a
// certificate of a CA that exists in memory only, probed.
//
// It never writes a file, starts a program or listens anywhere but on loopback, and when it ends nothing is left.
package demo

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"time"

	"github.com/c93d5bcb/sslwizard/steps"
	"github.com/c93d5bcb/sslwizard/system/cert"
	"github.com/c93d5bcb/sslwizard/system/echo"
	"github.com/c93d5bcb/sslwizard/system/probe"
	"github.com/c93d5bcb/sslwizard/system/proxy"
)

// name is what the demo is served as: every system resolves it to loopback.
const name = "localhost"

// preferred are the ports that are tried first, so that the addresses are the same every time.
const (
	preferredHTTP  = 8080
	preferredHTTPS = 8443
)

// Options are what the demo says and how long it runs. Say and Check may be nil.
type Options struct {
	Once  bool               // end after the probe
	Say   func(string)       // a line for people
	Check func(steps.Check)  // a check of the probe, as it comes
	Ready func(https string) // called with the URL when the demo serves
}

// Run runs the demo until the context ends or, with Once, until the probe has ended. The end of the context is no
// error.
func Run(ctx context.Context, o Options) error {
	o = o.withDefaults()
	s, err := open()
	if err != nil {
		return err
	}
	defer s.close()
	o.Say("A small application, and in front of it the native proxy with a certificate of a CA made for this demo:")
	o.Say("  " + s.https() + "    HTTP and WebSocket echo (curl -k; browsers will warn, as nobody trusts this CA)")
	o.Say("  " + s.plainURL() + "     redirects to it")
	o.Ready(s.https())
	probe.Run(ctx, s.target(), o.Check)
	if o.Once || ctx.Err() != nil {
		return nil
	}
	o.Say("Serving " + s.https() + " until ctrl+c. To see it: curl -k " + s.https())
	select {
	case <-ctx.Done():
		return nil
	case err := <-s.failed:
		return fmt.Errorf("cannot go on with the demo: %w", err)
	}
}

func (o Options) withDefaults() Options {
	if o.Say == nil {
		o.Say = func(string) {}
	}
	if o.Check == nil {
		o.Check = func(steps.Check) {}
	}
	if o.Ready == nil {
		o.Ready = func(string) {}
	}
	return o
}

// stand is the running demo.
type stand struct {
	server        *proxy.Server
	app           *http.Server
	site          steps.Site
	roots         *x509.CertPool
	plain, secure netip.AddrPort
	failed        chan error
}

func open() (*stand, error) {
	plain, err := listen(preferredHTTP)
	if err != nil {
		return nil, err
	}
	secure, err := listen(preferredHTTPS)
	if err != nil {
		_ = plain.Close()
		return nil, err
	}
	back, err := listen(0)
	if err != nil {
		return nil, errors.Join(err, plain.Close(), secure.Close())
	}
	s := &stand{
		server: proxy.New(proxy.Options{}), plain: address(plain), secure: address(secure), failed: make(chan error, 2),
		app: &http.Server{Handler: echo.Handler(), ReadHeaderTimeout: 10 * time.Second},
	}
	if err := s.configure(address(back)); err != nil {
		return nil, errors.Join(err, plain.Close(), secure.Close(), back.Close())
	}
	go func() { s.failed <- s.app.Serve(back) }()
	go func() { s.failed <- s.server.Serve([]net.Listener{plain}, []net.Listener{secure}) }()
	return s, nil
}

// listen takes the preferred port of loopback, or any when that is taken.
func listen(preferred int) (net.Listener, error) {
	l, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", preferred))
	if err != nil && preferred != 0 {
		return listen(0)
	}
	if err != nil {
		return nil, fmt.Errorf("cannot open a port on loopback for the demo: %w", err)
	}
	return l, nil
}

func address(l net.Listener) netip.AddrPort { return netip.MustParseAddrPort(l.Addr().String()) }

// configure makes the CA, the certificate and the site.
func (s *stand) configure(back netip.AddrPort) error {
	pair, roots, err := certificate([]steps.Domain{name})
	if err != nil {
		return err
	}
	s.roots = roots
	s.site = steps.Site{
		Name:     name,
		Install:  steps.SiteInstall{Executor: steps.ExecutorNative},
		Certs:    steps.SiteCerts{Domains: []steps.Domain{name}, Key: steps.ECDSAP256, Days: 1},
		SSL:      steps.SiteSSL{Profile: steps.Intermediate, HTTP2: true},
		Redirect: steps.SiteRedirect{Enabled: true, Status: http.StatusMovedPermanently},
		Proxy: steps.SiteProxy{Timeout: time.Minute, MaxBody: 20 << 20,
			Upstream: steps.Upstream{Scheme: "http", Host: back.Addr().String(), Port: int(back.Port())}},
		WebSockets: steps.SiteWebSockets{Enabled: true, Paths: []string{"/"}, Idle: time.Hour},
		Trusted:    steps.SiteTrusted{Source: steps.SourceNone},
	}
	return s.server.Swap(proxy.Config{
		HTTPPort: int(s.plain.Port()), HTTPSPort: int(s.secure.Port()),
		Sites: []proxy.Site{{Site: s.site, Certificate: pair}},
	})
}

// certificate is one of a CA that is forgotten with the demo.
func certificate(domains []steps.Domain) (tls.Certificate, *x509.CertPool, error) {
	now := time.Now()
	caKey, err := cert.GenerateKey(steps.ECDSAP256)
	if err != nil {
		return tls.Certificate{}, nil, err
	}
	ca, err := cert.NewAuthority(caKey, "the demo", domains, now)
	if err != nil {
		return tls.Certificate{}, nil, err
	}
	key, err := cert.GenerateKey(steps.ECDSAP256)
	if err != nil {
		return tls.Certificate{}, nil, err
	}
	chain, err := ca.Issue(key.Public(), domains, 1, now)
	if err != nil {
		return tls.Certificate{}, nil, err
	}
	pair := tls.Certificate{PrivateKey: key}
	for _, c := range chain {
		pair.Certificate = append(pair.Certificate, c.Raw)
	}
	roots := x509.NewCertPool()
	roots.AddCert(ca.Certificate)
	return pair, roots, nil
}

func (s *stand) https() string    { return fmt.Sprintf("https://%s:%d/", name, s.secure.Port()) }
func (s *stand) plainURL() string { return fmt.Sprintf("http://%s:%d/", name, s.plain.Port()) }

func (s *stand) target() probe.Target {
	return probe.Target{
		Name: name, HTTPSPort: int(s.secure.Port()), HTTPPort: int(s.plain.Port()),
		Addresses: []netip.AddrPort{s.secure}, HTTPAddresses: []netip.AddrPort{s.plain},
		Roots: s.roots, Expect: &s.site, Upstream: &s.site.Proxy.Upstream, Echo: true, Idle: 100 * time.Millisecond,
	}
}

func (s *stand) close() {
	over, cancel := context.WithCancel(context.Background())
	cancel()
	_ = s.server.Shutdown(over)
	_ = s.app.Close()
}
