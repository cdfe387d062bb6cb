package proxy

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"net/http"
	"strings"

	"github.com/c93d5bcb/sslwizard/steps"
)

// sticky has visitors come back to the upstream that answered them first, by a cookie that says which that was. No
// upstream sees the cookie, and whoever has not the secret reads no address in it. It is different on every host, so that
// one sslwizard behind another keeps its own.
type sticky struct {
	name string // of the cookie
	of   map[string]*transport
	says map[*transport]string
}

// newSticky is for a site with these upstreams. The same secret gives the same cookies, after a restart too.
func newSticky(secret []byte, s steps.Site, members []*transport) *sticky {
	if !s.Proxy.Sticky || len(members) < 2 {
		return nil
	}
	mac := func(parts ...string) []byte {
		h := hmac.New(sha256.New, secret)
		for _, part := range parts {
			fmt.Fprintf(h, "%d:%s", len(part), part)
		}
		return h.Sum(nil)
	}
	const nameSize, valueSize = 4, 15
	out := &sticky{name: "__Host-sslwizard-" + hex.EncodeToString(mac("cookie", s.Name)[:nameSize]), of: map[string]*transport{}, says: map[*transport]string{}}
	for _, one := range members {
		value := base64.RawURLEncoding.EncodeToString(mac("upstream", s.Name, one.upstream.String())[:valueSize])
		out.of[value], out.says[one] = one, value
	}
	return out
}

// take removes the cookie from a request and returns the upstream that it names, nil when there is none.
func (s *sticky) take(h http.Header) (named *transport) {
	if s == nil {
		return nil
	}
	var lines []string
	for _, line := range h["Cookie"] {
		var others []string
		for part := range strings.SplitSeq(line, ";") {
			name, value, _ := strings.Cut(strings.Trim(part, " \t"), "=")
			if name != s.name {
				others = append(others, part)
			} else if named == nil {
				named = s.of[value]
			}
		}
		if rest := strings.TrimLeft(strings.Join(others, ";"), " \t"); rest != "" {
			lines = append(lines, rest)
		}
	}
	if delete(h, "Cookie"); len(lines) > 0 {
		h["Cookie"] = lines
	}
	return named
}

// stick has the visitor come back to the upstream that answers, if it is not the one that the visitor names already. The
// cookie is for TLS only, ends with the browser and allows nothing to who has it: SameSite=None has it sent with a form of
// another site too (a login that comes back by POST), which would else be bound anew in the middle of a visit.
func (x *exchange) stick(answer http.Header) {
	s, to := x.site.upstreams.sticky, x.attempt.to
	if s == nil || !x.secure || to == x.bound || hasToken(answer, "Cache-Control", "public") {
		return // what a cache gives to everybody binds nobody
	}
	answer.Add("Set-Cookie", s.name+"="+s.says[to]+"; Path=/; Secure; HttpOnly; SameSite=None")
}
