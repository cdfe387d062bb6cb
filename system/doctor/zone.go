package doctor

import (
	"context"
	"net"
	"net/netip"
	"slices"
	"strings"
	"sync"

	"golang.org/x/net/dns/dnsmessage"

	"github.com/c93d5bcb/sslwizard/system/resolve"
)

// The bounds of asking around: a DNS can name thousands of servers, and we would knock at every door of somebody else's.
const (
	maxServers = 4
	maxAliases = 8
)

// view is what the domain's own name servers say of a name.
type view struct {
	zone      string // "example.com"; empty when it is not known
	addresses []netip.Addr
	ttl       uint32   // of the addresses
	absent    bool     // the name does not exist
	aliases   []string // where its CNAMEs led, in order
	circle    bool     // they lead back
	unnamed   bool     // the domain itself does not exist; zone is the one above
	good      []served // the servers that know the name
	bad       []served // the ones that do not answer, or know nothing
	why       string   // why nothing is known; empty when it is
}

// served is what one name server said.
type served struct {
	name    string
	address string
	reply   resolve.Reply // to A
	six     resolve.Reply // to AAAA
	fault   string        // "no answer in time", "REFUSED"; empty: it knows
	silent  bool          // it said nothing at all
	unasked bool          // it cannot be asked from here, which is no fault of it
}

// who is the server in a sentence.
func (s served) who() string { return s.name + " (" + strings.TrimSuffix(s.address, ":53") + ")" }

// authority asks the name servers of the zone that a name is in, and follows its aliases through other zones.
func (e *examination) authority(ctx context.Context, name string) view {
	v := e.oneZone(ctx, name)
	for len(v.aliases) > 0 && len(v.addresses) == 0 && v.why == "" {
		target := v.aliases[len(v.aliases)-1]
		if len(v.aliases) > maxAliases || target == name || slices.Contains(v.aliases[:len(v.aliases)-1], target) {
			v.circle = true
			return v
		}
		next := e.oneZone(ctx, target)
		if next.why != "" {
			next.addresses, _ = e.Resolver.LookupNetIP(ctx, "ip", target)
			next.aliases = nil
		}
		v.addresses, v.ttl = next.addresses, next.ttl
		if v.aliases = append(v.aliases, next.aliases...); len(next.aliases) == 0 {
			break
		}
	}
	return v
}

// oneZone is a view without the aliases that lead out of the zone.
func (e *examination) oneZone(ctx context.Context, name string) view {
	zone, servers, unnamed := e.zoneOf(ctx, name)
	v := view{zone: zone, unnamed: unnamed}
	if unnamed {
		v.absent = true
		return v
	}
	if len(servers) == 0 {
		v.why = "which name servers know " + short(name) + " is not told here"
		return v
	}
	for _, s := range e.askAll(ctx, servers, name) {
		switch {
		case s.unasked:
		case s.fault == "":
			v.good = append(v.good, s)
		default:
			v.bad = append(v.bad, s)
		}
	}
	if len(v.good)+len(v.bad) == 0 {
		v.why = "the name servers of " + zone + " have addresses only of a family that this server does not have"
		return v
	}
	if len(v.good) == 0 {
		v.why = "the name servers of " + zone + " do not answer this server (" + v.bad[0].who() + ": " + v.bad[0].fault + ")"
		return v
	}
	first := v.good[0]
	v.absent = first.reply.Absent()
	v.aliases = resolve.Aliases(first.reply, name)
	v.addresses = first.addresses()
	for _, r := range slices.Concat(first.reply.Answers, first.six.Answers) {
		v.ttl = max(v.ttl, r.Header.TTL)
	}
	return v
}

func (s served) addresses() []netip.Addr {
	return tidy(slices.Concat(resolve.Addresses(s.reply), resolve.Addresses(s.six)))
}

// tidy sorts addresses, those of IPv4 first, each once.
func tidy(addresses []netip.Addr) []netip.Addr {
	for i := range addresses {
		addresses[i] = addresses[i].Unmap()
	}
	slices.SortFunc(addresses, netip.Addr.Compare)
	return slices.Compact(addresses)
}

// zoneOf finds the zone of a name and the first of its servers.
func (e *examination) zoneOf(ctx context.Context, name string) (zone string, servers []string, unnamed bool) {
	zone, servers, unnamed = e.Resolver.ZoneOf(ctx, name)
	return zone, servers[:min(len(servers), maxServers)], unnamed
}

// askAll asks every server for the addresses of a name.
func (e *examination) askAll(ctx context.Context, servers []string, name string) []served {
	asked := make([]served, len(servers))
	var all sync.WaitGroup
	for i, server := range servers {
		all.Go(func() { asked[i] = e.askOne(ctx, server, name) })
	}
	all.Wait()
	return asked
}

func (e *examination) askOne(ctx context.Context, server, name string) served {
	s := served{name: server, address: "?"}
	addresses, err := e.Resolver.LookupNetIP(ctx, "ip", server)
	if err != nil {
		s.fault, s.silent = "it has no address", true
		return s
	}
	address := e.near(tidy(addresses))[0]
	if s.unasked = !e.hasFamily(address); s.unasked {
		return s
	}
	s.address = net.JoinHostPort(address.String(), "53")
	if s.reply, err = e.direct(ctx, s.address, name, dnsmessage.TypeA); err == nil {
		s.six, err = e.direct(ctx, s.address, name, dnsmessage.TypeAAAA)
	}
	switch {
	case err != nil:
		s.fault, s.silent = reason(err), true
	case !s.reply.OK() && !s.reply.Absent():
		s.fault = s.reply.Word()
	case !s.reply.Authoritative:
		s.fault = "it answers for somebody else"
	}
	return s
}

// hasFamily reports whether this host has an address of the family of another's.
func (e *examination) hasFamily(a netip.Addr) bool {
	return slices.ContainsFunc(e.Own, func(own netip.Addr) bool {
		return own.Is4() == a.Is4() && !own.IsLoopback() && !own.IsLinkLocalUnicast() || own == a
	})
}

// near has addresses of the families of this host come first.
func (e *examination) near(addresses []netip.Addr) []netip.Addr {
	first := slices.DeleteFunc(slices.Clone(addresses), func(a netip.Addr) bool { return !e.hasFamily(a) })
	return append(first, slices.DeleteFunc(slices.Clone(addresses), e.hasFamily)...)
}

// direct asks one server that is to know by itself, twice if it says nothing: a packet may be lost.
func (e *examination) direct(ctx context.Context, server, name string, kind dnsmessage.Type) (reply resolve.Reply, err error) {
	for range 2 {
		if reply, err = e.Resolver.Ask(ctx, server, resolve.Question{Name: name, Type: kind, Direct: true}); err == nil {
			break
		}
	}
	return reply, err
}

// serial is the version of the zone at a server; false when it does not say.
func (e *examination) serial(ctx context.Context, server, zone string) (uint32, bool) {
	reply, err := e.direct(ctx, server, zone, dnsmessage.TypeSOA)
	if err != nil {
		return 0, false
	}
	for _, r := range slices.Concat(reply.Answers, reply.Authorities) {
		if soa, ok := r.Body.(*dnsmessage.SOAResource); ok {
			return soa.Serial, true
		}
	}
	return 0, false
}

// resolverWorks asks for what everybody knows.
func (e *examination) resolverWorks(ctx context.Context) bool {
	_, err := e.Resolver.Resolve(ctx, resolve.Question{Name: ".", Type: dnsmessage.TypeNS})
	return err == nil
}
