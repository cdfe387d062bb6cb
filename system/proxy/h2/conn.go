package h2

import (
	"slices"
	"time"

	"golang.org/x/net/http2/hpack"
)

// Conn is a connection, on the side of the server. One goroutine uses it at a time, and all those of its Server.
type Conn struct {
	server   *Server
	now      time.Time
	decoder  *hpack.Decoder
	input              // what is being read
	output             // what is to be sent
	streams  []*Stream // that are open, in order
	closed   []*Stream // that Next has to tell of
	told     *Stream   // that Next has told of: nobody uses it after that
	last     uint32    // stream that the client has opened
	counts   uint32    // the last of those that we look at
	gone     resets
	receive  int // bytes that the client may send
	owed     int // and those that it has not been told of
	requests budget
	frames   budget
	settled  bool // the client's settings have come
	acked    bool // ours have come there
	leaving  leaving
	over     bool
	code     Code // why
	fault    *Fault
}

// Next returns the first thing that p has, and how many bytes of it that took: it is called until it returns Nothing.
// Then all of p is used up. What is in an Event is good until the next call; a piece of a body is a part of p.
func (c *Conn) Next(p []byte, now time.Time) (e Event, n int) {
	c.now = now
	c.begin()
	c.forget()
	if len(c.out) > c.server.settings.Output+unheard {
		c.failWith(ErrDeaf)
	}
	for {
		if e, ok := c.news(); ok {
			return e, n
		}
		if c.over {
			return Event{Kind: Over, Code: c.code, Fault: c.fault}, len(p)
		}
		if n == len(p) && !c.goesOn() {
			return c.nextTurn(), n
		}
		e, step := c.read(p[n:])
		if n += step; e.Kind != Nothing {
			return e, n
		}
	}
}

// forget gives back the stream that was told of.
func (c *Conn) forget() {
	c.turn = nil
	if c.told != nil {
		c.server.put(c.told)
		c.told = nil
	}
}

// news tells of streams that are over.
func (c *Conn) news() (Event, bool) {
	if len(c.closed) == 0 {
		return Event{}, false
	}
	s := c.closed[0]
	c.closed = slices.Delete(c.closed, 0, 1)
	c.told = s
	return Event{Kind: Closed, Stream: s, Code: s.code, Fault: s.fault}, true
}

// Open is how many streams are.
func (c *Conn) Open() int { return len(c.streams) }

// End says that the client has closed. Next tells of every stream that is over by that.
func (c *Conn) End() { c.finish(Cancel, nil) }

// stream returns the stream that is open, or nil.
func (c *Conn) stream(id uint32) *Stream {
	if at, ok := slices.BinarySearchFunc(c.streams, id, byID); ok {
		return c.streams[at]
	}
	return nil
}

func byID(s *Stream, id uint32) int { return int(s.id) - int(id) }

// close ends a stream. What the client has sent of its body and nobody has used is used up.
func (c *Conn) close(s *Stream, code Code, fault *Fault) {
	at, _ := slices.BinarySearchFunc(c.streams, s.id, byID)
	c.streams = slices.Delete(c.streams, at, at+1)
	c.retire(s, code, fault)
	c.grant(s.unused)
	c.left()
}

func (c *Conn) retire(s *Stream, code Code, fault *Fault) {
	c.waiting.remove(s)
	if c.body == s {
		c.body = nil
	}
	s.over, s.code, s.fault = true, code, fault
	c.closed = append(c.closed, s)
}

// reset ends a stream, and tells the client.
func (c *Conn) reset(s *Stream, code Code, fault *Fault) Event {
	vain := code.clientsFault() && !s.answered
	c.close(s, code, fault)
	c.refuse(s.id, code, s.receive)
	return c.inVain(vain)
}

// refuse tells the client that a stream is none, and has what is still under way for it passed over: so many bytes of a
// body at most.
func (c *Conn) refuse(id uint32, code Code, window int) {
	c.out = appendWord(c.out, frameReset, id, uint32(code))
	c.gone.add(id, window)
}

// inVain counts a request that was.
func (c *Conn) inVain(request bool) Event {
	if request && !c.requests.spend(c.now) {
		return c.failWith(ErrResets)
	}
	return Event{}
}

// fail ends the connection, and tells the client why.
func (c *Conn) fail(code Code, text string) Event { return c.failWith(&Fault{code, text}) }

func (c *Conn) failWith(f *Fault) Event {
	if !c.over {
		c.out = appendGoAway(c.out, c.counts, f.Code)
		c.finish(f.Code, f)
	}
	return Event{}
}

// finish ends the connection and its streams.
func (c *Conn) finish(code Code, fault *Fault) {
	if c.over {
		return
	}
	c.over, c.code, c.fault = true, code, fault
	for _, s := range c.streams {
		c.retire(s, code, fault)
	}
	c.streams, c.held, c.block = nil, nil, nil
}
