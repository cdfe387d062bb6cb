package h2

import "bytes"

// input is how far the reading is. Every frame but DATA is read whole, and is held only when it comes in pieces.
type input struct {
	part  part
	frame frame
	held  []byte // what has come of what is needed whole

	// The pieces of DATA are told of as they come.
	body *Stream // whose it is; nil: nobody's
	data int     // bytes of it that are still to come
	pad  int     // and of padding behind it

	// A head that goes on in CONTINUATION.
	block     []byte
	blockOf   frame  // what it began with; of stream 0 when there is none
	behind    uint32 // the stream that it is to come behind; of no use but to itself
	continued int    // frames
}

// part is what is read next.
type part uint8

const (
	partPreface part = iota
	partHead         // of a frame
	partPayload
	partPadding // the byte that says how much there is
	partData
	partSkip // padding, and what nobody wants
)

const (
	preface  = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
	heldKept = 512 // bytes of room that are kept, for the ends of the usual frames

	// A head may come in so many frames more than the first, and be so many times as long as the fields may be that it has:
	// one that is a little too long can still be answered.
	mostContinued = 16
	mostBlock     = 2
)

// goesOn reports whether there is something to do before more has come.
func (c *Conn) goesOn() bool {
	switch c.part {
	case partPayload:
		return c.frame.length == 0
	case partData:
		return c.data == 0
	case partSkip:
		return c.pad == 0
	case partPreface, partHead, partPadding:
	}
	return false
}

// read reads one part.
func (c *Conn) read(p []byte) (Event, int) {
	switch c.part {
	case partData, partPadding, partSkip:
		return c.readBody(p)
	case partPreface:
		whole, n, ok := c.gather(p, len(preface))
		if ok {
			c.part = partHead
			if !bytes.Equal(whole, []byte(preface)) {
				return c.fail(ProtocolError, "it does not begin as HTTP/2 does"), n
			}
		}
		return Event{}, n
	case partHead:
		whole, n, ok := c.gather(p, headSize)
		if !ok {
			return Event{}, n
		}
		c.frame, c.part = readHead(whole), partPayload
		return c.meet(), n
	case partPayload:
	}
	whole, n, ok := c.gather(p, c.frame.length)
	if !ok {
		return Event{}, n
	}
	c.part = partHead
	return c.take(whole), n
}

// gather returns what is needed when it is whole, and how many bytes of p are of it.
func (c *Conn) gather(p []byte, need int) (whole []byte, n int, ok bool) {
	if len(c.held) == 0 && len(p) >= need {
		return p[:need], need, true
	}
	n = min(need-len(c.held), len(p))
	c.held = append(c.held, p[:n]...)
	if len(c.held) < need {
		return nil, n, false
	}
	whole = c.held
	if c.held = c.held[:0]; cap(c.held) > heldKept {
		c.held = nil
	}
	return whole, n, true
}

// meet looks at the head of a frame, before the rest has come.
func (c *Conn) meet() Event {
	f := c.frame
	switch {
	case f.length > maxFrame:
		return c.fail(FrameSizeError, "a frame is too long")
	case (c.blockOf.stream != 0 || f.kind == frameContinuation) && (f.kind != frameContinuation || f.stream != c.blockOf.stream):
		return c.fail(ProtocolError, "a head is broken off, or goes on that is none")
	case !c.settled && (f.kind != frameSettings || f.flags.has(flagAck)):
		return c.fail(ProtocolError, "it does not begin with settings")
	case f.stream == 0 && ofStreams[f.kind], f.stream != 0 && ofConnection[f.kind]:
		return c.fail(ProtocolError, "a frame is of a stream that it cannot be of")
	case f.kind == framePush:
		return c.fail(ProtocolError, "a client pushes")
	}
	if size, fixed := fixedSize[f.kind]; fixed && f.length != size {
		return c.fail(FrameSizeError, "a frame has a size that its kind has not")
	}
	if c.carriesNothing() && !c.frames.spend(c.now) {
		return c.failWith(ErrFrames)
	}
	switch {
	case f.kind == frameData:
		return c.meetData()
	case f.kind > frameContinuation:
		c.part, c.pad, c.frame.flags = partSkip, f.length, 0
	}
	return Event{}
}

var (
	ofStreams = [256]bool{
		frameData: true, frameHeaders: true, framePriority: true, frameReset: true, framePush: true, frameContinuation: true,
	}
	ofConnection = [256]bool{frameSettings: true, framePing: true, frameGoAway: true}
	fixedSize    = map[kind]int{framePriority: prioritySize, frameReset: 4, framePing: 8, frameWindow: 4}
)

// carriesNothing reports whether a frame is neither a request nor a part of one, as far as its head tells.
func (c *Conn) carriesNothing() bool {
	switch c.frame.kind {
	case frameHeaders:
		return false
	case frameData:
		return c.frame.length == 0 && !c.frame.flags.has(flagEndStream)
	default:
		return true
	}
}

// take does what a frame says.
func (c *Conn) take(p []byte) Event {
	switch c.frame.kind {
	case frameHeaders:
		return c.takeHeaders(p)
	case frameContinuation:
		return c.takeContinuation(p)
	case framePriority:
		return c.takePriority(p)
	case frameReset:
		return c.takeReset(p)
	case frameSettings:
		return c.takeSettings(p)
	case framePing:
		return c.takePing(p)
	case frameGoAway:
		return c.takeGoAway(p)
	case frameWindow:
		return c.takeWindow(p)
	case frameData, framePush: // never come here
	}
	return Event{}
}
