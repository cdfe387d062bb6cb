package probe

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"time"

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
		return t.Expect.WebSockets.Paths[0], t.Echo
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
	var conn *tls.Conn
	if conn, _, a.err = p.handshake(ctx, addr, p.target.sni(), "http/1.1"); a.err != nil {
		return a
	}
	a.conn = hangUpWith(ctx, conn)
	a.socket, a.reply, a.err = upgrade(a.conn, a.request)
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

// judgeHandshake says whether the upgrade was answered 101, and if not, who is to blame: the application when it
// refuses by itself, the proxy when only the way through it fails.
func (p *prober) judgeHandshake(through attempt, direct func() attempt) outcome {
	path, said := p.target.wsPath()
	if through.err == nil && through.reply.status == http.StatusSwitchingProtocols {
		return ok("101 on %s", path)
	}
	own := direct()
	switch {
	case own.known() && own.problem.verdict == steps.Fail:
		return own.problem
	case through.err != nil:
		f := answerFault(through.err)
		if own.known() && own.reply.status == http.StatusSwitchingProtocols {
			f.blame = blameProxy
		}
		return fail(f, "no answer to the upgrade on %s: %s", path, reason(through.err))
	case own.known():
		return judgeRefusal(through.reply, own.reply, path, said)
	}
	return judgeRefusalAlone(through.reply, path, said)
}

// judgeRefusal compares the refusal with what the application says to the same handshake.
func judgeRefusal(through, own wsReply, path string, said bool) outcome {
	switch {
	case own.status == http.StatusSwitchingProtocols && through.status == http.StatusBadGateway:
		return refusal(faultAppDown.because(blameProxy), through, "%s, and the application itself answers 101: the proxy cannot reach it", through.line)
	case own.status == http.StatusSwitchingProtocols:
		return refusal(faultStripped, through, "%s on %s, and the application itself answers 101: the upgrade gets lost in the proxy", through.line, path)
	case own.status == http.StatusForbidden:
		return refusal(faultOrigin, through, "the application refuses by itself on %s: %s", path, own.line)
	case !said:
		return skip("not judged: the application speaks no WebSocket on %s (%s); name a path where it does", path, own.line)
	}
	return refusal(faultNoUpgrade, through, "the application speaks no WebSocket on %s: %s", path, own.line)
}

// judgeRefusalAlone judges without knowing the application: only some answers tell whose they are.
func judgeRefusalAlone(through wsReply, path string, said bool) outcome {
	between := middleBox(through.header)
	switch {
	case through.status == http.StatusBadGateway, through.status == http.StatusServiceUnavailable:
		return refusal(faultAppDown, through, "%s on %s: the application behind the proxy is down", through.line, path)
	case through.status == http.StatusGatewayTimeout:
		return refusal(faultAppSlow, through, "%s on %s", through.line, path)
	case through.status == http.StatusMisdirectedRequest:
		return refusal(faultMisdirect, through, "%s on %s", through.line, path)
	case through.status == http.StatusForbidden:
		return refusal(faultOrigin, through, "%s on %s", through.line, path)
	case !said:
		return skip("not judged: there is no WebSocket on %s (%s); name a path where there is one", path, through.line)
	case between != "":
		return refusal(faultStripped.because(blameNetwork, "turn WebSockets on in "+between), through, "%s on %s; %s answers in front of the server", through.line, path, between)
	}
	return refusal(faultNoUpgrade.because("", "probe on the server itself: the application is asked directly there"), through,
		"%s on %s; from here it cannot be told whether the proxy or the application refuses", through.line, path)
}

// refusal is a failure with the words that a browser's console has for it.
func refusal(f fault, r wsReply, format string, a ...any) outcome {
	f.browser = fmt.Sprintf("Unexpected response code: %d", r.status)
	return fail(f, format, a...)
}

// middleBox names what answers between us and the server, by the header that it leaves.
func middleBox(h http.Header) string {
	for _, m := range [][2]string{{"Cf-Ray", "Cloudflare"}, {"X-Amz-Cf-Id", "CloudFront"}, {"X-Fastly-Request-Id", "Fastly"}, {"X-Varnish", "Varnish"}} {
		if h.Get(m[0]) != "" {
			return m[1]
		}
	}
	return steps.CleanLine(clip(h.Get("Via"), 60))
}

