package probe

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/netip"
	"strings"

	"github.com/c93d5bcb/sslwizard/steps"
)

// spoofed is what a client sends to be taken for somebody else. The twins with underscores become the same CGI and
// WSGI variable as the real headers.
var spoofed = http.Header{
	"X-Forwarded-For":   {"6.6.6.6"},
	"X-Forwarded-Proto": {"spoofed"},
	"X-Forwarded-Host":  {"spoofed.invalid"},
	"X-Forwarded-Port":  {"spoofed"},
	"X-Real-Ip":         {"6.6.6.6"},
	"Forwarded":         {"for=6.6.6.6;host=spoofed.invalid;proto=spoofed"},
	"X_Forwarded_For":   {"6.6.6.6"},
	"X_Forwarded_Proto": {"spoofed"},
	"X_Real_Ip":         {"6.6.6.6"},
}

// marks are what must not arrive of the spoofed headers, anywhere.
var marks = []string{"6.6.6.6", "spoofed"}

// told is who the client is as a peer tells it that the site trusts.
const told = "203.0.113.77"

// believed reports whether the site trusts this machine to tell who the client is. Whoever connects to an address of his own
// comes from it.
func (p *prober) believed(own netip.Addr) bool {
	return p.target.Expect != nil && p.target.Expect.Proxy.Trusts(own.Unmap())
}

// echoed is the part of the echo application's answer that is judged.
type echoed struct {
	App     string              `json:"app"`
	URI     string              `json:"uri"`
	Host    string              `json:"host"`
	Headers map[string][]string `json:"headers"`
}

// echoName is what the echo application calls itself.
const echoName = "sslwizard echo"

// forwarded asks the echo application what it got of a request that lies about its origin.
func (p *prober) forwarded(ctx context.Context, addr netip.AddrPort) {
	m := p.begin(steps.IDProxy, "proxy.headers", addr)
	if _, elsewhere := p.target.canonical(); elsewhere || !p.target.Echo {
		m.end(skip("not judged: only an application that echoes can show what arrives"))
		return
	}
	header := spoofed.Clone()
	if p.believed(addr.Addr()) {
		header.Set(p.target.Expect.Proxy.ClientField(), told)
	}
	header.Set("Host", p.target.host())
	r, err := p.get(ctx, addr, "https://"+p.target.host()+askedURI, header)
	if err != nil {
		m.end(fail(answerFault(err), "no HTTP answer to a request with spoofed headers: %s", reason(err)))
		return
	}
	var e echoed
	if err := json.Unmarshal(r.body, &e); err != nil || e.App != echoName {
		m.end(fail(faultDiffers, "%d, and the answer is not that of the echo application", r.status))
		return
	}
	client := r.local
	if p.believed(client) {
		client = netip.MustParseAddr(told)
	}
	m.end(p.judgeForwarded(e, client))
}

// judgeForwarded compares what arrived with what a proxy that believes nobody passes on.
func (p *prober) judgeForwarded(e echoed, client netip.Addr) outcome {
	var wrong []string
	for name, values := range e.Headers {
		for _, mark := range marks {
			if strings.Contains(strings.Join(values, ","), mark) {
				wrong = append(wrong, fmt.Sprintf("%s: %s came through", name, strings.Join(values, ", ")))
				break
			}
		}
	}
	for _, want := range p.forwardedHeaders(client) {
		if got := strings.Join(e.Headers[want.name], ", "); !oneOf(got, want.values) {
			wrong = append(wrong, fmt.Sprintf("%s is %q, not %s", want.name, got, want.values[0]))
		}
	}
	if hosts := p.hosts(); !oneOf(e.Host, hosts) {
		wrong = append(wrong, fmt.Sprintf("Host is %q, not %s", e.Host, hosts[0]))
	}
	if e.URI != askedURI {
		wrong = append(wrong, fmt.Sprintf("the path is %q, not %s", e.URI, askedURI))
	}
	if len(wrong) > 0 {
		return fail(faultForwarded, "%s", strings.Join(wrong, "; "))
	}
	return ok("Host, X-Real-IP and X-Forwarded-* are the proxy's own; spoofed ones do not arrive")
}

type wantedHeader struct {
	name   string
	values []string
}

func (p *prober) forwardedHeaders(client netip.Addr) []wantedHeader {
	return []wantedHeader{
		{"X-Real-Ip", []string{client.String()}},
		{"X-Forwarded-For", []string{client.String()}},
		{"X-Forwarded-Proto", []string{"https"}},
		{"X-Forwarded-Host", p.hosts()},
	}
}

// hosts are the right values of Host: as it was asked, or without the port.
func (p *prober) hosts() []string {
	return []string{p.target.host(), hostPort(p.target.Name, 443, 443)}
}
