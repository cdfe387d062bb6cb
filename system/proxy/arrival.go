package proxy

import (
	"crypto/tls"
	"net"
	"net/netip"

	"github.com/c93d5bcb/sslwizard/system/proxy/loop"
	"github.com/c93d5bcb/sslwizard/system/proxy/record"
)

// caller is a client's connection on a loop, whatever is spoken on it.
type caller interface {
	loop.Handler
	// arrived is what is known of the connection.
	arrived() *arrival
	// begin gives it to a loop.
	begin(*worker, *loop.Stream)
	// ebb is for a drain: who has had an answer and asks for nothing now goes, and who has asked for nothing yet has a moment.
	ebb()
	// abort ends it at once.
	abort()
}

// arrival is what is known of a client's connection when it comes to a loop.
type arrival struct {
	stream     *loop.Stream // once a loop has it
	leave      func()       // uncounts it
	secure     *record.Conn
	state      *tls.ConnectionState // nil without TLS
	local      net.Addr
	remote     net.Addr
	peer       netip.Addr
	from       string       // peer, as it is told to others
	introduced introduction // of the request before
}

func newArrival(conn *countedConn, secure *record.Conn) arrival {
	a := arrival{leave: conn.leave, secure: secure, local: conn.LocalAddr(), remote: conn.RemoteAddr()}
	a.peer = addressOf(a.remote)
	a.from = addressText(a.peer)
	if secure != nil {
		a.state = tlsState(secure.TLS())
	}
	return a
}

// newCaller is for what is spoken on it.
func newCaller(a arrival) caller {
	if a.state != nil && a.state.NegotiatedProtocol == "h2" {
		return &party{arrival: a}
	}
	return &guest{arrival: a}
}

func (a *arrival) arrived() *arrival { return a }

// tlsState is what a request knows of its connection.
func tlsState(c *tls.Conn) *tls.ConnectionState {
	state := c.ConnectionState()
	return &state
}
