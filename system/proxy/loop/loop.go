package loop

import (
	"fmt"
	"runtime/debug"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

const (
	readSize = 64 << 10 // what is read at once: several records, and most of what a socket holds
	roomSize = 32 << 10 // what a room for writing has when it is new
	maxRooms = 64       // that wait for their next use
	mostRoom = 256 << 10
)

// Loop is one goroutine and its streams. But for Post and Stop, everything is for the functions that it calls.
type Loop struct {
	poll   *poller
	wheel  *wheel
	now    time.Time
	failed func(reason any, stack []byte)

	mu     sync.Mutex
	posted []call
	ended  bool // nobody runs it any more
	spare  []call

	byFD     []*Stream
	open     int
	stopping bool
	ready    []*Stream // have something to do in this turn
	coming   []*Stream // in the next one
	written  []*Stream // have something to send
	closed   []int     // descriptors: while events of this turn may still name them, they are not to be given to others
	after    []call
	later    []call // room for those of the next turn
	raw      []byte
	plain    []byte
	rooms    Rooms // for writing
}

// call is a function to be called. When it panics, the stream whose it is is closed.
type call struct {
	of *Stream // nil: nobody's
	f  func()
}

// New returns a loop, which Run runs. What panics in it is told to failed; the stream that it happened to is closed.
func New(failed func(reason any, stack []byte)) (*Loop, error) {
	poll, err := newPoller()
	if err != nil {
		return nil, err
	}
	now := time.Now()
	return &Loop{poll: poll, rooms: Rooms{New: roomSize, Most: mostRoom, Spare: maxRooms}, wheel: newWheel(now), now: now, failed: failed, raw: make([]byte, readSize), plain: make([]byte, readSize)}, nil
}

// Now is when the turn began.
func (l *Loop) Now() time.Time { return l.now }

// Timer is one of the loop's. It must not be copied once it is set.
func (l *Loop) Timer(call func()) Timer { return l.wheel.timer(call) }

// Post has the loop call f; false when it has ended. It may be called by anybody.
func (l *Loop) Post(f func()) bool { return l.post(call{nil, f}) }

func (l *Loop) post(one call) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.ended {
		return false
	}
	l.posted = append(l.posted, one)
	l.poll.ring()
	return true
}

// Stop has Run return when the last stream is closed. It may be called by anybody.
func (l *Loop) Stop() { l.Post(func() { l.stopping = true }) }

// After calls f at the end of the turn, when what was written is sent.
func (l *Loop) After(f func()) { l.after = append(l.after, call{nil, f}) }

// Run turns until Stop. With an error it has ended by itself: its streams are closed, and each is told so by Done.
func (l *Loop) Run() (err error) {
	defer l.end()
	defer func() {
		if reason := recover(); reason != nil { // a fault of the loop's own, not of one of its streams
			l.failed(reason, debug.Stack())
			err = fmt.Errorf("the loop has met a fault of its own: %v", reason)
		}
	}()
	for {
		events, err := l.wait()
		if err != nil {
			return err
		}
		l.now = time.Now()
		l.turn(events)
		if l.stopping && l.open == 0 && l.over() {
			return nil
		}
	}
}

// over ends the taking of posts, if there is none left.
func (l *Loop) over() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.ended = len(l.posted) == 0
	return l.ended
}

// end closes everything, and has whoever has posted something find that out.
func (l *Loop) end() {
	l.mu.Lock()
	l.ended = true
	l.mu.Unlock()
	l.poll.close()
	for _, s := range l.byFD {
		if s != nil {
			l.guard(call{nil, s.Close})
		}
	}
	for _, one := range l.takePosted() {
		l.guard(one)
	}
	l.closeAll()
}

