package proxy

import (
	"net/http"
	"net/netip"
	"net/textproto"
	"strings"

	"github.com/c93d5bcb/sslwizard/steps"
)

// peerOf is the address that a request came from, without port and zone; invalid where the network has none.
func peerOf(r *http.Request) netip.Addr {
	at, _ := netip.ParseAddrPort(r.RemoteAddr)
	return at.Addr().Unmap().WithZone("")
}

// clientOf is who a request comes from: the peer or, where the site trusts that, whom its field names. The field is read
// from the right, for each hop adds to its end; the first address that is not trusted too is the client. Whatever stands
// before that is only what the client says. What cannot be read ends the reading: then the last hop that is known counts.
func clientOf(p steps.SiteProxy, peer netip.Addr, h http.Header) netip.Addr {
	if !p.Trusts(peer) {
		return peer
	}
	field := p.ClientField()
	lines := h[textproto.CanonicalMIMEHeaderKey(field)]
	if field != steps.ForwardedFor && len(lines) != 1 {
		return peer // a field of one value that is there twice is none
	}
	for found := peer; ; {
		hop, rest, ok := lastHop(lines)
		if !ok {
			return found
		}
		if found, lines = hop, rest; !p.Trusts(hop) {
			return found
		}
	}
}

// separators are what stands between the addresses of a list.
const separators = ", \t"

// lastHop takes the last address off the lines of a list.
func lastHop(lines []string) (hop netip.Addr, rest []string, ok bool) {
	if len(lines) == 0 {
		return hop, nil, false
	}
	last := len(lines) - 1
	before := strings.TrimRight(lines[last], separators)
	word := before[strings.LastIndexAny(before, separators)+1:]
	before = strings.TrimRight(before[:len(before)-len(word)], separators)
	rest = lines[:last:last]
	if before != "" {
		rest = append(rest, before)
	}
	hop, ok = hopOf(word)
	return hop, rest, ok
}

// hopOf reads an address, with a port or without: 192.0.2.1, 192.0.2.1:80, 2001:db8::1 or [2001:db8::1]:80.
func hopOf(word string) (netip.Addr, bool) {
	a, err := netip.ParseAddr(word)
	if err != nil {
		var at netip.AddrPort
		at, err = netip.ParseAddrPort(word)
		a = at.Addr()
	}
	return a.Unmap(), err == nil && a.Zone() == ""
}

// trusts reports whether an address is of what stands before one of the sites. It is asked of each connection of a flood, so
// that it costs the same however many sites and networks there are.
func (t *table) trusts(a netip.Addr) bool {
	for bits := a.BitLen(); bits > 0 && len(t.peers) > 0; bits-- {
		if n, _ := a.Prefix(bits); t.peers[n] {
			return true
		}
	}
	return false
}

// shared reports whether many clients may come from an address: something of the owner's stands before us there (a tunnel, a
// load balancer, a container's bridge, what a site trusts). Which site a connection is for is not known yet.
func (s *Server) shared(a netip.Addr) bool {
	return !a.IsValid() || a.IsLoopback() || a.IsPrivate() || s.table().trusts(a)
}
