package steps

import (
	"cmp"
	"fmt"
	"net/netip"
	"slices"
	"strings"
)

// What stands before this server, a CDN or a load balancer or a tunnel, is the peer of every connection, and tells in a
// field of each request who the client is. Anybody can send such a field, so it is read from named peers only.

// ForwardedFor is the field that tells the client where a site names no other. It is a list: each hop adds whom it got the
// request from.
const ForwardedFor = "X-Forwarded-For"

// mostPeers is how many addresses and networks a site may trust.
const mostPeers = 64

// clientFields are those by which CDNs and load balancers tell the client, and which some application believes, beside the
// ones that every proxy sets.
var clientFields = []string{
	"CF-Connecting-IP", "True-Client-IP", "CF-Connecting-IPv6", "CF-Pseudo-IPv4", "Fastly-Client-IP", "Fly-Client-IP", "DO-Connecting-IP",
	"X-Azure-ClientIP", "X-Azure-SocketIP", "X-Appengine-User-IP", "X-NF-Client-Connection-IP", "X-Envoy-External-Address",
	"CloudFront-Viewer-Address", "Incap-Client-IP", "Ali-CDN-Real-IP", "X-Original-Forwarded-For", "X-Client-IP", "X-Cluster-Client-IP", "Client-IP",
}

// ClientFields are the fields that say who the client is to some application, and that this proxy sets for no site but one
// that has something before it. There they are ours: the one that is read tells who was found, the others are not passed.
func (p SiteProxy) ClientFields() []string {
	if len(p.Trusted) == 0 {
		return nil
	}
	field := p.ClientField()
	if slices.Contains(clientFields, field) || field == ForwardedFor || field == realIP {
		return clientFields
	}
	return append([]string{field}, clientFields...)
}

const realIP = "X-Real-IP"

// ClientField is the field that is read.
func (p SiteProxy) ClientField() string { return cmp.Or(p.ClientAddress, ForwardedFor) }

// Trusts reports whether an address is of what stands before this server.
func (p SiteProxy) Trusts(a netip.Addr) bool {
	return slices.ContainsFunc(p.Trusted, func(n netip.Prefix) bool { return n.Contains(a) })
}

func (b *siteBuilder) peers() []netip.Prefix {
	var all []netip.Prefix
	for i, text := range bounded(b, "proxy.trusted", b.answers.Proxy.Trusted) {
		path := fmt.Sprintf("proxy.trusted[%d]", i)
		n, err := parsePeers(text)
		switch {
		case err != nil:
			b.fail(path, err)
		case slices.Contains(all, n):
			b.fail(path, bad("%s was given already", peersText(n)))
		default:
			all = append(all, n)
		}
	}
	if len(all) > mostPeers {
		b.fail("proxy.trusted", bad("a site can trust at most %d addresses and networks; write adjacent ones as one", mostPeers))
	}
	return all
}

// parsePeers reads an address, or a network with its mask.
func parsePeers(text string) (netip.Prefix, error) {
	n, err := netip.ParsePrefix(text)
	if a, e := netip.ParseAddr(text); e == nil && a.Zone() == "" {
		n, err = netip.PrefixFrom(a.Unmap(), a.Unmap().BitLen()), nil
	}
	switch {
	case err != nil:
		return n, bad("%s is neither an address nor a network, such as 203.0.113.7 or 203.0.113.0/24", quote(text))
	case n.Addr().Is4In6() && n.Bits() > 96:
		return n, bad("%s is a network of IPv4", quote(text)).meant(netip.PrefixFrom(n.Addr().Unmap(), n.Bits()-96).Masked().String())
	case n.Addr().Is4In6() && n.Bits() == 96:
		return n, tooWide(netip.PrefixFrom(netip.IPv4Unspecified(), 0))
	case n.Masked() != n:
		return n, bad("%s is an address in a network, not the network", quote(text)).meant(n.Masked().String())
	}
	return n, tooWide(n)
}

// tooWide refuses networks that nobody has to himself: whoever is in it could say that he is anybody.
func tooWide(n netip.Prefix) error {
	least, local := 8, netip.MustParsePrefix("fc00::/7")
	if n.Addr().Is6() {
		least = 16
	}
	switch {
	case n.Bits() == 0:
		return bad("%s is everybody: each visitor could say that he is somebody else; give the addresses of what stands before this server", n)
	case n.Addr().IsUnspecified() || n.Addr().IsMulticast():
		return bad("%s is the address of no server", peersText(n))
	case n.Bits() < least && n != local:
		return bad("%s is too wide: nobody has more than a /%d of such addresses; give those of what stands before this server", n, least)
	}
	return nil
}

