package proxy

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/quic-go/quic-go"
	"github.com/quic-go/quic-go/http3"
)

// Limits of QUIC connections; what is not here is as for the others.
const (
	quicIdle      = 30 * time.Second       // without a packet: the client has gone and could not say so
	quicAlive     = 10 * time.Second       // how often a client is asked for a sign of life
	quicHandshake = 5 * time.Second        // for one packet of a handshake; the whole may take twice that
	maxControl    = 8                      // streams of one direction; HTTP/3 needs three
	maxWindow     = 4 << 20                // what a client may have sent of which nothing was read yet
	unproven      = 64                     // handshakes under way beyond which an address has to prove itself first (RFC 9000 section 8.1.2)
	quicGoodbye   = 100 * time.Millisecond // from the last request until connections are ended
	quicGrace     = time.Second            // for requests under way when another program takes the sockets over
)

// quicPlane is the data plane of HTTP/3: QUIC connections (RFC 9000) whose requests are answered as all others are.
type quicPlane struct {
	server  *http3.Server
	config  *tls.Config
	handler http.Handler
	caps    *caps
	key     [32]byte
	open    atomic.Int64
	asking  atomic.Int64 // requests under way
	shaking atomic.Int64 // handshakes under way
	idle    time.Duration
	tunnels tunnels // WebSockets, which end with their connection

	mu    sync.Mutex
	ended bool
	ways  []way
}

// way is a socket that is served.
type way struct {
	transport *quic.Transport
	listener  *quic.Listener
}

func newQUICPlane(s *Server, c *caps) *quicPlane {
	p := &quicPlane{config: s.quicParent(), handler: s.front(true), caps: c, key: s.options.Key, idle: s.options.limits.idle}
	if p.key == [32]byte{} {
		_, _ = rand.Read(p.key[:])
	}
	p.server = &http3.Server{Handler: p, MaxHeaderBytes: maxHeader, ConnContext: p.shaken}
	return p
}

// Serve takes connections from the sockets until Drain; it returns nil after Drain, else why it had to stop.
func (p *quicPlane) Serve(sockets []net.PacketConn) error {
	failed := make(chan error, len(sockets))
	for _, socket := range sockets {
		listener, err := p.listen(socket)
		if err != nil {
			return err
		}
		go func() { failed <- p.server.ServeListener(listener) }()
	}
	for range sockets {
		if err := <-failed; !errors.Is(err, http.ErrServerClosed) {
			return err
		}
	}
	return nil
}

func (p *quicPlane) listen(socket net.PacketConn) (*quic.Listener, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.ended {
		return nil, http.ErrServerClosed
	}
	reset, tokens := quic.StatelessResetKey(p.derived("reset")), quic.TokenGeneratorKey(p.derived("token"))
	transport := &quic.Transport{
		Conn:                socket,
		ConnectionIDLength:  8,
		StatelessResetKey:   &reset,
		TokenGeneratorKey:   &tokens,
		VerifySourceAddress: func(net.Addr) bool { return p.shaking.Load() >= unproven },
		ConnContext:         p.admit,
	}
	// Not "early": a request of 0-RTT can be repeated by whoever has recorded it (RFC 9001 section 9.2).
	listener, err := transport.Listen(p.config, &quic.Config{
		HandshakeIdleTimeout:       quicHandshake,
		MaxIdleTimeout:             quicIdle,
		KeepAlivePeriod:            quicAlive, // a request may be silent for longer
		MaxIncomingStreams:         maxStreams,
		MaxIncomingUniStreams:      maxControl,
		MaxStreamReceiveWindow:     maxWindow / 2,
		MaxConnectionReceiveWindow: maxWindow,
	})
	if err != nil {
		return nil, err
	}
	p.ways = append(p.ways, way{transport, listener})
	return listener, nil
}

// derived is a key of its own for each use.
func (p *quicPlane) derived(use string) (key [32]byte) {
	mac := hmac.New(sha256.New, p.key[:])
	mac.Write([]byte("sslwizard quic " + use))
	mac.Sum(key[:0])
	return key
}

// quicConn is a connection as far as it is counted: QUIC keeps it alive, so what has no request has to be ended here.
type quicConn struct {
	within time.Duration // it has to ask for something
	shaken func()
	mu     sync.Mutex
	asking int         // requests under way
	idle   *time.Timer // runs while there is none; nil before the end of the handshake
}

type quicConnKey struct{}

var errTooMany = errors.New("too many connections")

