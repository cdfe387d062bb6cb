package proxy

//lint:file-ignore SA1019 net/http has nothing in its place that knows extended CONNECT

import (
	"context"
	"crypto/tls"
	"net"
	"net/http"
	"testing"

	"golang.org/x/net/http2"
)

// http2Client speaks HTTP/2 over one connection; the client of net/http knows no extended CONNECT.
func (i *instance) http2Client(t *testing.T) *http.Client {
	t.Helper()
	transport := &http2.Transport{
		TLSClientConfig: &tls.Config{RootCAs: i.roots},
		DialTLSContext: func(ctx context.Context, network, _ string, c *tls.Config) (net.Conn, error) {
			return (&tls.Dialer{Config: c}).DialContext(ctx, network, i.secure)
		},
	}
	t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Transport: transport, Timeout: patience,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
}
