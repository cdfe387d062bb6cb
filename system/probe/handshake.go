package probe

import (
	"bytes"
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/c93d5bcb/sslwizard/steps"
)

// https is everything at one address of the TLS port. Nothing waits for what it does not need.
func (p *prober) https(ctx context.Context, e endpoint) {
	conn, there := p.connect(ctx, connectHTTPS, e.https)
	if !there {
		p.unjudged(e.https, "there is no connection", steps.IDCerts, steps.IDSSL, steps.IDProxy, steps.IDWebSockets)
		return
	}
	state, asked, o := p.greet(ctx, conn, e.https)
	answers := p.clients(ctx, e.https, asked)
	var group sync.WaitGroup
	if state.HandshakeComplete || o.fault.code == faultNoOverlap.code {
		group.Go(func() { p.settings(ctx, e.https, leafOf(state)) })
	}
	if state.HandshakeComplete {
		group.Go(func() { p.certificate(e.https, state.PeerCertificates) })
		group.Go(func() { p.alpn(ctx, e.https, state.NegotiatedProtocol) })
		group.Go(func() { p.foreign(ctx, e.https, leafOf(state)) })
	}
	switch {
	case state.HandshakeComplete && answers:
		group.Go(func() { p.answer(ctx, e.https) })
		group.Go(func() { p.http3(ctx, e.https) })
		group.Go(func() { p.forwarded(ctx, e.https) })
		group.Go(func() { p.webSocket(ctx, e.https) })
	case state.HandshakeComplete:
		p.notAsked(e.https)
	default:
		p.unjudged(e.https, "there is no TLS", steps.IDCerts, steps.IDProxy, steps.IDWebSockets)
	}
	group.Wait()
}

// unjudged says for each step why nothing can be said.
func (p *prober) unjudged(addr netip.AddrPort, why string, ids ...steps.ID) {
	if p.target.Trusted {
		ids = append(ids, steps.IDTrusted)
	}
	for _, id := range ids {
		p.begin(id, string(id)+".reach", addr).end(skip("not judged: %s", why))
	}
}

// greet is the handshake that a browser makes. It reports whether the client was asked for a certificate.
func (p *prober) greet(ctx context.Context, conn net.Conn, addr netip.AddrPort) (state tls.ConnectionState, asked bool, o outcome) {
	defer func() { _ = conn.Close() }()
	m := p.begin(steps.IDSSL, "tls.handshake", addr)
	head := &sniffer{Conn: conn}
	config := p.config(p.target.sni(), "h2", "http/1.1")
	show := config.GetClientCertificate
	config.GetClientCertificate = func(r *tls.CertificateRequestInfo) (*tls.Certificate, error) {
		asked = true
		return show(r)
	}
	client := tls.Client(head, config)
	err := client.HandshakeContext(ctx)
	state = client.ConnectionState()
	o = ok("%s, %s, %s", tls.VersionName(state.Version), tls.CipherSuiteName(state.CipherSuite), curveName(state.CurveID))
	switch {
	case err != nil:
		o = p.handshakeFailure(ctx, addr, err, head.seen())
	case state.Version < tls12:
		o = fail(faultNoOverlap, "the newest version is %s, which browsers refuse", tls.VersionName(state.Version))
	}
	m.end(o)
	return state, asked, o
}

// curveName is the key exchange; RSA's has none.
func curveName(id tls.CurveID) string {
	if id == 0 {
		return "no forward secrecy"
	}
	return id.String()
}

// handshake makes a TLS connection to addr for one of the other checks.
func (p *prober) handshake(ctx context.Context, addr netip.AddrPort, sni string, alpn ...string) (*tls.Conn, *sniffer, error) {
	conn, err := p.dial(ctx, addr)
	if err != nil {
		return nil, &sniffer{}, err
	}
	head := &sniffer{Conn: conn}
	client := tls.Client(head, p.config(sni, alpn...))
	if err := client.HandshakeContext(ctx); err != nil {
		_ = conn.Close()
		return nil, head, err
	}
	return client, head, nil
}

