package h1

import (
	"bytes"
	"net/http"
)

// Request is the head of a request.
type Request struct {
	head
	Method, Target, Host []byte
	Continue             bool // the client waits for a 100 before it sends the body
	expects              bool
	hosts                int
}

// Read reads a whole head, which Scan has found the end of.
func (r *Request) Read(b []byte) error {
	r.reset()
	*r = Request{head: r.head}
	line, rest, err := cutLine(b, false)
	if err != nil {
		return err
	}
	method, words, one := bytes.Cut(line, []byte{' '})
	target, proto, two := bytes.Cut(words, []byte{' '})
	if !one || !two || !token(method) || !visible(target) {
		return malformed("the request line is none", line)
	}
	minor, ok := version(proto)
	if !ok {
		if bytes.HasPrefix(proto, []byte("HTTP/")) && len(proto) == len("HTTP/1.1") {
			return &Fault{http.StatusHTTPVersionNotSupported, malformed("the version is not known", proto).Error()}
		}
		return malformed("the request line is none", line)
	}
	r.Method, r.Target, r.minor = method, target, minor
	if err := r.readFields(rest, false); err != nil {
		return err
	}
	return r.settle()
}

// settle looks at what the lines say together.
func (r *Request) settle() error {
	keep := false
	for _, f := range r.Fields {
		switch f.Kind {
		case Host:
			r.Host = f.Value
			r.hosts++
		case Expect:
			if r.expects || !equalFold(f.Value, "100-continue") {
				return &Fault{http.StatusExpectationFailed, malformed("the expectation is not known", f.Value).Error()}
			}
			r.expects = true
		case Connection:
			for option := range Tokens(f.Value) {
				keep = keep || equalFold(option, "keep-alive")
			}
		case Other, ContentLength, KeepAlive, ProxyConnection, TE, Trailer, TransferEncoding, Upgrade:
		}
	}
	if r.hosts > 1 || r.hosts == 0 && r.minor > 0 {
		return malformed("the request names no host, or several", r.Target)
	}
	r.Close = r.Close || r.minor == 0 && !keep
	r.Continue = r.expects && r.minor > 0 && r.HasBody()
	return nil
}

// HasBody reports whether something follows the head.
func (r *Request) HasBody() bool {
	return r.Framing == Chunked || r.Framing == Measured && r.Length > 0
}

// Upgrades reports whether the request asks for another protocol on its connection, and returns its name: there has to
// be one, and one only.
func (r *Request) Upgrades() (protocol []byte, ok bool) {
	for _, f := range r.Fields {
		if f.Kind != Upgrade {
			continue
		}
		if ok {
			return nil, false
		}
		protocol, ok = f.Value, true
	}
	return protocol, ok && r.upgrade && r.minor > 0
}

// Body follows the body.
func (r *Request) Body() Body {
	if r.Framing == Unframed {
		return Body{kind: Measured}
	}
	return Body{kind: r.Framing, left: r.Length, chunks: Chunks{strict: true}}
}

// visible reports whether a target has only bytes that may be in one; "#" never is (RFC 9112 section 3.2).
func visible(b []byte) bool {
	for _, c := range b {
		if c <= ' ' || c == 0x7f || c == '#' {
			return false
		}
	}
	return len(b) > 0
}
