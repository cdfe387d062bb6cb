package pebbletest

import (
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"sync"

	"github.com/miekg/dns"
)

// Record is all that the DNS knows of one name.
type Record struct {
	Addresses []string `json:"addresses"`         // A and AAAA
	Fail      bool     `json:"fail,omitempty"`    // answer SERVFAIL, as broken DNSSEC does
	CAA       []string `json:"caa,omitempty"`     // CAs that may issue; ";" forbids all
	Names     []string `json:"names,omitempty"`   // PTR, in presentation format
	Texts     []string `json:"texts,omitempty"`   // TXT
	Alias     string   `json:"alias,omitempty"`   // CNAME; then nothing else counts
	Servers   []string `json:"servers,omitempty"` // NS, and an SOA: it is a zone
	Key       string   `json:"key,omitempty"`     // of a zone, "name:base64": who signs with it may change TXT records
	More      []string `json:"more,omitempty"`    // whatever else, as in a zone file after the name: "CAA 128 tbs \"?\""
	Bogus     bool     `json:"bogus,omitempty"`   // its signatures do not fit: SERVFAIL for who has them checked
	Mute      []string `json:"mute,omitempty"`    // types for which the answer is SERVFAIL
}

// DNS is an authoritative server for whatever a test sets, over UDP and TCP. What was not set does not exist
// (NXDOMAIN).
type DNS struct {
	Address string // host:port

	mu       sync.Mutex
	records  map[string]Record
	fallback *Record
	servers  []*dns.Server
}

// StartDNS serves on the address until Close; an empty one is a free port on 127.0.0.1.
func StartDNS(address string) (*DNS, error) {
	if address == "" {
		address = "127.0.0.1:0"
	}
	l, packets, err := listenBoth(address)
	if err != nil {
		return nil, fmt.Errorf("cannot start the DNS server: %w", err)
	}
	d := &DNS{Address: l.Addr().String(), records: map[string]Record{}}
	d.servers = []*dns.Server{{Listener: l, Handler: d, TsigProvider: keys{d}, MsgAcceptFunc: accepts}, {PacketConn: packets, Handler: d, TsigProvider: keys{d}, MsgAcceptFunc: accepts}}
	for _, s := range d.servers {
		started := make(chan struct{})
		s.NotifyStartedFunc = func() { close(started) }
		go s.ActivateAndServe() //nolint:errcheck // ends at Shutdown
		<-started
	}
	return d, nil
}

// listenBoth binds the same port for TCP and UDP; a free TCP port may be taken in UDP, so a few are tried.
func listenBoth(address string) (net.Listener, net.PacketConn, error) {
	var last error
	for range 20 {
		l, err := net.Listen("tcp", address)
		if err != nil {
			return nil, nil, err
		}
		packets, err := net.ListenPacket("udp", l.Addr().String())
		if err == nil {
			return l, packets, nil
		}
		last = errors.Join(err, l.Close())
	}
	return nil, nil, last
}

// Set makes the name have these addresses and nothing else; none at all makes it exist without any.
func (d *DNS) Set(name string, addresses ...string) { d.SetRecord(name, Record{Addresses: addresses}) }

// SetRecord makes the name be r.
func (d *DNS) SetRecord(name string, r Record) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.records[dns.CanonicalName(name)] = r
}

// Record is what a name has now.
func (d *DNS) Record(name string) Record {
	r, _ := d.lookup(name)
	return r
}

// Unset makes the name not exist.
func (d *DNS) Unset(name string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	delete(d.records, dns.CanonicalName(name))
}

// SetDefault answers for every name that was not set.
func (d *DNS) SetDefault(addresses ...string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.fallback = &Record{Addresses: addresses}
}

func (d *DNS) lookup(name string) (Record, bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if r, ok := d.records[dns.CanonicalName(name)]; ok {
		return r, true
	}
	if d.fallback != nil {
		return *d.fallback, true
	}
	return Record{}, false
}

