package doctor

import (
	"context"
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/miekg/dns"

	"github.com/c93d5bcb/sslwizard/system/resolve"
)

// internet answers for addresses that this machine does not have: each leads to a server of the test, or nowhere. Its DNS
// is strict: a question that is not put as it has to be fails the test.
type internet struct {
	t        *testing.T
	zones    []*zone
	bogus    []string            // zones whose signatures do not fit
	stale    map[string][]string // what the resolver says instead: records as in a zone file
	deaf     bool                // the resolver does not answer
	slow     bool                // who does not answer is waited for; else the time for it passes at once
	hosts    map[string]http.Handler
	mu       sync.Mutex        // over all of it but the addresses
	servers  map[string]string // an address of the internet → where it is on this machine
	resolver *resolve.Client
}

// zone is a part of the DNS at name servers of its own.
type zone struct {
	origin  string
	records []string          // as in a zone file
	servers map[string]string // a name server's address → "": fine, "silent", "REFUSED", "NOTAUTH", "SERVFAIL CAA"
	older   map[string][]string
}

const resolverAddress = "192.0.2.53:53"

// newInternet has the zones com and co.uk beside those given. A name server of example.com is ns1.example.com.
func newInternet(t *testing.T, zones ...*zone) *internet {
	t.Helper()
	n := &internet{t: t, zones: zones, stale: map[string][]string{}, hosts: map[string]http.Handler{}, servers: map[string]string{}}
	n.zones = append(n.zones, &zone{origin: "com", servers: map[string]string{"192.0.2.1": ""}})
	for _, z := range n.zones {
		for address := range z.servers {
			n.serveDNS(address+":53", func(w dns.ResponseWriter, q *dns.Msg) { n.authoritative(z, address, w, q) })
		}
	}
	n.serveDNS(resolverAddress, n.recursive)
	n.resolver = &resolve.Client{Servers: []string{resolverAddress}, Timeout: 3 * time.Second, Dial: n.dial}
	return n
}

func (n *internet) serveDNS(address string, handler dns.HandlerFunc) {
	n.t.Helper()
	l, packets := listenBoth(n.t)
	answer := handler
	handler = func(w dns.ResponseWriter, q *dns.Msg) {
		n.mu.Lock()
		defer n.mu.Unlock()
		answer(w, q)
	}
	for _, s := range []*dns.Server{{Listener: l, Handler: handler}, {PacketConn: packets, Handler: handler}} {
		started := make(chan struct{})
		s.NotifyStartedFunc = func() { close(started) }
		go s.ActivateAndServe() //nolint:errcheck // ends at Shutdown
		<-started
		n.t.Cleanup(func() { _ = s.Shutdown() })
	}
	n.servers[address] = l.Addr().String()
}

// change has the DNS be otherwise from now on.
func (n *internet) change(how func()) {
	n.mu.Lock()
	defer n.mu.Unlock()
	how()
}

// listenBoth binds a port that is free for TCP and for UDP.
func listenBoth(t *testing.T) (net.Listener, net.PacketConn) {
	t.Helper()
	for range 50 {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		if packets, err := net.ListenPacket("udp", l.Addr().String()); err == nil {
			return l, packets
		}
		_ = l.Close()
	}
	t.Fatal("no port is free in both")
	return nil, nil
}

func (n *internet) strict(q *dns.Msg, recursion bool) {
	if len(q.Question) != 1 || q.RecursionDesired != recursion || q.Response || q.Opcode != dns.OpcodeQuery {
		n.t.Errorf("it was asked badly: %v", q)
	}
}

// authoritative answers for one zone at one server.
func (n *internet) authoritative(z *zone, address string, w dns.ResponseWriter, q *dns.Msg) {
	n.strict(q, false)
	fault := z.servers[address]
	if fault == "silent" {
		return
	}
	records := z.records
	if older, ok := z.older[address]; ok {
		records = older
	}
	reply := answerFrom(z, records, q)
	reply.Authoritative = fault != "NOTAUTH"
	if fault == "REFUSED" {
		reply = new(dns.Msg).SetRcode(q, dns.RcodeRefused)
	}
	write(w, reply)
}

// write cuts what does not fit into a packet, so that the asker has to come again over TCP.
func write(w dns.ResponseWriter, reply *dns.Msg) {
	if w.RemoteAddr().Network() == "udp" {
		reply.Truncate(dns.MinMsgSize)
	}
	_ = w.WriteMsg(reply)
}

func answerFrom(z *zone, records []string, q *dns.Msg) *dns.Msg {
	reply := new(dns.Msg).SetReply(q)
	name, exists := q.Question[0].Name, false
	for _, text := range records {
		rr, err := dns.NewRR(text)
		if err != nil {
			panic(err)
		}
		owner := rr.Header().Name
		exists = exists || dns.IsSubDomain(name, owner)
		if strings.EqualFold(owner, name) && (rr.Header().Rrtype == q.Question[0].Qtype || rr.Header().Rrtype == dns.TypeCNAME) {
			reply.Answer = append(reply.Answer, rr)
		}
	}
	if !exists && !strings.EqualFold(name, z.origin+".") {
		reply.Rcode = dns.RcodeNameError
	}
	return reply
}

