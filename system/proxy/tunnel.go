package proxy

import (
	"bufio"
	"context"
	"io"
	"net"
	"sync"
	"sync/atomic"
	"time"
)

// closeGoingAway is the close code of a server that goes away (RFC 6455 section 7.4.1).
const closeGoingAway = 1001

// Time that a peer has to answer a close frame, and to end after the other side has.
const (
	closeGrace  = time.Second
	lingerGrace = 5 * time.Second
)

// tunnels are the open WebSockets.
type tunnels struct {
	mu   sync.Mutex
	open map[tunneled]bool
	gone chan struct{} // closed when the last one ends; nil when nobody waits
}

// tunneled is a WebSocket, on whatever data plane.
type tunneled interface {
	// goAway has both sides told to go away, and cuts what is left of them.
	goAway()
}

// enter counts a WebSocket.
func (t *tunnels) enter(one tunneled) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.open == nil {
		t.open = map[tunneled]bool{}
	}
	t.open[one] = true
}

// leave is told when it has ended.
func (t *tunnels) leave(one tunneled) {
	t.mu.Lock()
	defer t.mu.Unlock()
	delete(t.open, one)
	if len(t.open) == 0 && t.gone != nil {
		close(t.gone)
		t.gone = nil
	}
}

// tunnel is a WebSocket: bytes go both ways as they come, and the proxy only follows where frames end.
type tunnel struct {
	owner    *tunnels
	idle     time.Duration
	last     atomic.Int64 // when anything came from either side, Unix nanoseconds
	timer    *time.Timer
	client   net.Conn
	in       *bufio.Reader // what net/http had read of the client already
	backend  io.ReadWriteCloser
	toClient lane
	toServer lane
	ended    sync.Once
	count    *atomic.Int64
}

func (t *tunnels) make(x *exchange, backend io.ReadWriteCloser) *tunnel {
	one := &tunnel{owner: t, idle: x.site.WebSockets.Idle, backend: backend, count: &x.bytes}
	one.toServer = lane{out: backend, masked: true}
	return one
}

// open begins the tunnel over the client's connection.
func (t *tunnel) open(client net.Conn, in *bufio.Reader) {
	t.client, t.in = client, in
	t.toClient = lane{out: client}
	t.touch()
	t.owner.enter(t)
	if t.idle > 0 {
		t.timer = time.AfterFunc(t.idle, t.checkIdle)
	}
}

func (t *tunnel) touch() { t.last.Store(time.Now().UnixNano()) }

// checkIdle ends a socket on which nothing came from either side for the idle time, and looks again later otherwise.
func (t *tunnel) checkIdle() {
	if rest := t.idle - time.Since(time.Unix(0, t.last.Load())); rest > 0 {
		t.timer.Reset(rest)
		return
	}
	t.goAway()
}

// goAway sends both sides a close frame as soon as a frame ends, gives them a moment to answer, and cuts.
func (t *tunnel) goAway() {
	_ = t.client.SetWriteDeadline(time.Now().Add(closeGrace))
	time.AfterFunc(closeGrace, t.cut)
	go t.toServer.close()
	t.toClient.close()
}

// cut ends both sides at once.
func (t *tunnel) cut() {
	_ = t.client.Close()
	_ = t.backend.Close()
}

func (t *tunnel) end() {
	t.ended.Do(func() {
		if t.timer != nil {
			t.timer.Stop()
		}
		t.owner.leave(t)
	})
}

func (t *tunnels) count() int {
	t.mu.Lock()
	defer t.mu.Unlock()
	return len(t.open)
}

// drain waits until every socket has closed. When the context ends first, the rest is told to go away and cut; it
// returns how many those were.
func (t *tunnels) drain(ctx context.Context) int {
	left, gone := t.wait()
	if len(left) == 0 {
		return 0
	}
	select {
	case <-gone:
		return 0
	case <-ctx.Done():
	}
	left, gone = t.wait()
	for _, one := range left {
		go one.goAway()
	}
	if len(left) > 0 {
		select {
		case <-gone:
		case <-time.After(2 * closeGrace): // goAway cuts after one; this is for a scheduler that is late
		}
	}
	return len(left)
}

// wait returns the open sockets and what tells when the last has ended.
func (t *tunnels) wait() ([]tunneled, <-chan struct{}) {
	t.mu.Lock()
	defer t.mu.Unlock()
	left := make([]tunneled, 0, len(t.open))
	for one := range t.open {
		left = append(left, one)
	}
	if t.gone == nil {
		t.gone = make(chan struct{})
	}
	return left, t.gone
}

// clientSide and backendSide are the ends as the forwarder copies between them.
func (t *tunnel) clientSide() net.Conn            { return &clientSide{t.client, t} }
func (t *tunnel) backendSide() io.ReadWriteCloser { return &backendSide{t} }

type clientSide struct {
	net.Conn
	t *tunnel
}

func (c *clientSide) Read(p []byte) (int, error) {
	if n := c.t.in.Buffered(); n > 0 {
		return c.t.in.Read(p[:min(n, len(p))])
	}
	n, err := c.Conn.Read(p)
	c.t.touch()
	return n, err
}

func (c *clientSide) Write(p []byte) (int, error) {
	n, err := c.t.toClient.Write(p)
	c.t.count.Add(int64(n))
	return n, err
}

// CloseWrite says to the client that the upstream has ended, and leaves it a moment to end too.
func (c *clientSide) CloseWrite() error {
	time.AfterFunc(lingerGrace, c.t.cut)
	if half, ok := c.Conn.(interface{ CloseWrite() error }); ok {
		return half.CloseWrite()
	}
	return io.EOF
}

func (c *clientSide) Close() error {
	defer c.t.end()
	return c.Conn.Close()
}

type backendSide struct{ t *tunnel }

func (b *backendSide) Read(p []byte) (int, error) {
	n, err := b.t.backend.Read(p)
	b.t.touch()
	return n, err
}

func (b *backendSide) Write(p []byte) (int, error) { return b.t.toServer.Write(p) }

// CloseWrite says to the upstream that the client has ended, and leaves it a moment to end too.
func (b *backendSide) CloseWrite() error {
	time.AfterFunc(lingerGrace, b.t.cut)
	if half, ok := b.t.backend.(interface{ CloseWrite() error }); ok {
		return half.CloseWrite()
	}
	return io.EOF
}

func (b *backendSide) Close() error { return b.t.backend.Close() }

// lane is one direction of a tunnel. After its close frame it takes bytes and drops them, so that both sides can end
// in order instead of seeing a reset.
type lane struct {
	mu      sync.Mutex
	out     io.Writer
	masked  bool
	frames  frames
	closing atomic.Bool
	closed  bool
}

// Write passes the bytes on.
func (l *lane) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for rest := p; len(rest) > 0 && !l.closed; {
		n := l.frames.follow(rest)
		if !l.closing.Load() { // the usual case: pass it in one write
			for n < len(rest) {
				n += l.frames.follow(rest[n:])
			}
		}
		if _, err := l.out.Write(rest[:n]); err != nil {
			return len(p) - len(rest), err
		}
		rest = rest[n:]
		l.closeBetween()
	}
	return len(p), nil
}

// close has the close frame sent as soon as a frame ends.
func (l *lane) close() {
	l.closing.Store(true)
	l.mu.Lock()
	defer l.mu.Unlock()
	l.closeBetween()
}

func (l *lane) closeBetween() {
	if l.closed || !l.closing.Load() || !l.frames.between() {
		return
	}
	l.closed = true
	_, _ = l.out.Write(closeFrame(closeGoingAway, l.masked)) // if it has gone already, its reader sees that
}