// ServeDNS implements dns.Handler.
func (d *DNS) ServeDNS(w dns.ResponseWriter, request *dns.Msg) {
	reply := new(dns.Msg).SetReply(request)
	reply.Authoritative, reply.RecursionAvailable = true, true
	if request.Opcode == dns.OpcodeUpdate {
		reply.Rcode = d.update(w, request)
		w.WriteMsg(reply) //nolint:errcheck // the client asks again
		return
	}
	for _, q := range request.Question {
		r, ok := d.lookup(q.Name)
		for n := 0; ok && r.Alias != "" && n < 8; n++ {
			cname := &dns.CNAME{Hdr: dns.RR_Header{Name: q.Name, Rrtype: dns.TypeCNAME, Class: dns.ClassINET}, Target: dns.Fqdn(r.Alias)}
			reply.Answer = append(reply.Answer, cname)
			if q.Qtype == dns.TypeCNAME {
				break
			}
			q.Name = cname.Target
			r, ok = d.lookup(q.Name)
		}
		switch {
		case !ok:
			reply.Rcode = dns.RcodeNameError
		case r.fails(q, request.CheckingDisabled):
			reply.Rcode = dns.RcodeServerFailure
		default:
			reply.Answer = append(reply.Answer, r.answers(q)...)
		}
	}
	if w.RemoteAddr().Network() == "udp" {
		size := dns.MinMsgSize
		if o := request.IsEdns0(); o != nil {
			size = max(size, int(o.UDPSize()))
		}
		reply.Truncate(size)
	}
	w.WriteMsg(reply) //nolint:errcheck // the client asks again
}

// fails reports a question that gets no answer; unchecked is that its asker wants signatures left alone.
func (r Record) fails(q dns.Question, unchecked bool) bool {
	return r.Fail || r.Bogus && !unchecked || slices.Contains(r.Mute, dns.TypeToString[q.Qtype])
}

func (r Record) answers(q dns.Question) []dns.RR {
	header := dns.RR_Header{Name: q.Name, Rrtype: q.Qtype, Class: dns.ClassINET}
	var out []dns.RR
	for _, text := range r.Addresses {
		a, err := netip.ParseAddr(text)
		switch {
		case err != nil:
		case q.Qtype == dns.TypeA && a.Is4():
			out = append(out, &dns.A{Hdr: header, A: a.AsSlice()})
		case q.Qtype == dns.TypeAAAA && a.Is6():
			out = append(out, &dns.AAAA{Hdr: header, AAAA: a.AsSlice()})
		}
	}
	if q.Qtype == dns.TypeTXT {
		for _, text := range r.Texts {
			out = append(out, &dns.TXT{Hdr: header, Txt: []string{text}})
		}
	}
	if q.Qtype == dns.TypeNS {
		for _, name := range r.Servers {
			out = append(out, &dns.NS{Hdr: header, Ns: dns.Fqdn(name)})
		}
	}
	if q.Qtype == dns.TypeSOA && len(r.Servers) > 0 {
		out = append(out, &dns.SOA{Hdr: header, Ns: dns.Fqdn(r.Servers[0]), Mbox: "hostmaster." + q.Name, Serial: 1, Refresh: 60, Retry: 60, Expire: 60})
	}
	if q.Qtype == dns.TypePTR {
		for _, name := range r.Names {
			out = append(out, &dns.PTR{Hdr: header, Ptr: dns.Fqdn(name)})
		}
	}
	if q.Qtype == dns.TypeCAA {
		for _, value := range r.CAA {
			out = append(out, &dns.CAA{Hdr: header, Tag: "issue", Value: value})
		}
	}
	for _, text := range r.More {
		if rr, err := dns.NewRR(q.Name + " 0 IN " + text); err == nil && rr.Header().Rrtype == q.Qtype {
			out = append(out, rr)
		}
	}
	return out
}

// ServeHTTP lets another process decide the answers: PUT /dns/NAME with a Record as JSON, GET and DELETE /dns/NAME. The name
// "default" stands for every name that was not set.
func (d *DNS) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	name := strings.TrimPrefix(r.URL.Path, "/dns/")
	switch r.Method {
	case http.MethodGet:
		_ = json.NewEncoder(w).Encode(d.Record(name))
	case http.MethodDelete:
		d.Unset(name)
	case http.MethodPut:
		var record Record
		if err := json.NewDecoder(http.MaxBytesReader(w, r.Body, 1<<16)).Decode(&record); err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		if name == "default" {
			d.SetDefault(record.Addresses...)
		} else {
			d.SetRecord(name, record)
		}
	default:
		http.Error(w, "GET, PUT or DELETE", http.StatusMethodNotAllowed)
	}
}

// Close stops the server.
func (d *DNS) Close() error {
	var all error
	for _, s := range d.servers {
		all = errors.Join(all, s.Shutdown())
	}
	return all
}
