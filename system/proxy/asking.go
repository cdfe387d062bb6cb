package proxy

import (
	"errors"
	"net/http"
	"slices"
	"strconv"
	"syscall"
	"time"

	"github.com/c93d5bcb/sslwizard/system/proxy/h1"
	"github.com/c93d5bcb/sslwizard/system/proxy/loop"
)

// The way of a request from its client to an upstream, on a loop.

// begin decides what becomes of the request.
func (j *job) begin() {
	x := &j.x
	if j.refusal != 0 {
		j.refuse(j.refusal)
		return
	}
	if x.key != "" {
		if status := j.admit(); status != 0 {
			j.refuse(status)
			return
		}
	} else if x.ours() {
		j.reply()
		return
	}
	limit := x.site.Proxy.MaxBody
	if limit > 0 && x.in.ContentLength > limit {
		x.tooLarge()
		j.refuse(http.StatusRequestEntityTooLarge)
		return
	}
	j.unstick()
	x.bound = x.site.upstreams.sticky.take(j.header)
	j.pace = x.newPace()
	if limit := x.site.Proxy.Timeout; limit > 0 {
		j.quiet.Set(j.worker.loop.Now().Add(limit))
	}
	j.try()
}

// unstick forgets cookies that are not for whoever is behind us.
func (j *job) unstick() {
	if j.x.site.upstreams.sticky == nil {
		return
	}
	for i, f := range j.head.Fields {
		if j.fields[i].name == "Cookie" && !j.head.Passes(f) {
			delete(j.header, "Cookie")
		}
	}
}

// try sends the request to the next upstream.
func (j *job) try() {
	j.carried = nil
	j.x.attempt = j.x.site.upstreams.choose(j.x.bound, j.tried)
	j.connect()
}

// connect takes a connection to the upstream, or makes one.
func (j *job) connect() {
	to := j.x.attempt.to
	if b := j.worker.take(to, j.head.HasBody() || !idempotent(j.x.in.Method)); b != nil {
		j.send(b)
		return
	}
	number := j.number
	j.worker.dial(to, func(b *backend, err error) {
		switch {
		case j.number != number && b != nil:
			j.worker.keep(b)
		case j.number != number:
		case err != nil:
			j.x.progress.begin()
			j.on.stream.Do(func() { j.fell(err) })
		default:
			j.on.stream.Do(func() { j.send(b) })
		}
	})
}

// send sends the head, and has the body follow.
func (j *job) send(b *backend) {
	j.back = b
	b.begin(j)
	j.x.progress.begin()
	j.x.progress.shared.Store(b.used)
	j.x.progress.sent.Store(true)
	if j.carried != nil {
		b.stream.Put(append(b.stream.Buffer(), j.carried...))
		j.carried = nil
	} else {
		b.stream.Put(j.appendHead(b.stream.Buffer()))
	}
	j.by.resume()
	j.clock()
}

// appendHead appends the head of the request as the upstream gets it.
func (j *job) appendHead(b []byte) []byte {
	x, told := &j.x, j.introduce()
	b = append(b, x.in.Method...)
	b = append(b, ' ')
	b = append(b, upstreamTarget(x.target)...)
	b = append(b, " HTTP/1.1\r\n"...)
	b = h1.AppendText(b, "Host", told.host)
	for i, f := range j.head.Fields {
		if j.passes(i, f) {
			b = h1.AppendText(b, j.fields[i].name, j.fields[i].value)
		}
	}
	if x.site.upstreams.sticky != nil {
		for _, cookies := range j.header["Cookie"] {
			b = h1.AppendText(b, "Cookie", cookies)
		}
	}
	b = append(b, told.lines...)
	if x.key != "" {
		b = h1.AppendText(b, "Sec-WebSocket-Key", x.key)
	}
	if j.upgrade {
		b = append(b, "Connection: Upgrade\r\nUpgrade: websocket\r\n"...)
	}
	return append(j.appendFraming(b), "\r\n"...)
}

// passes reports whether a field is passed on.
func (j *job) passes(i int, f h1.Field) bool {
	name := j.fields[i].name
	switch f.Kind {
	case h1.Host, h1.ContentLength, h1.Expect:
		return false
	case h1.TE:
		return hasToken(j.header, "Te", "trailers") && j.fields[i].value == "trailers"
	case h1.Other, h1.Connection, h1.KeepAlive, h1.ProxyConnection, h1.Trailer, h1.TransferEncoding, h1.Upgrade:
	}
	if !j.head.Passes(f) || proxyField(name) || j.x.site.spoofed(name) {
		return false
	}
	if name == "Sec-Websocket-Key" && j.x.key != "" {
		return false
	}
	return name != "Cookie" || j.x.site.upstreams.sticky == nil
}

// proxyField reports whether a field is for the next proxy alone.
func proxyField(name string) bool {
	return name == "Proxy-Authenticate" || name == "Proxy-Authorization"
}

func (j *job) appendFraming(b []byte) []byte {
	switch {
	case j.head.Framing == h1.Chunked:
		return append(b, "Transfer-Encoding: chunked\r\n"...)
	case j.head.HasBody():
		b = append(b, "Content-Length: "...)
		b = strconv.AppendUint(b, j.head.Length, 10)
		return append(b, "\r\n"...)
	}
	switch j.x.in.Method {
	case http.MethodPost, http.MethodPut, http.MethodPatch: // else a server may wait for a body, or ask for its length
		return append(b, "Content-Length: 0\r\n"...)
	}
	return b
}

