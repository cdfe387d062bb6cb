package h2

import "encoding/binary"

// Settings of RFC 9113 section 6.5.2, RFC 8441 and RFC 9218.
const (
	settingTable          = 0x1
	settingPush           = 0x2
	settingStreams        = 0x3
	settingWindow         = 0x4
	settingFrame          = 0x5
	settingHead           = 0x6
	settingConnect        = 0x8
	settingNoPriorities   = 0x9
	settingSize           = 6
	biggestFrameOfAnybody = 1<<24 - 1
)

// appendSettings appends what a connection begins with.
func appendSettings(b []byte, s Settings) []byte {
	at := len(b)
	b = appendHead(b, frame{kind: frameSettings})
	set := func(id uint16, value int) {
		b = binary.BigEndian.AppendUint16(b, id)
		b = binary.BigEndian.AppendUint32(b, uint32(value))
	}
	set(settingStreams, s.Streams)
	set(settingWindow, s.Window)
	set(settingHead, s.Head)
	set(settingNoPriorities, 1)
	if s.WebSocket {
		set(settingConnect, 1)
	}
	b[at+2] = byte(len(b) - at - headSize)
	if s.Windows > plainStart {
		b = appendWord(b, frameWindow, 0, uint32(s.Windows-plainStart))
	}
	return b
}

// takeSettings takes the client's settings. Of several values for one the last counts, and the others cost nothing.
func (c *Conn) takeSettings(p []byte) Event {
	if c.frame.flags.has(flagAck) {
		return c.acknowledged(p)
	}
	if len(p)%settingSize != 0 {
		return c.fail(FrameSizeError, "the settings have an odd size")
	}
	window := c.sendStart
	for ; len(p) > 0; p = p[settingSize:] {
		value := binary.BigEndian.Uint32(p[2:])
		switch binary.BigEndian.Uint16(p) {
		case settingTable:
			c.known.limit(value)
		case settingPush:
			if value > 1 {
				return c.fail(ProtocolError, "a setting is neither on nor off")
			}
		case settingWindow:
			if value > maxWindow {
				return c.fail(FlowControlError, "a window is too wide")
			}
			window = int(value)
		case settingFrame:
			if value < maxFrame || value > biggestFrameOfAnybody {
				return c.fail(ProtocolError, "the largest frame has a size that none can have")
			}
		}
	}
	c.settled = true
	c.out = appendHead(c.out, frame{kind: frameSettings, flags: flagAck})
	return c.startWith(window)
}

// startWith has streams start with a window, and those that are open as if they had (RFC 9113 section 6.9.2).
func (c *Conn) startWith(window int) Event {
	more := window - c.sendStart
	c.sendStart = window
	if more == 0 {
		return Event{}
	}
	for _, s := range c.streams {
		if s.send+more > maxWindow {
			return c.fail(FlowControlError, "a window is too wide")
		}
		s.widen(more)
	}
	return Event{}
}

func (c *Conn) acknowledged(p []byte) Event {
	switch {
	case len(p) > 0:
		return c.fail(FrameSizeError, "an acknowledgement has something in it")
	case c.acked:
		return c.fail(ProtocolError, "what was not said is acknowledged")
	}
	c.acked = true
	return Event{Kind: Acked}
}
