package proxy

import (
	"net/http"
	"net/netip"
	"net/textproto"
	"slices"
	"strconv"
	"strings"

	"github.com/c93d5bcb/sslwizard/steps"
)

// ownHeaders returns the canonical names of the request headers that no client may set: those that the proxy sets for
// the upstream, those that mean the same, and the site's own. The whole X-Forwarded- family is always ours.
func ownHeaders(s steps.Site) map[string]bool {
	own := map[string]bool{"Forwarded": true, "X-Real-Ip": true, "Proxy": true, "Host": true, "Http2-Settings": true,
		clientHeader: true, clientHeader + "-Chain": true}
	for _, name := range s.Proxy.ClientFields() {
		own[textproto.CanonicalMIMEHeaderKey(name)] = true
	}
	for _, h := range s.Proxy.Headers {
		own[textproto.CanonicalMIMEHeaderKey(h.Name)] = true
	}
	return own
}

// framing are the fields that say where a request ends and what becomes of its connection. They are net/http's; a twin of
// one, which CGI and its descendants read as the field itself, is somebody's attempt at another end.
var framing = map[string]bool{
	"Connection": true, "Content-Length": true, "Expect": true, "Host": true, "Keep-Alive": true, "Te": true, "Trailer": true,
	"Transfer-Encoding": true, "Upgrade": true,
}

// dropSpoofed removes what a client says about itself, under any spelling that an application could take for it: CGI
// and its descendants read X_Forwarded_For as X-Forwarded-For (CVE-2025-64484 and its kin), and some of them
// X.Forwarded.For too. "Proxy" would become HTTP_PROXY there (CVE-2016-5385).
func (s *site) dropSpoofed(h http.Header) {
	for name := range h {
		if s.spoofed(name) {
			delete(h, name)
		}
	}
}

func (s *site) spoofed(name string) bool {
	plain := plainName(name)
	return s.secret(plain) || framing[plain] && name != plain
}

// secret reports whether no client may set the header of this plain name.
func (s *site) secret(plain string) bool {
	return s.secrets[plain] || strings.HasPrefix(plain, "X-Forwarded-")
}

// plainName is the canonical name of the header that an application could take this one for.
func plainName(name string) string {
	return textproto.CanonicalMIMEHeaderKey(strings.Map(dashed, name))
}

// dashed makes "-" of what is neither a letter nor a digit, as CGI makes "_" of it.
func dashed(r rune) rune {
	if r >= '0' && r <= '9' || r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' {
		return r
	}
	return '-'
}

// setForwarded tells the upstream what the proxy knows of the client.
func (x *exchange) setForwarded(out *http.Request) {
	asks := visitor{name: x.name, from: x.from, scheme: x.scheme(), secure: x.secure, tls: x.in.TLS}
	out.Host = x.site.forwarded(x.table, asks, out.Header.Set)
}

// addressText is an address as it is told to others; none is told as nothing.
func addressText(a netip.Addr) string {
	if !a.IsValid() {
		return ""
	}
	return a.String()
}

// promise tells a client over TLS how the site can be reached from now on.
func (x *exchange) promise(h http.Header) {
	if x.secure && x.site != nil {
		x.site.promises(h.Set)
	}
}

// hsts is the value of Strict-Transport-Security (RFC 6797 section 6.1), or "".
func (s *site) hsts() string {
	if s.SSL.HSTS.MaxAge <= 0 {
		return ""
	}
	value := "max-age=" + strconv.FormatInt(int64(s.SSL.HSTS.MaxAge.Seconds()), 10)
	if s.SSL.HSTS.IncludeSubDomains {
		value += "; includeSubDomains"
	}
	return value
}

// hasToken reports whether a comma-separated header has the token, in any case.
func hasToken(h http.Header, name, want string) bool {
	return slices.ContainsFunc(h.Values(name), func(line string) bool {
		for part := range strings.SplitSeq(line, ",") {
			if strings.EqualFold(textproto.TrimString(part), want) {
				return true
			}
		}
		return false
	})
}

// dropHop removes what is about one connection of HTTP/1.1 (RFC 9110 section 7.6.1).
func dropHop(h http.Header) {
	for _, list := range h["Connection"] {
		for name := range strings.SplitSeq(list, ",") {
			h.Del(textproto.TrimString(name))
		}
	}
	for _, name := range []string{"Connection", "Keep-Alive", "Proxy-Connection", "Transfer-Encoding", "Upgrade"} {
		h.Del(name)
	}
}
