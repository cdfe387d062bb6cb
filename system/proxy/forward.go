package proxy

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/http/httputil"
	"strings"
	"sync"
)

// forwarder is what passes requests of a site to its upstream. ReverseProxy removes the hop-by-hop fields (RFC 9110
// section 7.6.1) before Rewrite sees the request, so nothing that Connection names can remove what is set here.
func (s *Server) forwarder(one *site) *httputil.ReverseProxy {
	return &httputil.ReverseProxy{
		Transport:  one.upstreams,
		BufferPool: &buffers,
		ErrorLog:   log.New(errorLog{s}, "", 0),
		Rewrite: func(p *httputil.ProxyRequest) {
			exchangeOf(p.In.Context()).rewrite(p.Out)
		},
		ModifyResponse: func(res *http.Response) error {
			return exchangeOf(res.Request.Context()).received(res)
		},
		ErrorHandler: func(_ http.ResponseWriter, r *http.Request, err error) {
			exchangeOf(r.Context()).failed(r.Context(), err)
		},
	}
}

// pass sends the request to the upstream and its answer to the client.
func (x *exchange) pass() {
	limit := x.site.Proxy.MaxBody
	if limit > 0 && x.in.ContentLength > limit {
		x.tooLarge()
		x.refuse(http.StatusRequestEntityTooLarge)
		return
	}
	x.upgrade()
	ctx, cancel := context.WithCancelCause(httptrace.WithClientTrace(x.in.Context(), x.trace()))
	defer cancel(nil)
	defer func() { x.attempt.done() }()
	x.silence = watchSilence(x.patience(), func() { cancel(errSilent) })
	if x.site.Proxy.Timeout <= 0 { // it may be silent for ever, but has to take what it is sent
		x.silence.pause()
		x.lenient = true
	}
	defer x.silence.stop()
	r := x.in.WithContext(ctx)
	if limit > 0 && r.Body != http.NoBody {
		r.Body = http.MaxBytesReader(x.w, r.Body, limit)
	}
	if r.Body != http.NoBody {
		x.body = x.newBody(r.Body)
		r.Body = x.body
		_ = x.control.EnableFullDuplex() // else an answer waits for the body, and the body perhaps for the answer
	}
	whole := false
	defer func() { x.body.leave(whole) }()
	x.site.forward.ServeHTTP(x, r)
	whole = true
}

// rewrite makes the request for the upstream out of the cleaned copy.
func (x *exchange) rewrite(out *http.Request) {
	out.URL.User = nil
	setTarget(out, x.target)
	x.site.dropSpoofed(out.Header)
	x.bound = x.site.upstreams.sticky.take(out.Header)
	x.announce(out)
	x.setForwarded(out)
}

// setTarget has the target sent byte for byte. URL.Opaque does that for all but a path that begins with "//", which it
// would turn into an authority. There URL keeps RawPath, unless it has a byte that no path may have: then it would
// decode and encode the whole path, and "%2e%2e" would become a dot segment. So those bytes alone are encoded.
func setTarget(out *http.Request, target string) {
	path, query, asked := strings.Cut(target, "?")
	out.URL.RawQuery, out.URL.ForceQuery = query, asked
	out.URL.Opaque = ""
	if strings.HasPrefix(path, "//") {
		out.URL.RawPath = encodeStray(path)
	} else {
		out.URL.Opaque = path
	}
}

// upstreamTarget is the target as setTarget has it sent.
func upstreamTarget(target string) string {
	if !strings.HasPrefix(target, "//") {
		return target
	}
	path, query, asked := strings.Cut(target, "?")
	if asked {
		query = "?" + query
	}
	return encodeStray(path) + query
}

// encodeStray encodes the bytes that RFC 3986 section 3.3 does not have in a path; what they decode to stays.
func encodeStray(path string) string {
	const stray = "\"<>\\^`{|}"
	var b strings.Builder
	for i := range len(path) {
		if c := path[i]; c > '~' || strings.IndexByte(stray, c) >= 0 {
			fmt.Fprintf(&b, "%%%02X", c)
		} else {
			b.WriteByte(c)
		}
	}
	return b.String()
}

var errProtocol = errors.New("the upstream switched to a protocol that was not asked for")

// received looks at the upstream's answer before the client gets it.
func (x *exchange) received(res *http.Response) error {
	if err := x.switched(res); err != nil {
		return err
	}
	if res.StatusCode == http.StatusSwitchingProtocols {
		backend, ok := res.Body.(io.ReadWriteCloser)
		if !ok || x.in.Header.Get("Upgrade") == "" {
			return errProtocol
		}
		if !x.silence.stop() { // it came with the last moment: what is opened now would be cut
			return errSilent
		}
		x.tunnel = x.tunnels().make(x, backend)
		res.Body = x.tunnel.backendSide()
	} else {
		res.Body = x.silence.body(res.Body, x.answered)
	}
	if x.doubtful() {
		res.Header.Set("Connection", "close")
	}
	x.stick(res.Header)
	x.promise(res.Header)
	return nil
}

// answered is told that the upstream's answer has ended.
func (x *exchange) answered() {
	if x.site.Proxy.Upstream.HTTP2() {
		x.body.abandon()
	}
}

// failed answers for an upstream that gave no answer. What went wrong with it is for the log, not for the client.
func (x *exchange) failed(ctx context.Context, err error) {
	status := x.blame(ctx, err)
	if status == 0 {
		panic(http.ErrAbortHandler) // the client has left; one that only closed its side must not get net/http's empty 200
	}
	x.unanswered(status, err)
	x.refuse(status)
}

// unanswered tells the log why there is a status of ours in the place of the upstream's answer.
func (x *exchange) unanswered(status int, err error) {
	if status >= http.StatusInternalServerError && status != http.StatusNotImplemented {
		x.server.options.Log.Warn("cannot get an answer from the upstream", "site", x.site.Name, "status", status,
			"error", logged(err.Error()))
	}
}

// blame finds out whose failure it was and returns the status that says so; 0 when nobody is left to be told.
func (x *exchange) blame(ctx context.Context, err error) int {
	var timeout net.Error
	switch fault := x.fault.Load(); {
	case fault != nil:
		return fault.status
	case errors.Is(err, errNotOpened):
		return http.StatusNotImplemented
	case errors.Is(context.Cause(ctx), errSilent), errors.Is(err, errSilent):
		return http.StatusGatewayTimeout
	case x.in.Context().Err() != nil:
		return 0
	case errors.As(err, &timeout) && timeout.Timeout():
		return http.StatusGatewayTimeout
	}
	return http.StatusBadGateway
}

// buffers are the copy buffers of all forwarders.
var buffers bufferPool

type bufferPool struct{ pool sync.Pool }

const bufferSize = 32 << 10

func (b *bufferPool) Get() []byte {
	if p, ok := b.pool.Get().(*[bufferSize]byte); ok {
		return p[:]
	}
	return make([]byte, bufferSize)
}

func (b *bufferPool) Put(p []byte) { b.pool.Put((*[bufferSize]byte)(p)) }
