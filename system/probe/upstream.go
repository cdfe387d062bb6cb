package probe

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"net"
	"net/http"
	"strings"

	"github.com/c93d5bcb/sslwizard/steps"
)

// backend is the application, asked without the proxy between.
type backend struct {
	steps.Upstream
	prober *prober
}

// backend returns the application when it is known and can be asked from here.
func (p *prober) backend() (backend, bool) {
	if p.target.Upstream == nil {
		return backend{}, false
	}
	return backend{*p.target.Upstream, p}, true
}

// dial connects as the proxy would; with TLS when the upstream has it.
func (b backend) dial(ctx context.Context) (net.Conn, error) {
	network, protocol := "tcp", "http/1.1"
	if b.Socket() {
		network = "unix"
	}
	if b.HTTP2() {
		protocol = "h2"
	}
	conn, err := dialWithin(ctx, network, b.Address(), b.prober.target.Timeout)
	if err != nil || !b.TLS() {
		return conn, err
	}
	client := tls.Client(conn, &tls.Config{ServerName: b.Host, InsecureSkipVerify: !b.Verify, NextProtos: []string{protocol}})
	if err := client.HandshakeContext(ctx); err != nil {
		_ = conn.Close()
		return nil, err
	}
	return client, nil
}

// get asks the application for the path as the proxy would for the target's Path.
func (b backend) get(ctx context.Context) (reply, outcome) {
	head := &sniffer{}
	protocols := new(http.Protocols)
	protocols.SetHTTP1(!b.HTTP2())
	protocols.SetUnencryptedHTTP2(b.HTTP2()) // net/http is not to care for TLS
	client := &http.Client{
		Timeout:       b.prober.target.Timeout,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		Transport: &http.Transport{
			DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
				conn, err := b.dial(ctx)
				head.Conn = conn
				return head, err
			},
			Protocols: protocols, DisableCompression: true, DisableKeepAlives: true, MaxResponseHeaderBytes: maxReplyHeader,
		},
	}
	t := b.prober.target
	r, err := exchange(ctx, client, "http://upstream"+t.Path, forwardedHeader(t))
	if problem, wrong := b.wrongScheme(err, head.seen(), r); wrong {
		return r, problem
	}
	if err != nil {
		return r, b.unreachable(err)
	}
	return r, ok("the application answers %d itself", r.status)
}

// forwardedHeader is what a request has when it comes through the proxy.
func forwardedHeader(t Target) http.Header {
	return http.Header{
		"Host":              {t.host()},
		"X-Forwarded-Proto": {"https"},
		"X-Forwarded-Host":  {t.host()},
		"X-Forwarded-For":   {"127.0.0.1"},
		"X-Real-Ip":         {"127.0.0.1"},
	}
}

// unreachable says why the application gave no answer.
func (b backend) unreachable(err error) outcome {
	if isTimeout(err) {
		return fail(faultAppSlow, "the application at %s does not answer in time", b)
	}
	if errors.As(err, new(*tls.CertificateVerificationError)) {
		return fail(faultAppCert, "the application at %s: %s", b, reason(err))
	}
	return fail(faultAppDown, "the application at %s: %s", b, reason(err))
}

// wrongScheme tells by the first bytes that the application speaks TLS where http was said, or the other way round, or
// another version of HTTP.
func (b backend) wrongScheme(err error, head []byte, r reply) (outcome, bool) {
	right := b.Upstream
	switch {
	case b.TLS() && plainInstead(err), !b.TLS() && (len(head) > 1 && looksLikeTLS(head) || complains(r)):
		right.Scheme = otherTLS[b.Scheme]
	case b.HTTP2() && bytes.HasPrefix(head, []byte("HTTP/1.")), !b.HTTP2() && looksLikeHTTP2(head):
		right = b.Twin()
	default:
		return outcome{}, false
	}
	return b.propose(right), true
}

// otherTLS is the scheme of the same version of HTTP with TLS where there was none, and the other way round.
var otherTLS = map[string]string{"http": "https", "https": "http", "unix": "https", "h2c": "h2", "h2": "h2c"}

// complains reports the answer of a server of TLS to plain HTTP.
func complains(r reply) bool {
	return r.status == http.StatusBadRequest && (bytes.Contains(r.body, []byte("to an HTTPS server")) || bytes.Contains(r.body, []byte("sent to HTTPS port")))
}

// looksLikeHTTP2 reports a SETTINGS frame of the connection, with which a server of HTTP/2 begins.
func looksLikeHTTP2(head []byte) bool {
	const size, settings = 9, 4
	return len(head) >= size && head[0] == 0 && head[3] == settings && bytes.Equal(head[4:size], make([]byte, size-4))
}

// plainInstead reports a handshake that was answered in plain HTTP; net/http has its own words for it.
func plainInstead(err error) bool {
	return errors.As(err, new(tls.RecordHeaderError)) || err != nil && strings.Contains(err.Error(), "server gave HTTP response to HTTPS client")
}

// spoken is how people call what is spoken there.
var spoken = map[string]string{"http": "plain HTTP", "unix": "plain HTTP", "https": "TLS", "h2c": "HTTP/2 only, as gRPC does", "h2": "TLS"}

// propose is the fault W11 with the upstream that would be right.
func (b backend) propose(right steps.Upstream) outcome {
	speaks := spoken[right.Scheme]
	if b.HTTP2() && !right.HTTP2() {
		speaks = "HTTP/1.1"
	}
	fix := "proxy.upstream: " + right.String()
	if right.Socket() && right.TLS() {
		fix = "name an upstream that speaks without TLS"
	}
	return fail(faultScheme.because(blameApp, fix), "%s speaks %s", b.Address(), speaks)
}