// config takes any version, suite and certificate: each is judged by a check of its own, and nothing of worth is sent.
func (p *prober) config(sni string, alpn ...string) *tls.Config {
	var suites []uint16
	for _, s := range slices.Concat(tls.CipherSuites(), tls.InsecureCipherSuites()) {
		suites = append(suites, s.ID)
	}
	return &tls.Config{
		ServerName: sni, NextProtos: alpn, CipherSuites: suites,
		MinVersion: tls.VersionTLS10, InsecureSkipVerify: true, GetClientCertificate: p.show,
	}
}

// handshakeFailure says why there is no TLS. When the server hung up or said nothing, it is asked in plain HTTP.
func (p *prober) handshakeFailure(ctx context.Context, addr netip.AddrPort, err error, head []byte) outcome {
	if len(head) > 0 && !looksLikeTLS(head) {
		return fail(faultPlain, "port %d speaks %s, not TLS", addr.Port(), protocolOf(head))
	}
	if f, cut := cutFault(err); cut {
		if spoken := p.plainGreeting(ctx, addr); len(spoken) > 0 && !looksLikeTLS(spoken) {
			return fail(f.because(blameProxy, faultPlain.fix...), "%s during the TLS hello; the port speaks %s", reason(err), protocolOf(spoken))
		}
		return fail(f, "%s during the TLS hello", reason(err))
	}
	return fail(handshakeFault(err, head), "no TLS handshake: %s", reason(err))
}

// tlsFault names any handshake that failed.
func tlsFault(err error, head []byte) fault {
	if f, cut := cutFault(err); cut {
		return f
	}
	return handshakeFault(err, head)
}

// handshakeFault names a handshake that ended in TLS.
func handshakeFault(err error, head []byte) fault {
	if alert, found := firstAlert(head); found {
		return alertFault(alert)
	}
	text := err.Error()
	switch {
	case strings.Contains(text, "failed to parse certificate"):
		return faultCertInvalid
	case strings.Contains(text, "unsupported protocol version"), strings.Contains(text, "unconfigured cipher suite"),
		strings.Contains(text, "unsupported signature"), strings.Contains(text, "unsupported curve"):
		return faultNoOverlap
	case strings.Contains(text, "certificate required"), strings.Contains(text, "bad certificate"):
		return faultClientCert
	}
	return faultProtocol
}

func alertFault(description byte) fault {
	switch description {
	case alertUnrecognizedName:
		return faultUnknownName
	case alertHandshakeFailure, alertProtocolVersion, alertInsufficientSecurity:
		return faultNoOverlap
	case alertCertificateRequired:
		return faultClientCert
	case alertNoALPN:
		return faultALPN
	}
	return faultProtocol
}

// firstAlert reads the alert that a server sent instead of a hello.
func firstAlert(head []byte) (byte, bool) {
	kind, body, err := readRecord(bytes.NewReader(head))
	if err != nil || kind != recordAlert || len(body) != 2 {
		return 0, false
	}
	return body[1], true
}

func looksLikeTLS(head []byte) bool {
	return head[0] >= 20 && head[0] <= 24 && (len(head) < 2 || head[1] == 3)
}

// protocolOf names what a greeting in plain bytes is.
func protocolOf(head []byte) string {
	switch {
	case bytes.HasPrefix(head, []byte("HTTP/")), bytes.HasPrefix(head, []byte("<")):
		return "plain HTTP"
	case bytes.HasPrefix(head, []byte("SSH-")):
		return "SSH"
	}
	line, _, _ := bytes.Cut(head, []byte("\n"))
	return fmt.Sprintf("something else (%q)", clip(string(line), 40))
}

// plainGreeting is what the port says to a request without TLS.
func (p *prober) plainGreeting(ctx context.Context, addr netip.AddrPort) []byte {
	conn, err := dialWithin(ctx, "tcp", addr.String(), min(p.target.Timeout, 2*time.Second))
	if err != nil {
		return nil
	}
	defer func() { _ = conn.Close() }()
	if _, err := fmt.Fprintf(conn, "HEAD / HTTP/1.1\r\nHost: %s\r\nConnection: close\r\n\r\n", p.target.host()); err != nil {
		return nil
	}
	head := make([]byte, 64)
	n, _ := conn.Read(head)
	return head[:n]
}