// recursive is the resolver of this server: it walks the zones, follows aliases and checks signatures.
func (n *internet) recursive(w dns.ResponseWriter, q *dns.Msg) {
	n.strict(q, true)
	if n.deaf {
		return
	}
	reply := n.walk(q, 0)
	for _, z := range n.bogus {
		if dns.IsSubDomain(z+".", q.Question[0].Name) && !q.CheckingDisabled {
			reply = new(dns.Msg).SetRcode(q, dns.RcodeServerFailure)
		}
	}
	reply.RecursionAvailable = true
	write(w, reply)
}

func (n *internet) walk(q *dns.Msg, depth int) *dns.Msg {
	name := q.Question[0].Name
	if other, ok := n.stale[strings.TrimSuffix(name, ".")]; ok {
		return answerFrom(&zone{origin: strings.TrimSuffix(name, ".")}, other, q)
	}
	z := n.zoneOf(name)
	if z == nil {
		return new(dns.Msg).SetRcode(q, dns.RcodeNameError)
	}
	if q.Question[0].Qtype == dns.TypeNS && strings.EqualFold(name, z.origin+".") {
		reply := new(dns.Msg).SetReply(q)
		for address := range z.servers {
			reply.Answer = append(reply.Answer, &dns.NS{Hdr: dns.RR_Header{Name: name, Rrtype: dns.TypeNS, Class: dns.ClassINET, Ttl: 300}, Ns: nsName(address)})
		}
		return reply
	}
	works := false
	for _, fault := range z.servers {
		works = works || fault == "" || strings.HasPrefix(fault, "SERVFAIL ")
		if kind, ok := strings.CutPrefix(fault, "SERVFAIL "); ok && dns.TypeToString[q.Question[0].Qtype] == kind {
			return new(dns.Msg).SetRcode(q, dns.RcodeServerFailure)
		}
	}
	if !works {
		return new(dns.Msg).SetRcode(q, dns.RcodeServerFailure)
	}
	reply := answerFrom(z, z.records, q)
	if len(reply.Answer) == 1 && reply.Answer[0].Header().Rrtype == dns.TypeCNAME && q.Question[0].Qtype != dns.TypeCNAME && depth < 8 {
		next := q.Copy()
		next.Question[0].Name = reply.Answer[0].(*dns.CNAME).Target
		further := n.walk(next, depth+1)
		reply.Answer, reply.Rcode = append(reply.Answer, further.Answer...), further.Rcode
	}
	return reply
}

// nsName is what a name server is called: 192.0.2.7 is ns7.servers.com.
func nsName(address string) string {
	return "ns" + address[strings.LastIndex(address, ".")+1:] + ".servers.com."
}

func (n *internet) zoneOf(name string) *zone {
	var best *zone
	for _, z := range n.zones {
		if dns.IsSubDomain(z.origin+".", strings.ToLower(name)) && (best == nil || len(z.origin) > len(best.origin)) {
			best = z
		}
	}
	return best
}

// dial leads to where an address of this internet is.
func (n *internet) dial(ctx context.Context, network, address string) (net.Conn, error) {
	if to, ok := n.servers[address]; ok {
		conn, err := new(net.Dialer).DialContext(ctx, network, to)
		if err == nil && n.silent(address) {
			conn = late{conn}
		}
		return conn, err
	}
	host, port, _ := net.SplitHostPort(address)
	n.mu.Lock()
	handler, ok := n.hosts[host]
	slow := n.slow
	n.mu.Unlock()
	switch {
	case !ok && !slow:
		return nil, &net.OpError{Op: "dial", Net: network, Err: os.ErrDeadlineExceeded}
	case !ok:
		<-ctx.Done()
		return nil, &net.OpError{Op: "dial", Net: network, Err: ctx.Err()}
	case handler == nil:
		return nil, &net.OpError{Op: "dial", Net: network, Err: errors.New("connect: connection refused")}
	}
	server := httptest.NewUnstartedServer(handler)
	if port == "443" {
		server.StartTLS()
	} else {
		server.Start()
	}
	n.t.Cleanup(server.Close)
	return new(net.Dialer).DialContext(ctx, network, server.Listener.Addr().String())
}

// silent reports a name server or resolver that does not answer, where nobody has to wait for it.
func (n *internet) silent(address string) bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.slow {
		return false
	}
	host := strings.TrimSuffix(address, ":53")
	return address == resolverAddress && n.deaf || slices.ContainsFunc(n.zones, func(z *zone) bool { return z.servers[host] == "silent" })
}

// late is a connection on which nothing came in time.
type late struct{ net.Conn }

func (late) Read([]byte) (int, error) { return 0, os.ErrDeadlineExceeded }

// servers is the zone of the name servers' own names.
func serversZone() *zone {
	z := &zone{origin: "servers.com", servers: map[string]string{"192.0.2.2": ""}}
	for i := range 10 {
		z.records = append(z.records, "ns"+string(rune('0'+i))+".servers.com. 300 IN A 192.0.2."+string(rune('0'+i)))
	}
	return z
}

// example is example.com with these records, at two servers that are fine.
func example(records ...string) *zone {
	return &zone{origin: "example.com", servers: map[string]string{"192.0.2.3": "", "192.0.2.4": ""}, records: slices.Concat([]string{"example.com. 300 IN SOA ns3.servers.com. hostmaster.example.com. 7 3600 600 86400 300"}, records)}
}
