package h2

import "github.com/c93d5bcb/sslwizard/system/proxy/h1"

// appendBlock appends the head of an answer, or trailers when the status is 0, as HEADERS and what CONTINUATION that
// takes.
func (c *Conn) appendBlock(stream uint32, status int, fields []h1.Field, f flags) {
	at := len(c.out)
	c.out = appendHead(c.out, frame{})
	c.out = c.known.begin(c.out)
	if status != 0 {
		c.out = appendStatus(c.out, status)
	}
	for _, one := range fields {
		if !one.Kind.Hop() && sayable(one) {
			c.out = c.known.append(c.out, one)
		}
	}
	first := frame{kind: frameHeaders, flags: f | flagEndHeaders, stream: stream, length: len(c.out) - at - headSize}
	if first.length > maxFrame {
		c.out = cutBlock(c.out, at, first)
		return
	}
	appendHead(c.out[:at], first)
}

// sayable reports whether HTTP/2 has such a field (RFC 9113 section 8.2.1). An application may send what HTTP/1.1 lets by,
// and a client would take it for a fault of ours.
func sayable(f h1.Field) bool {
	for _, c := range f.Value {
		if c < ' ' && c != '\t' || c == 0x7f {
			return false
		}
	}
	return token(f.Name)
}

// cutBlock makes several frames of one that is too long.
func cutBlock(b []byte, at int, f frame) []byte {
	block := append([]byte(nil), b[at+headSize:]...)
	b = b[:at]
	f.flags &^= flagEndHeaders
	for len(block) > 0 {
		f.length = min(len(block), maxFrame)
		if f.length == len(block) {
			f.flags |= flagEndHeaders
		}
		b = append(appendHead(b, f), block[:f.length]...)
		block = block[f.length:]
		f.kind, f.flags = frameContinuation, 0
	}
	return b
}

// appendStatus appends :status.
func appendStatus(b []byte, status int) []byte {
	for i, known := range statuses {
		if known == status {
			return append(b, 0x80|byte(firstStatus+i))
		}
	}
	return append(b, firstStatus, 3, byte('0'+status/100%10), byte('0'+status/10%10), byte('0'+status%10))
}

// The part of the static table (RFC 7541 appendix A) that has statuses.
const firstStatus = 8

var statuses = [...]int{200, 204, 206, 304, 400, 404, 500}

// appendLiteral appends a field as it is, behind the bits that say whether it can be referred to.
func appendLiteral(b []byte, first byte, bits int, f h1.Field) []byte {
	at := len(b)
	b = append(b, first)
	b = appendLower(b, f.Name)
	if index := staticNames[string(b[at+1:])]; index != 0 {
		b = appendInteger(b[:at], first, bits, index)
	} else {
		b = appendText(b[:at+1], f.Name, true)
	}
	return appendText(b, f.Value, false)
}

func appendLower(b, name []byte) []byte {
	for _, c := range name {
		b = append(b, lower(c))
	}
	return b
}

func lower(c byte) byte {
	if c >= 'A' && c <= 'Z' {
		c += 'a' - 'A'
	}
	return c
}

// appendInteger appends a number behind the bits that begin its first byte (RFC 7541 section 5.1).
func appendInteger(b []byte, first byte, bits, n int) []byte {
	most := 1<<bits - 1
	if n < most {
		return append(b, first|byte(n))
	}
	b = append(b, first|byte(most))
	for n -= most; n >= 0x80; n >>= 7 {
		b = append(b, byte(n)|0x80)
	}
	return append(b, byte(n))
}

// appendText appends a name, in small letters, or a value; by the code of Huffman where that is shorter.
func appendText(b, text []byte, small bool) []byte {
	bits := 0
	for _, c := range text {
		if small {
			c = lower(c)
		}
		bits += int(huffman[c].bits)
	}
	size := (bits + 7) / 8
	if size >= len(text) {
		b = appendInteger(b, 0, 7, len(text))
		if small {
			return appendLower(b, text)
		}
		return append(b, text...)
	}
	return appendHuffman(appendInteger(b, 0x80, 7, size), text, small)
}

// appendHuffman appends the code of a text, filled up with ones.
func appendHuffman(b, text []byte, small bool) []byte {
	var word uint64
	have := 0
	for _, c := range text {
		if small {
			c = lower(c)
		}
		code := huffman[c]
		word = word<<code.bits | uint64(code.code)
		for have += int(code.bits); have >= 8; {
			have -= 8
			b = append(b, byte(word>>have))
		}
	}
	if have > 0 {
		b = append(b, byte(word<<(8-have))|byte(0xff>>have))
	}
	return b
}