// admit counts a connection from its first packet on; the context ends with it.
func (p *quicPlane) admit(ctx context.Context, from *quic.ClientInfo) (context.Context, error) {
	leave := p.caps.enter(from.RemoteAddr)
	if leave == nil {
		return nil, errTooMany
	}
	p.open.Add(1)
	p.shaking.Add(1)
	c := &quicConn{within: p.idle, shaken: sync.OnceFunc(func() { p.shaking.Add(-1) })}
	context.AfterFunc(ctx, func() {
		leave()
		c.shaken()
		p.open.Add(-1)
	})
	return context.WithValue(ctx, quicConnKey{}, c), nil
}

// shaken notes that the handshake is done.
func (p *quicPlane) shaken(ctx context.Context, conn *quic.Conn) context.Context {
	c, _ := ctx.Value(quicConnKey{}).(*quicConn)
	c.shaken()
	c.mu.Lock()
	defer c.mu.Unlock()
	c.idle = time.AfterFunc(p.idle, func() {
		_ = conn.CloseWithError(quic.ApplicationErrorCode(http3.ErrCodeNoError), "")
	})
	context.AfterFunc(ctx, func() { c.idle.Stop() })
	return ctx
}

func (c *quicConn) begin() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.asking++
	c.idle.Stop()
}

func (c *quicConn) end() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.asking--; c.asking == 0 {
		c.idle.Reset(c.within)
	}
}

// ServeHTTP implements http.Handler.
func (p *quicPlane) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	c, _ := r.Context().Value(quicConnKey{}).(*quicConn)
	p.asking.Add(1)
	defer p.asking.Add(-1)
	c.begin()
	defer c.end()
	findBody(w, r)
	p.handler.ServeHTTP(w, r)
}

// findBody looks whether a request that usually has no body has one: in HTTP/3 only the end of the stream says so, and
// an application would be asked with an empty body of unknown length.
func findBody(w http.ResponseWriter, r *http.Request) {
	switch r.Method {
	case http.MethodGet, http.MethodHead, http.MethodOptions, http.MethodDelete:
	default:
		return
	}
	if r.ContentLength >= 0 {
		return
	}
	control := http.NewResponseController(w)
	_ = control.SetReadDeadline(time.Now().Add(ordinary.header))
	first := make([]byte, 1)
	n, err := io.ReadFull(r.Body, first)
	_ = control.SetReadDeadline(time.Time{})
	switch {
	case n == 1:
		r.Body = begunBody{io.MultiReader(bytes.NewReader(first), r.Body), r.Body}
	case err == io.EOF:
		r.Body, r.ContentLength = http.NoBody, 0
	default:
		panic(http.ErrAbortHandler)
	}
}

// tunnels are where the WebSockets are kept that are like this one.
func (x *exchange) tunnels() *tunnels {
	if x.in.ProtoMajor >= 3 {
		return &x.server.quic.tunnels
	}
	return &x.server.tunnels
}

// begunBody is a body of which the beginning was read.
type begunBody struct {
	io.Reader
	io.Closer
}

// Open is the number of open connections.
func (p *quicPlane) Open() int { return int(p.open.Load()) }

// Drain refuses new connections and requests, answers those under way until the context ends, says goodbye and leaves the
// sockets alone: from then on whoever has them too gets every packet.
func (p *quicPlane) Drain(ctx context.Context) error {
	p.mu.Lock()
	p.ended = true
	ways := p.ways
	p.ways = nil
	p.mu.Unlock()
	for _, w := range ways {
		_ = w.listener.Close()
	}
	err := p.shutdown(ctx)
	for _, w := range ways {
		_ = w.transport.Close()
	}
	return err
}

// shutdown answers the requests under way. WebSockets that are open at the end of the context get their close frame.
func (p *quicPlane) shutdown(ctx context.Context) error {
	last, cut := context.WithCancel(context.Background())
	defer cut()
	ended := make(chan error, 1)
	go func() { ended <- p.server.Shutdown(last) }()
	var err error
	tick := time.NewTicker(requestPoll)
	defer tick.Stop()
	for quiet := time.Duration(0); quiet < quicGoodbye && err == nil; quiet += requestPoll {
		if p.asking.Load() > 0 {
			quiet = 0
		}
		select {
		case err = <-ended:
			return err
		case <-ctx.Done():
			err = ctx.Err()
			p.tunnels.drain(ctx)
		case <-tick.C:
		}
	}
	cut() // clients need not end their connections by themselves
	<-ended
	return err
}

// Stop is a Drain for a moment. A connection of QUIC cannot go on here while another program reads the same sockets:
// each would get some of the packets.
func (p *quicPlane) Stop() {
	ctx, cancel := context.WithTimeout(context.Background(), quicGrace)
	defer cancel()
	_ = p.Drain(ctx)
}
