package resolve

import (
	"context"
	"slices"
	"strings"
	"sync"

	"golang.org/x/net/dns/dnsmessage"
	"golang.org/x/net/publicsuffix"
)

// The bounds of asking around: a DNS can name thousands of servers, and we would knock at every door of somebody else's.
const (
	maxServers = 13
	maxLabels  = 10
	maxAliases = 8
)

// ZoneOf finds the zone of a name and its servers: the longest part of the name that has NS records. A public suffix below
// which the next part does not exist means that the domain itself is not there (unnamed); it has no servers that count.
func (c *Client) ZoneOf(ctx context.Context, name string) (zone string, servers []string, unnamed bool) {
	parts := Suffixes(name)
	replies := make([]Reply, len(parts))
	var all sync.WaitGroup
	for i, part := range parts {
		all.Go(func() {
			replies[i], _ = c.Resolve(ctx, Question{Name: part, Type: dnsmessage.TypeNS})
		})
	}
	all.Wait()
	for i, part := range parts {
		if servers = serversOf(replies[i], part); len(servers) == 0 {
			continue
		}
		if suffix, icann := publicsuffix.PublicSuffix(part); icann && suffix == part {
			return part, nil, i > 0 && replies[i-1].Absent()
		}
		return part, servers, false
	}
	return "", nil, false
}

// Suffixes are a name and what is above it, the longest first.
func Suffixes(name string) []string {
	var all []string
	for name = Plain(name); name != "" && len(all) < maxLabels; {
		all = append(all, name)
		_, name, _ = strings.Cut(name, ".")
	}
	return all
}

// serversOf are the name servers of a zone, as a reply names them.
func serversOf(reply Reply, zone string) []string {
	var names []string
	for _, r := range reply.Answers {
		if ns, ok := r.Body.(*dnsmessage.NSResource); ok && Same(r.Header.Name.String(), zone) {
			names = append(names, Plain(ns.NS.String()))
		}
	}
	slices.Sort(names)
	return names[:min(len(names), maxServers)]
}

// Aliases follows the CNAMEs of a name through one reply.
func Aliases(reply Reply, name string) []string {
	var all []string
	for range maxAliases {
		i := slices.IndexFunc(reply.Answers, func(r dnsmessage.Resource) bool {
			return r.Header.Type == dnsmessage.TypeCNAME && Same(r.Header.Name.String(), name)
		})
		if i < 0 {
			return all
		}
		cname, ok := reply.Answers[i].Body.(*dnsmessage.CNAMEResource)
		if !ok {
			return all
		}
		name = Plain(cname.CNAME.String())
		if all = append(all, name); slices.Contains(all[:len(all)-1], name) {
			return all
		}
	}
	return all
}

// Texts are the TXT records of a name in a reply, each with its strings put together.
func Texts(reply Reply, name string) []string {
	var all []string
	for _, r := range reply.Answers {
		if txt, ok := r.Body.(*dnsmessage.TXTResource); ok && Same(r.Header.Name.String(), name) {
			all = append(all, strings.Join(txt.TXT, ""))
		}
	}
	return all
}

// Same reports whether two names are the same one.
func Same(a, b string) bool { return Plain(a) == Plain(b) }

// Plain is a name in small letters and without its final dot.
func Plain(name string) string { return strings.ToLower(strings.TrimSuffix(name, ".")) }
