package probe

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/c93d5bcb/sslwizard/steps"
)

// Target is the site that is probed and what is known about it. Only Name is needed.
type Target struct {
	Name string // domain (A-label) or IP literal; "*.example.com" is asked as a name below example.com
	Path string // what the proxied GET asks for; "/" when empty

	HTTPSPort int // 443 when 0
	HTTPPort  int // 80 when 0; negative: plain HTTP is not looked at

	// Addresses is where to dial instead of asking DNS. A port other than HTTPSPort works like curl's --connect-to: it is
	// dialled but appears in no URL. A port of 0 is HTTPSPort.
	Addresses []netip.AddrPort
	// HTTPAddresses is where to dial for plain HTTP, by the index of Addresses; the same address with HTTPPort when empty.
	HTTPAddresses []netip.AddrPort

	Roots   *x509.CertPool // what the chain has to lead to; nil: the roots of this machine
	Trusted bool           // judge step 7 as well; without it and without Roots the chain is not judged

	Client *tls.Certificate // shown where the site asks for one; nil: none, and what it then does not answer is not judged

	Expect     *steps.Site     // what was asked; nil: judged by what is common good practice
	ExpectLeaf string          // hex SHA-256 of the leaf's DER that has to be served; empty: any
	Upstream   *steps.Upstream // asked directly, so that the verdict says proxy or app; nil when not on the server
	Echo       bool            // the upstream is our echo application: headers and messages come back

	HTTP3 bool // ask over QUIC too; a site of Expect that has HTTP/3 is asked in any case

	WSPath       string // path of the WebSocket; empty: the first of Expect, where "no WebSocket there" is no failure
	Subprotocols []string
	Origin       string        // of the WebSocket request; https://Name when empty
	Idle         time.Duration // how long an open WebSocket is left silent; 0: not tried

	Timeout time.Duration // of each connection, handshake and reply; 10 s when 0
}

// Parse reads a URL (https://name:port/path, wss://name:port/path, or just a name) as a target. The path of a wss URL
// is the WebSocket's.
func Parse(raw string) (Target, error) {
	if !strings.Contains(raw, "://") {
		raw = "https://" + raw
	}
	u, err := url.Parse(raw)
	if err != nil || u.Hostname() == "" || u.User != nil {
		return Target{}, badURL(raw, "it is no URL like https://example.com")
	}
	t := Target{Name: strings.TrimSuffix(strings.ToLower(u.Hostname()), "."), Trusted: true}
	if p := u.Port(); p != "" {
		if t.HTTPSPort, err = strconv.Atoi(p); err != nil || t.HTTPSPort < 1 || t.HTTPSPort > 65535 {
			return Target{}, badURL(raw, "its port is no number from 1 to 65535")
		}
	}
	switch u.Scheme {
	case "https":
		t.Path = u.RequestURI()
	case "wss":
		t.WSPath = u.RequestURI()
	default:
		return Target{}, badURL(raw, "only https and wss can be probed")
	}
	return t, nil
}

func badURL(raw, why string) error {
	return &steps.Failure{
		Text:   fmt.Sprintf("cannot probe %q: %s", steps.Hushed(steps.CleanLine(raw)), why),
		Status: steps.ExitUsage,
		Fixes:  []string{"sslwizard probe https://example.com"},
	}
}

func (t Target) withDefaults() Target {
	if rest, ok := strings.CutPrefix(t.Name, "*."); ok {
		t.Name = "sslwizard-probe." + rest
	}
	t.Path = requestURI(orElse(t.Path, "/"))
	if t.WSPath != "" {
		t.WSPath = requestURI(t.WSPath)
	}
	t.HTTPSPort = orElse(t.HTTPSPort, 443)
	t.HTTPPort = orElse(t.HTTPPort, 80)
	t.Timeout = orElse(t.Timeout, 10*time.Second)
	t.Origin = token(orElse(t.Origin, t.origin()))
	t.Subprotocols = slices.Clone(t.Subprotocols)
	for i, s := range t.Subprotocols {
		t.Subprotocols[i] = token(s)
	}
	t.ExpectLeaf = strings.ToLower(t.ExpectLeaf)
	return t
}

// requestURI makes a path what may stand in a request line.
func requestURI(path string) string {
	return "/" + strings.TrimPrefix(token(path), "/")
}

// token keeps what may stand in a request: no blanks, no control characters, nothing beyond ASCII.
func token(s string) string {
	return strings.Map(func(r rune) rune {
		if r <= ' ' || r > '~' {
			return -1
		}
		return r
	}, s)
}

func orElse[T comparable](v, other T) T {
	var zero T
	if v == zero {
		return other
	}
	return v
}

// origin is the site's https URL without a path.
func (t Target) origin() string { return "https://" + t.host() }

// host is the Host header of a request over TLS.
func (t Target) host() string { return hostPort(t.Name, t.HTTPSPort, 443) }

// plainHost is the Host header of a request over plain HTTP.
func (t Target) plainHost() string { return hostPort(t.Name, t.HTTPPort, 80) }

func hostPort(name string, port, usual int) string {
	if port != usual {
		return net.JoinHostPort(name, strconv.Itoa(port))
	}
	if strings.Contains(name, ":") {
		return "[" + name + "]"
	}
	return name
}

// ip reports the address if the site is named by one. Such a name is never sent as SNI (RFC 6066 section 3).
func (t Target) ip() (netip.Addr, bool) {
	a, err := netip.ParseAddr(t.Name)
	return a, err == nil
}

// sni is the server name of the handshakes; empty for an address.
func (t Target) sni() string {
	if _, ok := t.ip(); ok {
		return ""
	}
	return t.Name
}

// endpoints returns where to dial as far as it is known without DNS.
func (t Target) endpoints() []endpoint {
	var all []endpoint
	for i, a := range t.Addresses {
		e := t.endpoint(a.Addr())
		if a.Port() != 0 {
			e.https = a
		}
		if i < len(t.HTTPAddresses) {
			e.http = t.HTTPAddresses[i]
		}
		all = append(all, e)
	}
	if a, ok := t.ip(); ok && len(all) == 0 {
		all = append(all, t.endpoint(a))
	}
	return all
}

func (t Target) endpoint(a netip.Addr) endpoint {
	e := endpoint{https: netip.AddrPortFrom(a, uint16(t.HTTPSPort))}
	if t.HTTPPort > 0 {
		e.http = netip.AddrPortFrom(a, uint16(t.HTTPPort))
	}
	return e
}

// canonical is the name that every request is redirected to, when it is another than the one that is probed.
func (t Target) canonical() (string, bool) {
	if t.Expect == nil || !t.Expect.Redirect.Enabled {
		return "", false
	}
	c := string(t.Expect.Redirect.Canonical)
	return c, c != "" && c != t.Name
}
