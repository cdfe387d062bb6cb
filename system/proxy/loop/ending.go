package loop

import (
	"time"

	"golang.org/x/sys/unix"
)

// How a stream ends.

// end tells the handler, once, that nothing comes any more.
func (s *Stream) end(err error) {
	if s.over || s.closed {
		return
	}
	s.over, s.undrained = true, false
	switch {
	case !s.finishing:
		s.handler.Ended(err)
	case s.Pending() == 0:
		s.Close()
	}
}

// fail tells the handler, once, that the connection is broken.
func (s *Stream) fail(err error) {
	switch {
	case s.closed:
		return
	case s.finishing: // also when it failed before
		s.Close()
		return
	case s.failed:
		return
	}
	s.failed, s.over, s.undrained = true, true, false
	s.handler.Ended(err)
}

// Times of an end.
const (
	lingerTime = 500 * time.Millisecond
	finishTime = 5 * time.Second // to take the last words, for who has no Stall
)

// Finish sends what was written, says that there is no more, and closes. With linger it waits for a moment until the other
// side closes too: what that sent and nobody reads would make a reset of the end, which takes away what was sent before.
func (s *Stream) Finish(linger bool) {
	if s.Closed() {
		return
	}
	if s.failed { // nothing goes any more, and nobody would tell
		s.Close()
		return
	}
	s.finishing, s.lingering = true, linger || len(s.kept) > 0
	s.kept = nil
	if s.secure != nil {
		s.encrypt()
		if len(s.secure.Out()) == 0 {
			s.secure.Room(s.loop.rooms.Take())
		}
		_ = s.secure.CloseWrite()
	}
	if s.Stall == nil {
		s.Stall = func(int) time.Duration { return finishTime }
	}
	s.note()
}

// finished is called when all is sent.
func (s *Stream) finished() {
	if !s.lingering || s.over {
		s.Close()
		return
	}
	if s.waiting {
		return
	}
	s.waiting = true
	_ = unix.Shutdown(s.fd, unix.SHUT_WR)
	s.slow.Set(s.loop.now.Add(lingerTime))
	s.Resume()
}

// Close closes at once.
func (s *Stream) Close() {
	if s.closed {
		return
	}
	s.detach()
	s.loop.closed = append(s.loop.closed, s.fd)
	s.freeOut()
	if s.secure != nil {
		s.loop.rooms.Give(s.secure.Sent(len(s.secure.Out())))
	}
	if s.Done != nil {
		s.Done()
	}
}

// Cut closes at once behind what can be sent at once, without saying that this is the end.
func (s *Stream) Cut() {
	s.flush()
	s.Close()
}

// detach takes it out of the loop.
func (s *Stream) detach() {
	s.closed = true
	s.slow.Free()
	s.loop.byFD[s.fd] = nil
	s.loop.open--
	s.kept = nil
}

// Release gives the descriptor away, with what has come and was not taken. TLS may have more of that. All that was written
// has to be sent.
func (s *Stream) Release() (fd int, kept []byte) {
	kept = s.kept
	if s.secure != nil {
		s.secure.Keep()
	}
	s.freeOut()
	s.loop.poll.remove(s.fd)
	s.detach()
	return s.fd, kept
}

// CloseWrite sends what was written, and says that there is no more. What comes still comes.
func (s *Stream) CloseWrite() {
	if s.Closed() {
		return
	}
	if s.secure != nil {
		s.encrypt()
		if len(s.secure.Out()) == 0 {
			s.secure.Room(s.loop.rooms.Take())
		}
		_ = s.secure.CloseWrite()
	}
	s.shutting = true
	s.note()
}
