package proxy

import (
	"cmp"
	"context"
	"crypto/rand"
	"crypto/tls"
	"errors"
	"log/slog"
	"net"
	"sync"
	"sync/atomic"
	"time"
)

// Server serves sites. All its methods are safe for concurrent use.
type Server struct {
	options Options
	parent  *tls.Config
	plane   plane
	quic    *quicPlane
	tunnels tunnels
	cuts    *cuts
	random  []byte     // for configurations without a secret
	swap    sync.Mutex // orders Swap
	current atomic.Pointer[table]
}

// plane is the data plane: what takes connections and answers them by the table of the moment. The one of this package
// stands on net/http.
type plane interface {
	// Serve takes connections until Drain; it returns nil after Drain, else why it had to stop.
	Serve(plain, secure []net.Listener) error
	// Stop stops taking connections, and returns when the last one that was taken is known.
	Stop()
	// Drain stops taking connections, answers what was taken, and returns when that is done or the context ends.
	Drain(context.Context) error
	// Open is the number of open connections, without WebSockets.
	Open() int
	// Admit counts a WebSocket that has no connection of its own as one from the address, and returns what uncounts it; nil
	// when there are too many.
	Admit(net.Addr) (leave func())
	// Refused is the number of connections that were closed because there were too many.
	Refused() uint64
}

// New returns a Server that serves no site yet: it refuses every name until the first Swap.
func New(o Options) *Server {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Access == nil {
		o.Access = func(Access) {}
	}
	if o.limits == (limits{}) {
		o.limits = ordinary
	}
	s := &Server{options: o, cuts: newCuts(o.Log), random: []byte(rand.Text())}
	s.parent = s.newParent()
	p := newHTTPPlane(s)
	s.plane, s.quic = p, newQUICPlane(s, p.caps)
	if o.Engine == EngineLoop {
		s.plane = newLoopPlane(s, p)
	}
	s.current.Store(&table{})
	return s
}

// Swap has every request from now on answered by the configuration. It is taken whole or, with an error that names
// every site that is wrong, not at all. Connections and WebSockets stay open.
func (s *Server) Swap(c Config) error {
	s.swap.Lock()
	defer s.swap.Unlock()
	before := s.table()
	next, err := s.compile(c, before)
	if err != nil {
		return err
	}
	next.generation = before.generation + 1
	s.current.Store(next)
	before.retire(next)
	if loops, ok := s.plane.(*loopPlane); ok {
		loops.retire()
	}
	return nil
}

// Check says whether Swap would take the configuration, and changes nothing.
func (s *Server) Check(c Config) error {
	_, err := s.compile(c, s.table())
	return err
}

// Serve takes connections from the listeners, plain HTTP from the first, TLS from the second, until Shutdown. It
// closes them.
func (s *Server) Serve(plain, secure []net.Listener) error { return s.plane.Serve(plain, secure) }

// ServeHTTP3 takes QUIC connections from sockets of UDP for the sites that have HTTP/3, until Stop or Shutdown. It does
// not close them.
func (s *Server) ServeHTTP3(sockets []net.PacketConn) error { return s.quic.Serve(sockets) }

// Stop stops taking connections: when it returns, whoever has the same sockets takes all of them. What was taken goes on,
// but for HTTP/3: there requests under way get a moment.
func (s *Server) Stop() {
	var both sync.WaitGroup
	both.Go(s.plane.Stop)
	both.Go(s.quic.Stop)
	both.Wait()
}

// Shutdown stops taking connections and waits until requests are answered and WebSockets have closed. When the context
// ends before that, the open WebSockets get a close frame 1001 (going away, RFC 6455 section 7.4.1) and what is left
// is cut; the error is then the context's.
func (s *Server) Shutdown(ctx context.Context) error {
	hold, release := context.WithCancelCause(context.WithoutCancel(ctx)) // a WebSocket over HTTP/2 has to get its close frame
	defer release(nil)
	drained := make(chan error, 1)
	go func() { drained <- s.drainPlanes(hold, ctx) }()
	select {
	case err := <-drained:
		return cmp.Or(s.drainSockets(ctx), err)
	case <-ctx.Done():
	}
	err := s.drainSockets(ctx)
	if err != nil { // the last frames of those over HTTP/2 are on their way
		rest := time.AfterFunc(closeGrace, func() { release(context.Cause(ctx)) })
		defer rest.Stop()
	} else {
		release(context.Cause(ctx))
	}
	if <-drained != nil {
		return context.Cause(ctx)
	}
	return err
}

// drainPlanes drains what stands on TCP until one context ends, and what stands on QUIC, which sees to its WebSockets by
// itself, until the other does.
func (s *Server) drainPlanes(tcp, quic context.Context) error {
	var err, quicErr error
	var both sync.WaitGroup
	both.Go(func() { err = s.plane.Drain(tcp) })
	both.Go(func() { quicErr = s.quic.Drain(quic) })
	both.Wait()
	return errors.Join(err, quicErr)
}

// drainSockets waits for the WebSockets.
func (s *Server) drainSockets(ctx context.Context) error {
	cut := s.tunnels.drain(ctx)
	if cut == 0 {
		return nil
	}
	s.options.Log.Warn("open WebSockets were closed at the end of the drain time", faultCut.attributes("count", cut)...)
	return context.Cause(ctx)
}

// Status reports what the server is doing.
func (s *Server) Status() Status {
	t := s.table()
	status := Status{
		Generation: t.generation, Connections: s.plane.Open() + s.quic.Open(),
		WebSockets: s.tunnels.count() + s.quic.tunnels.count(), Refused: s.plane.Refused(),
		Cut: s.cuts.counts(), Leaves: make(map[string]string, len(t.sites)), Expires: make(map[string]time.Time, len(t.sites)),
	}
	for _, one := range t.sites {
		status.Leaves[one.Name], status.Expires[one.Name] = one.leaf, one.ends
		for _, to := range one.upstreams.members {
			status.Upstreams = append(status.Upstreams, to.status(one.Name))
		}
	}
	return status
}

func (s *Server) secret(c Config) []byte {
	if len(c.Secret) > 0 {
		return c.Secret
	}
	return s.random
}

func (s *Server) table() *table { return s.current.Load() }
