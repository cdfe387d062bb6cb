// Package resolve asks the DNS as a CA sees it: past /etc/hosts and the system's caches where that is wanted, each server by
// itself, with and without DNSSEC. It changes nothing and imports nothing of ours.
package resolve

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"strings"
	"time"

	"golang.org/x/net/dns/dnsmessage"
)

// The types of record that dnsmessage has no name for.
const (
	TypeDS  dnsmessage.Type = 43
	TypeCAA dnsmessage.Type = 257
)

// Client asks name servers.
type Client struct {
	Servers []string      // resolvers, host:port
	Timeout time.Duration // for one question to one server
	Dial    func(ctx context.Context, network, address string) (net.Conn, error)
}

// Question is what one server is asked.
type Question struct {
	Name      string // with or without its final dot
	Type      dnsmessage.Type
	Direct    bool // to a server that is to know by itself: no recursion
	Unchecked bool // DNSSEC is not to be checked (CD)
}

// Reply is what one server said. That a name does not exist is a reply.
type Reply struct {
	Server        string
	Code          dnsmessage.RCode
	Authoritative bool
	Checked       bool // the resolver vouches for its DNSSEC (AD)
	Answers       []dnsmessage.Resource
	Authorities   []dnsmessage.Resource
}

// OK reports an answer, or that there is none of this type.
func (r Reply) OK() bool { return r.Code == dnsmessage.RCodeSuccess }

// Absent reports that the name does not exist.
func (r Reply) Absent() bool { return r.Code == dnsmessage.RCodeNameError }

// Word is the answer code as people write it: "SERVFAIL".
func (r Reply) Word() string {
	switch r.Code {
	case dnsmessage.RCodeServerFailure:
		return "SERVFAIL"
	case dnsmessage.RCodeNameError:
		return "NXDOMAIN"
	case dnsmessage.RCodeRefused:
		return "REFUSED"
	case dnsmessage.RCodeSuccess:
		return "NOERROR"
	}
	return strings.ToUpper(strings.TrimPrefix(r.Code.String(), "RCode"))
}

// Resolve asks the resolvers in turn, twice over, until one has an answer or says that there is none. The last reply comes
// back when all of them fail, and an error when none of them says anything.
func (c *Client) Resolve(ctx context.Context, q Question) (Reply, error) {
	var last Reply
	said := false
	err := error(&net.DNSError{Err: "there is no resolver", Name: q.Name})
	for range 2 {
		for _, server := range c.Servers {
			reply, e := c.Ask(ctx, server, q)
			switch {
			case e != nil:
				err = e
			case reply.OK() || reply.Absent():
				return reply, nil
			default:
				last, said = reply, true
			}
		}
	}
	if said {
		return last, nil
	}
	return Reply{}, err
}

// Ask asks one server over UDP, and over TCP when the answer did not fit. The error is for a server that says nothing.
func (c *Client) Ask(ctx context.Context, server string, q Question) (Reply, error) {
	name, err := dnsmessage.NewName(strings.TrimSuffix(q.Name, ".") + ".")
	if err != nil {
		return Reply{}, &net.DNSError{Err: "it is no name", Name: q.Name, IsNotFound: true}
	}
	query := dnsmessage.Message{
		Header:    dnsmessage.Header{RecursionDesired: !q.Direct, CheckingDisabled: q.Unchecked, AuthenticData: !q.Direct},
		Questions: []dnsmessage.Question{{Name: name, Type: q.Type, Class: dnsmessage.ClassINET}},
	}
	m, err := c.trip(ctx, "udp", server, query)
	if err == nil && m.Truncated {
		m, err = c.trip(ctx, "tcp", server, query)
	}
	if err != nil {
		return Reply{}, &net.DNSError{Err: plain(err), Name: q.Name, Server: server, IsTimeout: isTimeout(err), IsTemporary: true}
	}
	return Reply{Server: server, Code: m.RCode, Authoritative: m.Authoritative, Checked: m.AuthenticData, Answers: m.Answers, Authorities: m.Authorities}, nil
}

func isTimeout(err error) bool {
	var late net.Error
	return errors.As(err, &late) && late.Timeout()
}

// plain takes the addresses and the operation away that net adds: the sentence around it has them.
func plain(err error) string {
	if isTimeout(err) {
		return "no answer in time"
	}
	var op *net.OpError
	if errors.As(err, &op) {
		err = op.Err
	}
	text := err.Error()
	if _, last, ok := strings.Cut(text, ": "); ok {
		return last
	}
	return text
}

func (c *Client) trip(ctx context.Context, network, server string, query dnsmessage.Message) (reply dnsmessage.Message, err error) {
	ctx, cancel := context.WithTimeout(ctx, c.Timeout)
	defer cancel()
	conn, err := c.Dial(ctx, network, server)
	if err != nil {
		return reply, err
	}
	defer conn.Close()
	if deadline, ok := ctx.Deadline(); ok {
		if err := conn.SetDeadline(deadline); err != nil {
			return reply, err
		}
	}
	stop := context.AfterFunc(ctx, func() { _ = conn.SetDeadline(time.Unix(1, 0)) }) // who is stopped does not wait
	defer stop()
	var id [2]byte
	_, _ = rand.Read(id[:])
	query.ID = binary.BigEndian.Uint16(id[:])
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
