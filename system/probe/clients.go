package probe

import (
	"bufio"
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net/http"
	"net/netip"
	"strings"
	"time"

	"github.com/c93d5bcb/sslwizard/steps"
)

// show is what the probe shows when it is asked for a certificate: its own, or that it has none.
func (p *prober) show(*tls.CertificateRequestInfo) (*tls.Certificate, error) {
	if p.target.Client != nil {
		return p.target.Client, nil
	}
	return new(tls.Certificate), nil
}

// clients looks at what becomes of a client without a certificate, where one is asked for or should be, and reports
// whether the site answers the probe.
func (p *prober) clients(ctx context.Context, addr netip.AddrPort, asked bool) (answers bool) {
	expected := p.target.Expect != nil && p.target.Expect.SSL.ClientAuth != ""
	if !asked && !expected {
		return true
	}
	m := p.begin(steps.IDSSL, "tls.clients", addr)
	how, err := p.turnedAway(ctx, addr)
	if err != nil {
		m.end(skip("not judged: %s", reason(err)))
		return true
	}
	m.end(p.judgeClients(asked, how))
	return how == "" || p.target.Client != nil
}

// judgeClients takes how a client without a certificate was turned away, "" if it was not.
func (p *prober) judgeClients(asked bool, how string) outcome {
	auth := steps.ClientRequired
	if p.target.Expect != nil {
		auth = p.target.Expect.SSL.ClientAuth
	}
	switch {
	case !asked:
		return fail(faultLetIn, "clients are to be asked for a certificate, and are not")
	case auth == "":
		return fail(faultClientCert, "clients are asked for a certificate, which nobody wanted")
	case auth == steps.ClientRequired && how == "" && p.target.Expect != nil:
		return fail(faultLetIn, "a client without a certificate is let in")
	case auth == steps.ClientOptional && how != "":
		return fail(faultClientCert, "a client without a certificate is refused %s, and should be let in", how)
	case how == "":
		return ok("clients are asked for a certificate, and who has none is let in")
	}
	return ok("a client without a certificate is refused %s", how)
}

// notAsked says for each step why nothing is known: who is refused does not see what is behind.
func (p *prober) notAsked(addr netip.AddrPort) {
	const why = "the application was not asked, because the site wants a certificate of its clients: sslwizard probe URL --client-cert FILE --client-key FILE asks it"
	p.begin(steps.IDProxy, "proxy.answer", addr).end(skip("not judged: %s", why))
	p.begin(steps.IDWebSockets, "ws.handshake", addr).end(skip("not judged: %s", why))
}

// turnedAway says how a client without a certificate is turned away; "" when it is not. nginx lets it in as far as HTTP,
// to refuse it there with a page that says why.
func (p *prober) turnedAway(ctx context.Context, addr netip.AddrPort) (string, error) {
	raw, err := p.dial(ctx, addr)
	if err != nil {
		return "", err
	}
	defer func() { _ = raw.Close() }()
	_ = raw.SetDeadline(time.Now().Add(p.target.Timeout))
	head := &sniffer{Conn: raw}
	config := p.config(p.target.sni(), "http/1.1")
	config.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return new(tls.Certificate), nil }
	conn := tls.Client(head, config)
	if err := conn.HandshakeContext(ctx); err != nil {
		if isTimeout(err) {
			return "", err
		}
		return "in the handshake", nil
	}
	_, err = fmt.Fprintf(conn, "GET /.well-known/acme-challenge/sslwizard-probe HTTP/1.1\r\nHost: %s\r\nConnection: close\r\n\r\n", p.target.host())
	if err != nil {
		return "in the handshake", nil //nolint:nilerr // with TLS 1.3 it is over when the client believes to be in
	}
	response, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		if isTimeout(err) {
			return "", err
		}
		return "in the handshake", nil
	}
	defer func() { _ = response.Body.Close() }()
	body, _ := io.ReadAll(io.LimitReader(response.Body, maxReplyBody))
	if response.StatusCode == http.StatusBadRequest && strings.Contains(string(body), "SSL certificate") {
		return "with the status 400", nil
	}
	return "", nil
}
