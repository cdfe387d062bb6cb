package h2

import "encoding/binary"

// The frames that are about streams and the connection, and carry nothing.

// takePriority passes over what a client wishes, but for the wish that cannot be.
func (c *Conn) takePriority(p []byte) Event {
	if binary.BigEndian.Uint32(p)&maxStream == c.frame.stream {
		return c.broken(c.frame.stream, ProtocolError, "a stream is to come behind itself")
	}
	return Event{}
}

// takeReset ends a stream that the client does not want any more.
func (c *Conn) takeReset(p []byte) Event {
	s := c.stream(c.frame.stream)
	if s == nil {
		return c.idle()
	}
	vain := !s.begun && !s.answered
	c.close(s, Code(binary.BigEndian.Uint32(p)), nil)
	return c.inVain(vain)
}

// idle fails when the stream of the frame has never been opened. One that is over may be spoken of.
func (c *Conn) idle() Event {
	if id := c.frame.stream; id > c.last || id%2 == 0 {
		return c.fail(ProtocolError, "a frame is of a stream that is none")
	}
	return Event{}
}

// broken resets a stream that is open because of what the client did; there is none: that is the connection's fault.
func (c *Conn) broken(id uint32, code Code, text string) Event {
	if s := c.stream(id); s != nil {
		return c.reset(s, code, &Fault{code, text})
	}
	return c.fail(code, text)
}

func (c *Conn) takePing(p []byte) Event {
	if !c.frame.flags.has(flagAck) {
		c.out = appendPing(c.out, flagAck, p)
		return Event{}
	}
	if c.leaving == announced && [8]byte(p) == drainPing {
		c.decide()
	}
	return Event{}
}

// takeGoAway: a client that leaves asks nothing more.
func (c *Conn) takeGoAway(p []byte) Event {
	if len(p) < 8 {
		return c.fail(FrameSizeError, "a frame has a size that its kind has not")
	}
	if c.leaving == staying {
		c.Drain()
	}
	return Event{}
}

// takeWindow has us send more.
func (c *Conn) takeWindow(p []byte) Event {
	more, id := int(binary.BigEndian.Uint32(p)&maxWindow), c.frame.stream
	if id == 0 {
		return c.widen(more)
	}
	s := c.stream(id)
	switch {
	case s == nil:
		return c.idle()
	case more == 0:
		return c.broken(id, ProtocolError, "a window is widened by nothing")
	case s.send+more > maxWindow:
		return c.broken(id, FlowControlError, "a window is too wide")
	}
	s.widen(more)
	return Event{}
}

// widen has us send more in all.
func (c *Conn) widen(more int) Event {
	switch {
	case more == 0:
		return c.fail(ProtocolError, "a window is widened by nothing")
	case c.send+more > maxWindow:
		return c.fail(FlowControlError, "a window is too wide")
	}
	c.send += more
	return Event{}
}
