package probe

import (
	"cmp"
	"context"
	"net/http"
	"net/netip"
	"time"

	"github.com/c93d5bcb/sslwizard/steps"
)

// Application asks an application as a proxy for the name would, without one between: what it answers to GET /, and
// how it calls itself. Status is 0 when it gave no answer.
func Application(ctx context.Context, u steps.Upstream, name string, within time.Duration) (status int, server string, c steps.Check) {
	p := direct(u, name, "", within)
	app, _ := p.backend()
	m := p.begin(steps.IDProxy, "proxy.application", netip.AddrPort{})
	r, o := app.get(ctx)
	m.end(o)
	server = cmp.Or(r.header.Get("X-Powered-By"), r.header.Get("Server"))
	return r.status, steps.CleanLine(clip(server, maxName)), p.rec.checks[0]
}

// Socket opens a WebSocket to an application on a path, without a proxy between, and closes it again.
func Socket(ctx context.Context, u steps.Upstream, name, path string, within time.Duration) steps.Check {
	p := direct(u, name, path, within)
	app, _ := p.backend()
	m := p.begin(steps.IDWebSockets, "ws.application", netip.AddrPort{})
	a := app.attempt(ctx)
	defer a.hangUp()
	m.end(judgeDirect(a, path))
	return p.rec.checks[0]
}

// maxName bounds how an application calls itself, in bytes.
const maxName = 80

func direct(u steps.Upstream, name, path string, within time.Duration) *prober {
	return &prober{target: Target{Name: name, WSPath: path, Upstream: &u, Timeout: within}.withDefaults()}
}

func judgeDirect(a attempt, path string) outcome {
	switch {
	case a.problem.verdict != "":
		return a.problem
	case a.err != nil:
		return warn(faultAppDown, "%s: %s", path, reason(a.err))
	case a.reply.status != http.StatusSwitchingProtocols:
		return outcome{verdict: steps.Warn, detail: path + ": no WebSocket there, the application answers " + steps.CleanLine(a.reply.line)}
	case a.reply.header.Get("Sec-WebSocket-Accept") != accept(a.request.key):
		return outcome{verdict: steps.Warn, detail: path + ": the application takes the handshake, but its accept key is wrong"}
	}
	return ok("%s: the application opens a WebSocket", path)
}
