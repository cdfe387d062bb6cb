package h2

import (
	"strings"

	"golang.org/x/net/http2/hpack"

	"github.com/c93d5bcb/sslwizard/system/proxy/h1"
)

// head is what the fields of a block become as they are read. Its room is used again for the next.
type head struct {
	pseudo  [pseudos][]byte
	has     [pseudos]bool
	fields  []h1.Field
	text    []byte // what names and values are slices of
	left    int    // bytes that there may be
	tooLong bool   // some are left out
	plain   bool   // a field has come that is no pseudo-header
	te      bool   // TE has come; net/http takes no second one
	wrong   string // what is, first of all
}

// The pseudo-headers of a request.
const (
	method = iota
	scheme
	authority
	path
	protocol
	pseudos
)

// reset begins another head.
func (h *head) reset(most int) { *h = head{fields: h.fields[:0], text: h.text[:0], left: most} }

// take takes a field. Behind the first that is wrong nothing is looked at.
func (h *head) take(f hpack.HeaderField) {
	if h.wrong != "" || h.tooLong {
		return
	}
	if h.left -= int(f.Size()); h.left < 0 {
		h.tooLong = true
		return
	}
	if !valid(f.Value) {
		h.wrong = "a value has bytes that none may have"
		return
	}
	if len(f.Name) > 0 && f.Name[0] == ':' {
		h.takePseudo(f)
		return
	}
	h.plain = true
	kind, ok := kindOf(f)
	if !ok || kind == h1.TE && h.te {
		h.wrong = "a field is none that HTTP/2 has"
		return
	}
	h.te = h.te || kind == h1.TE
	f.Value = strings.Trim(f.Value, " \t") // net/http sends it, refuses nothing for it, and in HTTP/1.1 it means nothing
	h.fields = append(h.fields, h1.Field{Name: h.keep(f.Name), Value: h.keep(f.Value), Kind: kind})
}

func (h *head) takePseudo(f hpack.HeaderField) {
	at, known := pseudoOf(f.Name)
	if !known || h.plain || h.has[at] {
		h.wrong = "a pseudo-header is unknown, or there twice, or behind a field"
		return
	}
	h.has[at], h.pseudo[at] = true, h.keep(f.Value)
}

// keep copies a text to where it stays until the next head. When the room grows, what is there stays where it is.
func (h *head) keep(s string) []byte {
	at := len(h.text)
	h.text = append(h.text, s...)
	return h.text[at:len(h.text):len(h.text)]
}

func pseudoOf(name string) (int, bool) {
	switch name {
	case ":method":
		return method, true
	case ":scheme":
		return scheme, true
	case ":authority":
		return authority, true
	case ":path":
		return path, true
	case ":protocol":
		return protocol, true
	}
	return 0, false
}

// kindOf tells the fields that matter for where a message ends, and refuses those that no message of HTTP/2 has (RFC 9113
// section 8.2).
func kindOf(f hpack.HeaderField) (h1.Kind, bool) {
	switch f.Name {
	case "content-length":
		return h1.ContentLength, true
	case "expect":
		return h1.Expect, true
	case "host":
		return h1.Host, true
	case "te":
		return h1.TE, f.Value == "" || f.Value == "trailers" // and nothing else (section 8.2.2)
	case "trailer":
		return h1.Trailer, true
	case "connection", "keep-alive", "proxy-connection", "transfer-encoding", "upgrade":
		return h1.Other, false
	}
	return h1.Other, lowerToken(f.Name)
}

// lowerToken reports whether a name is a token without capitals.
func lowerToken(s string) bool {
	for i := range len(s) {
		if !nameByte[s[i]] {
			return false
		}
	}
	return len(s) > 0
}

var nameByte = func() (is [256]bool) {
	for _, c := range []byte("!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyz") {
		is[c] = true
	}
	return is
}()

// valid reports whether a value may be one (RFC 9113 section 8.2.1, and no other control character than HTTP/1.1 has).
func valid(s string) bool {
	for i := range len(s) {
		if c := s[i]; c < ' ' && c != '\t' || c == 0x7f {
			return false
		}
	}
	return true
}

// joinCookies makes one field of all cookies (RFC 9113 section 8.2.3): to HTTP/1.1 there is one.
func (h *head) joinCookies() {
	first, n, size := -1, 0, 0
	for i, f := range h.fields {
		if string(f.Name) == "cookie" {
			if n++; n == 1 {
				first = i
			}
			size += len(f.Value) + len("; ")
		}
	}
	if n < 2 {
		return
	}
	at, rest := len(h.text), h.fields[:first+1]
	for i, f := range h.fields[first:] {
		switch {
		case string(f.Name) != "cookie":
			rest = append(rest, f)
		case i == 0:
			h.text = append(h.text, f.Value...)
		default:
			h.text = append(append(h.text, "; "...), f.Value...)
		}
	}
	h.fields = rest
	h.fields[first].Value = h.text[at:len(h.text):len(h.text)]
}
