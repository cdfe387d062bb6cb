package acme

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

// maxHops and maxBody are Boulder's limits.
const (
	maxHops = 10
	maxBody = 128
)

// ask asks one address for the proof, as a CA does.
func (e *examination) ask(ctx context.Context, p Proof, address netip.Addr) fetched {
	ctx, cancel := context.WithTimeout(ctx, e.Patience)
	defer cancel()
	if e.inTLS {
		return e.shake(ctx, p, address)
	}
	return e.fetch(ctx, p, address)
}

// fetch asks one address for the token as a CA does: over http on port 80, following at most ten redirects to http or
// https on ports 80 and 443, whose certificates nobody checks.
func (e *examination) fetch(ctx context.Context, p Proof, address netip.Addr) fetched {
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

func (e *examination) get(ctx context.Context, client *http.Client, p Proof, f *fetched) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+urlHost(p.Domain)+steps.ChallengePath+p.Token, nil)
	if err != nil {
		return err
	}
	request.Header.Set("User-Agent", "sslwizard (looking before the CA does)")
	reply, err := client.Do(request)
	if err != nil {
		return err
	}
	defer reply.Body.Close()
	f.header = reply.Header
	if reply.StatusCode != http.StatusOK {
		return fmt.Errorf("it answers %d %s", reply.StatusCode, http.StatusText(reply.StatusCode))
	}
	body, err := io.ReadAll(io.LimitReader(reply.Body, maxBody+1))
	if err != nil {
		return err
	}
	switch {
	case strings.TrimRight(string(body), " \t\r\n") == p.Body:
		return nil
	case len(body) > maxBody || strings.HasPrefix(strings.TrimSpace(string(body)), "<"):
		return errors.New("it answers with a page of its own")
	}
	return errors.New("it answers with another text")
}

func (e *examination) mayFollow(r *http.Request, hops int) error {
	port := r.URL.Port()
	switch {
	case hops >= maxHops:
		return errors.New("more than ten redirects")
	case r.URL.Scheme != "http" && r.URL.Scheme != "https":
		return errors.New("a redirect to something else than http")
	case port != "" && port != "80" && port != "443" && port != strconv.Itoa(e.Port):
		return errors.New("a redirect to port " + short(port) + ", where no CA follows")
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
		others, err := e.lookup(ctx, steps.Domain(strings.TrimSuffix(host, ".")))
		if err != nil {
			return nil, fmt.Errorf("cannot look up %s: %s", short(host), dnsReason(err))
		}
		address = others[0]
	}
	conn, err := e.Dial(ctx, network, net.JoinHostPort(address.String(), port))
	if err != nil {
		return nil, errors.New(plainDial(err))
	}
	return conn, nil
}

func urlHost(d steps.Domain) string {
	if a, ok := d.IP(); ok && a.Is6() {
		return "[" + a.String() + "]"
	}
	return string(d)
}

// plainDial takes the addresses and operation that net adds away: the sentence around it has them.
func plainDial(err error) string {
	var timeout net.Error
	if errors.As(err, &timeout) && timeout.Timeout() {
		return "no answer in time"
	}
	var op *net.OpError
	if errors.As(err, &op) {
		err = op.Err
	}
	text := short(err.Error())
	if _, last, ok := strings.Cut(text, ": "); ok {
		return last
	}
	return text
}
