package proxy

import (
	"crypto/tls"
	"net"
)

// handedConn is a connection that a loop has begun with and net/http goes on with. What the loop has read and not used
// comes first.
type handedConn struct {
	net.Conn
	secure *tls.Conn // is Conn; nil without TLS
	kept   []byte
}

// Read implements net.Conn.
func (c *handedConn) Read(p []byte) (int, error) {
	if len(c.kept) == 0 {
		return c.Conn.Read(p)
	}
	n := copy(p, c.kept)
	if c.kept = c.kept[n:]; len(c.kept) == 0 {
		c.kept = nil
	}
	return n, nil
}

// CloseWrite is what net/http does before it closes a connection of which it has not read all, and what tunnels do.
func (c *handedConn) CloseWrite() error {
	if half, ok := c.Conn.(interface{ CloseWrite() error }); ok {
		return half.CloseWrite()
	}
	return net.ErrClosed
}
