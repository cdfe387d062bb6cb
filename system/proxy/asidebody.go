package proxy

import (
	"io"
	"net/http"
	"net/textproto"
	"os"
)

// asideBody is the body of its request.
type asideBody struct {
	aside    *aside
	expected bool // the client waits to be told to send it
}

// Read implements io.Reader.
func (b *asideBody) Read(p []byte) (int, error) {
	a := b.aside
	a.mu.Lock()
	defer a.mu.Unlock()
	if b.expected {
		b.expected = false
		a.interims = append(a.interims, answerHead{status: http.StatusContinue})
		a.post()
	}
	for {
		switch {
		case a.failed != nil:
			return 0, a.failed
		case len(a.in) > 0:
			n := copy(p, a.in)
			if a.in = a.in[n:]; len(a.in) == 0 {
				a.in = nil
			}
			a.used += n
			a.post()
			return n, nil
		case a.inEnds:
			b.trail()
			return 0, io.EOF
		case a.readBy.passed:
			return 0, os.ErrDeadlineExceeded
		}
		a.change.Wait()
	}
}

// trail hands over the trailers that were announced.
func (b *asideBody) trail() {
	to := b.aside.onto.Trailer
	for _, f := range b.aside.extra {
		name := textproto.CanonicalMIMEHeaderKey(string(f.Name))
		if _, known := to[name]; known {
			to[name] = append(to[name], string(f.Value))
		}
	}
	b.aside.extra = nil
}

// Close implements io.Closer: what comes is not wanted any more.
func (b *asideBody) Close() error {
	a := b.aside
	a.mu.Lock()
	defer a.mu.Unlock()
	if n := len(a.in); n > 0 {
		a.in = nil
		a.used += n
		a.post()
	}
	return nil
}
