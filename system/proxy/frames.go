package proxy

import "encoding/binary"

// frames follows the frames of RFC 6455 section 5.2 in a byte stream, only as far as it takes to know where one ends:
// between two frames, and nowhere else, the proxy may put a close frame of its own.
type frames struct {
	head [14]byte
	have int    // bytes of head that have been seen
	left uint64 // bytes of payload still to come
}

// between reports whether the stream stands between two frames.
func (f *frames) between() bool { return f.have == 0 && f.left == 0 }

// follow takes bytes up to the next end of a frame and returns how many those are; all of p when there is no end in it.
func (f *frames) follow(p []byte) int {
	n := 0
	for n < len(p) {
		if f.left > 0 {
			step := min(f.left, uint64(len(p)-n))
			f.left -= step
			n += int(step)
		} else {
			f.head[f.have] = p[n]
			f.have++
			n++
			f.decide()
			if f.have > 0 {
				continue
			}
		}
		if f.left == 0 {
			return n
		}
	}
	return n
}

// decide ends the head when it is complete.
func (f *frames) decide() {
	if f.have < 2 {
		return
	}
	size, length := 2, uint64(f.head[1]&0x7f)
	switch length {
	case 126:
		size += 2
	case 127:
		size += 8
	}
	end := size
	if f.head[1]&0x80 != 0 {
		size += 4 // the mask
	}
	if f.have < size {
		return
	}
	switch end {
	case 4:
		length = uint64(binary.BigEndian.Uint16(f.head[2:]))
	case 10:
		length = binary.BigEndian.Uint64(f.head[2:])
	}
	f.have, f.left = 0, length
}

// closeFrame is a close frame with the code; masked as a client has to send it (RFC 6455 section 5.3). The mask is
// zero: it protects caches between browsers and servers, and this goes to the upstream over a connection of ours.
func closeFrame(code uint16, masked bool) []byte {
	if masked {
		return binary.BigEndian.AppendUint16([]byte{0x88, 0x82, 0, 0, 0, 0}, code)
	}
	return binary.BigEndian.AppendUint16([]byte{0x88, 0x02}, code)
}
