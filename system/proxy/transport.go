package proxy

import (
	"crypto/tls"
	"fmt"
	"net"
	"net/http"
	"strconv"
	"time"

	"github.com/c93d5bcb/sslwizard/steps"
)

// Limits of upstream connections. They are closed after a minute without use, as nginx does; net/http sees a close by
// the upstream at once and does not use such a connection again.
const (
	dialTimeout       = 10 * time.Second
	upstreamIdle      = time.Minute
	maxIdleUpstream   = 256
	maxUpstreamHeader = 256 << 10
)

// transport is the connections to the upstream of one site. They are never shared between sites, so that a response
// can at worst reach the wrong client of the same site.
type transport struct {
	upstream     steps.Upstream
	scheme, host string
	round        *http.Transport
}

// transportFor returns the transport of the site: the one of this table when its upstream is the same.
func (t *table) transportFor(s steps.Site) (*transport, error) {
	for _, old := range t.sites {
		if old.Name == s.Name && old.transport.upstream == s.Proxy.Upstream {
			return old.transport, nil
		}
	}
	return newTransport(s.Proxy.Upstream)
}

// retire closes the idle upstream connections that the next table does not use; those in use are closed when they have
// been idle for upstreamIdle.
func (t *table) retire(next *table) {
	kept := map[*transport]bool{}
	for _, s := range next.sites {
		kept[s.transport] = true
	}
	for _, s := range t.sites {
		if !kept[s.transport] {
			s.transport.round.CloseIdleConnections()
		}
	}
}

func newTransport(u steps.Upstream) (*transport, error) {
	t := &transport{upstream: u, scheme: u.Scheme}
	network, address := "tcp", net.JoinHostPort(u.Host, strconv.Itoa(u.Port))
	switch u.Scheme {
	case "http", "https":
		t.host = address
	case "unix":
		t.scheme, t.host = "http", "localhost"
		network, address = "unix", u.Path
	default:
		return nil, fmt.Errorf("the upstream scheme %q is not known", u.Scheme)
	}
	dialer := &net.Dialer{Timeout: dialTimeout, KeepAlive: 30 * time.Second}
	// A private upstream often has a certificate of its own making; Verify says whether that is acceptable here.
	secure := &tls.Dialer{NetDialer: dialer, Config: &tls.Config{
		ServerName: u.Host, InsecureSkipVerify: !u.Verify, MinVersion: tls.VersionTLS12, //nolint:gosec // see above
	}}
	t.round = &http.Transport{
		Proxy:                  nil, // never the environment's: the upstream is what the configuration says
		DialContext:            followed(dialer.DialContext, network, address),
		DialTLSContext:         followed(secure.DialContext, network, address),
		DisableCompression:     true, // the client's Accept-Encoding is the client's
		MaxIdleConns:           0,
		MaxIdleConnsPerHost:    maxIdleUpstream,
		IdleConnTimeout:        upstreamIdle,
		ExpectContinueTimeout:  time.Second,
		MaxResponseHeaderBytes: maxUpstreamHeader,
	}
	return t, nil
}
