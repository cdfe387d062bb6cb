package probe

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strconv"
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

// String is the upstream as it stands in the answers file.
func (b backend) String() string {
	if b.Scheme == "unix" {
		return "unix:" + b.Path
	}
	return b.Scheme + "://" + b.address()
}

func (b backend) address() string { return net.JoinHostPort(b.Host, strconv.Itoa(b.Port)) }

// dial connects as the proxy would; with TLS when the upstream has it.
func (b backend) dial(ctx context.Context) (net.Conn, error) {
	network, addr := "tcp", b.address()
	if b.Scheme == "unix" {
		network, addr = "unix", b.Path
	}
	conn, err := dialWithin(ctx, network, addr, b.prober.target.Timeout)
	if err != nil || b.Scheme != "https" {
		return conn, err
	}
	client := tls.Client(conn, &tls.Config{ServerName: b.Host, InsecureSkipVerify: !b.Verify, NextProtos: []string{"http/1.1"}})
	if err := client.HandshakeContext(ctx); err != nil {
		_ = conn.Close()
		return nil, err
	}
	return client, nil
}

// get asks the application for the path as the proxy would for the target's Path.
func (b backend) get(ctx context.Context) (reply, outcome) {
	head := &sniffer{}
	client := &http.Client{
		Timeout:       b.prober.target.Timeout,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		Transport: &http.Transport{
			DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
				conn, err := b.dial(ctx)
				head.Conn = conn
				return head, err
			},
			DisableCompression: true, DisableKeepAlives: true, MaxResponseHeaderBytes: maxReplyHeader,
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

// wrongScheme tells by the first bytes that the application speaks TLS where http was said, or the other way round.
func (b backend) wrongScheme(err error, head []byte, r reply) (outcome, bool) {
	if b.Scheme == "https" {
		if plainInstead(err) {
			return b.propose("http", "plain HTTP"), true
		}
		return outcome{}, false
	}
	speaksTLS := len(head) > 1 && looksLikeTLS(head)
	complains := r.status == http.StatusBadRequest && (bytes.Contains(r.body, []byte("to an HTTPS server")) || bytes.Contains(r.body, []byte("sent to HTTPS port")))
	if speaksTLS || complains {
		return b.propose("https", "TLS"), true
	}
	return outcome{}, false
}

// plainInstead reports a handshake that was answered in plain HTTP; net/http has its own words for it.
func plainInstead(err error) bool {
	return errors.As(err, new(tls.RecordHeaderError)) || err != nil && strings.Contains(err.Error(), "server gave HTTP response to HTTPS client")
}

// propose is the fault W11 with the upstream that would be right.
func (b backend) propose(scheme, speaks string) outcome {
	right := fmt.Sprintf("proxy.upstream: %s://%s", scheme, b.address())
	if b.Scheme == "unix" {
		right = "name an upstream that speaks plain HTTP"
	}
	return fail(faultScheme.because(blameApp, right), "%s speaks %s", strings.TrimPrefix(b.String(), b.Scheme+"://"), speaks)
}