// wait returns what has happened; at once when there is something to do without that.
func (l *Loop) wait() ([]unix.EpollEvent, error) {
	if len(l.coming) > 0 || len(l.after) > 0 {
		return l.poll.now()
	}
	l.poll.asleep.Store(true)
	defer l.poll.asleep.Store(false)
	if l.hasPosts() {
		return l.poll.now()
	}
	until, _ := l.wheel.soonest()
	if !l.hasTimers() {
		until = time.Time{}
	}
	return l.poll.wait(until)
}

func (l *Loop) hasTimers() bool {
	_, some := l.wheel.soonest()
	return some
}

func (l *Loop) hasPosts() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.posted) > 0
}

func (l *Loop) turn(events []unix.EpollEvent) {
	l.ready, l.coming = l.coming, l.ready[:0]
	for i := range events {
		l.note(&events[i])
	}
	for _, one := range l.takePosted() {
		l.guard(one)
	}
	for i := 0; i < len(l.ready); i++ { // it may grow
		s := l.ready[i]
		s.queued = false
		l.work(s)
	}
	clear(l.ready)
	l.ready = l.ready[:0]
	l.advance()
	l.send()
	after := l.after
	l.after, l.later = l.later, nil
	for _, one := range after {
		l.guard(one)
	}
	clear(after)
	l.later = after[:0]
	l.send()
	l.closeAll()
}

func (l *Loop) closeAll() {
	for _, fd := range l.closed {
		_ = unix.Close(fd)
	}
	l.closed = l.closed[:0]
}

// note remembers for a stream what has happened.
func (l *Loop) note(event *unix.EpollEvent) {
	fd := int(event.Fd)
	if fd == l.poll.bell {
		var count [8]byte
		_, _ = unix.Read(fd, count[:])
		return
	}
	if fd >= len(l.byFD) || l.byFD[fd] == nil {
		return
	}
	s := l.byFD[fd]
	const broken = unix.EPOLLERR | unix.EPOLLHUP
	if event.Events&(unix.EPOLLIN|unix.EPOLLRDHUP|broken) != 0 {
		s.readable = true
		s.ending = s.ending || event.Events&(unix.EPOLLRDHUP|broken) != 0
	}
	if event.Events&(unix.EPOLLOUT|broken) != 0 {
		s.writable = true
	}
	if !s.queued {
		s.queued = true
		l.ready = append(l.ready, s)
	}
}

func (l *Loop) takePosted() []call {
	l.mu.Lock()
	defer l.mu.Unlock()
	clear(l.spare)
	l.spare, l.posted = l.posted, l.spare[:0]
	return l.spare
}

// send sends what was written in this turn.
func (l *Loop) send() {
	for i := 0; i < len(l.written); i++ { // it may grow
		s := l.written[i]
		s.noted = false
		l.flush(s)
	}
	clear(l.written)
	l.written = l.written[:0]
}

// A fault of ours must not end the others' connections: what panics is caught around each of these.

func (l *Loop) guard(one call) {
	defer l.rescue(one.of)
	one.f()
}

func (l *Loop) work(s *Stream) {
	defer l.rescue(s)
	s.work()
}

func (l *Loop) flush(s *Stream) {
	defer l.rescue(s)
	s.flush()
}

func (l *Loop) advance() {
	defer func() {
		if reason := recover(); reason != nil {
			l.fault(reason, l.wheel.calling)
			l.wheel.calling = nil
		}
	}()
	l.wheel.advance(l.now)
}

// rescue is deferred.
func (l *Loop) rescue(s *Stream) {
	if reason := recover(); reason != nil {
		l.fault(reason, s)
	}
}

// fault tells of what has panicked, and ends the stream that it happened to: its owner is told first, so that it may have
// something to say.
func (l *Loop) fault(reason any, s *Stream) {
	l.failed(reason, debug.Stack())
	if s == nil || s.closed {
		return
	}
	finishing := s.finishing
	l.guard(call{nil, func() { s.end(ErrFault) }})
	if finishing || !s.finishing { // else its last words are on their way
		l.guard(call{nil, s.Close})
	}
}
