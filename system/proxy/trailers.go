package proxy

import (
	"errors"
	"net/http"
	"strings"

	"golang.org/x/net/http/httpguts"
)

// A trailer can say what a header could, behind a body that is believed already. ReverseProxy announces a request's
// trailers and never sends them; here those that are allowed are sent, and no others are announced.

// notInTrailers are the fields that frame, route, authenticate or describe the request: an application that merges
// trailers into its header must not be told these late (RFC 9110 section 6.5.1).
var notInTrailers = map[string]bool{
	"Authorization": true, "Cache-Control": true, "Connection": true, "Cookie": true, "Expect": true, "Host": true,
	"Keep-Alive": true, "Max-Forwards": true, "Range": true, "Set-Cookie": true, "Te": true, "Trailer": true,
	"Transfer-Encoding": true, "Upgrade": true,
}

// announce has the upstream told of the trailers that it will get.
func (x *exchange) announce(out *http.Request) {
	out.Trailer = nil
	for name := range x.in.Trailer {
		if plain := plainName(name); notInTrailers[plain] || strings.HasPrefix(plain, "Content-") ||
			strings.HasPrefix(plain, "Proxy-") || strings.HasPrefix(plain, "If-") || x.site.secret(plain) {
			continue
		}
		if out.Trailer == nil {
			out.Trailer = http.Header{}
		}
		out.Trailer[name] = nil
	}
	x.trailer = out.Trailer
}

var errTrailer = errors.New("a trailer is malformed")

// trailed takes over the trailers when the body has ended. net/http lets names by that it refuses in a header.
func (x *exchange) trailed() error {
	for name, values := range x.asked.Trailer {
		if !httpguts.ValidHeaderFieldName(name) {
			return errTrailer
		}
		for _, value := range values {
			if !httpguts.ValidHeaderFieldValue(value) {
				return errTrailer
			}
		}
	}
	for name := range x.trailer {
		x.trailer[name] = x.asked.Trailer[name]
	}
	return nil
}
