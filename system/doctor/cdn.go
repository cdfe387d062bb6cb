package doctor

import (
	"net/http"
	"net/netip"
	"strings"
)

// cdns are the networks and marks of the CDNs that most often stand in front of a site. The ranges are the published
// ones that carry visitors' traffic, as of 2026; a range that is missing here is recognized by its header.
var cdns = []struct {
	name   string
	ranges []netip.Prefix
	mark   func(http.Header) bool
}{
	{"Cloudflare", prefixes("173.245.48.0/20", "103.21.244.0/22", "103.22.200.0/22", "103.31.4.0/22", "141.101.64.0/18",
		"108.162.192.0/18", "190.93.240.0/20", "188.114.96.0/20", "197.234.240.0/22", "198.41.128.0/17", "162.158.0.0/15",
		"104.16.0.0/13", "104.24.0.0/14", "172.64.0.0/13", "131.0.72.0/22", "2400:cb00::/32", "2606:4700::/32",
		"2803:f800::/32", "2405:b500::/32", "2405:8100::/32", "2a06:98c0::/29", "2c0f:f248::/32"),
		func(h http.Header) bool {
			return h.Get("Cf-Ray") != "" || strings.EqualFold(h.Get("Server"), "cloudflare")
		}},
	{"Fastly", prefixes("151.101.0.0/16", "199.232.0.0/16", "146.75.0.0/17", "23.235.32.0/20", "103.244.50.0/24", "2a04:4e42::/32"),
		func(h http.Header) bool { return strings.Contains(h.Get("X-Served-By"), "cache-") }},
	{"CloudFront", prefixes("13.32.0.0/15", "13.35.0.0/16", "18.64.0.0/14", "52.84.0.0/15", "54.192.0.0/16", "54.230.0.0/16",
		"99.84.0.0/16", "108.156.0.0/14", "143.204.0.0/16", "2600:9000::/28"),
		func(h http.Header) bool { return h.Get("X-Amz-Cf-Id") != "" }},
}

// cdnOf names the CDN behind an address or an answer, or is empty.
func cdnOf(a netip.Addr, h http.Header) string {
	for _, c := range cdns {
		if h != nil && c.mark(h) {
			return c.name
		}
		for _, r := range c.ranges {
			if r.Contains(a) {
				return c.name
			}
		}
	}
	return ""
}

func prefixes(list ...string) []netip.Prefix {
	out := make([]netip.Prefix, len(list))
	for i, p := range list {
		out[i] = netip.MustParsePrefix(p)
	}
	return out
}
