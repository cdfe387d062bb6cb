package dns01

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"time"

	"golang.org/x/net/dns/dnsmessage"

	"github.com/c93d5bcb/sslwizard/steps"
	"github.com/c93d5bcb/sslwizard/system/resolve"
)

// rfc2136 is a name server that takes dynamic updates: BIND, Knot, PowerDNS, NSD behind nsdiff, Windows.
type rfc2136 struct {
	server string
	zone   string // empty: the server is asked
	key    *tsigKey
	means  Means
}

func newRFC2136(s settings, m Means) (Provider, error) {
	p := &rfc2136{zone: resolve.Plain(s["zone"]), means: m}
	host, port, err := net.SplitHostPort(s["server"])
	if err != nil {
		host, port = strings.Trim(s["server"], "[]"), "53"
	}
	p.server = net.JoinHostPort(host, port)
	if p.key, err = newKey(s["key"], s["secret"], s["algorithm"]); err != nil {
		return nil, err
	}
	return p, nil
}

// Add implements Provider.
func (p *rfc2136) Add(ctx context.Context, r Record) error {
	return p.update(ctx, r.Name, &change{r, dnsmessage.ClassINET, 60})
}

// Remove implements Provider: class NONE takes one record of a set (RFC 2136 section 2.5.4).
func (p *rfc2136) Remove(ctx context.Context, r Record) error {
	return p.update(ctx, r.Name, &change{r, 254, 0})
}

// Ask implements Provider: an update of nothing is one that the key has to be right for.
func (p *rfc2136) Ask(ctx context.Context, name string) error { return p.update(ctx, name, nil) }

// change is what is done with one record.
type change struct {
	Record
	class dnsmessage.Class
	ttl   uint32
}

func (p *rfc2136) update(ctx context.Context, name string, c *change) error {
	zone, err := p.zoneOf(ctx, name)
	if err != nil {
		return err
	}
	wire, err := updateOf(zone, c)
	if err != nil {
		return fmt.Errorf("cannot write the update: %w", err)
	}
	if p.key != nil {
		wire = p.key.sign(wire, time.Now())
	}
	reply, err := p.exchange(ctx, wire)
	if err != nil {
		return fmt.Errorf("the name server %s does not answer: %s", steps.CleanLine(p.server), steps.CleanLine(err.Error()))
	}
	return p.judge(zone, reply)
}

// zoneOf asks the server for the zone that a name is in: who has the SOA of a part of it, answers with it.
func (p *rfc2136) zoneOf(ctx context.Context, name string) (string, error) {
	if p.zone != "" {
		if name == p.zone || strings.HasSuffix(name, "."+p.zone) {
			return p.zone, nil
		}
		return "", fmt.Errorf("%s is not in the zone %s: %w", steps.CleanLine(name), steps.CleanLine(p.zone), ErrNoZone)
	}
	for _, part := range resolve.Suffixes(name) {
		reply, err := p.means.Resolver.Ask(ctx, p.server, resolve.Question{Name: part, Type: dnsmessage.TypeSOA, Direct: true})
		if err != nil {
			return "", fmt.Errorf("the name server %s does not answer: %w", steps.CleanLine(p.server), err)
		}
		for _, r := range reply.Answers {
			if r.Header.Type == dnsmessage.TypeSOA && resolve.Same(r.Header.Name.String(), part) && reply.Authoritative {
				return part, nil
			}
		}
	}
	return "", ErrNoZone
}

// updateOf is an UPDATE message; without a change it has none.
func updateOf(zone string, c *change) ([]byte, error) {
	const opcodeUpdate = 5
	id, err := randomID()
	if err != nil {
		return nil, err
	}
	at, err := dnsmessage.NewName(zone + ".")
	if err != nil {
		return nil, err
	}
	b := dnsmessage.NewBuilder(nil, dnsmessage.Header{ID: id, OpCode: opcodeUpdate})
	errs := []error{b.StartQuestions(), b.Question(dnsmessage.Question{Name: at, Type: dnsmessage.TypeSOA, Class: dnsmessage.ClassINET})}
	if c != nil {
		name, err := dnsmessage.NewName(c.Name + ".")
		errs = append(errs, err, b.StartAuthorities(),
			b.TXTResource(dnsmessage.ResourceHeader{Name: name, Class: c.class, TTL: c.ttl}, dnsmessage.TXTResource{TXT: []string{c.Value}}))
	}
	wire, err := b.Finish()
	return wire, errors.Join(append(errs, err)...)
}

// exchange sends a message over TCP and returns the header of the reply. That reply is believed without its signature:
// what counts is what the name servers of the zone say afterwards.
func (p *rfc2136) exchange(ctx context.Context, wire []byte) (dnsmessage.Header, error) {
	ctx, cancel := context.WithTimeout(ctx, perReply)
	defer cancel()
	var header dnsmessage.Header
	conn, err := p.means.Dial(ctx, "tcp", p.server)
	if err != nil {
		return header, err
	}
	defer conn.Close()
	stop := context.AfterFunc(ctx, func() { _ = conn.SetDeadline(time.Unix(1, 0)) })
	defer stop()
	if _, err := conn.Write(append(binary.BigEndian.AppendUint16(nil, uint16(len(wire))), wire...)); err != nil { //nolint:gosec // of two names
		return header, err
	}
	var size [2]byte
	if _, err := io.ReadFull(conn, size[:]); err != nil {
		return header, err
	}
	body := make([]byte, binary.BigEndian.Uint16(size[:]))
	if _, err := io.ReadFull(conn, body); err != nil {
		return header, err
	}
	var parser dnsmessage.Parser
	if header, err = parser.Start(body); err != nil || !header.Response || header.ID != binary.BigEndian.Uint16(wire) {
		return header, errors.New("the reply is damaged")
	}
	return header, nil
}

// judge reads the code of the reply (RFC 2136 section 2.2, RFC 8945 section 5.3).
func (p *rfc2136) judge(zone string, reply dnsmessage.Header) error {
	const notAuth, notZone = 9, 10
	who := "the name server " + steps.CleanLine(p.server)
	switch reply.RCode {
	case dnsmessage.RCodeSuccess:
		return nil
	case notAuth:
		return fmt.Errorf("%s does not take the key for %s (NOTAUTH): %w", who, steps.CleanLine(zone), ErrDenied)
	case dnsmessage.RCodeRefused:
		return fmt.Errorf("%s refuses updates of %s (REFUSED): %w", who, steps.CleanLine(zone), ErrDenied)
	case notZone:
		return fmt.Errorf("%s does not have %s (NOTZONE): %w", who, steps.CleanLine(zone), ErrNoZone)
	}
	return fmt.Errorf("%s answers the update of %s with %s", who, steps.CleanLine(zone), resolve.Reply{Code: reply.RCode}.Word())
}
