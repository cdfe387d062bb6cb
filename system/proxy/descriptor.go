package proxy

import (
	"errors"
	"net"
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

var errNoDescriptor = errors.New("the connection has no descriptor")

// takeDescriptor takes the descriptor out of a connection, which is closed: only the descriptor holds it open then.
func takeDescriptor(c net.Conn) (int, error) {
	raw, ok := c.(syscall.Conn)
	if !ok {
		return 0, errNoDescriptor
	}
	control, err := raw.SyscallConn()
	if err != nil {
		return 0, err
	}
	var fd int
	var dupErr error
	if err := control.Control(func(own uintptr) { fd, dupErr = unix.FcntlInt(own, unix.F_DUPFD_CLOEXEC, 0) }); err != nil {
		return 0, err
	}
	if dupErr != nil {
		return 0, os.NewSyscallError("fcntl", dupErr)
	}
	_ = c.Close()
	return fd, nil
}

// connOf is the other way: a connection of the descriptor, which is the connection's then.
func connOf(fd int) (net.Conn, error) {
	f := os.NewFile(uintptr(fd), "connection") //nolint:gosec // it is no negative number
	defer f.Close()
	return net.FileConn(f)
}
