package proxy

import (
	"context"
	"errors"
	"log"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/c93d5bcb/sslwizard/steps"
)

// Limits of what net/http reads.
const (
	maxHeader  = 64 << 10
	maxStreams = 100      // of one HTTP/2 connection
	maxFrame   = 16 << 10 // the least that RFC 9113 section 4.2 allows; net/http would take a megabyte
)

// httpPlane is the data plane on net/http.
type httpPlane struct {
	plain         *http.Server
	secure, http2 *http.Server // HTTP/1 and HTTP/2 over TLS
	entrance      *entrance
	errors        *log.Logger
	caps          *caps
	cuts          *cuts
	connections   atomic.Int64
	fresh         sync.Map // net.Conn → how often it became active: those of which no request was read yet
	mu            sync.Mutex
	draining      bool
	listeners     []*drainListener
	loops         sync.WaitGroup // the running accept loops
	servePlain    func(net.Listener) error
}

func newHTTPPlane(s *Server) *httpPlane {
	p := &httpPlane{
		caps: newCaps(s.options.Log, s.shared), cuts: s.cuts, errors: log.New(errorLog{s}, "http: ", 0),
	}
	p.plain, p.secure, p.http2 = p.server(s.front(false), s), p.server(s.front(true), s), p.server(s.front(true), s)
	p.http2.Protocols = new(http.Protocols)
	p.http2.Protocols.SetUnencryptedHTTP2(true) // as it looks to net/http: h2Conn is all that comes
	p.http2.ConnContext = withTLS
	p.servePlain = p.plain.Serve
	p.entrance = newEntrance(p, s.parent, s.options.limits.handshake)
	return p
}

func (p *httpPlane) server(h http.Handler, s *Server) *http.Server {
	protocols := new(http.Protocols)
	protocols.SetHTTP1(true) // never HTTP/2 without TLS: smuggling by h2c needs it
	return &http.Server{
		Handler:   h,
		Protocols: protocols,
		HTTP2: &http.HTTP2Config{
			MaxConcurrentStreams: maxStreams, MaxReadFrameSize: maxFrame,
			WriteByteTimeout: 2 * s.options.limits.take, // for what is no answer, and has no time of its own
		},
		ReadHeaderTimeout:            s.options.limits.header,
		IdleTimeout:                  s.options.limits.idle,
		MaxHeaderBytes:               maxHeader,
		DisableGeneralOptionsHandler: true,
		ErrorLog:                     log.New(errorLog{s}, "", 0),
		ConnState:                    p.count,
	}
}

// count keeps the number of open connections; a hijacked one is a WebSocket and counted there.
func (p *httpPlane) count(c net.Conn, state http.ConnState) {
	h2, isHTTP2 := c.(*h2Conn)
	if isHTTP2 {
		c = h2.secure
	}
	switch state {
	case http.StateNew:
		p.begin(c)
	case http.StateClosed, http.StateHijacked:
		p.end(c)
	case http.StateActive:
		if !isHTTP2 || !p.fresh.CompareAndSwap(c, 0, 1) { // one of HTTP/2 becomes active once before, when it begins
			p.fresh.Delete(c)
		}
	case http.StateIdle:
	}
}

// begin counts a connection, once; what TLS is spoken on begins before its handshake.
func (p *httpPlane) begin(c net.Conn) {
	if _, counted := p.fresh.LoadOrStore(c, 0); !counted {
		p.connections.Add(1)
	}
}

func (p *httpPlane) end(c net.Conn) {
	p.connections.Add(-1)
	p.fresh.Delete(c)
}

// Open implements plane.
func (p *httpPlane) Open() int { return int(p.connections.Load()) }

// Admit implements plane.
func (p *httpPlane) Admit(remote net.Addr) (leave func()) { return p.caps.enter(remote) }

// Refused implements plane.
func (p *httpPlane) Refused() uint64 { return p.caps.refusals() }

// Serve implements plane.
func (p *httpPlane) Serve(plain, secure []net.Listener) error {
	failed := make(chan error, len(plain)+len(secure))
	go func() { _ = p.secure.Serve(p.entrance.http1) }()
	go func() { _ = p.http2.Serve(p.entrance.http2) }()
	for _, l := range plain {
		p.accept(p.servePlain, l, failed)
	}
	for _, l := range secure {
		p.accept(p.entrance.Serve, l, failed)
	}
	for range len(plain) + len(secure) {
		if err := <-failed; err != nil {
			return err
		}
	}
	return nil
}

