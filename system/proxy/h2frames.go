package proxy

import (
	"encoding/binary"

	"golang.org/x/net/http2"
)

// h2Frames follows the frames of one direction of a connection of HTTP/2 (RFC 9113 section 4.1), whatever pieces they come in.
type h2Frames struct {
	skip int // bytes to pass over: of a payload, or of the client's preface
	head []byte
}

// h2Frame is what the head of a frame says.
type h2Frame struct {
	kind   http2.FrameType
	flags  http2.Flags
	stream uint32
	length int
	code   http2.ErrCode // of a RST_STREAM
}

const (
	h2Head = 9 // bytes of the head of a frame
	h2Code = 4 // bytes of the error code in a RST_STREAM
)

// follow tells of every frame whose head ends in p.
func (f *h2Frames) follow(p []byte, seen func(h2Frame)) {
	for len(p) > 0 {
		if n := min(f.skip, len(p)); n > 0 {
			f.skip -= n
			p = p[n:]
			continue
		}
		n := min(f.lacking(), len(p))
		f.head = append(f.head, p[:n]...)
		p = p[n:]
		if f.lacking() == 0 {
			seen(f.take())
		}
	}
}

// between reports whether a frame has ended and none has begun.
func (f *h2Frames) between() bool { return f.skip == 0 && len(f.head) == 0 }

// lacking is how much is still to come of what take needs.
func (f *h2Frames) lacking() int {
	switch {
	case len(f.head) < h2Head:
		return h2Head - len(f.head)
	case f.reset():
		return h2Head + h2Code - len(f.head)
	}
	return 0
}

// reset reports whether a head is that of a RST_STREAM with a code.
func (f *h2Frames) reset() bool {
	return http2.FrameType(f.head[3]) == http2.FrameRSTStream && f.length() >= h2Code
}

func (f *h2Frames) length() int { return int(f.head[0])<<16 | int(f.head[1])<<8 | int(f.head[2]) }

// take reads the head.
func (f *h2Frames) take() h2Frame {
	out := h2Frame{
		kind: http2.FrameType(f.head[3]), flags: http2.Flags(f.head[4]), stream: binary.BigEndian.Uint32(f.head[5:]) &^ (1 << 31),
		length: f.length(),
	}
	if f.reset() {
		out.code = http2.ErrCode(binary.BigEndian.Uint32(f.head[h2Head:]))
	}
	f.skip = out.length - (len(f.head) - h2Head)
	f.head = f.head[:0]
	return out
}
