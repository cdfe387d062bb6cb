package loop

import (
	"errors"
	"os"
	"time"

	"github.com/c93d5bcb/sslwizard/system/proxy/record"
)

// Handler owns a stream.
type Handler interface {
	// Came is called with what has come, and returns how much of it is taken. It is called again until that is all, or
	// nothing: what is left comes again with what follows, after a Pause not before Resume. The bytes are the loop's, and
	// good for the call alone.
	Came(p []byte) (taken int)
	// Ended is called when nothing can come any more: io.EOF after the other side said so, else what went wrong. It may be
	// called again, and is then told that what was written cannot be sent. The stream stays until it is closed.
	Ended(err error)
	// Room is called after Full has said yes, when most of what was written is sent.
	Room()
}

// Marks between which what is written and not sent goes up and down.
const (
	highMark = 64 << 10
	lowMark  = 16 << 10
	large    = 8 << 10 // is not worth copying
	mostOut  = 1 << 20 // what TLS may have to be sent; more is none of our writing
	perEvent = 4       // reads, before it is somebody else's turn
)

var (
	// ErrStalled is what a stream ends with whose other side does not take what it is sent.
	ErrStalled = errors.New("what was sent is not taken")
	// ErrFault is what a stream ends with that has met a panic. Last words can still be written.
	ErrFault = errors.New("the connection has met a fault of ours")
)

// Stream is a connection.
type Stream struct {
	loop    *Loop
	fd      int
	handler Handler
	secure  *record.Conn // nil without TLS
	// Stall is how long so many bytes may wait to be taken; nil: for ever.
	Stall func(n int) time.Duration
	// Done is called when it is closed, by whomever. It is not when it is released.
	Done func()
	// Hears has what has come be read to its end before Ended says that nothing can be sent any more: of who answers, and
	// closes on who is still writing.
	Hears bool

	kept   []byte // came and was not taken
	out    []byte // was written, before encryption
	sent   int    // how much of it, without TLS
	pushed uint64 // since the beginning
	owed   int    // has to be taken before the time has passed
	slow   Timer
	gone   func() // when all is sent

	broken error // nothing can be sent; told when what has come is read

	readable, ending, writable bool // as the kernel said; ending: there is an end to be read
	queued, noted              bool // in the lists of the loop
	paused, undrained          bool // undrained: TLS may have more
	over, failed               bool // nothing comes any more; nothing goes either
	full                       bool
	shutting                   bool // our side ends when all is sent
	finishing, lingering       bool
	waiting                    bool // for the other side to close
	closed                     bool
}

// Open makes a stream of a descriptor that does not block, and owns it. With TLS the handshake is made and the connection
// detached. On an error the descriptor is the caller's still.
func (l *Loop) Open(fd int, secure *record.Conn, h Handler) (*Stream, error) {
	if err := l.poll.add(fd); err != nil {
		return nil, os.NewSyscallError("epoll_ctl", err)
	}
	s := &Stream{loop: l, fd: fd, handler: h, secure: secure, readable: true, writable: true, undrained: secure != nil}
	s.slow = s.Timer(s.stalled)
	for len(l.byFD) <= fd {
		l.byFD = append(l.byFD, nil)
	}
	l.byFD[fd] = s
	l.open++
	s.queue()
	return s, nil
}

// Loop is whose the stream is.
func (s *Stream) Loop() *Loop { return s.loop }

// FD is the descriptor.
func (s *Stream) FD() int { return s.fd }

// Timer is the loop's. When its function panics, that ends the stream.
func (s *Stream) Timer(call func()) Timer {
	t := s.loop.Timer(call)
	t.of = s
	return t
}

// Post is the loop's, and After too. What panics ends the stream.
func (s *Stream) Post(f func()) bool { return s.loop.post(call{s, f}) }

// After calls f at the end of the turn.
func (s *Stream) After(f func()) { s.loop.after = append(s.loop.after, call{s, f}) }

// Do calls f at once. What panics ends the stream, and no more than that.
func (s *Stream) Do(f func()) { s.loop.guard(call{s, f}) }

// Own gives the stream to another handler.
func (s *Stream) Own(h Handler) { s.handler = h }

// Closed reports whether it is, or is about to be: nothing can be written any more.
func (s *Stream) Closed() bool { return s.closed || s.finishing }
