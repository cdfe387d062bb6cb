package proxy

import (
	"net"
	"net/netip"
	"time"

	"github.com/c93d5bcb/sslwizard/system/proxy/h1"
	"github.com/c93d5bcb/sslwizard/system/proxy/loop"
	"github.com/c93d5bcb/sslwizard/system/proxy/record"

	"crypto/tls"
)

// guest is a client's connection of HTTP/1 on a loop.
type guest struct {
	worker *worker
	stream *loop.Stream
	leave  func() // uncounts it
	secure *record.Conn
	state  *tls.ConnectionState // nil without TLS
	local  net.Addr
	remote net.Addr
	peer   netip.Addr
	from   string // peer, as it is told to others
	scan   h1.Scan
	clock  loop.Timer // while no request is answered: until one has to begin, or to be there
	began  bool       // the head of a request has
	served bool       // there was a request before
	last   bool       // the connection ends after this answer
	gone   bool
	joined bool // it has become a WebSocket
	job    *job // nil between requests
}

var _ loop.Handler = (*guest)(nil)

// Came implements loop.Handler.
func (g *guest) Came(p []byte) int {
	if g.gone {
		return len(p)
	}
	if g.job != nil {
		return g.job.asked(p)
	}
	if !g.began {
		g.began = true
		if g.served {
			g.clock.Set(g.worker.loop.Now().Add(g.worker.server.options.limits.header))
		}
	}
	size := g.scan.End(p)
	switch {
	case size == 0 && len(p) <= maxHeader:
		return 0
	case size == 0 || size > maxHeader:
		g.handBack()
		return 0
	}
	return g.request(p[:size])
}

// request takes the head of a request, or hands back the connection.
func (g *guest) request(head []byte) int {
	j := g.worker.job(g)
	if !j.read(head) {
		g.worker.freeJob(j)
		g.handBack()
		return 0
	}
	g.job, g.served, g.last = j, true, j.head.Close
	g.clock.Stop()
	j.begin()
	return len(head)
}

// Ended implements loop.Handler. A client that has closed its side does not wait for an answer any more.
func (g *guest) Ended(err error) {
	if g.job != nil {
		g.job.clientEnded(err)
		return
	}
	g.abort()
}

// Room implements loop.Handler.
func (g *guest) Room() {
	switch {
	case g.job != nil:
		g.job.clientHasRoom()
	case !g.gone:
		g.await()
	}
}

// late is called when no request has come in time.
func (g *guest) late() { g.finish(false) }

// answered goes on after an answer.
func (g *guest) answered(unread bool) {
	g.worker.freeJob(g.job)
	g.job = nil
	if g.last || g.gone {
		g.finish(unread)
		return
	}
	g.began = false
	if g.stream.Full() { // who asks on and on and reads no answer
		g.stream.Pause()
		return
	}
	g.await()
}

// await waits for the next request.
func (g *guest) await() {
	g.clock.Set(g.worker.loop.Now().Add(g.worker.server.options.limits.idle))
	g.stream.Resume()
	if g.worker.draining {
		g.ebb()
	}
}

// ebb is for a drain: who has had an answer and asks for nothing now goes, and who has asked for nothing yet has a moment.
func (g *guest) ebb() {
	switch {
	case g.job != nil, g.gone:
	case g.served && !g.began && g.stream.Kept() == 0:
		g.finish(false)
	default:
		g.clock.Set(g.worker.loop.Now().Add(requestTime))
	}
}

// finish closes the connection when all is sent.
func (g *guest) finish(linger bool) {
	if !g.gone {
		g.gone = true
		g.clock.Stop()
		g.stream.Finish(linger)
	}
}

// abort closes the connection at once, so that the client sees that the answer is broken.
func (g *guest) abort() {
	if j := g.job; j != nil {
		g.job = nil
		j.abandon()
		g.worker.freeJob(j)
	}
	g.gone = true
	g.stream.Cut()
}

// closed is told when the connection is.
func (g *guest) closed() {
	g.worker.forget(g)
	g.leave()
	if !g.joined {
		g.worker.plane.guests.Add(-1)
	}
}

// handBack has net/http go on with the connection, from the head of the request on.
func (g *guest) handBack() {
	g.stream.Pause()
	g.clock.Stop()
	g.worker.loop.After(func() {
		if g.gone || g.stream.Closed() {
			return
		}
		g.gone = true
		g.worker.forget(g)
		fd, kept, unsent := g.stream.Release()
		go g.worker.plane.giveBack(g, fd, kept, unsent)
	})
}

// mostPieces are no fewer than a stream holds back.
const mostPieces = 32

// stall is how long a client may take for so much of an answer.
func (g *guest) stall(n int) time.Duration {
	pieces := min(max(1, float64(n)/pieceSize), mostPieces)
	wait := time.Duration(pieces * float64(g.worker.server.options.limits.take))
	if g.job != nil {
		wait = max(wait, g.job.x.patience())
	}
	return wait
}