// judgeReply judges the parts of a 101; the same fault in the application's own reply makes it the application's.
func (p *prober) judgeReply(addr netip.AddrPort, through attempt, direct func() attempt) {
	for _, part := range replyParts {
		m := p.begin(steps.IDWebSockets, part.name, addr)
		o := part.judge(through)
		if own := direct(); o.verdict == steps.Fail && own.known() {
			o.fault.blame = blameProxy
			if own.err == nil && part.judge(own).verdict == steps.Fail {
				o.fault.blame = blameApp
			}
		}
		m.end(o)
	}
}

var replyParts = []struct {
	name  string
	judge func(attempt) outcome
}{
	{"ws.headers", judgeUpgradeHeaders},
	{"ws.accept", judgeAccept},
	{"ws.extensions", judgeExtensions},
	{"ws.protocol", judgeSubprotocol},
}

func judgeUpgradeHeaders(a attempt) outcome {
	switch {
	case a.reply.proto != "HTTP/1.1":
		return fail(faultUpgradeHdr, "101 in %s; an upgrade needs HTTP/1.1", a.reply.proto)
	case !strings.EqualFold(a.reply.header.Get("Upgrade"), "websocket"):
		return fail(faultUpgradeHdr, "101 with Upgrade %q, not websocket", a.reply.header.Get("Upgrade"))
	case !hasToken(a.reply.header.Values("Connection"), "upgrade"):
		f := faultUpgradeHdr
		f.browser = "Error during WebSocket handshake: 'Connection' header is missing"
		return fail(f, "101 with Connection %q, not Upgrade", a.reply.header.Get("Connection"))
	}
	return ok("Upgrade: websocket, Connection: Upgrade")
}

func hasToken(values []string, token string) bool {
	for _, v := range values {
		for part := range strings.SplitSeq(v, ",") {
			if strings.EqualFold(strings.TrimSpace(part), token) {
				return true
			}
		}
	}
	return false
}

func judgeAccept(a attempt) outcome {
	if got := a.reply.header.Get("Sec-Websocket-Accept"); got != accept(a.request.key) {
		return fail(faultAccept, "Sec-WebSocket-Accept is %q, not the one of this key", clip(got, 60))
	}
	return ok("the accept key is right")
}

func judgeExtensions(a attempt) outcome {
	if got := a.reply.header.Get("Sec-Websocket-Extensions"); got != "" {
		return fail(faultExtension, "an extension that was not offered is used: %s", clip(got, 60))
	}
	return ok("no extension that was not offered")
}

func judgeSubprotocol(a attempt) outcome {
	got, offered := a.reply.header.Get("Sec-Websocket-Protocol"), a.request.subprotocols
	switch {
	case got == "" && len(offered) == 0:
		return ok("none offered, none chosen")
	case got == "":
		return fail(faultSubproto, "none of %s was chosen", strings.Join(offered, ", "))
	case !slices.Contains(offered, got):
		return fail(faultSubWrong, "%q was chosen and not offered", clip(got, 60))
	}
	return ok("%s", got)
}

// talk uses the open socket: ping, echo, silence, close.
func (p *prober) talk(ctx context.Context, addr netip.AddrPort, through attempt, direct func() attempt) {
	for _, act := range []struct {
		name string
		do   func(*socket) outcome
	}{{"ws.ping", p.pingPong}, {"ws.echo", p.messages}} {
		m := p.begin(steps.IDWebSockets, act.name, addr)
		o := act.do(through.socket)
		if own := direct(); o.verdict == steps.Fail && own.socket != nil {
			o.fault.blame = blameProxy
			if act.do(own.socket).verdict == steps.Fail {
				o.fault.blame = blameApp
			}
		}
		m.end(o)
		if o.verdict == steps.Fail {
			return
		}
	}
	p.idle(ctx, addr, through, direct)
}

// patience is how long a pong or an echo may take: reliability.md section 5.2, 7.
func (p *prober) patience() time.Duration { return min(p.target.Timeout, 5*time.Second) }

func (p *prober) pingPong(s *socket) outcome {
	if err := s.ping(p.patience()); err != nil {
		return fail(talkFault(err, faultPong), "no pong: %s", reason(err))
	}
	return ok("a pong with the same bytes came back")
}

