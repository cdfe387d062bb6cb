package proxy

import (
	"errors"
	"time"

	"github.com/c93d5bcb/sslwizard/system/proxy/h2"
	"github.com/c93d5bcb/sslwizard/system/proxy/loop"
)

// What a client of HTTP/2 may have under way on a connection.
const (
	partyWindow  = 512 << 10 // of the body of a request
	partyWindows = 1 << 20   // of all of them
	partyOutput  = 64 << 10  // of answers that are to be sent, for one turn
	partyHeads   = partyOutput + 256<<10
	partyRoom    = partyOutput + 16<<10
	maxRooms     = 8 // that wait for their next use
)

func newH2Server() *h2.Server {
	return h2.NewServer(h2.Settings{
		Streams: maxStreams, Head: maxHeader, Window: partyWindow, Windows: partyWindows, Output: partyOutput, WebSocket: true,
	})
}

// party is a client's connection of HTTP/2 on a loop: many requests at a time, each of which is a member's.
type party struct {
	arrival
	worker  *worker
	conn    *h2.Conn
	clock   loop.Timer    // while nothing is asked
	wait    time.Duration // that a site has for who takes an answer; 0 as long as there is none
	flushes func()
	heads   []*member // that have to wait with the heads of their answers
	asked   bool      // there was a request
	dirty   bool      // flushes is to be called
	roomy   bool      // conn has room of the worker's
	told    bool      // to ask nothing more
	gone    bool
}

var _ caller = (*party)(nil)

// begin implements caller.
func (p *party) begin(w *worker, s *loop.Stream) {
	p.worker, p.stream = w, s
	p.conn = w.h2.Conn(w.loop.Now())
	p.flushes = p.flush
	s.Stall, s.Done = p.stall, p.closed
	p.clock = s.Timer(p.late)
	p.clock.Set(w.loop.Now().Add(w.server.options.limits.header))
	p.touch()
}

// Came implements loop.Handler.
func (p *party) Came(b []byte) int {
	n := len(b)
	p.feed(b)
	return n
}

// feed has everything be done that what has come allows.
func (p *party) feed(b []byte) {
	p.touch()
	for !p.gone {
		e, n := p.conn.Next(b, p.worker.loop.Now())
		b = b[n:]
		switch e.Kind {
		case h2.Nothing:
			return
		case h2.Asked:
			p.ask(e.Stream, e.Request)
		case h2.Acked:
			p.rest()
		case h2.Over:
			p.over(e.Fault)
		case h2.Data, h2.Ended, h2.Writable, h2.Closed:
			p.tell(e)
		}
	}
}

// tell tells a member what is about it.
func (p *party) tell(e h2.Event) {
	m, ok := e.Stream.Tag.(*member)
	if !ok {
		return
	}
	switch e.Kind {
	case h2.Data:
		m.came(e.Data)
	case h2.Ended:
		m.ended(e.Trailer)
	case h2.Writable:
		m.turn()
	case h2.Closed:
		e.Stream.Tag = nil
		m.closed()
		p.rest()
	case h2.Nothing, h2.Asked, h2.Acked, h2.Over: // are about no member
	}
}

// ask begins with a request.
func (p *party) ask(s *h2.Stream, r *h2.Request) {
	p.clock.Stop()
	m := p.worker.member(p, s)
	s.Tag = m
	if !p.asked {
		p.asked = true
		if p.worker.draining {
			p.drain()
		}
	}
	m.ask(r)
}

// rest has the time run in which something has to be asked.
func (p *party) rest() {
	if p.conn.Open() > 0 || p.gone {
		return
	}
	wait := p.worker.server.options.limits.idle
	switch {
	case p.told:
		wait = goAwayTime
	case p.worker.draining:
		wait = requestTime
	}
	p.clock.Set(p.worker.loop.Now().Add(wait))
}

// late is called when nothing was asked for too long. What is asked while the client is told still counts.
func (p *party) late() {
	p.drain()
	p.rest()
}

