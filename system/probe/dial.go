package probe

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"net/url"
	"os"
	"strings"
	"syscall"
	"time"

	"github.com/c93d5bcb/sslwizard/steps"
)

// maxAddresses bounds how many addresses of a name are probed.
const maxAddresses = 16

// resolve asks the resolver of this machine for A and AAAA.
func (p *prober) resolve(ctx context.Context) []endpoint {
	m := p.begin(steps.IDInstall, "dns.addresses", netip.AddrPort{})
	ctx, cancel := context.WithTimeout(ctx, p.target.Timeout)
	defer cancel()
	addrs, err := p.lookup(ctx, "ip", p.target.Name)
	if err != nil || len(addrs) == 0 {
		m.end(fail(faultDNS, "no address was found for %s: %s", p.target.Name, reason(err)))
		return nil
	}
	addrs = distinct(addrs)
	var ends []endpoint
	var texts []string
	for _, a := range addrs[:min(len(addrs), maxAddresses)] {
		ends = append(ends, p.target.endpoint(a))
		texts = append(texts, a.String())
	}
	m.end(ok("%s", strings.Join(texts, ", ")))
	return ends
}

// distinct returns the addresses once each, IPv4 ones in their own form.
func distinct(addrs []netip.Addr) []netip.Addr {
	seen := map[netip.Addr]bool{}
	var out []netip.Addr
	for _, a := range addrs {
		if a = a.Unmap(); !seen[a] {
			seen[a] = true
			out = append(out, a)
		}
	}
	return out
}

// dial opens a TCP connection that fails all reads and writes after the target's time-out.
func (p *prober) dial(ctx context.Context, addr netip.AddrPort) (net.Conn, error) {
	return dialWithin(ctx, "tcp", addr.String(), p.target.Timeout)
}

func dialWithin(ctx context.Context, network, addr string, within time.Duration) (net.Conn, error) {
	d := net.Dialer{Timeout: within}
	conn, err := d.DialContext(ctx, network, addr)
	if err != nil {
		return nil, err
	}
	if err := conn.SetDeadline(time.Now().Add(within)); err != nil {
		_ = conn.Close()
		return nil, err
	}
	return conn, nil
}

// The checks that connect is.
const (
	connectHTTP  = "tcp.http"
	connectHTTPS = "tcp.https"
)

// connect is the check that a port can be reached at all.
func (p *prober) connect(ctx context.Context, name string, addr netip.AddrPort) (net.Conn, bool) {
	m := p.begin(steps.IDInstall, name, addr)
	conn, err := p.dial(ctx, addr)
	if err == nil {
		m.end(ok("connected in %s%s", time.Since(m.start).Round(10*time.Microsecond), vantage(conn)))
		return conn, true
	}
	f := dialFault(err)
	if name == connectHTTP {
		f.code, f.fix = faultPort80.code, faultPort80.fix
	}
	switch {
	case noRoute(err) && addr.Addr().Is6():
		m.end(skip("this machine has no IPv6 route to it, so it was not judged (%s)", reason(err)))
	case name == connectHTTP && p.target.Expect == nil:
		m.end(warn(f, "port %d: %s", addr.Port(), reason(err)))
	default:
		m.end(fail(f, "port %d: %s", addr.Port(), reason(err)))
	}
	return nil, false
}

// vantage says when the way was too short to prove anything about the network.
func vantage(conn net.Conn) string {
	local, remote := conn.LocalAddr().(*net.TCPAddr), conn.RemoteAddr().(*net.TCPAddr)
	if local.IP.Equal(remote.IP) {
		return ", from the server itself: the way from outside is not tested"
	}
	return ""
}

func noRoute(err error) bool {
	return errors.Is(err, syscall.ENETUNREACH) || errors.Is(err, syscall.EADDRNOTAVAIL) || errors.Is(err, syscall.EAFNOSUPPORT)
}

// dialFault names why a connection could not be made.
func dialFault(err error) fault {
	switch {
	case errors.Is(err, syscall.ECONNREFUSED):
		return faultRefused
	case isTimeout(err):
		return faultTimeout
	case errors.Is(err, syscall.ECONNRESET):
		return faultReset
	}
	return faultUnreachable
}

// cutFault names how the peer ended a connection that was made; false if it did not.
func cutFault(err error) (fault, bool) {
	switch {
	case isTimeout(err):
		return faultStalled, true
	case errors.Is(err, syscall.ECONNRESET), errors.Is(err, syscall.EPIPE):
		return faultReset, true
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return faultClosed, true
	}
	return fault{}, false
}

func isTimeout(err error) bool {
	var t net.Error
	return errors.As(err, &t) && t.Timeout() || errors.Is(err, context.DeadlineExceeded) || errors.Is(err, os.ErrDeadlineExceeded)
}

// reason is the cause of an error in plain words, without the addresses that the net package puts before it.
func reason(err error) string {
	var dns *net.DNSError
	var errno syscall.Errno
	var wrapped *url.Error
	switch {
	case err == nil:
		return "an empty answer"
	case errors.As(err, &dns) && dns.IsNotFound:
		return "no such name"
	case isTimeout(err):
		return "no answer in time"
	case errors.As(err, &wrapped):
		return reason(wrapped.Err)
	case errors.Is(err, syscall.ECONNREFUSED):
		return "nothing listens there"
	case errors.Is(err, syscall.ECONNRESET):
		return "the connection was reset"
	case errors.As(err, &errno):
		return errno.Error()
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return "the server hung up"
	}
	return steps.CleanLine(fmt.Sprint(err))
}