// alpn checks that both HTTP versions can be had: h2 for pages, http/1.1 for WebSockets.
func (p *prober) alpn(ctx context.Context, addr netip.AddrPort, negotiated string) {
	m := p.begin(steps.IDSSL, "tls.alpn", addr)
	conn, head, err := p.handshake(ctx, addr, p.target.sni(), "http/1.1")
	if err != nil {
		if alert, found := firstAlert(head.seen()); found && alert == alertNoALPN {
			m.end(fail(faultALPN, "http/1.1 alone is refused, so no WebSocket can be opened"))
			return
		}
		m.end(fail(tlsFault(err, head.seen()), "no handshake with http/1.1 alone: %s", reason(err)))
		return
	}
	alone := conn.ConnectionState().NegotiatedProtocol
	_ = conn.Close()
	m.end(judgeALPN(negotiated, alone, p.target.Expect))
}

// judgeALPN takes what was chosen of h2 and http/1.1, and of http/1.1 alone.
func judgeALPN(both, alone string, expect *steps.Site) outcome {
	switch {
	case alone != "http/1.1" && alone != "":
		return fail(faultALPN, "%q was chosen where only http/1.1 was offered", alone)
	case expect != nil && expect.SSL.HTTP2 && both != "h2":
		return fail(faultHTTP2, "HTTP/2 was asked for and is not offered")
	case expect != nil && !expect.SSL.HTTP2 && both == "h2":
		return fail(faultHTTP2, "HTTP/2 is offered and was not asked for")
	case both == "h2":
		return ok("h2 and http/1.1")
	}
	return ok("http/1.1 only")
}

// foreign looks at what a client gets that asks for a name that is not ours.
func (p *prober) foreign(ctx context.Context, addr netip.AddrPort, leaf []byte) {
	m := p.begin(steps.IDSSL, "tls.foreign", addr)
	conn, _, err := p.handshake(ctx, addr, "sslwizard-probe.invalid", "http/1.1")
	if err != nil {
		if isTimeout(err) {
			m.end(skip("not judged: %s", reason(err)))
			return
		}
		m.end(ok("a name that is not served is refused"))
		return
	}
	other := leafOf(conn.ConnectionState())
	_ = conn.Close()
	switch {
	case other == nil || !bytes.Equal(other, leaf):
		m.end(ok("a name that is not served gets another site's certificate"))
	case p.target.Expect != nil && !hasIP(p.target.Expect.Certs.Domains):
		m.end(warn(faultForeign, "this site's certificate is served for a name that is not its own"))
	default:
		m.end(ok("this is the default site: any name gets its certificate"))
	}
}

// hasIP reports a site that is reached by address, which therefore has to be the default one: addresses are never SNI.
func hasIP(domains []steps.Domain) bool {
	return slices.ContainsFunc(domains, func(d steps.Domain) bool { _, is := d.IP(); return is })
}

// leafOf is the DER of the certificate that was served first, nil when none was.
func leafOf(state tls.ConnectionState) []byte {
	if len(state.PeerCertificates) == 0 {
		return nil
	}
	return state.PeerCertificates[0].Raw
}

// sniffer keeps the first bytes that were read.
type sniffer struct {
	net.Conn
	mu   sync.Mutex
	head []byte
}

const maxHead = 512

// Read implements net.Conn.
func (s *sniffer) Read(b []byte) (int, error) {
	n, err := s.Conn.Read(b)
	s.mu.Lock()
	defer s.mu.Unlock()
	if room := maxHead - len(s.head); room > 0 {
		s.head = append(s.head, b[:min(n, room)]...)
	}
	return n, err
}

func (s *sniffer) seen() []byte {
	s.mu.Lock()
	defer s.mu.Unlock()
	return bytes.Clone(s.head)
}
