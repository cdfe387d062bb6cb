package probe

import (
	"context"
	"fmt"
	"mime"
	"net/http"
	"net/netip"
	"strconv"
	"strings"
	"time"

	"github.com/c93d5bcb/sslwizard/steps"
)

// answer asks for the site's page, and judges it, its headers, and the clock that stands in it.
func (p *prober) answer(ctx context.Context, addr netip.AddrPort) {
	m := p.begin(steps.IDProxy, "proxy.answer", addr)
	r, err := p.page(ctx, addr)
	if err != nil {
		m.end(p.noAnswer(ctx, err))
		return
	}
	if canonical, elsewhere := p.target.canonical(); elsewhere {
		m.end(skip("not judged: %s is redirected to %s, ask that name", p.target.Name, canonical))
		p.begin(steps.IDRedirect, "redirect.canonical", addr).end(p.judgeCanonical(r, canonical))
	} else {
		m.end(p.judgeAnswer(ctx, addr, r))
	}
	p.begin(steps.IDSSL, "tls.hsts", addr).end(judgeHSTS(r.header.Values("Strict-Transport-Security"), p.target.Expect))
	p.begin(steps.IDCerts, "certs.clock", addr).end(judgeClock(r.header, time.Now()))
}

func (p *prober) page(ctx context.Context, addr netip.AddrPort) (reply, error) {
	return p.get(ctx, addr, "https://"+p.target.host()+p.target.Path, http.Header{"Host": {p.target.host()}})
}

// noAnswer names a missing answer, and whose it is when the application can be asked.
func (p *prober) noAnswer(ctx context.Context, err error) outcome {
	o := fail(answerFault(err), "no HTTP answer over TLS: %s", reason(err))
	app, known := p.backend()
	if !known {
		return o
	}
	switch _, direct := app.get(ctx); {
	case direct.verdict != steps.OK:
		return direct
	default:
		o.fault.blame = blameProxy
		o.detail += "; " + direct.detail
	}
	return o
}

// judgeAnswer compares the site's answer with the application's own.
func (p *prober) judgeAnswer(ctx context.Context, addr netip.AddrPort, r reply) outcome {
	if r.status == http.StatusMisdirectedRequest {
		return fail(faultMisdirect, "421: this server does not serve %s", p.target.Name)
	}
	app, known := p.backend()
	if !known {
		return judgeAlone(r)
	}
	own, direct := app.get(ctx)
	if direct.verdict != steps.OK {
		direct.detail = fmt.Sprintf("the site answers %d; %s", r.status, direct.detail)
		return direct
	}
	if difference(r, own) == "" {
		return judgeSame(r, own)
	}
	// Once more: an application may answer differently from one request to the next.
	again, err := p.page(ctx, addr)
	own, direct = app.get(ctx)
	if err != nil || direct.verdict != steps.OK {
		return warn(faultDiffers, "the answers of the site and of the application could not be compared twice")
	}
	if d := difference(again, own); d != "" {
		return judgeDifference(again, own, d)
	}
	return judgeSame(again, own)
}

// judgeAlone judges an answer without knowing the application's own.
func judgeAlone(r reply) outcome {
	switch {
	case r.status == http.StatusBadGateway:
		return fail(faultAppDown, "502: the application behind the proxy is down")
	case r.status == http.StatusGatewayTimeout:
		return fail(faultAppSlow, "504: the application behind the proxy does not answer in time")
	case r.status >= 500:
		return warn(faultAppError, "the site answers %d", r.status)
	case isTimeout(r.bodyErr):
		return warn(faultSlowBody, "%d, but the body did not come to its end in time", r.status)
	case r.bodyErr != nil:
		return warn(faultAnswer.because(blameApp), "%d, but the body broke off: %s", r.status, reason(r.bodyErr))
	}
	return ok("%s %d", r.proto, r.status)
}

// judgeSame judges an answer that is the application's own.
func judgeSame(r, own reply) outcome {
	if r.status >= 500 {
		return warn(faultAppError, "the application itself answers %d", own.status)
	}
	if o := judgeAlone(r); o.verdict != steps.OK {
		if own.bodyErr == nil {
			o.fault.blame = blameProxy
		}
		return o
	}
	return ok("%s %d, as the application itself", r.proto, r.status)
}

