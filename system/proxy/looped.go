package proxy

import (
	"cmp"
	"context"
	"fmt"
	"net"
	"net/http"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"github.com/c93d5bcb/sslwizard/steps"
	"github.com/c93d5bcb/sslwizard/system/proxy/record"
)

// loopPlane is the data plane on event loops. What is asked for that the loops do not do is net/http's: of HTTP/1 the
// connection, of HTTP/2 the request.
type loopPlane struct {
	*httpPlane
	server   *Server
	plain    *handoff     // of what goes from a loop to net/http
	aside    http.Handler // of requests that do
	begun    sync.Once
	workers  atomic.Pointer[[]*worker]
	turn     atomic.Uint32
	guests   atomic.Int64
	draining atomic.Bool
	broken   chan error // why a loop has ended by itself
}

func newLoopPlane(s *Server, p *httpPlane) *loopPlane {
	l := &loopPlane{httpPlane: p, server: s, plain: newHandoff(), aside: s.front(true), broken: make(chan error, 1)}
	p.entrance.take = l.takeSecure
	p.servePlain = l.acceptPlain
	p.secure.ConnContext = withTLS
	return l
}

// start starts a loop for each processor.
func (l *loopPlane) start() error {
	var err error
	l.begun.Do(func() {
		var all []*worker
		for range runtime.GOMAXPROCS(0) {
			var w *worker
			if w, err = newWorker(l); err != nil {
				err = fmt.Errorf("cannot start an event loop: %w", err)
				return
			}
			all = append(all, w)
		}
		l.workers.Store(&all)
		for _, w := range all {
			go w.run()
		}
		go func() { _ = l.httpPlane.plain.Serve(l.plain) }()
	})
	return err
}

// all are the loops that were started.
func (l *loopPlane) all() []*worker {
	if all := l.workers.Load(); all != nil {
		return *all
	}
	return nil
}

// Serve implements plane. A loop that has ended by itself is the end of all: what it had is closed, and what has brought
// that about cannot be known. Whoever runs the server starts it anew.
func (l *loopPlane) Serve(plain, secure []net.Listener) error {
	if err := l.start(); err != nil {
		return err
	}
	served := make(chan error, 1)
	go func() { served <- l.httpPlane.Serve(plain, secure) }()
	select {
	case err := <-served:
		return err
	case err := <-l.broken:
		return err
	}
}

// lose is told that a loop has ended by itself.
func (l *loopPlane) lose(err error) {
	l.server.options.Log.Error("the proxy cannot go on", "error", logged(err.Error()))
	select {
	case l.broken <- err:
	default:
	}
}

// acceptPlain takes the connections of a listener without TLS.
func (l *loopPlane) acceptPlain(from net.Listener) error {
	defer from.Close()
	for {
		conn, err := l.entrance.accept(from)
		if err != nil {
			return err
		}
		if !l.take(conn, nil) && !l.plain.give(conn) {
			_ = conn.Close()
		}
	}
}

// takeSecure takes a connection whose handshake is made.
func (l *loopPlane) takeSecure(own *turnedConn) bool {
	secure := own.record.TLS()
	if l.take(own.Conn, own.record) {
		l.end(secure)
		return true
	}
	return l.entrance.give(secure)
}

// take gives a connection to the next loop; false when it cannot be one's.
func (l *loopPlane) take(conn net.Conn, secure *record.Conn) bool {
	counted, ok := conn.(*countedConn)
	if !ok {
		return false
	}
	tcp, ok := counted.Conn.(*net.TCPConn)
	if !ok {
		return false
	}
	one := newCaller(newArrival(counted, secure))
	all := l.all()
	if len(all) == 0 { // a drain came before the start
		return false
	}
	fd, err := takeDescriptor(tcp)
	if err != nil {
		return false
	}
	if secure != nil {
		secure.Detach()
	}
	l.guests.Add(1)
	for range all {
		w := all[l.turn.Add(1)%uint32(len(all))] //nolint:gosec // one for each processor
		if w.loop.Post(func() { w.admit(one, fd) }) {
			return true
		}
	}
	all[0].lose(one, fd)
	return true
}

// giveBack has net/http go on with a connection.
func (l *loopPlane) giveBack(g *guest, fd int, kept []byte) {
	defer l.guests.Add(-1) // until then a drain waits
	conn, err := connOf(fd)
	if err != nil {
		g.leave()
		return
	}
	counted := &countedConn{Conn: conn, leave: g.leave}
	own, to := &handedConn{Conn: counted, kept: kept}, l.plain
	if g.secure != nil {
		g.secure.Attach(counted)
		own.Conn, own.secure, to = g.secure.TLS(), g.secure.TLS(), l.entrance.http1
	}
	l.httpPlane.begin(own)
	if !to.give(own) {
		l.end(own)
		_ = own.Close()
	}
}

// Open implements plane.
func (l *loopPlane) Open() int { return l.httpPlane.Open() + int(l.guests.Load()) }

// Drain implements plane.
func (l *loopPlane) Drain(ctx context.Context) error {
	l.begun.Do(func() {}) // from here on nothing starts
	l.draining.Store(true)
	l.each((*worker).drain)
	l.ebb(ctx) // who was in a handshake has come to a loop
	l.each((*worker).drain)
	err := l.awaitGuests(ctx)
	if err != nil {
		l.each((*worker).cut)
	}
	for _, w := range l.all() {
		w.loop.Post(w.stop)
	}
	l.awaitRequests(ctx) // of what the loops gave back last
	return cmp.Or(l.shut(ctx), err)
}

// awaitGuests waits until no loop has a connection any more.
func (l *loopPlane) awaitGuests(ctx context.Context) error {
	tick := time.NewTicker(requestPoll)
	defer tick.Stop()
	for l.guests.Load() > 0 {
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-tick.C:
		}
	}
	return nil
}

// each has every loop do something.
func (l *loopPlane) each(do func(*worker)) {
	for _, w := range l.all() {
		w.loop.Post(func() { do(w) })
	}
}

// retire closes the idle connections to upstreams that are not in use any more.
func (l *loopPlane) retire() { l.each((*worker).retire) }

// panicked tells of a fault of ours. It has cost one connection.
func (l *loopPlane) panicked(reason any, stack []byte) {
	l.server.options.Log.Error("a connection was ended by a fault of the proxy's", "fault", steps.CleanLine(fmt.Sprint(reason)),
		"at", steps.CleanLine(string(stack)))
}

var _ plane = (*loopPlane)(nil)
