package proxy

import (
	"context"
	"io"
	"net"
	"sync"
)

// upstreamConn is a connection to an upstream of which net/http sees nothing but the answers to its requests.
type upstreamConn struct {
	net.Conn
	mu      sync.Mutex
	answers answers
	began   bool  // the answer to the last request
	wrong   error // what the upstream did wrong: it is not listened to any more
}

type dialFunc = func(ctx context.Context, network, address string) (net.Conn, error)

// followed dials always the same, and follows the answers that come.
func followed(dial dialFunc, network, address string) dialFunc {
	return func(ctx context.Context, _, _ string) (net.Conn, error) {
		conn, err := dial(ctx, network, address)
		if err != nil {
			return nil, err
		}
		return &upstreamConn{Conn: conn}, nil
	}
}

// Read implements net.Conn.
func (c *upstreamConn) Read(p []byte) (int, error) {
	if err := c.fault(); err != nil {
		return 0, err
	}
	n, err := c.Conn.Read(p)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.began = c.began || n > 0
	if n, c.wrong = c.answers.follow(p[:n]); c.wrong != nil && n == 0 {
		return 0, c.wrong
	}
	return n, err
}

func (c *upstreamConn) fault() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.wrong
}

// CloseWrite is for tunnels: it says that the client has ended.
func (c *upstreamConn) CloseWrite() error {
	if half, ok := c.Conn.(interface{ CloseWrite() error }); ok {
		return half.CloseWrite()
	}
	return io.EOF
}

// expect says that a request is about to be sent, and whether it is HEAD.
func (c *upstreamConn) expect(head bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.answers.expect(head)
	c.began = false
}

// heard reports whether anything has come since the last request was sent.
func (c *upstreamConn) heard() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.began
}
