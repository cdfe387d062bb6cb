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
	"net/netip"

	"github.com/quic-go/quic-go"
	"github.com/quic-go/quic-go/http3"

	"github.com/c93d5bcb/sslwizard/system/proxy/xconnect"
)

// A WebSocket over HTTP/2 or HTTP/3 is the stream of an extended CONNECT (RFC 8441, RFC 9220). The upstream gets the
// handshake of RFC 6455, as from any other client, and frames go both ways as they come.

func init() { xconnect.Restore() } // net/http has seen it

// protocolField is where net/http puts :protocol; the library of HTTP/3 has it for the version.
const protocolField = ":protocol"

// extendedConnect makes the request that the upstream gets of one that opens a WebSocket. It returns the status to refuse
// one with that cannot be understood, or 0; what is no extended CONNECT is left alone.
func (x *exchange) extendedConnect() int {
	protocol, extended := protocolOf(x.in)
	switch {
	case !extended:
		return 0
	case x.in.Method != http.MethodConnect || x.in.ProtoMajor < 2:
		return http.StatusBadRequest
	case protocol != "websocket" || x.in.Header.Get("Sec-Websocket-Version") == "":
		return http.StatusNotImplemented
	case x.in.ContentLength >= 0: // a length, or a stream that has ended already
		return http.StatusBadRequest
	}
	nonce := make([]byte, 16)
	_, _ = rand.Read(nonce) // it never fails
	x.key = base64.StdEncoding.EncodeToString(nonce)
	x.in = x.in.Clone(x.in.Context())
	x.in.Method, x.in.Body, x.in.ContentLength = http.MethodGet, http.NoBody, 0 // what follows belongs to the WebSocket
	x.in.Header.Set("Connection", "Upgrade")
	x.in.Header.Set("Upgrade", "websocket")
	x.in.Header.Set("Sec-Websocket-Key", x.key)
	return 0
}

// protocolOf takes :protocol out of a request.
func protocolOf(r *http.Request) (protocol string, extended bool) {
	if r.ProtoMajor >= 3 {
		protocol, r.Proto = r.Proto, "HTTP/3.0"
		return protocol, protocol != r.Proto
	}
	_, extended = r.Header[protocolField]
	protocol = r.Header.Get(protocolField)
	delete(r.Header, protocolField)
	return protocol, extended
}

// opens counts a WebSocket that may be opened as a connection of its client, which it would be otherwise. It returns what
// uncounts it, or the status to refuse it with.
func (x *exchange) opens() (leave func(), status int) {
	if !x.webSocket() {
		return nil, http.StatusNotImplemented
	}
	if leave = x.server.plane.Admit(net.TCPAddrFromAddrPort(netip.AddrPortFrom(x.peer, 0))); leave == nil {
		return nil, http.StatusServiceUnavailable
	}
	return leave, 0
}

// connect passes the handshake.
func (x *exchange) connect() {
	leave, status := x.opens()
	if status != 0 {
		x.refuse(status)
		return
	}
	defer leave()
	defer func() {
		if x.stream != nil {
			x.stream.finish()
		}
	}()
	x.pass()
}

// What an upstream may do to the handshake that it must not.
var (
	errAccept    = errors.New("the upstream's answer to the WebSocket handshake is not for this handshake")
	errNotOpened = errors.New("the upstream took a WebSocket handshake for something else")
)

// switched looks at the upstream's answer in the place of a client who does not get to see a 101; any other success
// would look like one.
func (x *exchange) switched(res *http.Response) error {
	h := res.Header
	switch {
	case x.key == "" || res.StatusCode >= http.StatusMultipleChoices:
		return nil
	case res.StatusCode != http.StatusSwitchingProtocols:
		return errNotOpened
	case h.Get("Sec-Websocket-Accept") != acceptOf(x.key):
		return errAccept
	}
	x.accepted = h.Clone()
	for _, name := range []string{"Connection", "Upgrade", "Sec-Websocket-Accept", "Content-Length", "Transfer-Encoding", "Trailer", "Keep-Alive", "Proxy-Connection"} {
		x.accepted.Del(name)
	}
	return nil
}

// acceptOf is the answer to a key (RFC 6455 section 4.2.2).
func acceptOf(key string) string {
	sum := sha1.Sum([]byte(key + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11")) //nolint:gosec // see above
	return base64.StdEncoding.EncodeToString(sum[:])
}

// accept answers the CONNECT, and returns its stream as what Hijack would return. The answer of HTTP/1.1 that is written
// then goes nowhere.
func (x *exchange) accept() (net.Conn, *bufio.ReadWriter, error) {
	for name, values := range x.accepted {
		x.w.Header()[name] = values
	}
	x.promise(x.w.Header())
	x.w.WriteHeader(http.StatusOK)
	conn, err := x.openStream()
	if err != nil {
		return nil, nil, err
	}
	in := bufio.NewReader(conn)
	return conn, bufio.NewReadWriter(in, bufio.NewWriter(io.Discard)), nil
}

// openStream sends the head of the answer, and returns the stream as a connection.
func (x *exchange) openStream() (net.Conn, error) {
	if x.in.ProtoMajor == 2 {
		x.stream = &stream{x: x}
		return x.stream, x.control.Flush()
	}
	w, ok := x.w.(http3.HTTPStreamer)
	if !ok {
		return nil, http.ErrNotSupported
	}
	s, err := w.HTTPStream()
	return &streamConn{Stream: s}, err
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
