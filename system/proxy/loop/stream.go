package loop

import (
	"errors"
	"io"
	"os"
	"time"

	"golang.org/x/sys/unix"

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

// Pause has nothing come until Resume.
func (s *Stream) Pause() { s.paused = true }

// Resume ends a pause.
func (s *Stream) Resume() {
	if s.paused {
		s.paused = false
		s.queue()
	}
}

// Kept is how much has come that was not taken.
func (s *Stream) Kept() int { return len(s.kept) }

// Closed reports whether it is, or is about to be: nothing can be written any more.
func (s *Stream) Closed() bool { return s.closed || s.finishing }

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
	n, err := unix.Read(s.fd, s.loop.raw)
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

func (s *Stream) stalled() { s.fail(ErrStalled) }

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
		w, err := unix.Write(s.fd, p[n:])
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

// WhenSent calls f at the end of a turn, when all that was written is sent; never, if that does not come to pass.
func (s *Stream) WhenSent(f func()) {
	s.gone = f
	s.note()
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

// Sent is how much the kernel has taken of what was written, since the beginning.
func (s *Stream) Sent() uint64 { return s.pushed }
