package main

import (
	"io"
	"net"
	"os"
	"sync"
	"time"
)

// memoryFront is a listener whose clients are in memory: thousands of them come and go in a second.
type memoryFront struct {
	clients chan net.Conn
	closed  chan struct{}
}

// Accept implements net.Listener.
func (m memoryFront) Accept() (net.Conn, error) {
	select {
	case c := <-m.clients:
		return c, nil
	case <-m.closed:
		return nil, net.ErrClosed
	}
}

// Close implements net.Listener.
func (m memoryFront) Close() error { return nil }

// Addr implements net.Listener.
func (m memoryFront) Addr() net.Addr { return &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 80} }

// mute is a client, as the proxy sees its connection. It says what it has to say and hears nothing.
type mute struct {
	remote net.TCPAddr
	done   chan struct{} // closed when the proxy has ended the connection

	mu      sync.Mutex
	change  sync.Cond
	text    string // what it has not said yet
	left    bool   // it has gone
	hurried bool   // the proxy does not want to wait for what is read now
	ended   bool
}

// newMute is a client with an address of its own, so that what the application sees of it can be told from the rest.
func newMute(text string, turn uint32) *mute {
	m := &mute{text: text, done: make(chan struct{}), remote: net.TCPAddr{Port: 1024 + int(turn%60_000),
		IP: net.IPv4(127, byte(turn>>16), byte(turn>>8), byte(turn))}}
	m.change.L = &m.mu
	return m
}

func (m *mute) address() string { return m.remote.IP.String() }

// await waits until the proxy has ended the connection, and reports whether it did. A client whose last request is not
// whole leaves after a moment.
func (m *mute) await(whole bool) bool {
	if !whole {
		select {
		case <-m.done:
			return true
		case <-time.After(aMoment):
		}
		m.leave()
	}
	select {
	case <-m.done:
		return true
	case <-time.After(patience):
		m.leave()
		return false
	}
}

func (m *mute) leave() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.left = true
	m.change.Broadcast()
}

// Read implements net.Conn: who has said all waits, as clients do, until it leaves.
func (m *mute) Read(p []byte) (int, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for m.text == "" && !m.left && !m.hurried && !m.ended {
		m.change.Wait()
	}
	switch {
	case m.ended:
		return 0, net.ErrClosed
	case m.hurried:
		return 0, os.ErrDeadlineExceeded
	case m.text == "":
		return 0, io.EOF
	}
	n := copy(p, m.text)
	m.text = m.text[n:]
	return n, nil
}

// Write implements net.Conn.
func (m *mute) Write(p []byte) (int, error) { return len(p), nil }

// SetReadDeadline implements net.Conn, for deadlines that have passed: net/http ends its own reading with one. None of the
// others comes while a test waits.
func (m *mute) SetReadDeadline(t time.Time) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.hurried = !t.IsZero() && time.Until(t) <= 0
	m.change.Broadcast()
	return nil
}

// SetDeadline implements net.Conn.
func (m *mute) SetDeadline(t time.Time) error { return m.SetReadDeadline(t) }

// SetWriteDeadline implements net.Conn.
func (m *mute) SetWriteDeadline(time.Time) error { return nil }

// Close implements net.Conn.
func (m *mute) Close() error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if !m.ended {
		m.ended = true
		close(m.done)
	}
	m.change.Broadcast()
	return nil
}

// CloseWrite is the end too: net/http waits half a second behind it before it closes.
func (m *mute) CloseWrite() error { return m.Close() }

// LocalAddr implements net.Conn.
func (m *mute) LocalAddr() net.Addr { return &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 80} }

// RemoteAddr implements net.Conn.
func (m *mute) RemoteAddr() net.Addr { return &m.remote }
