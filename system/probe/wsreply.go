package probe

import (
	"fmt"
	"net/http"
	"net/netip"
	"slices"
	"strings"

	"github.com/c93d5bcb/sslwizard/steps"
)

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
		f := through.fault
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
		return warn(faultNoUpgrade.because(blameApp, "websockets.paths: [/the/path/of/its/socket]    so that it is proven there",
			"websockets.enabled: false    if it has none"), "the application speaks no WebSocket on %s: %s", path, own.line)
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
