package loop

import (
	"errors"
	"os"
	"sync/atomic"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

const maxEvents = 256

// poller is a set of descriptors of which the kernel tells what happens.
type poller struct {
	set    *os.File // so that Go's poller waits for the set
	raw    syscall.RawConn
	look   func(fd uintptr) bool // takes what has happened, and reports whether that was something
	glance func(fd uintptr)      // takes it too
	n      int
	err    error
	events [maxEvents]unix.EpollEvent
	until  time.Time // when waiting ends; zero: never
	bell   int       // wakes who waits
	asleep atomic.Bool
}

func newPoller() (*poller, error) {
	fd, err := unix.EpollCreate1(unix.EPOLL_CLOEXEC)
	if err != nil {
		return nil, err
	}
	if err := unix.SetNonblock(fd, true); err != nil { // else os takes it for what cannot be waited for
		_ = unix.Close(fd)
		return nil, err
	}
	p := &poller{set: os.NewFile(uintptr(fd), "epoll")}
	p.look, p.glance = p.take, func(fd uintptr) { p.take(fd) }
	if p.raw, err = p.set.SyscallConn(); err == nil {
		if p.bell, err = unix.Eventfd(0, unix.EFD_CLOEXEC|unix.EFD_NONBLOCK); err == nil {
			err = p.add(p.bell)
		}
	}
	if err != nil {
		_ = p.set.Close()
		return nil, err
	}
	return p, nil
}

func (p *poller) close() {
	_ = p.set.Close()
	_ = unix.Close(p.bell)
}

// add has the kernel tell of a descriptor, once for each change, until it is closed.
func (p *poller) add(fd int) error {
	event := unix.EpollEvent{Events: unix.EPOLLIN | unix.EPOLLOUT | unix.EPOLLRDHUP | unix.EPOLLET, Fd: int32(fd)} //nolint:gosec // descriptors are small
	var err error
	if cerr := p.raw.Control(func(set uintptr) { err = unix.EpollCtl(int(set), unix.EPOLL_CTL_ADD, fd, &event) }); cerr != nil {
		return cerr
	}
	return err
}

// remove is for a descriptor that stays open.
func (p *poller) remove(fd int) {
	_ = p.raw.Control(func(set uintptr) { _ = unix.EpollCtl(int(set), unix.EPOLL_CTL_DEL, fd, nil) })
}

func (p *poller) take(fd uintptr) bool {
	p.n, p.err = epollEvents(int(fd), p.events[:])
	if errors.Is(p.err, unix.EINTR) {
		p.n, p.err = 0, nil
	}
	return p.n != 0 || p.err != nil
}

// now returns what has happened, and does not wait.
func (p *poller) now() ([]unix.EpollEvent, error) {
	if err := p.raw.Control(p.glance); err != nil {
		return nil, err
	}
	return p.events[:max(p.n, 0)], p.err
}

// wait returns what has happened, as soon as that is something; nothing when the time has passed, or when it was woken.
func (p *poller) wait(until time.Time) ([]unix.EpollEvent, error) {
	if !p.until.Equal(until) {
		p.until = until
		if err := p.set.SetReadDeadline(until); err != nil {
			return nil, err
		}
	}
	err := p.raw.Read(p.look)
	if errors.Is(err, os.ErrDeadlineExceeded) {
		p.until = time.Time{}
		return nil, p.set.SetReadDeadline(p.until)
	}
	if err != nil {
		return nil, err
	}
	return p.events[:max(p.n, 0)], p.err
}

// ring wakes who waits, or is about to.
func (p *poller) ring() {
	if p.asleep.CompareAndSwap(true, false) {
		_, _ = unix.Write(p.bell, []byte{1, 0, 0, 0, 0, 0, 0, 0})
	}
}
