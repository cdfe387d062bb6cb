package h1

import (
	"bytes"
	"net/http"
)

// head is what requests and answers have in common: lines, and among them those that say where the message ends.
type head struct {
	Fields  []Field
	Framing Framing
	Length  uint64 // of the body, when that is Measured
	Close   bool   // the connection ends after this message
	upgrade bool   // Connection has it
	named   bool   // Connection names fields of the sender's
	minor   byte   // of the version
}

// Framing is how the end of a body is found.
type Framing uint8

// Framings. What a message has no line about is Unframed: of a request that is no body, of an answer one that ends with
// the connection.
const (
	Unframed Framing = iota
	Measured
	Chunked
)

// reset forgets the message before, and keeps its room.
func (h *head) reset() { *h = head{Fields: h.Fields[:0]} }

// readFields reads the lines up to the empty one, which is there. A line that goes on in the next is refused: what it
// means depends on who reads it.
func (h *head) readFields(b []byte, lenient bool) error {
	for {
		line, rest, err := cutLine(b, lenient)
		if err != nil || len(line) == 0 {
			return err
		}
		name, value, ok := bytes.Cut(line, []byte{':'})
		if !ok || line[0] == ' ' || line[0] == '\t' || !token(name) && !lenient || lenient && twin(name) {
			return malformed("the line of a head is none", line)
		}
		b = rest
		if lenient && !token(name) {
			continue // nobody passes it on
		}
		f := Field{Name: name, Value: trim(value), Kind: kindOf(name)}
		if err := h.take(f, lenient); err != nil {
			return err
		}
		h.Fields = append(h.Fields, f)
	}
}

// twin reports whether a name is none of the two that say where a message ends, and could be taken for one.
func twin(name []byte) bool {
	if token(name) && kindOf(name) != Other {
		return false
	}
	name = bytes.TrimSpace(name)
	if len(name) != len("content-length") && len(name) != len("transfer-encoding") {
		return false // the usual case
	}
	kind := kindOf(bytes.Map(dashed, name))
	return kind == ContentLength || kind == TransferEncoding
}

// dashed makes "-" of what is neither a letter nor a digit, as CGI makes "_" of it.
func dashed(r rune) rune {
	if r >= '0' && r <= '9' || r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' {
		return r
	}
	return '-'
}

// cutLine takes a line off. CR is nowhere but in front of LF.
func cutLine(b []byte, lenient bool) (line, rest []byte, err error) {
	end, odd := len(b), len(b)
	for i, c := range b { // lines are short: one pass costs less than a search for each of the three
		if c == '\n' {
			end = i
			break
		}
		if (c == '\r' || c == 0) && i < odd {
			odd = i
		}
	}
	line, rest = b[:end], b[min(end+1, len(b)):]
	switch {
	case odd == end-1 && b[odd] == '\r':
		return b[:odd], rest, nil
	case odd < end || !lenient:
		return nil, nil, malformed("the line can be read in two ways", line)
	}
	return line, rest, nil
}

// take notes what a field says of the message.
func (h *head) take(f Field, lenient bool) error {
	if !lenient && !text(f.Value) {
		return malformed("the value of "+string(f.Name)+" has bytes that none may have", f.Value)
	}
	switch f.Kind {
	case ContentLength:
		n, ok := decimal(f.Value)
		if !ok || h.Framing == Chunked || h.Framing == Measured && (!lenient || n != h.Length) {
			return malformed("the length is none, or one of several", f.Value)
		}
		h.Framing, h.Length = Measured, n
	case TransferEncoding:
		if !equalFold(f.Value, "chunked") {
			return &Fault{http.StatusNotImplemented, malformed("the Transfer-Encoding is not known", f.Value).Error()}
		}
		if h.Framing != Unframed || h.minor == 0 {
			return malformed("the Transfer-Encoding is one of several, or is beside a length, or cannot be", f.Value)
		}
		h.Framing = Chunked
	case Connection:
		h.takeOptions(f.Value)
	case Other, Expect, Host, KeepAlive, ProxyConnection, TE, Trailer, Upgrade:
	}
	return nil
}

// takeOptions notes what is to become of the connection.
func (h *head) takeOptions(value []byte) {
	for option := range Tokens(value) {
		switch {
		case equalFold(option, "close"):
			h.Close = true
		case equalFold(option, "upgrade"):
			h.upgrade = true
		case !kindOf(option).Hop():
			h.named = true
		}
	}
}

// Passes reports whether a field is passed on, as far as the message itself says: it is about no connection, and
// Connection does not name it (RFC 9110 section 7.6.1).
func (h *head) Passes(f Field) bool {
	return !f.Kind.Hop() && !(h.named && h.names(f.Name))
}

func (h *head) names(name []byte) bool {
	for _, f := range h.Fields {
		if f.Kind != Connection {
			continue
		}
		for option := range Tokens(f.Value) {
			if bytes.EqualFold(option, name) {
				return true
			}
		}
	}
	return false
}

// Minor is the number behind "HTTP/1.".
func (h *head) Minor() int { return int(h.minor) }

// decimal reads a length of up to 2^62 bytes, of digits alone.
func decimal(b []byte) (n uint64, ok bool) {
	const digits = 18
	if len(b) == 0 || len(b) > digits {
		return 0, false
	}
	for _, c := range b {
		if c < '0' || c > '9' {
			return 0, false
		}
		n = 10*n + uint64(c-'0')
	}
	return n, true
}

// version reads "HTTP/1.1" or "HTTP/1.0".
func version(b []byte) (minor byte, ok bool) {
	const prefix = "HTTP/1."
	if len(b) != len(prefix)+1 || string(b[:len(prefix)]) != prefix {
		return 0, false
	}
	minor = b[len(prefix)] - '0'
	return minor, minor <= 1
}