// takesBody reports whether there is somebody to pass the body on to.
func (j *job) takesBody() bool { return j.back != nil && !j.bodyDone }

// passBody passes a piece on; false when the request has come to its end by that.
func (j *job) passBody(piece []byte, end bool) bool {
	limit := j.x.site.Proxy.MaxBody
	if j.bodyGot += int64(len(piece)); limit > 0 && j.bodyGot > limit {
		j.x.tooLarge()
		j.fail(http.StatusRequestEntityTooLarge, nil)
		return false
	}
	to := j.back.stream
	if j.head.Framing == h1.Chunked {
		if len(piece) > 0 {
			to.Put(h1.AppendChunk(to.Buffer(), piece))
		}
		if end {
			to.Put(h1.AppendEnd(to.Buffer(), nil))
		}
	} else {
		to.Write(piece)
	}
	j.bodyDone = end
	return true
}

// cameOfBody counts what was waited for.
func (j *job) cameOfBody(n int) {
	if j.waits {
		now := j.worker.loop.Now()
		j.pace.came(n, now.Sub(j.began))
		j.waits = false
	}
	j.clock()
}

// clock has the one be watched who has to do something now: the client, whose body is waited for or who has to take the
// answer, or the upstream.
func (j *job) clock() {
	b, now := j.back, j.worker.loop.Now()
	if b == nil {
		return
	}
	body := !j.bodyDone && !b.stream.Full()
	if !body {
		j.waits = false
		j.slow.Stop()
	} else if !j.waits {
		j.waits, j.began = true, now
		j.slow.Set(now.Add(j.pace.wait()))
	}
	limit := j.x.site.Proxy.Timeout
	if !j.bodyDone && b.stream.Full() { // who takes nothing of a body is waited for as long, but not for ever
		limit = j.x.patience()
	}
	if limit <= 0 || body || j.by.full() {
		j.quiet.Stop()
	} else {
		j.quiet.Set(now.Add(limit))
	}
}

// clientIsSlow is called when its body has not come in time.
func (j *job) clientIsSlow() {
	j.worker.server.cuts.count(cutBody)
	j.fail(http.StatusRequestTimeout, nil)
}

func (j *job) upstreamIsSilent() {
	j.x.attempt.to.health.count()
	j.fail(http.StatusGatewayTimeout, errSilent)
}

// clientEnded is told that the client has closed its side, or that the connection is broken. Nobody waits for the answer.
func (j *job) clientEnded(err error) {
	if errors.Is(err, loop.ErrStalled) {
		j.worker.server.cuts.count(cutAnswer)
	}
	if !j.bodyDone {
		j.x.status = j.statusOfBroken()
	}
	j.by.abort()
}

// statusOfBroken is what net/http makes of a body that breaks off: an answer that nobody gets.
func (j *job) statusOfBroken() int {
	if j.answered {
		return j.x.status
	}
	return http.StatusBadRequest
}

// abandon ends a request whose client has gone.
func (j *job) abandon() {
	j.dropBack()
	j.end()
}

// dropBack closes the connection to the upstream.
func (j *job) dropBack() {
	if b := j.back; b != nil {
		j.back = nil
		b.drop()
	}
}

// fell decides what becomes of a request that got no answer: one more connection, another upstream, or an answer of ours.
func (j *job) fell(err error) {
	x, b := &j.x, j.back
	began, used := b != nil && b.heard, b != nil && b.used
	if used && b.untouched() { // closed before: all of it goes to another connection
		j.carried = slices.Clone(b.stream.Unsent())
		j.dropBack()
		j.connect()
		return
	}
	j.dropBack()
	safe := !began && j.bodyGot == 0 && j.bodyDone && !j.head.HasBody() && idempotent(x.in.Method)
	if safe && used { // it was closed while the request was on its way
		j.connect()
		return
	}
	if safe && b != nil && !j.again && errors.Is(err, syscall.ECONNRESET) && x.in.Method != http.MethodPut && x.in.Method != http.MethodDelete {
		j.again = true
		j.connect()
		return
	}
	if began || used {
		x.attempt.to.health.count()
	} else {
		x.unreachable(err)
	}
	j.tried = append(j.tried, x.attempt.to)
	unsent := b == nil && j.bodyGot == 0
	if (safe || unsent) && len(j.tried) < len(x.site.upstreams.members) && time.Since(x.began) < retryTime {
		x.attempt.done()
		j.try()
		return
	}
	j.fail(failureStatus(err), err)
}

// failureStatus is what a client is told of an upstream that gave no answer.
func failureStatus(err error) int {
	var timeout interface{ Timeout() bool }
	if errors.As(err, &timeout) && timeout.Timeout() {
		return http.StatusGatewayTimeout
	}
	return http.StatusBadGateway
}

// fail ends the request with an answer of ours, or, where the upstream's has begun, so that the client sees that it is
// broken.
func (j *job) fail(status int, err error) {
	if j.answered {
		j.by.abort()
		return
	}
	if err != nil && status >= http.StatusInternalServerError {
		j.x.unanswered(status, err)
	}
	j.dropBack()
	j.refuse(status)
}
