package proxy

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptrace"
	"slices"
	"sync/atomic"
	"time"
)

// retryTime is how long after its beginning a request may go to one more upstream: somebody waits.
const retryTime = 10 * time.Second

// attempt is a request at one upstream.
type attempt struct {
	to    *transport
	trial bool // it tries an upstream that is down
	ended bool
}

// begin counts a request.
func (t *transport) begin(now time.Time) *attempt {
	t.busy.Add(1)
	return &attempt{to: t, trial: t.health.begin(now)}
}

// done ends the attempt; again it does nothing.
func (a *attempt) done() {
	if a == nil || a.ended {
		return
	}
	a.ended = true
	a.to.busy.Add(-1)
	if a.trial {
		a.to.health.end()
	}
}

// progress is how far an attempt has come.
type progress struct {
	sent atomic.Bool // there is a connection: some of the request may have arrived
	// shared: the connection had been used before, or is by others. It may have been closed just as the request began, and
	// of one in HTTP/2 only a stream may have ended.
	shared atomic.Bool
	conn   atomic.Pointer[upstreamConn] // nil of HTTP/2
}

func (p *progress) begin() {
	p.sent.Store(false)
	p.conn.Store(nil)
}

// answered reports whether a byte of the answer has come.
func (p *progress) answered() bool {
	c := p.conn.Load()
	return c != nil && c.heard()
}

// trace tells the connection that a request is sent on that an answer is due, and notes the connection.
func (x *exchange) trace() *httptrace.ClientTrace {
	return &httptrace.ClientTrace{GotConn: func(got httptrace.GotConnInfo) {
		c, ok := got.Conn.(*upstreamConn)
		if ok {
			c.expect(x.in.Method == http.MethodHead)
			x.progress.conn.Store(c)
		}
		x.progress.shared.Store(got.Reused || !ok)
		x.progress.sent.Store(true)
	}}
}

// RoundTrip implements http.RoundTripper: it sends a request to one upstream after the other, as long as that is safe, and
// returns the first answer.
func (u *upstreams) RoundTrip(r *http.Request) (*http.Response, error) {
	x := exchangeOf(r.Context())
	if !u.several() {
		return x.try(r, u.choose(nil, nil), u.members[0])
	}
	r = hold(r)
	var tried []*transport
	for {
		at := u.choose(x.bound, tried)
		res, err := x.try(r, at, at.to.round)
		if err == nil {
			return res, nil
		}
		tried = append(tried, at.to)
		if !x.elsewhere(r) || len(tried) == len(u.members) {
			return nil, err
		}
		at.done()
		r = copied(r)
	}
}

// try sends the request by way of the connections of the upstream, and notes what that says of it.
func (x *exchange) try(r *http.Request, at *attempt, by http.RoundTripper) (*http.Response, error) {
	x.attempt = at
	at.to.aim(r)
	x.progress.begin()
	res, err := by.RoundTrip(r)
	if err == nil {
		x.succeeded()
	} else {
		x.fell(r.Context(), err)
	}
	return res, err
}

// aim has the request go to this upstream.
func (t *transport) aim(r *http.Request) { r.URL.Scheme, r.URL.Host = t.scheme, t.host }

// copied is the request for one more attempt: what the one before got may still be read.
func copied(r *http.Request) *http.Request {
	out, to := *r, *r.URL
	out.URL = &to
	return &out
}

// succeeded notes that the upstream has answered.
func (x *exchange) succeeded() {
	to := x.attempt.to
	if to.health.succeed() && x.site.upstreams.several() {
		x.server.options.Log.Info("an upstream answers again", "site", x.site.Name, "upstream", to.upstream)
	}
}

// fell notes what a failed attempt says of its upstream. It is down when there was no connection, or when a new one ended
// before a byte of the answer.
func (x *exchange) fell(ctx context.Context, err error) {
	h := &x.attempt.to.health
	switch {
	case errors.Is(context.Cause(ctx), errSilent):
		h.count()
	case x.ended(ctx) || errors.Is(err, context.Canceled):
		// That was the client, or the connection was closed for one that left.
	case x.progress.answered() || x.progress.sent.Load() && x.progress.shared.Load():
		h.count()
	default:
		x.unreachable(err)
	}
}

// unreachable notes that the upstream of the attempt is down.
func (x *exchange) unreachable(err error) {
	if x.attempt.to.health.fail(time.Now(), x.attempt.trial) && x.site.upstreams.several() {
		x.server.options.Log.Warn("an upstream is down", "site", x.site.Name, "upstream", x.attempt.to.upstream, "error", logged(err.Error()))
	}
}

// ended reports whether there is no use in an answer any more: the client has left or has sent what cannot be passed on,
// or has waited for too long.
func (x *exchange) ended(ctx context.Context) bool { return ctx.Err() != nil || x.fault.Load() != nil }

// elsewhere reports whether a request that failed at one upstream may go to another.
func (x *exchange) elsewhere(r *http.Request) bool {
	return !x.ended(r.Context()) && !x.progress.answered() && x.repeatable(r) && time.Since(x.began) < retryTime
}

// repeatable reports whether the request may be sent once more: nothing of it can have arrived, or it has no body and
// does the same when it arrives twice (RFC 9110 section 9.2.2).
func (x *exchange) repeatable(r *http.Request) bool {
	body, has := r.Body.(*heldBody)
	if has {
		return !x.progress.sent.Load() && !body.read.Load()
	}
	return !x.progress.sent.Load() || idempotent(r.Method)
}

// idempotent reports whether a request of the method does the same when it arrives twice.
func idempotent(method string) bool {
	return slices.Contains([]string{http.MethodGet, http.MethodHead, http.MethodOptions, http.MethodPut, http.MethodDelete}, method)
}

// heldBody is a body that outlives an attempt: net/http closes what it got, even when it has read nothing of it. The
// forwarder closes the body itself when all attempts have ended.
type heldBody struct {
	io.Reader
	read atomic.Bool
}

// hold returns the request with its body held.
func hold(r *http.Request) *http.Request {
	if r.Body == nil || r.Body == http.NoBody {
		return r
	}
	r = copied(r)
	r.Body = &heldBody{Reader: r.Body}
	return r
}

// Read implements io.Reader.
func (b *heldBody) Read(p []byte) (int, error) {
	b.read.Store(true)
	return b.Reader.Read(p)
}

// Close implements io.Closer.
func (b *heldBody) Close() error { return nil }
