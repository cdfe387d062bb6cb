// Package record drives crypto/tls without waiting. Bytes from the network are given to a connection as they come, and
// what they decrypt to is read until there is no more; what is written becomes bytes for the network, to be sent when
// that takes them. So whoever owns many connections needs neither a goroutine nor a buffer for each.
//
// It stands on this of crypto/tls, which the tests pin by cutting records at every byte: a Read whose connection fails
// with an error that is Temporary has lost nothing, and goes on when it is called again. The same is not true of Write
// and of the handshake. So here a write never fails, and the handshake is made over a connection that waits, before Detach.
package record

import (
	"crypto/tls"
	"errors"
	"io"
	"net"
	"slices"
	"time"
)

// Conn is a connection of TLS, on the side of the server. One goroutine uses it at a time.
type Conn struct {
	tls  *tls.Conn
	wire wire
}

// ErrDrained is what Read returns when it needs more from the network.
var ErrDrained error = drained{}

// Server is a connection over another one that waits. Its handshake is made by HandshakeContext of TLS.
func Server(under net.Conn, config *tls.Config) *Conn {
	c := &Conn{wire: wire{under: under}}
	c.tls = tls.Server(&c.wire, config)
	return c
}

// TLS is the connection as crypto/tls knows it. As long as there is one below, it can be used like any other.
func (c *Conn) TLS() *tls.Conn { return c.tls }

// Detach takes away the connection below, when the handshake is made. From here on nothing waits. There may be something
// to read at once: what came with the end of the handshake.
func (c *Conn) Detach() (under net.Conn) {
	under, c.wire.under = c.wire.under, nil
	return under
}

// Attach puts a connection below again, for somebody who waits. What was given and not read comes first, and so does what
// was written and not sent.
func (c *Conn) Attach(under net.Conn) {
	c.Keep()
	c.wire.under = under
}

// Give has Read go on with these bytes from the network. They are not copied: see Keep. The ones before have to be used up,
// as they are when Read has returned ErrDrained.
func (c *Conn) Give(p []byte) { c.wire.in = p }

// Keep copies what was given and is not used up yet, so that its memory can be used for something else.
func (c *Conn) Keep() { c.wire.in = slices.Clone(c.wire.in) }

// End has Read end behind what was given: the other side has closed.
func (c *Conn) End() { c.wire.ended = true }

// Read decrypts. ErrDrained asks for more from the network. Any other error is the end: io.EOF where the other side said
// so, io.ErrUnexpectedEOF where it did not; then Out may have an alert that tells it why.
func (c *Conn) Read(p []byte) (int, error) {
	n, err := c.tls.Read(p)
	if err != nil && errors.Is(err, ErrDrained) {
		err = ErrDrained
	}
	return n, err
}

// Write encrypts; Out has it.
func (c *Conn) Write(p []byte) error {
	_, err := c.tls.Write(p)
	return err
}

// CloseWrite says that nothing more will be written.
func (c *Conn) CloseWrite() error { return c.tls.CloseWrite() }

// Out is what has to be sent.
func (c *Conn) Out() []byte { return c.wire.out }

// Sent says that so many bytes of Out were. When that is all, the room goes to whoever is next.
func (c *Conn) Sent(n int) (room []byte) {
	w := &c.wire
	if w.out = w.out[n:]; len(w.out) > 0 {
		return nil
	}
	room, w.room, w.out = w.room, nil, nil
	return room[:0]
}

// Room gives room for what is written, so that it need not be allocated. There must be nothing in Out.
func (c *Conn) Room(p []byte) { c.wire.room, c.wire.out = p[:0], p[:0] }

// wire is what crypto/tls takes for the network.
type wire struct {
	under net.Conn // nil: detached
	in    []byte
	ended bool
	out   []byte // the part of room that is not sent
	room  []byte
}

// Read implements net.Conn.
func (w *wire) Read(p []byte) (int, error) {
	switch {
	case len(w.in) > 0:
		n := copy(p, w.in)
		if w.in = w.in[n:]; len(w.in) == 0 {
			w.in = nil
		}
		return n, nil
	case w.ended:
		return 0, io.EOF
	case w.under != nil:
		return w.under.Read(p)
	}
	return 0, ErrDrained
}

// Write implements net.Conn.
func (w *wire) Write(p []byte) (int, error) {
	if w.under == nil {
		if sent := len(w.room) - len(w.out); sent > len(w.out) { // a stream that is never all sent must not fill the memory
			w.room = w.room[:copy(w.room, w.out)]
		}
		unsent := len(w.out)
		w.room = append(w.room, p...)
		w.out = w.room[len(w.room)-unsent-len(p):]
		return len(p), nil
	}
	if len(w.out) > 0 {
		if _, err := w.under.Write(w.out); err != nil {
			return 0, err
		}
		w.room, w.out = nil, nil
	}
	return w.under.Write(p)
}

// Close implements net.Conn.
func (w *wire) Close() error {
	if w.under == nil {
		return nil // its owner closes it
	}
	return w.under.Close()
}

// LocalAddr implements net.Conn.
func (w *wire) LocalAddr() net.Addr {
	if w.under == nil {
		return nil
	}
	return w.under.LocalAddr()
}

// RemoteAddr implements net.Conn.
func (w *wire) RemoteAddr() net.Addr {
	if w.under == nil {
		return nil
	}
	return w.under.RemoteAddr()
}

// SetDeadline implements net.Conn. Who does not wait has no deadline.
func (w *wire) SetDeadline(t time.Time) error {
	return w.deadline(func(c net.Conn) error { return c.SetDeadline(t) })
}

// SetReadDeadline implements net.Conn.
func (w *wire) SetReadDeadline(t time.Time) error {
	return w.deadline(func(c net.Conn) error { return c.SetReadDeadline(t) })
}

// SetWriteDeadline implements net.Conn.
func (w *wire) SetWriteDeadline(t time.Time) error {
	return w.deadline(func(c net.Conn) error { return c.SetWriteDeadline(t) })
}

func (w *wire) deadline(set func(net.Conn) error) error {
	if w.under == nil {
		return nil
	}
	return set(w.under)
}

// drained is Temporary, which is what has crypto/tls go on.
type drained struct{}

func (drained) Error() string   { return "all that has come is read" }
func (drained) Timeout() bool   { return true }
func (drained) Temporary() bool { return true }
