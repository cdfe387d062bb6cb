package loop

import (
	"errors"
	"os"

	"golang.org/x/sys/unix"
)

// What goes on a stream.

// Buffer is what was written in this turn, to append to; Put has what was appended sent.
func (s *Stream) Buffer() []byte {
	if s.out == nil {
		s.out = s.loop.rooms.Take()
	}
	return s.out
}

// Put takes what Buffer gave, with more behind it.
func (s *Stream) Put(b []byte) {
	if !s.Closed() {
		s.out = b
		s.note()
	}
}

// Write has p sent at the end of the turn. It copies.
func (s *Stream) Write(p []byte) {
	if s.Closed() || len(p) == 0 {
		return
	}
	if len(p) < large {
		s.Put(append(s.Buffer(), p...))
		return
	}
	if s.secure != nil {
		s.encrypt()
		s.seal(p)
		s.note()
		return
	}
	if s.Pending() == 0 && s.writable {
		p = p[s.push(p):]
	}
	if len(p) > 0 && !s.closed {
		s.Put(append(s.Buffer(), p...))
	}
}

// Pending is how much was written and not sent.
func (s *Stream) Pending() int {
	n := len(s.out) - s.sent
	if s.secure != nil {
		n += len(s.secure.Out())
	}
	return n
}

// Full reports whether no more should be written until Room is called.
func (s *Stream) Full() bool {
	s.full = s.full || s.Pending() > highMark
	return s.full
}

func (s *Stream) note() {
	if !s.noted && !s.closed {
		s.noted = true
		s.loop.written = append(s.loop.written, s)
	}
}

func (s *Stream) encrypt() {
	if len(s.out) > 0 {
		s.seal(s.out)
	}
	s.freeOut()
}

func (s *Stream) freeOut() {
	if s.out != nil {
		s.loop.rooms.Give(s.out)
		s.out, s.sent = nil, 0
	}
}

func (s *Stream) seal(p []byte) {
	if len(s.secure.Out()) == 0 {
		s.secure.Room(s.loop.rooms.Take())
	}
	_ = s.secure.Write(p) // into memory; after an alert of ours, which is an end too, it goes nowhere
}

// flush sends what it can.
func (s *Stream) flush() {
	if s.closed {
		return
	}
	before := s.Pending()
	if s.secure != nil {
		s.encrypt()
		if before = s.Pending(); before > 0 && s.writable {
			s.loop.rooms.Give(s.secure.Sent(s.push(s.secure.Out())))
		}
	} else if before > 0 && s.writable {
		if s.sent += s.push(s.out[s.sent:]); s.sent == len(s.out) {
			s.freeOut()
		} else if s.sent > len(s.out)-s.sent { // else what was sent stays for as long as something is always left
			s.out, s.sent = s.out[:copy(s.out, s.out[s.sent:])], 0
		}
	}
	if s.closed {
		return
	}
	s.watch(before - s.Pending())
	if s.Pending() == 0 && s.shutting {
		s.shutting = false
		_ = unix.Shutdown(s.fd, unix.SHUT_WR)
	}
	if s.Pending() == 0 && s.gone != nil {
		s.After(s.gone)
		s.gone = nil
	}
	if s.Pending() == 0 && s.finishing {
		s.finished()
	} else if s.full && s.Pending() <= lowMark {
		s.full = false
		s.handler.Room()
	}
}

// push writes to the kernel, and returns how much that has taken.
func (s *Stream) push(p []byte) (n int) {
	for n < len(p) && s.writable {
		w, err := write(s.fd, p[n:])
		switch {
		case errors.Is(err, unix.EINTR):
		case errors.Is(err, unix.EAGAIN):
			s.writable = false
		case err != nil:
			s.writable = false
			s.broke(os.NewSyscallError("write", err))
		default:
			s.pushed += uint64(w)
			if n += w; n < len(p) {
				s.writable = false // what is left had no room; the kernel tells when there is some
			}
		}
	}
	return n
}

// broke ends what cannot be written to. What has come before may still be read first: an answer, then the reset.
func (s *Stream) broke(err error) {
	if s.finishing {
		s.Close()
		return
	}
	if s.Hears && s.secure == nil && !s.over {
		s.broken, s.readable, s.ending = err, true, true
		s.After(s.work)
		return
	}
	s.After(func() { s.fail(err) })
}

// Unsent is what was written in the clear and not sent.
func (s *Stream) Unsent() []byte { return s.out[s.sent:] }

// watch has who takes nothing be told of. Each time covers what was there when it began.
func (s *Stream) watch(progress int) {
	pending := s.Pending()
	switch {
	case s.waiting:
	case pending == 0:
		s.owed = 0
		s.slow.Stop()
	case s.Stall == nil:
	case s.owed == 0, progress >= s.owed:
		s.owed = pending
		s.slow.Set(s.loop.now.Add(s.Stall(pending)))
	default:
		s.owed -= progress
	}
}

// WhenSent calls f at the end of a turn, when all that was written is sent; never, if that does not come to pass.
func (s *Stream) WhenSent(f func()) {
	s.gone = f
	s.note()
}

// Sent is how much the kernel has taken of what was written, since the beginning.
func (s *Stream) Sent() uint64 { return s.pushed }

func (s *Stream) stalled() { s.fail(ErrStalled) }
