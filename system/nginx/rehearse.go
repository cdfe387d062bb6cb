package nginx

import (
	"context"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/c93d5bcb/sslwizard/steps"
	"github.com/c93d5bcb/sslwizard/system/cert"
	"github.com/c93d5bcb/sslwizard/system/echo"
	"github.com/c93d5bcb/sslwizard/system/host"
)

const (
	rehearsalTime = time.Minute
	// cleaning is how long taking the scratch instance away may take, even after the run was cancelled.
	cleaning = 10 * time.Second
	// attempts are for a port that somebody took between our choice and nginx's bind.
	attempts = 3
)

// Rehearse serves the sites with a scratch nginx on loopback ports: the servers of the plan word for word, with their
// present certificates and an echo application as upstream. It probes them and leaves nothing behind. A check that
// fails is in the report; the error is for what kept it from rehearsing.
func (r Runtime) Rehearse(ctx context.Context, h host.Host, sites []steps.Site) (report steps.Report, err error) {
	start, r := time.Now(), r.withDefaults()
	ctx, cancel := context.WithTimeout(ctx, rehearsalTime)
	defer cancel()
	app, err := startEcho()
	if err != nil {
		return steps.Report{}, err
	}
	defer app.Close()
	for range attempts {
		report, err = r.rehearse(ctx, h, sorted(sites), app.Addr)
		if !portTaken(err) {
			break
		}
	}
	report.Target, report.Took = "rehearsal on loopback ports", time.Since(start)
	return report, err
}

func portTaken(err error) bool {
	return err != nil && strings.Contains(err.Error(), "98: Address already in use")
}

// startEcho serves the echo application; its Addr says where.
func startEcho() (*http.Server, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("cannot start the rehearsal's application: %w", err)
	}
	app := echo.Server()
	app.Addr = l.Addr().String()
	go func() { _ = app.Serve(l) }() // ends with Close
	return app, nil
}

func (r Runtime) rehearse(ctx context.Context, h host.Host, sites []steps.Site, app string) (report steps.Report, err error) {
	stage, err := newStage(app)
	if err != nil {
		return report, err
	}
	s, err := newScratch(ctx, h, r.dir)
	defer func() {
		clean, cancel := context.WithTimeout(context.WithoutCancel(ctx), cleaning)
		defer cancel()
		err = errors.Join(err, s.remove(clean))
	}()
	if err != nil {
		return report, err
	}
	if err := r.place(ctx, h, s, sites, stage); err != nil {
		return report, err
	}
	if err := s.start(ctx, argument(r.mainConfig(h), "user", "")); err != nil {
		return report, err
	}
	return r.look(ctx, h, sites, stage)
}

// stage is where a rehearsal takes place.
type stage struct {
	http, https []netip.AddrPort // one of each for every address family
	upstream    steps.Upstream
	client      tls.Certificate // of a client that is let in where one is asked for a certificate
	clientCA    []byte          // in the place of the user's, whose clients' keys nobody has here
	token       string          // the name, and the content, of the challenge file
}

func newStage(app string) (stage, error) {
	at, err := netip.ParseAddrPort(app)
	if err != nil {
		return stage{}, err
	}
	s := stage{
		upstream: steps.Upstream{Scheme: "http", Host: at.Addr().String(), Port: int(at.Port())},
		token:    rand.Text(),
	}
	client, ca, err := cert.NewClient(time.Now())
	if err != nil {
		return s, fmt.Errorf("cannot rehearse: %w", err)
	}
	s.client, s.clientCA = client, cert.EncodeChain([]*x509.Certificate{ca})
	ports, err := freePorts(2)
	if err != nil {
		return s, err
	}
	s.http, s.https = ports[0], ports[1]
	return s, nil
}

