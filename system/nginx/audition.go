package nginx

import (
	"context"
	"crypto/sha256"
	"crypto/tls"
	"encoding/hex"
	"encoding/pem"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"time"

	"github.com/c93d5bcb/sslwizard/steps"
	"github.com/c93d5bcb/sslwizard/system/host"
	"github.com/c93d5bcb/sslwizard/system/probe"
)

// patience is how long one question of a rehearsal waits for its answer.
const patience = 10 * time.Second

// probe looks at one name of a site with the same eyes as after the run; at every address, or only at the first.
func (g stage) probe(ctx context.Context, s steps.Site, name, leaf string, everywhere bool) []steps.Check {
	n, app := 1, g.upstreams(s)[0]
	if everywhere {
		n = len(g.https)
	}
	return probe.Run(ctx, probe.Target{
		Name: name, Addresses: g.https[:n], HTTPAddresses: g.http[:n], Expect: &s, ExpectLeaf: leaf, Echo: true,
		Upstream: &app, Timeout: patience, Client: &g.client,
	}, nil).Checks
}

// challenges fetches a token as the CA does, over plain HTTP and, as when the CA was redirected, over TLS.
func (g stage) challenges(ctx context.Context, s steps.Site) []steps.Check {
	name := concrete(s.Certs.Domains[0])
	url := hostInURL(name) + steps.ChallengePath + g.token
	var all []steps.Check
	for i := range g.http {
		all = append(all,
			g.challenge(ctx, "challenge.http", "http://"+url, name, g.http[i]),
			g.challenge(ctx, "challenge.https", "https://"+url, name, g.https[i]))
	}
	return all
}

func (g stage) challenge(ctx context.Context, check, url, name string, at netip.AddrPort) steps.Check {
	start := time.Now()
	c := steps.Check{Step: steps.IDTrusted, Name: check, Address: at.String(), Verdict: steps.OK, Detail: "a challenge is answered, not redirected"}
	status, body, err := g.fetch(ctx, url, name, at)
	switch {
	case err != nil:
		c.Verdict, c.Code, c.Detail = steps.Fail, "A06", "no answer to a challenge: "+steps.CleanLine(err.Error())
	case status != http.StatusOK || body != g.token:
		c.Verdict, c.Code, c.Detail = steps.Fail, "A06", fmt.Sprintf("a challenge is answered %d, not with its token", status)
	}
	c.Elapsed = time.Since(start)
	return c
}

// strangers tries a handshake for a name that nobody has.
func (g stage) strangers(ctx context.Context) []steps.Check {
	var all []steps.Check
	for _, at := range g.https {
		c := steps.Check{Step: steps.IDSSL, Name: "tls.unknown", Address: at.String(), Verdict: steps.OK, Detail: "a name that no site has is refused"}
		status, _, err := g.fetch(ctx, "https://unknown.invalid/", "unknown.invalid", at)
		if err == nil && status != http.StatusMisdirectedRequest { // before nginx 1.19.4 the handshake cannot be refused
			c.Verdict, c.Code, c.Detail = steps.Fail, "W10", fmt.Sprintf("a name that no site has is answered %d", status)
		}
		all = append(all, c)
	}
	return all
}

// fetch gets a URL from one address, without following redirects or judging the certificate.
func (g stage) fetch(ctx context.Context, url, sni string, at netip.AddrPort) (status int, body string, err error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	transport := &http.Transport{
		DisableKeepAlives: true,
		TLSClientConfig:   &tls.Config{ServerName: sni, InsecureSkipVerify: true, Certificates: []tls.Certificate{g.client}}, // what is served is judged by the probe
		DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
			return (&net.Dialer{}).DialContext(ctx, network, at.String())
		},
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return 0, "", err
	}
	reply, err := transport.RoundTrip(request)
	if err != nil {
		return 0, "", err
	}
	defer reply.Body.Close()
	read, err := io.ReadAll(io.LimitReader(reply.Body, 1<<10))
	return reply.StatusCode, string(read), err
}

// concrete is the domain, or a name below it if it is a wildcard.
func concrete(d steps.Domain) string {
	if rest, ok := strings.CutPrefix(string(d), "*."); ok {
		return "sslwizard-check." + rest
	}
	return string(d)
}

func hostInURL(name string) string {
	if strings.Contains(name, ":") {
		return "[" + name + "]"
	}
	return name
}

// leaf is the SHA-256 of the certificate that a site is to serve, in hex.
func (r Runtime) leaf(h host.Reader, site string) (string, error) {
	return leafOf(h, r.root+steps.CurrentChain(site))
}

// leafOf reads the first certificate of a PEM file, following the links on the way.
func leafOf(h host.Reader, file string) (string, error) {
	f, err := h.ReadFile(file)
	if err != nil {
		return "", err
	}
	block, _ := pem.Decode(f.Data)
	if block == nil || block.Type != "CERTIFICATE" {
		return "", fmt.Errorf("cannot read %s: it does not begin with a certificate", file)
	}
	sum := sha256.Sum256(block.Bytes)
	return hex.EncodeToString(sum[:]), nil
}
