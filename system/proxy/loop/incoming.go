package loop

import (
	"errors"
	"io"
	"os"

	"golang.org/x/sys/unix"

	"github.com/c93d5bcb/sslwizard/system/proxy/record"
)

// What comes on a stream.

// queue has it work, in this turn if that is not over.
func (s *Stream) queue() {
	if !s.queued && !s.closed {
		s.queued = true
		s.loop.coming = append(s.loop.coming, s)
	}
}

// work does what can be done.
func (s *Stream) work() {
	if s.closed { // or released since it was queued
		return
	}
	if s.writable && s.Pending() > 0 {
		s.flush()
	}
	s.offer()
	for n := 0; s.readable && s.listens(); n++ {
		if n == perEvent {
			s.queue()
			return
		}
		s.read()
	}
}

func (s *Stream) listens() bool { return !s.paused && !s.over && !s.closed }

// offer gives what was kept, and what TLS still has.
func (s *Stream) offer() {
	if len(s.kept) > 0 && s.listens() {
		s.deliver(nil)
	}
	if s.undrained {
		s.decrypt()
	}
}

func (s *Stream) read() {
	n, err := read(s.fd, s.loop.raw)
	switch {
	case errors.Is(err, unix.EINTR):
		return
	case errors.Is(err, unix.EAGAIN):
		s.readable = false
		if s.broken != nil {
			s.fail(s.broken)
		}
		return
	case err != nil:
		s.fail(os.NewSyscallError("read", err))
		return
	case n == 0 && s.secure != nil: // what TLS says of that comes behind what it still has
		s.secure.End()
		s.readable, s.undrained = false, true
		s.decrypt()
		return
	case n == 0 && s.broken != nil:
		s.fail(s.broken)
		return
	case n == 0:
		s.end(io.EOF)
		return
	}
	if n < len(s.loop.raw) && !s.ending {
		s.readable = false
	}
	if s.secure == nil {
		s.deliver(s.loop.raw[:n])
		return
	}
	s.secure.Give(s.loop.raw[:n])
	s.undrained = true
	if s.decrypt(); s.undrained && !s.closed {
		s.secure.Keep()
	}
}

// decrypt delivers what TLS makes of what it was given.
func (s *Stream) decrypt() {
	for s.undrained && s.listens() {
		n, err := s.secure.Read(s.loop.plain)
		if n > 0 {
			s.deliver(s.loop.plain[:n])
		}
		if err != nil {
			s.undrained = false
			if !errors.Is(err, record.ErrDrained) {
				s.end(err)
			}
		}
	}
	if len(s.secure.Out()) > 0 && !s.closed {
		s.note()
	}
	if len(s.secure.Out()) > mostOut { // of what TLS answers by itself, to who does not read it
		s.fail(ErrStalled)
	}
}

// deliver gives the handler what was kept and what comes now, and keeps what it does not take.
func (s *Stream) deliver(p []byte) {
	if s.finishing {
		return
	}
	whole := p
	if len(s.kept) > 0 {
		s.kept = append(s.kept, p...)
		whole = s.kept
	}
	rest := whole
	for len(rest) > 0 && s.listens() {
		n := s.handler.Came(rest)
		if rest = rest[n:]; n == 0 {
			break
		}
	}
	switch {
	case s.closed || len(rest) == 0:
		s.kept = nil
	case len(s.kept) > 0:
		s.kept = s.kept[:copy(s.kept, rest)]
	default:
		s.kept = append([]byte(nil), rest...)
	}
}

// Quiet reports whether nothing has come that was not taken, as far as the kernel has told; sure asks the kernel.
func (s *Stream) Quiet(sure bool) bool {
	if s.closed || s.over || s.ending || len(s.kept) > 0 {
		return false
	}
	if !s.readable && !sure {
		return true
	}
	var one [1]byte
	if _, _, err := unix.Recvfrom(s.fd, one[:], unix.MSG_PEEK|unix.MSG_DONTWAIT); !errors.Is(err, unix.EAGAIN) {
		return false
	}
	s.readable = false
	return true
}

// Kept is how much has come that was not taken.
func (s *Stream) Kept() int { return len(s.kept) }

// Pause has nothing come until Resume.
func (s *Stream) Pause() { s.paused = true }

// Resume ends a pause.
func (s *Stream) Resume() {
	if s.paused {
		s.paused = false
		s.queue()
	}
}
