package proxy

import (
	"errors"
	"net/http"
	"time"

	"github.com/c93d5bcb/sslwizard/system/proxy/h1"
	"github.com/c93d5bcb/sslwizard/system/proxy/loop"
)

// guest is a client's connection of HTTP/1 on a loop. One request comes behind the answer to the other.
type guest struct {
	arrival
	worker  *worker
	scan    h1.Scan
	clock   loop.Timer // while no request is answered: until one has to begin, or to be there
	began   bool       // the head of a request has
	served  bool       // there was a request before
	last    bool       // the connection ends after this answer
	gone    bool
	handing bool // it goes to net/http when all is sent
	joined  bool // it has become a WebSocket
	job     *job // nil between requests

	asked   h1.Body // of its request
	stray   int     // bytes that may still be overlooked before the next one
	chunked bool    // the body of the answer
}

var (
	_ caller = (*guest)(nil)
	_ asker  = (*guest)(nil)
)

// begin implements caller.
func (g *guest) begin(w *worker, s *loop.Stream) {
	g.worker, g.stream = w, s
	s.Stall, s.Done = g.stall, g.closed
	g.clock = s.Timer(g.late)
	g.clock.Set(w.loop.Now().Add(w.server.options.limits.header))
}

// Came implements loop.Handler.
func (g *guest) Came(p []byte) int {
	if g.gone {
		return len(p)
	}
	if g.job != nil {
		return g.cameOfBody(p)
	}
	if n := g.skip(p); n > 0 {
		return n
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

// mostStray is how much of ends of lines net/http overlooks behind the body of a POST: browsers of old sent one.
const mostStray = 4

// skip returns how much of what has come between two requests is overlooked.
func (g *guest) skip(p []byte) (n int) {
	for n < min(len(p), g.stray) && (p[n] == '\r' || p[n] == '\n') {
		n++
	}
	if g.stray -= n; n < len(p) {
		g.stray = 0
	}
	return n
}

// request takes the head of a request, or hands back the connection.
func (g *guest) request(head []byte) int {
	j := g.worker.job(g, &g.arrival)
	if !j.read(head) {
		g.worker.freeJob(j)
		g.handBack()
		return 0
	}
	g.job, g.served, g.last = j, true, j.head.Close
	g.asked = j.head.Body()
	g.stray = 0
	if j.request.Method == http.MethodPost {
		g.stray = mostStray
	}
	g.clock.Stop()
	j.begin()
	return len(head)
}

// cameOfBody takes of what has come as much as the upstream has room for, and nothing of what is behind the body.
func (g *guest) cameOfBody(p []byte) int {
	j := g.job
	if !j.takesBody() {
		g.stream.Pause() // another request, which has to wait
		return 0
	}
	taken, before := 0, j.bodyGot
	for taken < len(p) && !j.bodyDone {
		piece, n, end, err := g.asked.Next(p[taken:])
		taken += n
		if err != nil {
			j.fail(http.StatusBadRequest, err)
			return len(p)
		}
		if !j.passBody(piece, end) {
			return len(p)
		}
	}
	if !j.bodyDone && j.back.stream.Full() {
		g.stream.Pause()
	}
	j.cameOfBody(int(j.bodyGot - before))
	return taken
}

// Ended implements loop.Handler. A client that has closed its side does not wait for an answer any more.
func (g *guest) Ended(err error) {
	switch {
	case g.job == nil:
		g.abort()
	case errors.Is(err, loop.ErrFault):
		g.last = true
		g.job.fail(http.StatusInternalServerError, nil)
	default:
		g.job.clientEnded(err)
	}
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

// resume implements asker.
func (g *guest) resume() { g.stream.Resume() }

// full implements asker.
func (g *guest) full() bool { return g.stream.Full() }

// answered implements asker: it goes on after an answer.
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

// ebb implements caller.
func (g *guest) ebb() {
	switch {
	case g.job != nil, g.gone, g.handing:
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

// abort implements asker and caller: it closes the connection at once.
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
	g.forget()
	g.leave()
	if g.joined {
		return
	}
	g.worker.plane.guests.Add(-1)
	if j := g.job; j != nil { // a fault has closed it
		g.job, g.gone = nil, true
		j.abandon()
		g.worker.freeJob(j)
	}
}

func (g *guest) forget() {
	g.worker.forget(g)
	g.clock.Free()
}

// handBack has net/http go on with the connection, from the head of the request on.
func (g *guest) handBack() {
	g.stream.Pause()
	g.clock.Stop()
	g.handing = true
	g.stream.WhenSent(func() {
		if g.gone || g.stream.Closed() {
			return
		}
		g.gone = true
		g.forget()
		fd, kept := g.stream.Release()
		go g.worker.plane.giveBack(g, fd, kept)
	})
}

// mostPieces are no fewer than a stream holds back.
const mostPieces = 32

// stall is how long a client may take for so much of an answer.
func (g *guest) stall(n int) time.Duration {
	wait := g.worker.takeTime(n)
	if g.job != nil {
		wait = max(wait, g.job.x.patience())
	}
	return wait
}

// takeTime is how long any client may take for so much.
func (w *worker) takeTime(n int) time.Duration {
	pieces := min(max(1, float64(n)/pieceSize), mostPieces)
	return time.Duration(pieces * float64(w.server.options.limits.take))
}