// freePorts returns as many free ports of each address family that this host has. All are held until all are found, or
// one could be found twice.
func freePorts(n int) ([][]netip.AddrPort, error) {
	var held []net.Listener
	defer func() {
		for _, l := range held {
			_ = l.Close() // it has taken no connection
		}
	}()
	all := make([][]netip.AddrPort, n)
	for i := range all {
		for _, address := range []string{"127.0.0.1:0", "[::1]:0"} {
			l, err := net.Listen("tcp", address)
			if err != nil && len(all[i]) > 0 {
				break // no IPv6 here
			}
			if err != nil {
				return nil, fmt.Errorf("cannot find a free port for the rehearsal: %w", err)
			}
			held = append(held, l)
			all[i] = append(all[i], netip.MustParseAddrPort(l.Addr().String()))
		}
	}
	return all, nil
}

// target is the stage as a place for the configuration.
func (g stage) target(caps steps.NginxCaps, dir, root string) target {
	return target{
		caps: caps, http: onStage(g.http), https: onStage(g.https), quic: onStage(g.https), ipv6: len(g.http) > 1,
		webroot: dir + "/webroot", groups: dir, root: root,
		upstreams: g.upstreams, clientCA: func(steps.Site) string { return dir + "/" + clientsFile },
	}
}

// upstreams are as many as the site has, all of them the echo application, in the same version of HTTP as the site's own.
func (g stage) upstreams(s steps.Site) []steps.Upstream {
	echo := g.upstream
	if s.Proxy.Upstream.HTTP2() && !echo.HTTP2() {
		echo = echo.Twin()
	}
	return slices.Repeat([]steps.Upstream{echo}, len(s.Proxy.Upstreams()))
}

func onStage(ports []netip.AddrPort) []socket {
	all := make([]socket, len(ports))
	for i, p := range ports {
		all[i] = socket{address: p.String(), dflt: true, reuse: true}
	}
	return all
}

// clientsFile is the CA of the stage's own client, in the scratch folder.
const clientsFile = "clients.pem"

// place writes the files of the plan, for the stage, into the scratch folder.
func (r Runtime) place(ctx context.Context, h host.Host, s scratch, sites []steps.Site, g stage) error {
	caps, err := capsOf(ctx, h)
	if err != nil {
		return err
	}
	inside := layout{include: s.dir + "/conf.d", caps: caps}
	changes, err := files(sites, inside, g.target(caps, s.dir, r.root))
	if err != nil {
		return err
	}
	for _, c := range changes {
		f := c.(steps.WriteFile)
		if err := h.WriteFile(f.Path, host.File{Data: f.Content, Mode: f.Mode}); err != nil {
			return err
		}
	}
	if err := s.write(clientsFile, g.clientCA); err != nil {
		return err
	}
	return s.write("webroot"+steps.ChallengePath+g.token, []byte(g.token))
}

// capsOf asks the program that is there for its version.
func capsOf(ctx context.Context, r host.Reader) (steps.NginxCaps, error) {
	out, err := r.Query(ctx, host.Command{Argv: []string{"nginx", "-v"}})
	if err != nil {
		return steps.NginxCaps{}, &steps.Failure{Text: "cannot ask nginx for its version", Err: err}
	}
	version, _, _ := strings.Cut(strings.TrimPrefix(strings.TrimSpace(string(out.Stderr)), "nginx version: "), " ")
	return CapsOf(version), nil
}

// look probes every site on the stage, and what no probe of a site sees: the challenge and unknown names.
func (r Runtime) look(ctx context.Context, h host.Host, sites []steps.Site, g stage) (steps.Report, error) {
	var report steps.Report
	for _, s := range sites {
		leaf, err := r.leaf(h, s.Name)
		if err != nil {
			return report, err
		}
		for i, name := range auditioned(s) {
			report.Checks = append(report.Checks, g.probe(ctx, s, name, leaf, i == 0)...)
		}
		report.Checks = append(report.Checks, g.challenges(ctx, s)...)
	}
	if !slices.ContainsFunc(sites, namedByIP) {
		report.Checks = append(report.Checks, g.strangers(ctx)...)
	}
	return report, ctx.Err()
}

// auditioned are the names of a site that are probed: enough to meet each of its servers.
func auditioned(s steps.Site) []string {
	var all []string
	for _, d := range s.Certs.Domains {
		if len(all) < 2 || d == s.Redirect.Canonical {
			all = append(all, string(d))
		}
	}
	return all
}
