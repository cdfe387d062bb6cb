package h2

import (
	"bytes"

	"github.com/c93d5bcb/sslwizard/system/proxy/h1"
)

// Request is the head of a request. What it has is good until the next call of Next.
type Request struct {
	Method, Scheme, Authority, Path []byte
	Protocol                        []byte // of an extended CONNECT (RFC 8441)
	Fields                          []h1.Field
	Length                          int64 // of the body; -1: only its end will tell
	Ended                           bool  // there is no body
	TooLong                         bool  // there was more than Settings allow, and what is here is a part of it
}

// read makes a request of a head, or says what is wrong.
func (r *Request) read(h *head, ended, extended bool) (wrong string) {
	*r = Request{
		Method: h.pseudo[method], Scheme: h.pseudo[scheme], Authority: h.pseudo[authority], Path: h.pseudo[path],
		Protocol: h.pseudo[protocol], Length: -1, Ended: ended, TooLong: h.tooLong,
	}
	if h.tooLong || h.wrong != "" {
		r.Fields = h.fields
		return h.wrong
	}
	h.joinCookies()
	r.Fields = h.fields
	if !token(r.Method) {
		return "the method is none"
	}
	if wrong := r.readFields(); wrong != "" {
		return wrong
	}
	if wrong := r.checkTarget(h, extended); wrong != "" {
		return wrong
	}
	if r.Ended && r.Length > 0 {
		return "the body is shorter than its length"
	}
	return ""
}

// readFields looks for what says where the request goes and where it ends. Host, which says the same as :authority, is
// left out.
func (r *Request) readFields() (wrong string) {
	kept := r.Fields[:0]
	for _, f := range r.Fields {
		switch f.Kind {
		case h1.Host:
			if r.Authority != nil && !bytes.Equal(f.Value, r.Authority) {
				return "it is for two hosts"
			}
			r.Authority = f.Value
			continue
		case h1.ContentLength:
			n, ok := decimal(f.Value)
			if !ok || r.Length >= 0 {
				return "the length is none, or one of several"
			}
			r.Length = n
		}
		kept = append(kept, f)
	}
	r.Fields = kept
	return ""
}

// checkTarget looks at what is asked for (RFC 9113 sections 8.3.1 and 8.5, RFC 8441 section 4).
func (r *Request) checkTarget(h *head, extended bool) (wrong string) {
	connects := string(r.Method) == "CONNECT"
	switch {
	case !visible(r.Authority) || bytes.IndexByte(r.Authority, '@') >= 0:
		return "it is for no host"
	case h.has[protocol] && (!connects || !extended || !token(r.Protocol)):
		return "it connects to what is not offered"
	case connects && r.Length >= 0:
		return "a connection has a length"
	case connects && !h.has[protocol]:
		if h.has[scheme] || h.has[path] || !h.has[authority] {
			return "a connection has a path"
		}
		return ""
	case string(r.Scheme) != "https" && string(r.Scheme) != "http":
		return "the scheme is none that is served"
	case string(r.Path) == "*" && string(r.Method) == "OPTIONS":
		return ""
	case !visible(r.Path) || r.Path[0] != '/':
		return "the path is none"
	}
	return ""
}

// visible reports whether a target has only bytes that may be in one; "#" never is.
func visible(b []byte) bool {
	for _, c := range b {
		if c <= ' ' || c == 0x7f || c == '#' {
			return false
		}
	}
	return len(b) > 0
}

// token reports whether b is a token (RFC 9110 section 5.6.2).
func token(b []byte) bool {
	for _, c := range b {
		if !nameByte[c] && (c < 'A' || c > 'Z') {
			return false
		}
	}
	return len(b) > 0
}

// decimal reads a length of up to 2^62 bytes, of digits alone.
func decimal(b []byte) (n int64, ok bool) {
	const digits = 18
	if len(b) == 0 || len(b) > digits {
		return 0, false
	}
	for _, c := range b {
		if c < '0' || c > '9' {
			return 0, false
		}
		n = 10*n + int64(c-'0')
	}
	return n, true
}
