package probe

import (
	"context"
	"net"
	"net/http"
	"net/netip"
	"sync"

	"github.com/c93d5bcb/sslwizard/steps"
)

// webSocket opens a WebSocket through the site, and the same one directly to the application when that is known.
func (p *prober) webSocket(ctx context.Context, addr netip.AddrPort) {
	if why := p.target.noSocket(); why != "" {
		p.begin(steps.IDWebSockets, "ws.handshake", addr).end(skip("not judged: %s", why))
		return
	}
	m := p.begin(steps.IDWebSockets, "ws.handshake", addr)
	direct := p.directly(ctx)
	through := p.through(ctx, addr)
	defer through.hangUp()
	o := p.judgeHandshake(through, direct)
	m.end(o)
	if o.verdict != steps.OK {
		direct().hangUp()
		return
	}
	p.judgeReply(addr, through, direct)
	var group sync.WaitGroup
	group.Go(func() { p.oldVersion(ctx, addr) })
	group.Go(func() { p.talk(ctx, addr, through, direct) })
	group.Wait()
	direct().hangUp()
}

// noSocket says why there is no WebSocket to probe.
func (t Target) noSocket() string {
	if _, elsewhere := t.canonical(); elsewhere {
		return "this name is redirected to the canonical one"
	}
	switch {
	case t.Expect != nil && !t.Expect.WebSockets.Enabled:
		return "WebSockets were not asked for"
	case t.WSPath == "" && t.Expect == nil:
		return "no path of a WebSocket was given (--ws PATH)"
	}
	return ""
}

// wsPath is the path of the WebSocket, and whether somebody said that there is one.
func (t Target) wsPath() (path string, said bool) {
	if t.WSPath != "" {
		return t.WSPath, true
	}
	if t.Expect != nil && len(t.Expect.WebSockets.Paths) > 0 {
		return requestURI(t.Expect.WebSockets.Paths[0]), t.Echo
	}
	return "/", t.Echo
}

// attempt is one handshake and what came of it.
type attempt struct {
	request wsRequest
	reply   wsReply
	socket  *socket
	conn    net.Conn
	err     error
	fault   fault   // what err is called
	problem outcome // of a direct attempt: why the application cannot be asked
}

func (a attempt) hangUp() {
	if a.conn != nil {
		_ = a.conn.Close()
	}
}

func (p *prober) request() wsRequest {
	path, _ := p.target.wsPath()
	return wsRequest{
		host: p.target.host(), path: path, origin: p.target.Origin,
		subprotocols: p.target.Subprotocols, version: "13", key: newKey(),
	}
}

// through opens the WebSocket through the site.
func (p *prober) through(ctx context.Context, addr netip.AddrPort) attempt {
	return p.attempt(ctx, addr, p.request())
}

func (p *prober) attempt(ctx context.Context, addr netip.AddrPort, req wsRequest) attempt {
	a := attempt{request: req}
	conn, head, err := p.handshake(ctx, addr, p.target.sni(), "http/1.1")
	if err != nil {
		a.err, a.fault = err, tlsFault(err, head.seen())
		return a
	}
	a.conn = hangUpWith(ctx, conn)
	if a.socket, a.reply, a.err = upgrade(a.conn, a.request); a.err != nil {
		a.fault = answerFault(a.err)
	}
	return a
}

// hangUpWith closes conn when ctx ends, so that nothing waits on it any longer.
func hangUpWith(ctx context.Context, conn net.Conn) net.Conn {
	return &leashed{conn, context.AfterFunc(ctx, func() { _ = conn.Close() })}
}

type leashed struct {
	net.Conn
	stop func() bool
}

// Close implements net.Conn.
func (l *leashed) Close() error {
	l.stop()
	return l.Conn.Close()
}

// directly starts the same handshake to the application; the result is waited for by calling what it returns. Without
// a known application the attempt is empty.
func (p *prober) directly(ctx context.Context) func() attempt {
	app, known := p.backend()
	if !known {
		return func() attempt { return attempt{} }
	}
	done := make(chan attempt, 1)
	go func() { done <- app.attempt(ctx) }()
	return sync.OnceValue(func() attempt { return <-done })
}

func (b backend) attempt(ctx context.Context) attempt {
	a := attempt{request: b.prober.request()}
	t := b.prober.target
	a.request.header = []string{"X-Forwarded-Proto: https", "X-Forwarded-Host: " + t.host(), "X-Forwarded-For: 127.0.0.1", "X-Real-IP: 127.0.0.1"}
	conn, err := b.dial(ctx)
	head := &sniffer{Conn: conn}
	if err == nil {
		a.conn = hangUpWith(ctx, head)
		a.socket, a.reply, err = upgrade(a.conn, a.request)
	}
	a.err = err
	if problem, wrong := b.wrongScheme(err, head.seen(), reply{status: a.reply.status, body: a.reply.body}); wrong {
		a.problem = problem
	} else if err != nil {
		a.problem = b.unreachable(err)
	}
	return a
}

// known reports whether the attempt was made at all.
func (a attempt) known() bool { return a.request.key != "" }

// oldVersion asks for a version that does not exist; it is worth knowing, no more.
func (p *prober) oldVersion(ctx context.Context, addr netip.AddrPort) {
	m := p.begin(steps.IDWebSockets, "ws.version", addr)
	req := p.request()
	req.version = "12"
	a := p.attempt(ctx, addr, req)
	defer a.hangUp()
	switch {
	case a.err != nil:
		m.end(ok("version 12 is refused: %s", reason(a.err)))
	case a.reply.status == http.StatusSwitchingProtocols:
		m.end(warn(faultWSVersion, "version 12, which does not exist, is accepted"))
	default:
		m.end(ok("version 12 is refused: %s", a.reply.line))
	}
}