// drain tells the client to ask nothing more; for the second time, without waiting until it knows.
func (p *party) drain() {
	if !p.gone {
		p.touch()
		p.told = true
		p.conn.Drain()
	}
}

// ebb implements caller.
func (p *party) ebb() {
	if p.asked {
		p.drain()
	}
	p.rest()
}

// Room implements loop.Handler.
func (p *party) Room() { p.flush() }

// touch has what is said in this turn be sent at its end.
func (p *party) touch() {
	if !p.roomy && !p.gone && len(p.conn.Out()) == 0 {
		p.conn.Room(p.worker.rooms.Take())
		p.roomy = true
	}
	if !p.dirty {
		p.dirty = true
		p.stream.After(p.flushes)
	}
}

// flush gives everybody who waits his turn, as long as there is room.
func (p *party) flush() {
	p.dirty = true // for it is done here
	if !p.gone && p.stream.Pending() == 0 && p.conn.Open() == 0 {
		p.wait = 0
	}
	for !p.gone {
		p.feed(nil)
		if p.gone || len(p.conn.Out()) == 0 || p.stream.Full() {
			break
		}
		p.send()
	}
	p.dirty = false
	if !p.gone && p.roomy && len(p.conn.Out()) == 0 {
		p.returnRoom(p.conn.Sent(0))
	}
	if !p.gone && len(p.heads) > 0 && p.takesHead() {
		heads := p.heads
		p.heads = nil
		for _, m := range heads {
			m.goOn()
		}
	}
}

// makeRoom has the network take what is said before, where so much more would not go beside it.
func (p *party) makeRoom(n int) {
	if !p.gone && len(p.conn.Out())+n > partyOutput && len(p.conn.Out()) > 0 && !p.stream.Full() {
		p.send()
	}
	p.touch()
}

// send has the network take what is said.
func (p *party) send() {
	out := p.conn.Out()
	p.stream.Write(out)
	p.returnRoom(p.conn.Sent(len(out)))
}

func (p *party) returnRoom(room []byte) {
	p.roomy = false
	p.worker.rooms.Give(room)
}

// takesHead reports whether a head can be written: data waits, heads do not, and a client that takes none of them has to
// be waited for.
func (p *party) takesHead() bool { return len(p.conn.Out()) < partyHeads }

// over ends the connection, behind what was said last.
func (p *party) over(fault *h2.Fault) {
	if p.gone {
		return
	}
	p.gone = true
	switch fault {
	case nil:
	case h2.ErrResets:
		p.worker.server.cuts.flood(cutResets, p.remote)
	case h2.ErrFrames, h2.ErrDeaf:
		p.worker.server.cuts.flood(cutFrames, p.remote)
	}
	if len(p.conn.Out()) > 0 || p.roomy {
		p.send()
	}
	p.clock.Stop()
	p.stream.Finish(true)
}

// Ended implements loop.Handler.
func (p *party) Ended(err error) {
	if errors.Is(err, loop.ErrStalled) && p.conn.Open() > 0 {
		p.worker.server.cuts.count(cutAnswer)
	}
	p.abort()
}

// abort implements caller.
func (p *party) abort() {
	if !p.gone {
		p.conn.End()
		for e, _ := p.conn.Next(nil, p.worker.loop.Now()); e.Kind != h2.Over; e, _ = p.conn.Next(nil, p.worker.loop.Now()) {
			p.tell(e)
		}
		p.gone = true
		if p.roomy {
			p.returnRoom(p.conn.Sent(len(p.conn.Out())))
		}
	}
	p.stream.Cut()
}

// closed is told when the connection is.
func (p *party) closed() {
	p.worker.forget(p)
	p.clock.Free()
	p.leave()
	p.worker.plane.guests.Add(-1)
	if !p.gone { // by a fault of ours
		p.abort()
	}
}

// stall is how long a client may take for so much.
func (p *party) stall(n int) time.Duration { return max(p.wait, p.worker.takeTime(n)) }