// messages sends messages around the lengths where the frame format changes, and one in pieces.
func (p *prober) messages(s *socket) outcome {
	if !p.target.Echo {
		return skip("not judged: the application is not known to echo, so only a ping was sent")
	}
	for _, size := range []int{0, 125, 126, 65535, 65536} {
		if err := s.echo(opBinary, bytes.Repeat([]byte{0x5a}, size), size+1, p.patience()); err != nil {
			return fail(talkFault(err, faultEcho), "a message of %d bytes: %s", size, reason(err))
		}
	}
	if err := s.echo(opText, []byte("sslwizard: grüße über WSS"), 10, p.patience()); err != nil {
		return fail(talkFault(err, faultEcho), "a text in pieces: %s", reason(err))
	}
	return ok("text and binary messages of 0 to 65,536 bytes came back unchanged, also in pieces")
}

// talkFault is the fault of a frame that is wrong in itself, else the other one.
func talkFault(err error, other fault) fault {
	if errors.As(err, new(frameError)) && other.code != faultEcho.code {
		return faultFrame
	}
	return other
}

// idle leaves the socket silent, the application's own one beside it, then closes.
func (p *prober) idle(ctx context.Context, addr netip.AddrPort, through attempt, direct func() attempt) {
	m := p.begin(steps.IDWebSockets, "ws.idle", addr)
	if p.target.Idle <= 0 {
		m.end(skip("not tried: no idle time was asked for (--idle)"))
		p.goodbye(addr, through.socket)
		return
	}
	own := make(chan error, 1)
	if s := direct().socket; s != nil {
		go func() { _, err := s.hold(p.target.Idle); own <- err }()
	}
	lived, err := through.socket.hold(p.target.Idle)
	if err == nil {
		err = through.socket.ping(p.patience())
	}
	if err == nil {
		m.end(ok("alive after %s of silence%s", span(p.target.Idle), pingsOf(through.socket)))
		p.goodbye(addr, through.socket)
		return
	}
	if ctx.Err() != nil {
		m.end(skip("not judged: the probe was stopped"))
		return
	}
	m.end(judgeIdle(lived, err, p.idleBlame(direct(), own, err)))
}

func pingsOf(s *socket) string {
	if s.pings == 0 {
		return ""
	}
	return fmt.Sprintf(" (the application sent %d pings itself)", s.pings)
}

// idleBlame tells who closed: the application when its own connection was closed as well, or when it said so by a
// close frame; else the proxy, if the application's own connection lives.
func (p *prober) idleBlame(direct attempt, own <-chan error, err error) string {
	if errors.As(err, new(closedError)) {
		return blameApp
	}
	if direct.socket == nil {
		return ""
	}
	select {
	case ended := <-own:
		if ended != nil {
			return blameApp
		}
	case <-time.After(graceAfterClose):
	}
	return blameProxy
}

// graceAfterClose is how much later than through the proxy the application may close its own connection and still be
// the one who closed both.
const graceAfterClose = time.Second

func judgeIdle(lived time.Duration, err error, blame string) outcome {
	text := fmt.Sprintf("closed after %s of silence (%s)", seconds(lived), reason(err))
	switch s := lived.Round(time.Second) / time.Second; {
	case s == 60:
		text += "; 60 s is the time-out of a proxy that was left as it is"
	case s >= 98 && s <= 101:
		text += "; 100 s is Cloudflare's"
	}
	return fail(faultIdle.because(blame), "%s", text)
}

func seconds(d time.Duration) string { return fmt.Sprintf("%.1f s", d.Seconds()) }

// goodbye closes the socket and wants the close back.
func (p *prober) goodbye(addr netip.AddrPort, s *socket) {
	m := p.begin(steps.IDWebSockets, "ws.close", addr)
	err := s.close(p.patience())
	var closed closedError
	switch {
	case !errors.As(err, &closed):
		m.end(warn(faultClose, "the close was not answered: %s", reason(err)))
	case closed.code != 1000 && closed.code != 1005:
		m.end(warn(faultClose, "closed with 1000, answered with %d", closed.code))
	default:
		m.end(ok("the close came back"))
	}
}

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
