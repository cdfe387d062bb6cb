package native

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"time"

	"github.com/c93d5bcb/sslwizard/steps"
	"github.com/c93d5bcb/sslwizard/system/cert"
	"github.com/c93d5bcb/sslwizard/system/echo"
	"github.com/c93d5bcb/sslwizard/system/host"
	"github.com/c93d5bcb/sslwizard/system/probe"
	"github.com/c93d5bcb/sslwizard/system/proxy"
)

const (
	rehearsalTime = time.Minute
	rehearsalIdle = 50 * time.Millisecond // the silence of a WebSocket: here only that silence as such is survived
)

// Rehearse implements apply.Executor: it runs the proxy itself, in this process and on loopback ports, with the sites,
// their present certificates and an echo application as upstream, and probes it. What fails is in the report; the
// error is for what kept it from rehearsing. Nothing is left behind.
func (r *Runtime) Rehearse(ctx context.Context, h host.Host, sites []steps.Site) (steps.Report, error) {
	start := time.Now()
	ctx, cancel := context.WithTimeout(ctx, rehearsalTime)
	defer cancel()
	report := steps.Report{Target: "rehearsal on loopback ports"}
	s, err := newStage()
	if err != nil {
		return report, err
	}
	defer s.close()
	for _, site := range sites {
		shown := sites
		if namedByAddress(site) {
			shown = []steps.Site{site}
		}
		if err := s.serve(h, shown); err != nil {
			return report, err
		}
		for _, t := range s.targets(site) {
			report.Checks = append(report.Checks, probe.Run(ctx, t, nil).Checks...)
		}
	}
	report.Took = time.Since(start)
	return report, ctx.Err()
}

// namedByAddress reports a site that a client asks for without SNI. On the stage, where all sites share one loopback
// address, several of them could not be told apart, so each has the stage to itself.
func namedByAddress(s steps.Site) bool {
	return slices.ContainsFunc(s.Certs.Domains, func(d steps.Domain) bool { _, isIP := d.IP(); return isIP })
}

// stage is where a rehearsal takes place: a proxy with an echo application behind it.
type stage struct {
	server      *proxy.Server
	app         *http.Server
	upstream    steps.Upstream
	client      tls.Certificate     // of a client that is let in where one is asked for a certificate
	clientCAs   []*x509.Certificate // in the place of the user's, whose clients' keys nobody has here
	http, https netip.AddrPort
	plain       net.Listener
	secure      net.Listener
}

func newStage() (*stage, error) {
	var listeners [3]net.Listener
	var at [3]netip.AddrPort
	for i := range listeners {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			for _, open := range listeners[:i] {
				_ = open.Close()
			}
			return nil, fmt.Errorf("cannot rehearse: no port on loopback can be had: %w", err)
		}
		listeners[i], at[i] = l, netip.MustParseAddrPort(l.Addr().String())
	}
	s := &stage{
		server: proxy.New(proxy.Options{}), app: echo.Server(),
		plain: listeners[0], secure: listeners[1], http: at[0], https: at[1],
		upstream: steps.Upstream{Scheme: "http", Host: at[2].Addr().String(), Port: int(at[2].Port())},
	}
	client, ca, err := cert.NewClient(time.Now())
	if err != nil {
		return nil, fmt.Errorf("cannot rehearse: %w", err)
	}
	s.client, s.clientCAs = client, []*x509.Certificate{ca}
	go func() { _ = s.app.Serve(listeners[2]) }() // ends with close
	go func() { _ = s.server.Serve([]net.Listener{s.plain}, []net.Listener{s.secure}) }()
	return s, nil
}

func (s *stage) close() {
	over, cancel := context.WithCancel(context.Background())
	cancel()
	_ = s.server.Shutdown(over) // at once: only the probe was here
	_ = s.app.Close()
}

// serve gives the sites to the proxy, with the echo application in the place of their upstreams.
func (s *stage) serve(h host.Reader, sites []steps.Site) error {
	c := proxy.Config{Webroot: steps.Webroot}
	for _, site := range sites {
		current, err := cert.Current(h, site.Name)
		if err != nil {
			return fmt.Errorf("cannot rehearse %s: %w", site.Name, err)
		}
		pair, err := tls.X509KeyPair(current.Chain, current.Key)
		if err != nil {
			return fmt.Errorf("cannot rehearse %s with its certificate: %w", site.Name, err)
		}
		c.Sites = append(c.Sites, proxy.Site{Site: s.staged(site), Certificate: pair, ClientCAs: s.clientCAs})
	}
	return s.server.Swap(c)
}

func (s *stage) staged(site steps.Site) steps.Site {
	http2 := site.Proxy.Upstream.HTTP2()
	if site.Proxy.Upstream = s.upstream; http2 {
		site.Proxy.Upstream = s.upstream.Twin()
	}
	site.Proxy.More = nil
	return site
}

// targets are what is probed of a site: its first name in full, and the canonical one.
func (s *stage) targets(site steps.Site) []probe.Target {
	staged := s.staged(site)
	var all []probe.Target
	for i, d := range site.Certs.Domains {
		if i == 0 || d == site.Redirect.Canonical {
			all = append(all, probe.Target{
				Name: string(d), Addresses: []netip.AddrPort{s.https}, HTTPAddresses: []netip.AddrPort{s.http},
				Expect: &staged, Upstream: &staged.Proxy.Upstream, Echo: true, Idle: rehearsalIdle,
				Client: &s.client,
			})
		}
	}
	return all
}
