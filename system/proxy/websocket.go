package proxy

import (
	"encoding/base64"
	"net/http"
	"path"
	"slices"
	"strings"
)

// upgrade leaves in the request an upgrade to WebSocket where the site passes it, and no other: an upgrade to anything
// else (h2c) would let a client speak past the proxy (RFC 9110 section 7.8, RFC 9931).
func (x *exchange) upgrade() {
	if x.webSocket() {
		x.in.Header.Set("Upgrade", "websocket")
		return
	}
	x.in.Header.Del("Upgrade")
}

// webSocket reports whether this is a WebSocket handshake (RFC 6455 section 4.1) that the site passes.
func (x *exchange) webSocket() bool {
	r := x.in
	if x.key != "" {
		return x.site.passesSockets(r.URL.Path)
	}
	if r.Method != http.MethodGet || r.ProtoMajor != 1 || r.ProtoMinor < 1 || r.Body != http.NoBody {
		return false
	}
	upgrades := r.Header.Values("Upgrade")
	if len(upgrades) != 1 || !strings.EqualFold(upgrades[0], "websocket") || !hasToken(r.Header, "Connection", "upgrade") {
		return false
	}
	key, err := base64.StdEncoding.DecodeString(r.Header.Get("Sec-WebSocket-Key"))
	if err != nil || len(key) != 16 || r.Header.Get("Sec-WebSocket-Version") == "" {
		return false
	}
	return x.site.passesSockets(x.in.URL.Path)
}

// passesSockets reports whether an upgrade is passed on the decoded path: one of the site's paths begins it. As in nginx
// the prefix is of the text ("/ws" has "/wsx" too), and dot segments are resolved first, so that "/ws/../admin" is not
// below "/ws".
func (s *site) passesSockets(asked string) bool {
	resolved := path.Clean("/" + asked)
	if strings.HasSuffix(asked, "/") && resolved != "/" {
		resolved += "/"
	}
	return s.WebSockets.Enabled && !s.Proxy.Upstream.HTTP2() && slices.ContainsFunc(s.WebSockets.Paths, func(prefix string) bool {
		return strings.HasPrefix(resolved, prefix)
	})
}
