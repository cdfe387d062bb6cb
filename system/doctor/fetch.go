package doctor

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"strconv"
	"strings"
	"sync/atomic"

	"github.com/c93d5bcb/sslwizard/steps"
	"github.com/c93d5bcb/sslwizard/system/acme"
)

// fetched is what one address of a name answered.
type fetched struct {
	address    netip.Addr
	header     http.Header // of the last reply
	connected  bool        // something accepted a connection
	redirected string      // where a redirect led to, when that was the last reply; cleaned
	err        error       // nil: exactly our proof
}

func (f fetched) reason() string { return reason(f.err) }

// answer is a reply that is not the token, with the cause that it speaks for.
type answer struct{ code, text string }

func (a answer) Error() string { return a.text }

// cause is the code of what was answered; empty when it says nothing by itself.
func (f fetched) cause() string {
	var a answer
	if errors.As(f.err, &a) {
		return a.code
	}
	if f.redirected != "" && (errors.Is(f.err, http.ErrSchemeMismatch) || strings.Contains(f.err.Error(), "tls: ")) {
		return "D22"
	}
	return ""
}

// maxHops and maxBody are Boulder's limits.
const (
	maxHops = 10
	maxBody = 128
)

// ask asks one address for the proof, as a CA does.
func (e *examination) ask(ctx context.Context, p acme.Proof, address netip.Addr) fetched {
	ctx, cancel := context.WithTimeout(ctx, e.Patience)
	defer cancel()
	if e.inTLS() {
		return e.shake(ctx, p, address)
	}
	return e.fetch(ctx, p, address)
}

// fetch asks one address for the token as a CA does: over http on port 80, following at most ten redirects to http or
// https on ports 80 and 443, whose certificates nobody checks.
func (e *examination) fetch(ctx context.Context, p acme.Proof, address netip.Addr) fetched {
	f := fetched{address: address}
	var connected atomic.Bool // a dial may outlive the request that it was for
	transport := &http.Transport{
		DisableKeepAlives: true,
		TLSClientConfig:   &tls.Config{InsecureSkipVerify: true}, //nolint:gosec // CAs do not verify here either (RFC 8555 section 8.3)
		DialContext: func(ctx context.Context, network, to string) (net.Conn, error) {
			conn, err := e.dial(ctx, network, to, p.Domain, address)
			if err == nil {
				connected.Store(true)
			}
			return conn, err
		},
	}
	client := &http.Client{Transport: transport, CheckRedirect: func(r *http.Request, via []*http.Request) error {
		f.redirected = short(r.URL.Host + r.URL.Path)
		return e.mayFollow(r, len(via))
	}}
	f.err = e.get(ctx, client, p, &f)
	f.connected = connected.Load()
	return f
}

func (e *examination) get(ctx context.Context, client *http.Client, p acme.Proof, f *fetched) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+urlHost(p.Domain)+steps.ChallengePath+p.Token, nil)
	if err != nil {
		return err
	}
	request.Header.Set("User-Agent", userAgent)
	reply, err := client.Do(request)
	if err != nil {
		return err
	}
	defer reply.Body.Close()
	f.header = reply.Header
	if reply.StatusCode != http.StatusOK {
		return byStatus(reply.StatusCode)
	}
	body, err := io.ReadAll(io.LimitReader(reply.Body, maxBody+1))
	if err != nil {
		return err
	}
	return compare(p, string(body))
}

const userAgent = "sslwizard (looking before the CA does)"

func byStatus(status int) answer {
	a := answer{"A07", fmt.Sprintf("it answers %d %s", status, http.StatusText(status))}
	switch {
	case status == http.StatusUnauthorized, status == http.StatusForbidden:
		a.code = "D27"
	case status == http.StatusTooManyRequests, status >= http.StatusInternalServerError:
		a.code = "D29"
	}
	return a
}

// compare holds a body against the token's.
func compare(p acme.Proof, body string) error {
	text := strings.TrimSpace(body)
	switch {
	case strings.TrimRight(body, " \t\r\n") == p.Body:
		return nil
	case strings.Contains(body, p.Token):
		return answer{"D21", "our text comes back with something added"}
	case len(body) > maxBody || strings.HasPrefix(text, "<"):
		return answer{"D26", "it answers with a page of its own"}
	}
	return answer{"A07", "it answers with another text"}
}

func (e *examination) mayFollow(r *http.Request, hops int) error {
	port := r.URL.Port()
	switch {
	case hops >= maxHops:
		return answer{"D23", "more than ten redirects"}
	case r.URL.Scheme != "http" && r.URL.Scheme != "https":
		return answer{"D24", "a redirect to something else than http"}
	case port != "" && port != "80" && port != "443" && port != strconv.Itoa(e.Port):
		return answer{"D24", "a redirect to port " + short(port) + ", where no CA follows"}
	}
	return nil
}

// dial goes to the address that is examined for the name itself, and to wherever it is for a redirect to another.
func (e *examination) dial(ctx context.Context, network, to string, d steps.Domain, address netip.Addr) (net.Conn, error) {
	host, port, err := net.SplitHostPort(to)
	if err != nil {
		return nil, err
	}
	if port == "80" {
		port = strconv.Itoa(e.Port)
	}
	if !strings.EqualFold(host, strings.Trim(urlHost(d), "[]")) {
		if address, err = e.addressOf(ctx, host); err != nil {
			return nil, fmt.Errorf("cannot look up %s: %s", short(host), reason(err))
		}
	}
	conn, err := e.Dial(ctx, network, net.JoinHostPort(address.String(), port))
	if err != nil {
		return nil, errors.New(plainDial(err))
	}
	return conn, nil
}

func (e *examination) addressOf(ctx context.Context, host string) (netip.Addr, error) {
	addresses, err := e.addressesOf(ctx, host)
	if err != nil {
		return netip.Addr{}, err
	}
	return e.near(addresses)[0], nil
}

// addressesOf are those of a name, or the address itself.
func (e *examination) addressesOf(ctx context.Context, host string) ([]netip.Addr, error) {
	if a, err := netip.ParseAddr(host); err == nil {
		return []netip.Addr{a.Unmap()}, nil
	}
	return e.Resolver.LookupNetIP(ctx, "ip", host)
}

func urlHost(d steps.Domain) string {
	if a, ok := d.IP(); ok && a.Is6() {
		return "[" + a.String() + "]"
	}
	return string(d)
}
