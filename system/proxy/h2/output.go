package h2

// output is what is to be sent, and who may add to it.
type output struct {
	room, out []byte  // out is the part of room that is not sent
	begun     bool    // our settings are in it, or were
	send      int     // bytes of data that the client takes in all
	sendStart int     // and of a stream that is opened
	known     dynamic // what heads can refer to
	waiting   queue   // streams that have data for a client that takes some
	turn      *Stream
	allowance int // bytes of that turn
}

const (
	quantum = maxFrame // bytes of a turn, as long as others wait
	unheard = 1 << 20  // bytes beyond Settings.Output that we may have to say to a client that takes nothing
)

// Out is what has to be sent.
func (c *Conn) Out() []byte { return c.out }

// Sent says that so many bytes of Out were. When that is all, the room goes to whoever is next. There may be turns now:
// call Next.
func (c *Conn) Sent(n int) (room []byte) {
	if c.out = c.out[n:]; len(c.out) > 0 {
		return nil
	}
	room, c.room, c.out = c.room, nil, nil
	return room[:0]
}

// Room gives room for what is written, so that it need not be allocated. There must be nothing in Out.
func (c *Conn) Room(p []byte) { c.room, c.out = p[:0], p[:0] }

// Full reports whether so much is to be sent that nothing should be added. Heads and trailers are taken all the same:
// whoever reads them from somewhere looks here, or asks for Credit, before.
func (c *Conn) Full() bool { return len(c.out) >= c.server.settings.Output }

// begin says what a server begins with, before anything else.
func (c *Conn) begin() {
	if !c.begun {
		c.begun = true
		c.out = appendSettings(c.out, c.server.settings)
	}
}

// nextTurn tells whose turn it is. Everybody who waits has a turn before anybody has another one.
func (c *Conn) nextTurn() Event {
	if c.Full() {
		return Event{}
	}
	for s := c.waiting.first; s != nil; s = s.next {
		if s.begun && c.send <= 0 {
			continue // a head can go where data cannot
		}
		c.waiting.remove(s)
		s.waits = false
		c.turn, c.allowance = s, quantum
		return Event{Kind: Writable, Stream: s}
	}
	return Event{}
}

// queue is streams in the order in which their turns come.
type queue struct{ first, last *Stream }

func (q *queue) push(s *Stream) {
	if s.queued {
		return
	}
	s.queued, s.prev, s.next = true, q.last, nil
	if q.last == nil {
		q.first = s
	} else {
		q.last.next = s
	}
	q.last = s
}

func (q *queue) remove(s *Stream) {
	if !s.queued {
		return
	}
	if s.prev == nil {
		q.first = s.next
	} else {
		s.prev.next = s.next
	}
	if s.next == nil {
		q.last = s.prev
	} else {
		s.next.prev = s.prev
	}
	s.queued, s.prev, s.next = false, nil, nil
}
