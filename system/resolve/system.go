package resolve

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"os"
	"slices"
	"strings"
	"time"

	"golang.org/x/net/dns/dnsmessage"
)

// The two files that name the DNS servers. Where systemd-resolved stands in between, the second has the real ones.
const (
	resolvConf         = "/etc/resolv.conf"
	resolvConfUpstream = "/run/systemd/resolve/resolv.conf"
	resolvedStub       = "127.0.0.53:53"
)

// System is a client of this machine's resolvers. It does not see what the system's own functions do: a server usually has
// its own name in /etc/hosts, as 127.0.1.1, and systemd-resolved makes answers up for it.
func System() *Client { return systemClient(os.ReadFile) }

func systemClient(read func(string) ([]byte, error)) *Client {
	list := serversIn(read, resolvConf)
	if len(list) > 0 && list[0] == resolvedStub {
		if upstream := serversIn(read, resolvConfUpstream); len(upstream) > 0 {
			list = upstream
		}
	}
	return &Client{Servers: list, Timeout: 2 * time.Second, Dial: new(net.Dialer).DialContext}
}

func serversIn(read func(string) ([]byte, error), file string) []string {
	text, err := read(file)
	if err != nil {
		return nil
	}
	var list []string
	for line := range strings.Lines(string(text)) {
		fields := strings.Fields(line)
		if len(fields) < 2 || fields[0] != "nameserver" {
			continue
		}
		if a, err := netip.ParseAddr(fields[1]); err == nil {
			list = append(list, net.JoinHostPort(a.String(), "53"))
		}
	}
	return list[:min(len(list), 3)] // as resolv.conf(5) has it
}

// LookupNetIP returns the A and AAAA records of a name, aliases followed by the resolver, as net.Resolver does.
func (c *Client) LookupNetIP(ctx context.Context, _, host string) ([]netip.Addr, error) {
	four, six, err := c.Addresses(ctx, host)
	if err != nil {
		return nil, err
	}
	for _, r := range []Reply{four, six} {
		if !r.OK() && !r.Absent() {
			return nil, &net.DNSError{Err: r.Word(), Name: host, Server: r.Server, IsTemporary: true}
		}
	}
	addresses := slices.Concat(Addresses(four), Addresses(six))
	if len(addresses) == 0 {
		return nil, &net.DNSError{Err: "no such host", Name: host, IsNotFound: true}
	}
	return addresses, nil
}

// Addresses asks for A and AAAA at once. The error is for resolvers that do not say anything to one of them.
func (c *Client) Addresses(ctx context.Context, host string) (four, six Reply, err error) {
	type result struct {
		reply Reply
		err   error
	}
	other := make(chan result, 1)
	go func() {
		reply, err := c.Resolve(ctx, Question{Name: host, Type: dnsmessage.TypeAAAA})
		other <- result{reply, err}
	}()
	four, err = c.Resolve(ctx, Question{Name: host, Type: dnsmessage.TypeA})
	second := <-other
	return four, second.reply, errors.Join(err, second.err)
}

// Addresses are the A and AAAA records of a reply.
func Addresses(reply Reply) []netip.Addr {
	var out []netip.Addr
	for _, r := range reply.Answers {
		switch body := r.Body.(type) {
		case *dnsmessage.AResource:
			out = append(out, netip.AddrFrom4(body.A))
		case *dnsmessage.AAAAResource:
			out = append(out, netip.AddrFrom16(body.AAAA).Unmap())
		}
	}
	return out
}
