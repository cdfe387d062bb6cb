package proxy

import (
	"net"
	"sync"
	"time"
)

// stream is the client's side of a WebSocket over HTTP/2: what comes is the body of its request, what goes is that of our
// answer. net/http ends it with the handler, and after that nothing may touch it any more; the tunnel still does.
type stream struct {
	x       *exchange
	writing sync.Mutex
	mu      sync.Mutex
	over    bool // the handler is about to return
}

// Read implements net.Conn.
func (s *stream) Read(p []byte) (int, error) { return s.x.asked.Body.Read(p) }

// Write implements net.Conn. Whatever is written is sent at once.
func (s *stream) Write(p []byte) (int, error) {
	s.writing.Lock()
	defer s.writing.Unlock()
	if s.ended() {
		return 0, net.ErrClosed
	}
	n, err := s.x.w.Write(p)
	if err == nil {
		err = s.x.control.Flush()
	}
	return n, err
}

func (s *stream) ended() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.over
}

// Close ends the reading, which ends the handler and with it the stream. A client that takes nothing may keep a write from
// ending; then the stream is reset.
func (s *stream) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.over {
		_ = s.x.control.SetReadDeadline(time.Now())
		_ = s.x.control.SetWriteDeadline(time.Now().Add(closeGrace / 2))
	}
	return nil
}

// finish waits until nobody uses the stream any more.
func (s *stream) finish() {
	s.mu.Lock()
	s.over = true
	s.mu.Unlock()
	if !s.writing.TryLock() {
		_ = s.x.control.SetWriteDeadline(time.Now())
		s.writing.Lock()
	}
}

// The rest of net.Conn. The deadline of a stream would reset it when it passes, written or not, so there is none but that
// of Close.

// LocalAddr implements net.Conn.
func (s *stream) LocalAddr() net.Addr { return nil }

// RemoteAddr implements net.Conn.
func (s *stream) RemoteAddr() net.Addr { return nil }

// SetDeadline implements net.Conn.
func (s *stream) SetDeadline(time.Time) error { return nil }

// SetReadDeadline implements net.Conn.
func (s *stream) SetReadDeadline(time.Time) error { return nil }

// SetWriteDeadline implements net.Conn.
func (s *stream) SetWriteDeadline(time.Time) error { return nil }
