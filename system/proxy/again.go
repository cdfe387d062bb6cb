package proxy

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"syscall"
)

// RoundTrip implements http.RoundTripper. A request that lost its connection through no fault of its own is sent once
// more, where that does no harm.
func (t *transport) RoundTrip(r *http.Request) (*http.Response, error) {
	answer, err := t.round.RoundTrip(r)
	if err != nil && innocent(r, err) && harmless(r) {
		return t.round.RoundTrip(r)
	}
	return answer, err
}

// innocent reports whether a request failed because of others: net/http closes a connection for a request that was taken
// back just when the next one has got it, and the kernel resets those for which an upstream's queue has no room. net/http
// tries neither again.
func innocent(r *http.Request, err error) bool {
	return r.Context().Err() == nil && (errors.Is(err, context.Canceled) || errors.Is(err, syscall.ECONNRESET))
}

// harmless reports whether a request may arrive twice (RFC 9110 section 9.2.2), and can be sent twice.
func harmless(r *http.Request) bool {
	return (r.Body == nil || r.Body == http.NoBody) && slices.Contains([]string{http.MethodGet, http.MethodHead, http.MethodOptions}, r.Method)
}
