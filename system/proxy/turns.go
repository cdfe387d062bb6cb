package proxy

import (
	"net"
	"runtime"
	"sync/atomic"

	"github.com/c93d5bcb/sslwizard/system/proxy/record"
)

// turns are the handshakes that may be computed at the same time. The rest wait, so that a flood of them leaves
// processors for those who are in already. Nobody has a turn while the network is waited for.
type turns chan struct{}

func newTurns() turns { return make(turns, max(1, runtime.GOMAXPROCS(0)/2)) }

// turnedConn is the connection below a TLS connection. During the handshake its user has a turn but while it reads or writes.
type turnedConn struct {
	net.Conn
	turns  turns
	open   atomic.Bool  // the handshake goes on
	record *record.Conn // the TLS connection, where a loop may get it
}

func (c *turnedConn) begin() {
	c.turns <- struct{}{}
	c.open.Store(true)
}

func (c *turnedConn) end() {
	c.open.Store(false)
	<-c.turns
}

// Read implements net.Conn.
func (c *turnedConn) Read(p []byte) (int, error) {
	if c.open.Load() {
		<-c.turns
		defer func() { c.turns <- struct{}{} }()
	}
	return c.Conn.Read(p)
}

// Write implements net.Conn.
func (c *turnedConn) Write(p []byte) (int, error) {
	if c.open.Load() {
		<-c.turns
		defer func() { c.turns <- struct{}{} }()
	}
	return c.Conn.Write(p)
}
