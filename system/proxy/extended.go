package proxy

import (
	"bufio"
	"crypto/rand"
	"crypto/sha1" //nolint:gosec // RFC 6455 has no other
	"encoding/base64"
	"errors"
	"io"
	"net"
	"net/http"

	"github.com/quic-go/quic-go"
	"github.com/quic-go/quic-go/http3"
)

// A WebSocket over HTTP/3 begins with an extended CONNECT (RFC 9220). The library announces to every client that it can
// be used, so it has to work: the upstream gets the handshake of RFC 6455, as from any other client.

// extendedConnect makes the request that the upstream gets of one that opens a WebSocket, and reports whether it is one.
func (x *exchange) extendedConnect() bool {
	r := x.in
	if r.Method != http.MethodConnect || r.ProtoMajor != 3 || r.Proto != "websocket" || r.Header.Get("Sec-Websocket-Version") == "" {
		return false
	}
	nonce := make([]byte, 16)
	_, _ = rand.Read(nonce)
	x.key = base64.StdEncoding.EncodeToString(nonce)
	x.in = r.Clone(r.Context())
	x.in.Method, x.in.Proto = http.MethodGet, "HTTP/3.0"
	x.in.Body, x.in.ContentLength = http.NoBody, 0 // what follows belongs to the WebSocket
	x.in.Header.Set("Connection", "Upgrade")
	x.in.Header.Set("Upgrade", "websocket")
	x.in.Header.Set("Sec-Websocket-Key", x.key)
	return true
}

// connect passes the handshake. Nothing but a WebSocket may be answered with success: the client would take it for one.
func (x *exchange) connect() {
	if !x.webSocket() {
		x.refuse(http.StatusNotFound)
		return
	}
	x.pass()
}

var errAccept = errors.New("the upstream's answer to the WebSocket handshake is not for this handshake")

// switched looks at the upstream's answer in the place of a client who does not get to see a 101; any other success
// would look like one.
func (x *exchange) switched(res *http.Response) error {
	if x.key == "" || res.StatusCode >= http.StatusMultipleChoices {
		return nil
	}
	h := res.Header
	sum := sha1.Sum([]byte(x.key + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11")) //nolint:gosec // see above
	if res.StatusCode != http.StatusSwitchingProtocols || h.Get("Sec-Websocket-Accept") != base64.StdEncoding.EncodeToString(sum[:]) {
		return errAccept
	}
	x.accepted = h.Clone()
	for _, name := range []string{"Connection", "Upgrade", "Sec-Websocket-Accept"} {
		x.accepted.Del(name)
	}
	return nil
}

// accept answers the CONNECT, and returns its stream as what Hijack would return. The answer of HTTP/1.1 that is written
// then goes nowhere.
func (x *exchange) accept() (net.Conn, *bufio.ReadWriter, error) {
	w, ok := x.w.(http3.HTTPStreamer)
	if !ok {
		return nil, nil, http.ErrNotSupported
	}
	for name, values := range x.accepted {
		x.w.Header()[name] = values
	}
	x.promise(x.w.Header())
	x.w.WriteHeader(http.StatusOK)
	stream, err := w.HTTPStream()
	if err != nil {
		return nil, nil, err
	}
	x.status = http.StatusOK
	conn := &streamConn{Stream: stream}
	in := bufio.NewReader(conn)
	x.tunnel.open(conn, in)
	return x.tunnel.clientSide(), bufio.NewReadWriter(in, bufio.NewWriter(io.Discard)), nil
}

// streamConn is a stream of HTTP/3 as a connection.
type streamConn struct{ *http3.Stream }

// CloseWrite ends our side of it.
func (c *streamConn) CloseWrite() error { return c.Stream.Close() }

// Close ends both sides.
func (c *streamConn) Close() error {
	c.CancelRead(quic.StreamErrorCode(http3.ErrCodeNoError))
	return c.Stream.Close()
}

// LocalAddr implements net.Conn; nobody asks.
func (c *streamConn) LocalAddr() net.Addr { return nil }

// RemoteAddr implements net.Conn; nobody asks.
func (c *streamConn) RemoteAddr() net.Addr { return nil }
