package proxy

import (
	"net"

	"golang.org/x/sys/unix"
)

// unsentBytes is how much of an answer the kernel may hold that it has not sent. Left alone it takes megabytes, and then
// nothing for as long as a slow client needs for those: who is slow would look like who is gone. Twice what the forwarder
// writes at once keeps a fast client busy.
const unsentBytes = 2 * bufferSize

// holdLittle has the kernel keep to that. Where it does not know how, it goes on as it is.
func holdLittle(conn net.Conn) {
	tcp, ok := conn.(*net.TCPConn)
	if !ok {
		return
	}
	if raw, err := tcp.SyscallConn(); err == nil {
		_ = raw.Control(func(fd uintptr) {
			_ = unix.SetsockoptInt(int(fd), unix.IPPROTO_TCP, unix.TCP_NOTSENT_LOWAT, unsentBytes)
		})
	}
}
