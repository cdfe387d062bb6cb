package proxy

import (
	"io"
	"log/slog"
	"net"
	"net/netip"
	"sync"
	"syscall"
	"time"
)

// Limits of open connections, WebSockets included.
const (
	maxOfAddress = 2048
	maxAll       = 50_000
	reserved     = 64              // beyond maxAll for this machine: its watchdog must get through
	files        = 256             // that are open besides
	refusalPause = 1 * time.Minute // between two lines in the log
)

// caps holds the number of open connections below what the process can bear, in all and of one address, so that one
// client cannot keep out the others.
type caps struct {
	log       *slog.Logger
	shared    func(netip.Addr) bool // many clients may come from there
	all       int                   // how many there may be
	ofAddress int
	mu        sync.Mutex
	open      int
	of        map[netip.Prefix]int
	refused   uint64
	told      time.Time // when the log last told of refusals
}

func newCaps(log *slog.Logger, shared func(netip.Addr) bool) *caps {
	return &caps{log: log, shared: shared, all: bearable(), ofAddress: maxOfAddress, of: map[netip.Prefix]int{}}
}

// bearable is how many connections the open files suffice for: each may need one to its upstream too.
func bearable() int {
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil || limit.Cur >= 2*maxAll+files {
		return maxAll
	}
	return max((int(limit.Cur)-files)/2, reserved)
}

// admit counts a new connection and returns it as one that is uncounted when it is closed, or nil.
func (c *caps) admit(conn net.Conn) net.Conn {
	leave := c.enter(conn.RemoteAddr())
	if leave == nil {
		return nil
	}
	return &countedConn{Conn: conn, leave: leave}
}

// enter counts a connection from an address and returns what uncounts it, or nil when there are too many.
func (c *caps) enter(remote net.Addr) (leave func()) {
	from, addr := client(remote), addressOf(remote)
	c.mu.Lock()
	defer c.mu.Unlock()
	most := c.all
	if addr.IsLoopback() {
		most += reserved
	}
	if c.open >= most || c.of[from] >= c.ofAddress && !c.shared(addr) {
		c.refuse(from)
		return nil
	}
	c.open++
	c.of[from]++
	return sync.OnceFunc(func() { c.leave(from) })
}

func (c *caps) leave(from netip.Prefix) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.open--
	if c.of[from]--; c.of[from] == 0 {
		delete(c.of, from)
	}
}

func (c *caps) refuse(from netip.Prefix) {
	c.refused++
	if now := time.Now(); now.Sub(c.told) > refusalPause {
		c.told = now
		c.log.Warn("too many connections: new ones are closed", "address", from, "open", c.open, "of the address", c.of[from],
			"refused so far", c.refused)
	}
}

func (c *caps) refusals() uint64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.refused
}

// client is who a connection is counted for: an address of IPv4, a network of IPv6 as one customer gets it.
func client(remote net.Addr) netip.Prefix {
	addr := addressOf(remote)
	if !addr.IsValid() {
		return netip.Prefix{}
	}
	bits := addr.BitLen()
	if addr.Is6() {
		bits = 64
	}
	prefix, _ := addr.Prefix(bits)
	return prefix
}

// addressOf is an address of the network without its port and zone, invalid for anything else.
func addressOf(a net.Addr) netip.Addr {
	switch a := a.(type) {
	case *net.TCPAddr:
		return a.AddrPort().Addr().Unmap().WithZone("")
	case *net.UDPAddr:
		return a.AddrPort().Addr().Unmap().WithZone("")
	}
	return netip.Addr{}
}

// countedConn is a connection that was admitted.
type countedConn struct {
	net.Conn
	leave func()
}

// Close implements net.Conn.
func (c *countedConn) Close() error {
	defer c.leave()
	return c.Conn.Close()
}

// CloseWrite is what net/http does before it closes a connection of which it has not read all, and what tunnels do.
func (c *countedConn) CloseWrite() error {
	if half, ok := c.Conn.(interface{ CloseWrite() error }); ok {
		return half.CloseWrite()
	}
	return io.EOF
}
