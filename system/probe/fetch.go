package probe

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"sync/atomic"
)

const (
	maxReplyHeader = 64 << 10
	maxReplyBody   = 1 << 20
)

// reply is an HTTP answer, cut to what the probe may hold.
type reply struct {
	status  int
	proto   string
	header  http.Header
	body    []byte
	bodyErr error      // the body did not come as promised, or not in time
	local   netip.Addr // our own address on the connection
}

// clientOf returns a client that connects to addr whatever the URL says, follows nothing and keeps nothing.
func (p *prober) clientOf(addr netip.AddrPort, local *atomic.Pointer[net.TCPAddr]) *http.Client {
	return &http.Client{
		Timeout:       p.target.Timeout,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		Transport: &http.Transport{
			DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
				conn, err := p.dial(ctx, addr)
				if err == nil {
					local.Store(conn.LocalAddr().(*net.TCPAddr))
				}
				return conn, err
			},
			TLSClientConfig:        &tls.Config{ServerName: p.target.sni(), InsecureSkipVerify: true, CipherSuites: p.config("").CipherSuites, MinVersion: tls.VersionTLS10, GetClientCertificate: p.show},
			ForceAttemptHTTP2:      true,
			DisableCompression:     true,
			DisableKeepAlives:      true,
			MaxResponseHeaderBytes: maxReplyHeader,
		},
	}
}

// get asks for url with these headers; Host is taken out of them.
func (p *prober) get(ctx context.Context, addr netip.AddrPort, url string, header http.Header) (reply, error) {
	var local atomic.Pointer[net.TCPAddr]
	r, err := exchange(ctx, p.clientOf(addr, &local), url, header)
	if a := local.Load(); a != nil {
		r.local = a.AddrPort().Addr().Unmap()
	}
	return r, err
}

// exchange does one GET. The body is read to its end or maxReplyBody.
func exchange(ctx context.Context, client *http.Client, url string, header http.Header) (reply, error) {
	defer client.CloseIdleConnections()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return reply{}, err
	}
	req.Host = header.Get("Host")
	for name, values := range header {
		if name != "Host" {
			req.Header[name] = values
		}
	}
	if req.Header.Get("User-Agent") == "" {
		req.Header.Set("User-Agent", userAgent)
	}
	resp, err := client.Do(req)
	if err != nil {
		return reply{}, err
	}
	defer func() { _ = resp.Body.Close() }()
	body, bodyErr := io.ReadAll(io.LimitReader(resp.Body, maxReplyBody))
	return reply{status: resp.StatusCode, proto: resp.Proto, header: resp.Header, body: body, bodyErr: bodyErr}, nil
}

const userAgent = "sslwizard-probe/1"

// answerFault names why there was no HTTP answer.
func answerFault(err error) fault {
	text := err.Error()
	switch {
	case isTimeout(err): // before the rest: half a line that is late is not malformed
		return faultStalled
	case strings.Contains(text, "response headers exceeded"), strings.Contains(text, "header list larger"):
		return faultTooBig
	case strings.Contains(text, "malformed HTTP"), strings.Contains(text, "malformed MIME"), strings.Contains(text, "invalid header"):
		return faultAnswer
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return fault{"U07", "ERR_EMPTY_RESPONSE", blameProxy, faultAnswer.fix}
	}
	if f, cut := cutFault(err); cut {
		return f
	}
	return faultAnswer
}
