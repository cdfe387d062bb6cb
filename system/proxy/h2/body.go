package h2

// meetData decides whose the data of a frame is. It counts whole, padding too, before any of it has come (RFC 9113
// section 6.9.1).
func (c *Conn) meetData() Event {
	length := c.frame.length
	if length > c.receive {
		return c.fail(FlowControlError, "there is more data than was allowed")
	}
	s := c.stream(c.frame.stream)
	if s == nil {
		if e := c.idle(); c.over {
			return e
		}
	}
	c.receive -= length
	c.part, c.data, c.pad, c.body = partData, length, 0, s
	if c.frame.flags.has(flagPadded) {
		if c.part = partPadding; length == 0 {
			return c.fail(ProtocolError, "the padding is longer than its frame")
		}
	}
	switch {
	case s == nil:
		c.grant(length)
		return c.late(length)
	case s.ended:
		c.grant(length)
		return c.reset(s, StreamClosed, &Fault{StreamClosed, "there is data behind the end"})
	case length > s.receive:
		c.grant(length)
		return c.reset(s, FlowControlError, &Fault{FlowControlError, "there is more data than was allowed"})
	}
	s.receive -= length
	s.unused += length
	if c.part == partPadding {
		return Event{}
	}
	return c.measure()
}

// measure looks how much data there is in a frame, before any of it has come: it is told of whole or not at all.
func (c *Conn) measure() Event {
	s := c.body
	if s == nil || s.left < 0 {
		return Event{}
	}
	if s.left -= int64(c.data); s.left < 0 {
		return c.reset(s, ProtocolError, &Fault{ProtocolError, "the body is longer than its length"})
	}
	return Event{}
}

// late tells the client that a stream is over, if it could know. What was on its way when we reset the stream is nobody's
// fault, however many frames it comes in.
func (c *Conn) late(length int) Event {
	id := c.frame.stream
	switch {
	case length > 0 && c.gone.takes(id, length):
		return Event{}
	case !c.gone.has(id) && c.leaving != decided:
		c.refuse(id, StreamClosed, 0)
	}
	return c.passOver()
}

// readBody reads a part of DATA.
func (c *Conn) readBody(p []byte) (Event, int) {
	switch c.part {
	case partPadding:
		return c.readPadding(p[0]), 1
	case partSkip:
		n := min(c.pad, len(p))
		if c.pad -= n; c.pad > 0 {
			return Event{}, n
		}
		c.part = partHead
		return c.endData(), n
	}
	if c.data == 0 {
		c.part = partSkip
		return Event{}, 0
	}
	n := min(c.data, len(p))
	c.data -= n
	if c.body == nil {
		return Event{}, n
	}
	return Event{Kind: Data, Stream: c.body, Data: p[:n]}, n
}

// readPadding reads how much padding there is. Nobody needs to use that up.
func (c *Conn) readPadding(pad byte) Event {
	c.part = partData
	c.pad = int(pad)
	if c.data -= 1 + c.pad; c.data < 0 {
		return c.fail(ProtocolError, "the padding is longer than its frame")
	}
	if s := c.body; s != nil {
		s.Consumed(1 + c.pad)
	}
	if c.data == 0 && !c.frame.flags.has(flagEndStream) && !c.frames.spend(c.now) {
		return c.failWith(ErrFrames)
	}
	return c.measure()
}

// endData is the end of a frame.
func (c *Conn) endData() Event {
	s := c.body
	c.body = nil
	if s == nil || !c.frame.flags.has(flagEndStream) {
		return Event{}
	}
	return c.end(s, Event{Kind: Ended, Stream: s})
}

// end notes that the client has said all of a stream.
func (c *Conn) end(s *Stream, e Event) Event {
	if s.left > 0 {
		return c.reset(s, ProtocolError, &Fault{ProtocolError, "the body is shorter than its length"})
	}
	s.ended = true
	if s.answered {
		c.close(s, NoError, nil)
	}
	return e
}

// grant has the client send more, when so much has come together that it is worth saying.
func (c *Conn) grant(n int) {
	c.owed += n
	if c.owed > c.server.settings.Windows/2 && !c.over {
		c.out = appendWord(c.out, frameWindow, 0, uint32(c.owed))
		c.receive += c.owed
		c.owed = 0
	}
}
