package probe

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/netip"
	"time"

	"github.com/c93d5bcb/sslwizard/steps"
)

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