// accept starts an accept loop. Its end is told to failed, with nil when Drain was the reason.
func (p *httpPlane) accept(serve func(net.Listener) error, l net.Listener, failed chan<- error) {
	queue := &drainListener{Listener: l, caps: p.caps}
	p.mu.Lock()
	p.listeners = append(p.listeners, queue)
	if p.draining {
		queue.stop()
	}
	p.loops.Add(1)
	p.mu.Unlock()
	go func() {
		defer p.loops.Done()
		err := serve(queue)
		if errors.Is(err, http.ErrServerClosed) || errors.Is(err, net.ErrClosed) && queue.stopping.Load() {
			err = nil
		}
		failed <- err
	}()
}

// Stop implements plane.
func (p *httpPlane) Stop() {
	p.mu.Lock()
	p.draining = true
	for _, l := range p.listeners {
		l.stop()
	}
	p.mu.Unlock()
	p.loops.Wait()
}

// Drain implements plane.
func (p *httpPlane) Drain(ctx context.Context) error {
	p.ebb(ctx)
	return p.shut(ctx)
}

func (p *httpPlane) servers() []*http.Server { return []*http.Server{p.plain, p.secure, p.http2} }

// ebb has connections become fewer: no new ones come, and each that is open gets one more answer at most.
func (p *httpPlane) ebb(ctx context.Context) {
	for _, server := range p.servers() {
		server.SetKeepAlivesEnabled(false) // from here on every answer says that it is the last of its connection
	}
	p.Stop() // what was in the queues has become a connection
	p.awaitRequests(ctx)
}

// shut waits until all have ended.
func (p *httpPlane) shut(ctx context.Context) error {
	ended := make(chan error, len(p.servers()))
	for _, server := range p.servers() {
		go func() {
			err := server.Shutdown(ctx)
			if err != nil {
				_ = server.Close()
			}
			ended <- err
		}()
	}
	return errors.Join(<-ended, <-ended, <-ended)
}

const (
	requestTime = 3 * time.Second       // how long a drain waits for the first request of a connection
	requestPoll = 10 * time.Millisecond // how often it looks
)

// awaitRequests waits until a request was read from every connection. Only then may Shutdown begin: from there on
// net/http closes a connection whose request it has just read without an answer.
func (p *httpPlane) awaitRequests(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, requestTime)
	defer cancel()
	tick := time.NewTicker(requestPoll)
	defer tick.Stop()
	for quiet := 0; quiet < 2; quiet++ { // twice, for who was between the reading and the serving
		p.fresh.Range(func(any, any) bool { quiet = -1; return false })
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// queueTime is how long a draining listener still takes what the kernel has queued. With socket activation the
// successor would take it; without, it would be reset.
const queueTime = 20 * time.Millisecond

// drainListener is a listener that can be stopped without losing the connections in its queue.
type drainListener struct {
	net.Listener
	caps     *caps
	stopping atomic.Bool
}

func (l *drainListener) stop() {
	l.stopping.Store(true)
	if timed, ok := l.Listener.(interface{ SetDeadline(time.Time) error }); ok {
		_ = timed.SetDeadline(time.Now().Add(queueTime))
		return
	}
	_ = l.Close()
}

// Accept ends with net.ErrClosed when the listener was stopped and its queue is empty.
func (l *drainListener) Accept() (net.Conn, error) {
	for {
		conn, err := l.Listener.Accept()
		switch {
		case err != nil && l.stopping.Load():
			return nil, net.ErrClosed
		case err != nil:
			return nil, err
		}
		if counted := l.caps.admit(conn); counted != nil {
			holdLittle(conn)
			return counted, nil
		}
		_ = conn.Close()
	}
}

// errorLog is the ErrorLog of net/http: it cleans what may quote a client. Only what happened to us is an error; failed
// handshakes and connections that break off are every scanner's.
type errorLog struct{ s *Server }

func (l errorLog) Write(line []byte) (int, error) {
	text := steps.CleanLine(string(line))
	if strings.HasPrefix(text, "http: Accept error") && strings.Contains(text, syscall.EMFILE.Error()) {
		l.s.cuts.tell(faultFiles, "new connections have to wait: too many files are open")
		return len(line), nil
	}
	level := slog.LevelDebug
	if strings.HasPrefix(text, "http: panic") || strings.HasPrefix(text, "http: Accept error") {
		level = slog.LevelError
	}
	l.s.options.Log.Log(context.Background(), level, text)
	return len(line), nil
}
