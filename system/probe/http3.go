package probe

import (
	"context"
	"crypto/sha256"
	"crypto/tls"
	"encoding/hex"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"time"

	"github.com/quic-go/quic-go"
	"github.com/quic-go/quic-go/http3"

	"github.com/c93d5bcb/sslwizard/steps"
)

// HTTP3Check is the name of the check of HTTP/3.
const HTTP3Check = "http3"

// quicTime is how long a handshake may take. Nobody says that a packet of UDP was dropped, so this is what a closed port
// costs.
const quicTime = 3 * time.Second

// http3 looks whether the site is reached over QUIC, and announced if, and only if, it is.
func (p *prober) http3(ctx context.Context, addr netip.AddrPort) {
	asked := p.target.Expect != nil && p.target.Expect.SSL.HTTP3
	if !asked && !p.target.HTTP3 {
		return
	}
	m := p.begin(steps.IDSSL, HTTP3Check, addr)
	announced := ""
	if r, err := p.page(ctx, addr); err == nil {
		announced = announcedPort(r.header.Values("Alt-Svc"))
	}
	r, err := p.overQUIC(ctx, addr)
	if wantsCertificate(err) {
		m.end(ok("reached; the server wants a certificate of its clients, so more was not judged"))
		return
	}
	o := judgeHTTP3(r, err, announced, addr.Port())
	if asked && o.verdict == steps.Fail { // the site works without
		o.verdict = steps.Warn
	}
	m.end(o)
}

func judgeHTTP3(r reply, err error, announced string, port uint16) outcome {
	switch told := announced != ""; {
	case err != nil && told:
		return fail(faultHTTP3, "announced by Alt-Svc, but not reached on UDP port %d: %s", port, quicReason(err))
	case err != nil:
		return fail(faultHTTP3, "not reached on UDP port %d, and not announced: %s", port, quicReason(err))
	case !told:
		return warn(faultAltSvc, "%s %d on UDP port %d, but no Alt-Svc tells browsers of it", r.proto, r.status, port)
	}
	return ok("%s %d, and announced: %s", r.proto, r.status, announced)
}

// announcedPort is the first authority for h3 among the values of Alt-Svc (RFC 7838 section 3), with its parameters.
func announcedPort(values []string) string {
	for part := range strings.SplitSeq(strings.Join(values, ","), ",") {
		if part = strings.TrimSpace(part); strings.HasPrefix(part, http3.NextProtoH3+"=") {
			return part
		}
	}
	return ""
}

// overQUIC asks for the page over HTTP/3. The chain is judged elsewhere; the leaf has to be the expected one.
func (p *prober) overQUIC(ctx context.Context, addr netip.AddrPort) (reply, error) {
	ctx, cancel := context.WithTimeout(ctx, p.target.Timeout)
	defer cancel()
	socket, err := (&net.ListenConfig{}).ListenPacket(ctx, "udp", "")
	if err != nil {
		return reply{}, err
	}
	defer func() { _ = socket.Close() }()
	transport := &quic.Transport{Conn: quietSocket{socket}}
	defer func() { _ = transport.Close() }()
	h := &http3.Transport{
		TLSClientConfig:        &tls.Config{ServerName: p.target.sni(), InsecureSkipVerify: true, MinVersion: tls.VersionTLS13, VerifyConnection: p.sameLeaf, GetClientCertificate: p.show},
		QUICConfig:             &quic.Config{HandshakeIdleTimeout: quicTime},
		DisableCompression:     true,
		MaxResponseHeaderBytes: maxReplyHeader,
		Dial: func(ctx context.Context, _ string, t *tls.Config, c *quic.Config) (*quic.Conn, error) {
			t.ServerName = p.target.sni()
			return transport.Dial(ctx, net.UDPAddrFromAddrPort(addr), t, c)
		},
	}
	defer func() { _ = h.Close() }()
	client := &http.Client{Timeout: p.target.Timeout, Transport: h,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	r, err := exchange(ctx, client, "https://"+p.target.host()+p.target.Path, http.Header{"Host": {p.target.host()}})
	if err == nil && r.status == http.StatusMisdirectedRequest {
		err = fmt.Errorf("421: this server does not serve %s", p.target.Name)
	}
	return r, err
}

// wantsCertificate reports a server that was reached, and that lets in only clients with a certificate.
func wantsCertificate(err error) bool {
	const certificateRequired = 0x100 + 116 // RFC 9001 section 4.8, RFC 8446 section 6
	var refused *quic.TransportError
	return errors.As(err, &refused) && refused.ErrorCode == certificateRequired
}

// sameLeaf wants the certificate that is stored.
func (p *prober) sameLeaf(state tls.ConnectionState) error {
	sum := sha256.Sum256(state.PeerCertificates[0].Raw)
	if p.target.ExpectLeaf != "" && hex.EncodeToString(sum[:]) != p.target.ExpectLeaf {
		return errors.New("another certificate than the stored one is served")
	}
	return nil
}

// quicReason is why there is no QUIC, in plain words.
func quicReason(err error) string {
	var idle *quic.IdleTimeoutError
	var handshake *quic.HandshakeTimeoutError
	var refused *quic.TransportError
	switch {
	case errors.As(err, &idle), errors.As(err, &handshake), isTimeout(err):
		return "no answer in time"
	case errors.As(err, &refused) && refused.ErrorCode.IsCryptoError():
		return "the handshake is refused (" + steps.CleanLine(refused.ErrorMessage) + ")"
	}
	return reason(err)
}

// quietSocket keeps the library from asking for buffers that only a server needs, and from complaining on standard error
// that it got none.
type quietSocket struct{ net.PacketConn }

func (quietSocket) SetReadBuffer(int) error  { return nil }
func (quietSocket) SetWriteBuffer(int) error { return nil }

// HTTP3 asks every address of the target over QUIC, and returns why one of them was not reached; nil when all were.
func HTTP3(ctx context.Context, t Target) error {
	p := &prober{target: t.withDefaults()}
	for _, e := range p.target.endpoints() {
		if _, err := p.overQUIC(ctx, e.https); err != nil && !wantsCertificate(err) {
			return fmt.Errorf("%s: %s", e.https, quicReason(err))
		}
	}
	return nil
}
