package proxy

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"time"

	"github.com/c93d5bcb/sslwizard/system/proxy/record"
)

const (
	closingTime = time.Second // for the last words to who is turned away
	acceptPause = 100 * time.Millisecond
)

// entrance takes connections through their TLS handshakes, and hands each to the server of the protocol that was agreed on.
type entrance struct {
	plane        *httpPlane
	config       *tls.Config
	timeout      time.Duration
	http1, http2 *handoff
	turns        turns
	take         func(*turnedConn) bool // has it served by somebody else than net/http; nil: nobody
}

func newEntrance(p *httpPlane, config *tls.Config, timeout time.Duration) *entrance {
	return &entrance{plane: p, config: config, timeout: timeout, http1: newHandoff(), http2: newHandoff(), turns: newTurns()}
}

// Serve takes the connections of a listener until it has none any more, and closes it.
func (e *entrance) Serve(l net.Listener) error {
	defer l.Close()
	for {
		conn, err := e.accept(l)
		if err != nil {
			return err
		}
		own := &turnedConn{Conn: conn, turns: e.turns}
		secure := e.server(own)
		e.plane.begin(secure)
		go e.admit(secure, own)
	}
}

// accept takes the next connection. An error is the end of the listener.
func (e *entrance) accept(l net.Listener) (net.Conn, error) {
	for {
		conn, err := l.Accept()
		var passing interface{ Temporary() bool }
		if !errors.As(err, &passing) || !passing.Temporary() {
			return conn, err
		}
		e.plane.errors.Printf("Accept error: %v", err) // no file is free, as a rule
		time.Sleep(acceptPause)
	}
}

func (e *entrance) server(own *turnedConn) *tls.Conn {
	if e.take == nil {
		return tls.Server(own, e.config)
	}
	own.record = record.Server(own, e.config)
	return own.record.TLS()
}

// admit makes the handshake, and hands the connection on.
func (e *entrance) admit(c *tls.Conn, own *turnedConn) {
	if !e.shake(c, own) || !e.pass(c, own) {
		e.plane.end(c)
		_ = c.Close()
	}
}

// shake makes the handshake in its turns.
func (e *entrance) shake(c *tls.Conn, own *turnedConn) bool {
	_ = c.SetDeadline(time.Now().Add(e.timeout))
	own.begin()
	err := c.HandshakeContext(context.Background())
	own.end()
	if err == nil {
		return c.SetDeadline(time.Time{}) == nil
	}
	if errors.Is(err, os.ErrDeadlineExceeded) {
		e.plane.cuts.count(cutHandshake)
	}
	var misread tls.RecordHeaderError
	if errors.As(err, &misread) && misread.Conn != nil && speaksHTTP(misread.RecordHeader) {
		_ = misread.Conn.SetDeadline(time.Now().Add(closingTime))
		_, _ = io.WriteString(misread.Conn, "HTTP/1.0 400 Bad Request\r\n\r\nClient sent an HTTP request to an HTTPS server.\n")
	}
	e.plane.errors.Printf("TLS handshake error from %s: %v", c.RemoteAddr(), err)
	return false
}

// pass hands the connection to the server of its protocol, if there is one.
func (e *entrance) pass(c *tls.Conn, own *turnedConn) bool {
	switch c.ConnectionState().NegotiatedProtocol {
	case "h2", "http/1.1", "http/1.0", "":
		if own.record != nil {
			return e.take(own)
		}
		return e.give(c)
	}
	return false // a challenge of a CA has been answered by the handshake
}

// give hands it to net/http.
func (e *entrance) give(c *tls.Conn) bool {
	if c.ConnectionState().NegotiatedProtocol == "h2" {
		return e.http2.give(newH2Conn(c, func(reason string) { e.plane.cuts.flood(reason, c.RemoteAddr()) }))
	}
	return e.http1.give(c)
}

type tlsKey struct{}

// withTLS keeps what net/http does not know of a connection whose TLS it does not see.
func withTLS(ctx context.Context, c net.Conn) context.Context {
	var secure *tls.Conn
	switch own := c.(type) {
	case *h2Conn:
		secure = own.secure
	case *handedConn:
		secure = own.secure
	}
	if secure == nil {
		return ctx
	}
	state := secure.ConnectionState()
	return context.WithValue(ctx, tlsKey{}, &state)
}

// knowTLS tells a request of it.
func knowTLS(r *http.Request) {
	if state, ok := r.Context().Value(tlsKey{}).(*tls.ConnectionState); ok {
		r.TLS = state
	}
}

// speaksHTTP reports whether what came where a TLS record was expected is the beginning of a request.
func speaksHTTP(record [5]byte) bool {
	switch string(record[:]) {
	case "GET /", "HEAD ", "POST ", "PUT /", "OPTIO":
		return true
	}
	return false
}
