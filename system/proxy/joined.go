package proxy

import (
	"errors"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/c93d5bcb/sslwizard/system/proxy/h1"
	"github.com/c93d5bcb/sslwizard/system/proxy/loop"
)

// joined is a WebSocket on a loop: the client's side and the upstream's. What tunnel is on net/http.
type joined struct {
	server   *Server
	worker   *worker
	on       *loop.Stream // the client's connection
	access   Access       // its record, but for what is known at the end: there may be many, and a job is large
	attempt  *attempt
	uncount  func() // where it has no connection of its own
	client   side
	backend  side
	toClient lane
	toServer lane
	idle     time.Duration
	clock    loop.Timer // while nothing comes; then while the end is waited for
	over     func()     // tells the client's side; nil: that need not know
	leaving  bool
	ended    bool
	halves   int // sides that have ended
}

// side is where a direction of a WebSocket begins, and the other ends. A connection is one.
type side interface {
	Full() bool
	Pause()
	Resume()
	CloseWrite()
	Finish(linger bool)
}

// streamWriter has a lane write to a stream.
type streamWriter struct{ *loop.Stream }

// Write implements io.Writer.
func (w streamWriter) Write(p []byte) (int, error) {
	w.Stream.Write(p)
	return len(p), nil
}

// join makes a WebSocket of a request whose upstream has switched protocols.
func (j *job) join(a *h1.Answer) {
	x, b := &j.x, j.back
	if x.key != "" && !accepts(a, x.key) {
		b.wrong(errAccept)
		return
	}
	x.succeeded()
	x.status = http.StatusSwitchingProtocols
	one := &joined{
		server: j.worker.server, worker: j.worker, on: j.on.stream, backend: b.stream, idle: x.site.WebSockets.Idle,
		access: x.access(), attempt: x.attempt, uncount: j.leave,
	}
	j.leave = nil
	for _, text := range []*string{&one.access.Method, &one.access.Host, &one.access.Path, &one.access.Referer, &one.access.Agent} {
		*text = strings.Clone(*text) // they are parts of the whole head
	}
	one.toServer = lane{out: streamWriter{b.stream}, masked: true}
	one.clock = one.on.Timer(one.late)
	j.quiet.Stop()
	b.clock.Free()
	switch by := j.by.(type) {
	case *guest:
		by.join(one, j, a)
	case *member:
		by.join(one, j, a)
	}
	b.stream.Own(&half{one, b.stream, one.client, &one.toClient})
	b.job, j.back = nil, nil
	j.worker.freeJob(j)
	one.touch()
	one.client.Resume()
}

// join has the connection be one side.
func (g *guest) join(one *joined, j *job, a *h1.Answer) {
	b := j.back.stream
	g.stream.Put(j.appendSwitch(g.stream.Buffer(), a))
	g.job = nil
	one.client, one.toClient = g.stream, lane{out: streamWriter{g.stream}}
	g.stream.Done, b.Done = func() { g.closed(); one.cut() }, one.cut // a fault too ends both
	one.server.tunnels.enter(one)                                     // before it is no guest any more: a drain that looks in between would see neither
	g.joins()
	g.stream.Own(&half{one, g.stream, b, &one.toServer})
}

// appendSwitch appends the head of the answer to the handshake.
func (j *job) appendSwitch(b []byte, a *h1.Answer) []byte {
	b = h1.AppendStatus(b, a.Status)
	own := j.worker.own[:0]
	if j.x.secure {
		j.x.site.promises(func(name, value string) { own = append(own, fieldText{name, value}) })
	}
	for _, f := range a.Fields {
		switch f.Kind {
		case h1.Other, h1.Connection, h1.Upgrade:
			if !proxyLine(f.Name) && !named(own, f.Name) {
				b = h1.AppendField(b, f.Name, f.Value)
			}
		case h1.ContentLength, h1.Expect, h1.Host, h1.KeepAlive, h1.ProxyConnection, h1.TE, h1.Trailer, h1.TransferEncoding:
		}
	}
	for _, f := range own {
		b = h1.AppendText(b, f.name, f.value)
	}
	j.worker.own = own[:0]
	for _, cookie := range j.stickyCookies(a) {
		b = h1.AppendText(b, "Set-Cookie", cookie)
	}
	return append(b, "\r\n"...)
}

// switchesTo reports whether the upstream has switched to what was asked for.
func switchesTo(a *h1.Answer, protocol string) bool {
	for _, f := range a.Fields {
		if f.Kind == h1.Upgrade {
			return strings.EqualFold(string(f.Value), protocol)
		}
	}
	return false
}

// joins has the guest be no connection that asks for something any more.
func (g *guest) joins() {
	g.joined = true
	g.introduced = introduction{} // nobody asks for anything any more
	g.stream.Stall = nil          // the idle time is what a WebSocket has
	g.forget()
	g.worker.plane.guests.Add(-1)
}

// touch begins the idle time anew.
func (o *joined) touch() {
	if o.idle > 0 && !o.leaving && o.halves == 0 {
		o.clock.Set(o.worker.loop.Now().Add(o.idle))
	}
}

// late is called when nothing came for the idle time, and when who was told to end has not.
func (o *joined) late() {
	if o.leaving || o.halves > 0 {
		o.cut()
		return
	}
	o.leave()
}

// goAway implements tunneled. It is called by others than the loop.
func (o *joined) goAway() { o.on.Post(o.leave) }

// leave sends both sides a close frame as soon as a frame ends, gives them a moment to answer, and cuts.
func (o *joined) leave() {
	if o.leaving || o.ended {
		return
	}
	o.leaving = true
	o.clock.Set(o.worker.loop.Now().Add(closeGrace))
	o.toServer.close()
	o.toClient.close()
}

// cut ends both sides, behind what was written.
func (o *joined) cut() {
	if o.ended {
		return
	}
	o.ended = true
	o.clock.Free()
	o.server.tunnels.leave(o)
	o.client.Finish(false)
	o.backend.Finish(false)
	if o.over != nil {
		o.over()
	}
	o.attempt.done()
	if o.uncount != nil {
		o.uncount()
	}
	o.access.Elapsed = time.Since(o.access.Time)
	o.server.options.Access(o.access)
}

// half is one direction of it. It implements loop.Handler.
type half struct {
	both     *joined
	from, to side
	lane     *lane
}

// Came implements loop.Handler.
func (h *half) Came(p []byte) int {
	o := h.both
	if o.ended {
		return len(p)
	}
	o.touch()
	_, _ = h.lane.Write(p) // into memory
	if h.lane == &o.toClient {
		o.access.Bytes += int64(len(p))
	}
	if h.to.Full() {
		h.from.Pause()
	}
	return len(p)
}

// Room implements loop.Handler: what goes to the other direction may come again.
func (h *half) Room() { h.to.Resume() }

// Ended implements loop.Handler.
func (h *half) Ended(err error) {
	o := h.both
	if o.ended {
		return
	}
	o.halves++
	if !errors.Is(err, io.EOF) || o.halves == 2 {
		o.cut()
		return
	}
	h.to.CloseWrite()
	if !o.leaving && !o.ended { // else it has less
		o.clock.Set(o.worker.loop.Now().Add(lingerGrace))
	}
}

var _ loop.Handler = (*half)(nil)
