package acme

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"net/netip"
	"os"
	"strings"
	"time"

	"golang.org/x/net/dns/dnsmessage"
)

// nameServers asks the DNS as a CA would see it. The system's resolver does not: a server usually has its own name in
// /etc/hosts, as 127.0.1.1, and systemd-resolved makes answers up for it.
type nameServers struct {
	servers []string // host:port
	timeout time.Duration
	dial    func(ctx context.Context, network, address string) (net.Conn, error)
}

var _ Resolver = (*nameServers)(nil)

// The two files that name the DNS servers. Where systemd-resolved stands in between, the second has the real ones.
const (
	resolvConf         = "/etc/resolv.conf"
	resolvConfUpstream = "/run/systemd/resolve/resolv.conf"
	resolvedStub       = "127.0.0.53:53"
)

// systemNameServers reads them from the system; when there are none, Go's own resolver has to do.
func systemNameServers(read func(string) ([]byte, error)) Resolver {
	list := serversIn(read, resolvConf)
	if len(list) > 0 && list[0] == resolvedStub {
		if upstream := serversIn(read, resolvConfUpstream); len(upstream) > 0 {
			list = upstream
		}
	}
	if len(list) == 0 {
		return &net.Resolver{PreferGo: true}
	}
	return &nameServers{servers: list, timeout: 2 * time.Second, dial: new(net.Dialer).DialContext}
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

// LookupNetIP implements Resolver: the A and AAAA records of a name, aliases followed by the server.
func (n *nameServers) LookupNetIP(ctx context.Context, _, host string) ([]netip.Addr, error) {
	type answer struct {
		addresses []netip.Addr
		err       error
	}
	six := make(chan answer, 1)
	go func() {
		addresses, err := n.ask(ctx, host, dnsmessage.TypeAAAA)
		six <- answer{addresses, err}
	}()
	addresses, err := n.ask(ctx, host, dnsmessage.TypeA)
	other := <-six
	if err = errors.Join(err, other.err); err != nil {
		return nil, err
	}
	addresses = append(addresses, other.addresses...)
	if len(addresses) == 0 {
		return nil, &net.DNSError{Err: "no such host", Name: host, IsNotFound: true}
	}
	return addresses, nil
}

// ask goes through the servers twice, until one has an answer. That a name does not exist is one.
func (n *nameServers) ask(ctx context.Context, host string, kind dnsmessage.Type) ([]netip.Addr, error) {
	name, err := dnsmessage.NewName(strings.TrimSuffix(host, ".") + ".")
	if err != nil {
		return nil, &net.DNSError{Err: "it is no name", Name: host, IsNotFound: true}
	}
	question := dnsmessage.Question{Name: name, Type: kind, Class: dnsmessage.ClassINET}
	for range 2 {
		for _, server := range n.servers {
			var reply dnsmessage.Message
			if reply, err = n.exchange(ctx, server, question); err == nil {
				return addressesIn(reply), nil
			}
		}
	}
	var failed *net.DNSError
	if !errors.As(err, &failed) {
		var late net.Error
		failed = &net.DNSError{Err: plainDial(err), IsTimeout: errors.As(err, &late) && late.Timeout()}
	}
	failed.Name = host
	return nil, failed
}

// exchange asks over UDP, and over TCP when the answer did not fit.
func (n *nameServers) exchange(ctx context.Context, server string, q dnsmessage.Question) (dnsmessage.Message, error) {
	reply, err := n.trip(ctx, "udp", server, q)
	if err == nil && reply.Truncated {
		reply, err = n.trip(ctx, "tcp", server, q)
	}
	if err != nil {
		return reply, err
	}
	if reply.RCode != dnsmessage.RCodeSuccess && reply.RCode != dnsmessage.RCodeNameError {
		return reply, &net.DNSError{Err: strings.TrimPrefix(reply.RCode.String(), "RCode"), Server: server, IsTemporary: true}
	}
	return reply, nil
}

func (n *nameServers) trip(ctx context.Context, network, server string, q dnsmessage.Question) (reply dnsmessage.Message, err error) {
	ctx, cancel := context.WithTimeout(ctx, n.timeout)
	defer cancel()
	conn, err := n.dial(ctx, network, server)
	if err != nil {
		return reply, err
	}
	defer conn.Close()
	if deadline, ok := ctx.Deadline(); ok {
		if err := conn.SetDeadline(deadline); err != nil {
			return reply, err
		}
	}
	var id [2]byte
	_, _ = rand.Read(id[:])
	query := dnsmessage.Message{
		Header:    dnsmessage.Header{ID: binary.BigEndian.Uint16(id[:]), RecursionDesired: true},
		Questions: []dnsmessage.Question{q},
	}
	wire, err := query.Pack()
	if err != nil {
		return reply, err
	}
	if network == "tcp" {
		return overTCP(conn, wire, query)
	}
	return overUDP(conn, wire, query)
}

// overUDP passes by what does not answer this question: a connected socket still takes a forger's packets.
func overUDP(conn net.Conn, wire []byte, query dnsmessage.Message) (reply dnsmessage.Message, err error) {
	if _, err := conn.Write(wire); err != nil {
		return reply, err
	}
	buffer := make([]byte, 4096)
	for {
		size, err := conn.Read(buffer)
		if err != nil {
			return reply, err
		}
		if reply.Unpack(buffer[:size]) == nil && answers(reply, query) {
			return reply, nil
		}
	}
}

func overTCP(conn net.Conn, wire []byte, query dnsmessage.Message) (reply dnsmessage.Message, err error) {
	framed := binary.BigEndian.AppendUint16(nil, uint16(len(wire))) //nolint:gosec // a query of one name is short
	if _, err := conn.Write(append(framed, wire...)); err != nil {
		return reply, err
	}
	var length [2]byte
	if _, err := io.ReadFull(conn, length[:]); err != nil {
		return reply, err
	}
	body := make([]byte, binary.BigEndian.Uint16(length[:]))
	if _, err := io.ReadFull(conn, body); err != nil {
		return reply, err
	}
	if reply.Unpack(body) != nil || !answers(reply, query) {
		return reply, errors.New("the answer is damaged")
	}
	return reply, nil
}

func answers(reply, query dnsmessage.Message) bool {
	return reply.Response && reply.ID == query.ID && len(reply.Questions) == 1 &&
		reply.Questions[0].Type == query.Questions[0].Type &&
		strings.EqualFold(reply.Questions[0].Name.String(), query.Questions[0].Name.String())
}

func addressesIn(reply dnsmessage.Message) []netip.Addr {
	var out []netip.Addr
	for _, r := range reply.Answers {
		switch body := r.Body.(type) {
		case *dnsmessage.AResource:
			out = append(out, netip.AddrFrom4(body.A))
		case *dnsmessage.AAAAResource:
			out = append(out, netip.AddrFrom16(body.AAAA))
		}
	}
	return out
}

// readSystem is the only look at the file system here.
func readSystem(file string) ([]byte, error) { return os.ReadFile(file) }
