package h2

import "github.com/c93d5bcb/sslwizard/system/proxy/h1"

// takeHeaders reads a head, or the beginning of one. A head is read when it is whole: as long as it is not, it cannot cost
// more than its bytes, however they are cut.
func (c *Conn) takeHeaders(p []byte) Event {
	block, dependsOn, ok := c.frame.unpad(p)
	switch {
	case !ok:
		return c.fail(ProtocolError, "the padding is longer than its frame")
	case !c.frame.flags.has(flagEndHeaders):
		c.block, c.blockOf, c.behind, c.continued = append(c.block, block...), c.frame, dependsOn, 0
		return Event{}
	}
	return c.readBlock(c.frame, dependsOn, block)
}

func (c *Conn) takeContinuation(p []byte) Event {
	c.block = append(c.block, p...)
	if c.continued++; c.continued > mostContinued {
		return c.failWith(ErrFrames)
	}
	if len(c.block) > mostBlock*c.server.settings.Head {
		return c.fail(EnhanceYourCalm, "a head does not come to its end")
	}
	if !c.frame.flags.has(flagEndHeaders) {
		return Event{}
	}
	block, began := c.block, c.blockOf
	c.block, c.blockOf = nil, frame{}
	return c.readBlock(began, c.behind, block)
}

// readBlock reads a whole head. That of a stream that is none any more is read too: the next may refer to it.
func (c *Conn) readBlock(began frame, behind uint32, block []byte) Event {
	h := &c.server.head
	h.reset(c.server.settings.Head)
	if err := c.decode(block); err != nil {
		return c.fail(CompressionError, "a head cannot be read: "+err.Error())
	}
	id, ended := began.stream, began.flags.has(flagEndStream)
	if behind == id {
		h.wrong = "it is to come behind itself"
	}
	s := c.stream(id)
	switch {
	case s != nil:
		return c.trailers(s, h, ended)
	case id%2 == 0:
		return c.fail(ProtocolError, "a client opens streams of the server")
	case id > c.last:
		return c.open(id, h, ended)
	case c.gone.has(id), c.leaving == decided:
		return c.passOver()
	}
	return c.fail(StreamClosed, "a stream is opened again")
}

// passOver counts a frame that came too late to matter.
func (c *Conn) passOver() Event {
	if !c.frames.spend(c.now) {
		return c.failWith(ErrFrames)
	}
	return Event{}
}

func (c *Conn) decode(block []byte) error {
	c.decoder.SetEmitEnabled(true)
	if _, err := c.decoder.Write(block); err != nil {
		return err
	}
	return c.decoder.Close()
}

// open begins a stream with its request.
func (c *Conn) open(id uint32, h *head, ended bool) Event {
	c.last = id
	if c.leaving == decided {
		return c.passOver() // the client has been told that this one does not count
	}
	c.counts = id
	c.frames.earn(framesOfRequest)
	if len(c.streams) >= c.server.settings.Streams {
		c.refuse(id, RefusedStream, c.server.settings.Window)
		return c.inVain(true)
	}
	r := &c.server.request
	if wrong := r.read(h, ended, c.server.settings.WebSocket); wrong != "" {
		c.refuse(id, ProtocolError, c.server.settings.Window)
		return c.inVain(true)
	}
	s := c.server.take()
	*s = Stream{
		conn: c, id: id, send: c.sendStart, receive: c.server.settings.Window, left: r.Length, ended: ended,
		tunnel: string(r.Method) == "CONNECT",
	}
	c.streams = append(c.streams, s)
	return Event{Kind: Asked, Stream: s, Request: r}
}

// trailers ends a request (RFC 9113 section 8.1).
func (c *Conn) trailers(s *Stream, h *head, ended bool) Event {
	switch {
	case s.ended:
		return c.reset(s, StreamClosed, &Fault{StreamClosed, "there is a head behind the end"})
	case h.tooLong:
		return c.reset(s, EnhanceYourCalm, &Fault{EnhanceYourCalm, "the trailers are too long"})
	case !ended || h.wrong != "" || h.has != [pseudos]bool{} || s.tunnel:
		return c.reset(s, ProtocolError, &Fault{ProtocolError, "the trailers are none"})
	}
	kept := h.fields[:0]
	for _, f := range h.fields {
		if f.Kind == h1.Other { // what frames a message says nothing behind it
			kept = append(kept, f)
		}
	}
	return c.end(s, Event{Kind: Ended, Stream: s, Trailer: kept})
}
