package h2

import "encoding/binary"

// frame is what the head of a frame says (RFC 9113 section 4.1).
type frame struct {
	kind   kind
	flags  flags
	stream uint32
	length int
}

type kind uint8

// Kinds of frames.
const (
	frameData kind = iota
	frameHeaders
	framePriority
	frameReset
	frameSettings
	framePush
	framePing
	frameGoAway
	frameWindow
	frameContinuation
)

type flags uint8

// Flags; the first has two meanings.
const (
	flagEndStream  flags = 0x1
	flagAck        flags = 0x1
	flagEndHeaders flags = 0x4
	flagPadded     flags = 0x8
	flagPriority   flags = 0x20
)

func (f flags) has(one flags) bool { return f&one != 0 }

const (
	headSize   = 9
	maxFrame   = 16 << 10 // that we read, and write: the least that everybody takes (section 4.2)
	maxStream  = 1<<31 - 1
	maxWindow  = 1<<31 - 1
	plainStart = 65535 // a window, as long as nobody has said anything
)

// readHead reads the head of a frame. The reserved bit means nothing.
func readHead(b []byte) frame {
	return frame{
		length: int(b[0])<<16 | int(b[1])<<8 | int(b[2]), kind: kind(b[3]), flags: flags(b[4]),
		stream: binary.BigEndian.Uint32(b[5:]) & maxStream,
	}
}

// appendHead appends the head of a frame.
func appendHead(b []byte, f frame) []byte {
	b = append(b, byte(f.length>>16), byte(f.length>>8), byte(f.length), byte(f.kind), byte(f.flags))
	return binary.BigEndian.AppendUint32(b, f.stream)
}

// appendWord appends a frame that has nothing but a number.
func appendWord(b []byte, k kind, stream, word uint32) []byte {
	return binary.BigEndian.AppendUint32(appendHead(b, frame{kind: k, stream: stream, length: 4}), word)
}

func appendGoAway(b []byte, last uint32, code Code) []byte {
	b = appendHead(b, frame{kind: frameGoAway, length: 8})
	b = binary.BigEndian.AppendUint32(b, last)
	return binary.BigEndian.AppendUint32(b, uint32(code))
}

func appendPing(b []byte, f flags, data []byte) []byte {
	return append(appendHead(b, frame{kind: framePing, flags: f, length: len(data)}), data...)
}

// unpad takes off the padding of a payload, and the priority that HEADERS may begin with.
func (f frame) unpad(p []byte) (rest []byte, dependsOn uint32, ok bool) {
	if f.flags.has(flagPadded) {
		if len(p) == 0 || int(p[0]) > len(p)-1 {
			return nil, 0, false
		}
		p = p[1 : len(p)-int(p[0])]
	}
	if f.kind == frameHeaders && f.flags.has(flagPriority) {
		if len(p) < prioritySize {
			return nil, 0, false
		}
		dependsOn, p = binary.BigEndian.Uint32(p)&maxStream, p[prioritySize:]
	}
	return p, dependsOn, true
}

const prioritySize = 5