// difference names what the proxy changed that it may not: the status and what the content is.
func difference(r, own reply) string {
	if r.status != own.status {
		return "status"
	}
	for _, name := range []string{"Content-Type", "Content-Language", "Content-Disposition"} {
		if canonicalValue(name, r.header.Get(name)) != canonicalValue(name, own.header.Get(name)) {
			return name
		}
	}
	return ""
}

func canonicalValue(name, value string) string {
	if kind, parameters, err := mime.ParseMediaType(value); err == nil && name == "Content-Type" {
		return mime.FormatMediaType(strings.ToLower(kind), parameters)
	}
	return value
}

func judgeDifference(r, own reply, what string) outcome {
	switch {
	case r.status == http.StatusBadGateway:
		return fail(faultAppDown.because(blameProxy, "look at the proxy's log: it cannot reach the application (address, socket rights, SELinux)"),
			"502, and the application itself answers %d", own.status)
	case r.status == http.StatusGatewayTimeout:
		return fail(faultAppSlow.because(blameProxy), "504, and the application itself answers %d", own.status)
	case what == "status":
		return fail(faultDiffers, "the site answers %d, the application itself %d", r.status, own.status)
	}
	return warn(faultDiffers, "%s is %q from the site and %q from the application", what, r.header.Get(what), own.header.Get(what))
}

// judgeHSTS compares Strict-Transport-Security (RFC 6797 section 6.1) with what was asked for.
func judgeHSTS(values []string, expect *steps.Site) outcome {
	if len(values) > 1 {
		return warn(faultHSTS, "the header is sent %d times; browsers read the first only: %s", len(values), strings.Join(values, " | "))
	}
	age, sub, valid := parseHSTS(strings.Join(values, ""))
	switch {
	case len(values) == 1 && !valid:
		return fail(faultHSTS, "browsers ignore the header %q", values[0])
	case expect == nil && len(values) == 0:
		return ok("no Strict-Transport-Security: a first visit may begin over http")
	case expect == nil || len(values) == 0 && expect.SSL.HSTS.MaxAge == 0:
		return ok("%s", orElse(strings.Join(values, ""), "none, as asked"))
	case len(values) == 0:
		return fail(faultHSTS, "asked for, and not sent")
	case expect.SSL.HSTS.MaxAge == 0:
		return warn(faultHSTS.because(blameApp, "the application sends it: take it out there, or set ssl.hsts"), "not asked for, but sent: %s", values[0])
	case age != expect.SSL.HSTS.MaxAge || sub != expect.SSL.HSTS.IncludeSubDomains:
		return fail(faultHSTS, "sent: %s; asked for: max-age=%d, includeSubDomains %t", values[0], int(expect.SSL.HSTS.MaxAge.Seconds()), expect.SSL.HSTS.IncludeSubDomains)
	}
	return ok("%s", values[0])
}

// parseHSTS reads max-age, which is required, and includeSubDomains.
func parseHSTS(value string) (age time.Duration, sub, valid bool) {
	for directive := range strings.SplitSeq(value, ";") {
		name, arg, _ := strings.Cut(strings.TrimSpace(directive), "=")
		switch strings.ToLower(strings.TrimSpace(name)) {
		case "max-age":
			n, err := strconv.ParseInt(strings.Trim(strings.TrimSpace(arg), `"`), 10, 33)
			if err != nil || n < 0 || valid {
				return 0, false, false
			}
			age, valid = time.Duration(n)*time.Second, true
		case "includesubdomains":
			sub = true
		}
	}
	return age, sub, valid
}

// maxClock is how far two clocks may be apart before certificates are at risk.
const maxClock = 5 * time.Minute

func judgeClock(header http.Header, now time.Time) outcome {
	theirs, err := http.ParseTime(header.Get("Date"))
	if err != nil || header.Get("Age") != "" { // a cache keeps the Date of long ago
		return skip("not judged: the answer has no Date of its own")
	}
	if apart := now.Sub(theirs).Abs(); apart > maxClock {
		return warn(faultClock, "the clocks of this machine and of the server are %s apart", span(apart))
	}
	return ok("the server's clock agrees with this machine's")
}
