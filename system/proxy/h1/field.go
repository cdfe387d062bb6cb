package h1

import (
	"bytes"
	"iter"
)

// Field is a line of a head.
type Field struct {
	Name, Value []byte
	Kind        Kind
}

// Kind tells the fields that say where a message ends and what becomes of its connection. No other is looked at.
type Kind uint8

// Kinds of fields.
const (
	Other Kind = iota
	Connection
	ContentLength
	Expect
	Host
	KeepAlive
	ProxyConnection
	TE
	Trailer
	TransferEncoding
	Upgrade
)

// Hop reports whether the field is about one connection, whatever Connection says, and is never passed on.
func (k Kind) Hop() bool {
	switch k {
	case Connection, KeepAlive, ProxyConnection, TE, Trailer, TransferEncoding, Upgrade:
		return true
	case Other, ContentLength, Expect, Host:
	}
	return false
}

// kindOf is told by the length first: most fields are none of these.
func kindOf(name []byte) Kind {
	is := func(lower string, k Kind) Kind {
		if equalFold(name, lower) {
			return k
		}
		return Other
	}
	switch len(name) {
	case 2:
		return is("te", TE)
	case 4:
		return is("host", Host)
	case 6:
		return is("expect", Expect)
	case 7:
		return max(is("upgrade", Upgrade), is("trailer", Trailer))
	case 10:
		return max(is("connection", Connection), is("keep-alive", KeepAlive))
	case 14:
		return is("content-length", ContentLength)
	case 16:
		return is("proxy-connection", ProxyConnection)
	case 17:
		return is("transfer-encoding", TransferEncoding)
	}
	return Other
}

// equalFold compares with a text in lower case, of letters and "-" only.
func equalFold(b []byte, lower string) bool {
	if len(b) != len(lower) {
		return false
	}
	for i, c := range b {
		if c >= 'A' && c <= 'Z' {
			c += 'a' - 'A'
		}
		if c != lower[i] {
			return false
		}
	}
	return true
}

// Tokens are the elements of a list that is separated by commas.
func Tokens(value []byte) iter.Seq[[]byte] {
	return func(yield func([]byte) bool) {
		for part := range bytes.SplitSeq(value, []byte{','}) {
			if part = trim(part); len(part) > 0 && !yield(part) {
				return
			}
		}
	}
}

// token reports whether b is a token (RFC 9110 section 5.6.2), as names and methods are.
func token(b []byte) bool {
	for _, c := range b {
		if !tokenByte[c] {
			return false
		}
	}
	return len(b) > 0
}

var tokenByte = func() (is [256]bool) {
	for _, c := range []byte("!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ") {
		is[c] = true
	}
	return is
}()

// text reports whether b may be a value (RFC 9110 section 5.5).
func text(b []byte) bool {
	for _, c := range b {
		if c < ' ' && c != '\t' || c == 0x7f {
			return false
		}
	}
	return true
}

// trim takes off the white space around a value; bytes.TrimSpace takes off more.
func trim(b []byte) []byte {
	for len(b) > 0 && (b[0] == ' ' || b[0] == '\t') {
		b = b[1:]
	}
	for len(b) > 0 && (b[len(b)-1] == ' ' || b[len(b)-1] == '\t') {
		b = b[:len(b)-1]
	}
	return b
}