// peersText is the form that parsePeers reads: an address without a mask.
func peersText(n netip.Prefix) string {
	if n.IsSingleIP() {
		return n.Addr().String()
	}
	return n.String()
}

func peersTexts(all []netip.Prefix) []string {
	var texts []string
	for _, n := range all {
		texts = append(texts, peersText(n))
	}
	return texts
}

// parseClientField reads the name of the field that tells the client. Any name will do that means nothing else.
func parseClientField(text string) (string, error) {
	known := append([]string{ForwardedFor, realIP}, clientFields...)
	if i := slices.IndexFunc(known, func(k string) bool { return strings.EqualFold(k, text) }); i >= 0 {
		return known[i], nil
	}
	name := canonicalHeader(text)
	meaning := []string{"Authorization", "Cookie", "Origin", "Referer", "User-Agent", "Proxy", "Client-Cert", "Client-Cert-Chain", "Http2-Settings"}
	switch {
	case text == "" || len(text) > 64 || only(text, tokenChars, "") != nil:
		return "", bad("%s is not a header name; it is made of letters, digits and hyphens", quote(text)).meant(nearest(text, known))
	case name == "Forwarded":
		return "", bad("Forwarded is not read: it tells more than addresses, in many ways").meant(ForwardedFor)
	case ownHeaders[name] || slices.Contains(meaning, name) || slices.ContainsFunc([]string{"X-Forwarded-", "Sec-", "Accept", "Content-", "If-"},
		func(family string) bool { return strings.HasPrefix(name, family) }):
		return "", bad("%s tells no address of a client", name).meant(ForwardedFor)
	}
	return name, nil
}

func peerQuestions() []Question {
	return []Question{
		{
			Key: "proxy.trusted", Kind: KindList, Label: "What stands before this server?", Default: "", Advanced: true,
			Help: "Addresses and networks (203.0.113.0/24) of the CDN or load balancer that visitors come through; 127.0.0.1 for a tunnel that ends here. They are believed " +
				"about who the visitor is, and not held to the connections of one. They have to connect over HTTPS: X-Forwarded-Proto is believed of nobody.",
			Why: "Most servers are reached directly, and there each visitor could say that he is somebody else.",
			Shell: []string{"set_real_ip_from 203.0.113.0/24;    (for each)", "real_ip_header X-Forwarded-For;", "real_ip_recursive on;",
				"proxy_set_header X-Forwarded-For $remote_addr;"},
		},
		{
			Key: "proxy.clientAddress", Kind: KindText, Label: "Which header tells the visitor's address?", Default: ForwardedFor, Advanced: true,
			When:  func(a Answers) bool { return len(a.Proxy.Trusted) > 0 },
			Help:  "As what stands before this server sets it, whatever the visitor sent: X-Forwarded-For, read from the right and past addresses that are trusted, or one with a single address, such as CF-Connecting-IP, True-Client-IP or X-Real-IP.",
			Why:   "X-Forwarded-For is what nearly all set. The application gets the address in X-Real-IP, X-Forwarded-For and this header; others of the kind are taken away.",
			Shell: []string{"real_ip_header CF-Connecting-IP;"},
		},
	}
}

// peerFindings are about what stands before this server.
func peerFindings(s Site) []Finding {
	switch {
	case len(s.Proxy.Trusted) == 0 && s.Proxy.ClientField() != ForwardedFor:
		return []Finding{{Code: "client-unused", Severity: Warning, Text: "proxy.clientAddress has no effect: nobody is trusted to tell it",
			Fix: []string{"proxy.trusted: [203.0.113.0/24]    with the addresses of what stands before this server", "or proxy.clientAddress: " + ForwardedFor}}}
	case len(s.Proxy.Trusted) > 0 && s.Redirect.Enabled:
		return []Finding{{Code: "front-https", Severity: Info,
			Text: "what stands before this server has to connect over HTTPS: what it asks over HTTP is redirected, and visitors would go in a circle (ERR_TOO_MANY_REDIRECTS)",
			Fix:  []string{"at a CDN, set the TLS mode to Full (strict), not Flexible; at a load balancer, make port 443 the target"}}}
	}
	return nil
}
