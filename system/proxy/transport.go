package proxy

import (
	"cmp"
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"net/http"
	"strconv"
	"sync/atomic"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/c93d5bcb/sslwizard/steps"
)

// Limits of upstream connections. They are closed after a minute without use, as nginx does; net/http sees a close by
// the upstream at once and does not use such a connection again.
const (
	dialTimeout       = 10 * time.Second
	dialBeside        = 4 * time.Second // where there are other upstreams to go to; a lost packet was sent twice more by then
	upstreamIdle      = time.Minute
	maxIdleUpstream   = 256
	maxUpstreamHeader = 256 << 10
	// upstreamWindow is how much an upstream of HTTP/2 may send ahead of a client that is slow to take it: it is held in
	// memory, and sixteen thousand of them would use up what net/http lets all streams of a connection have ahead.
	upstreamWindow = 64 << 10
	upstreamDead   = time.Minute // without an acknowledgement
)

// transport is an upstream of one site: the connections to it, and what they have shown of it. They are never shared
// between sites, so that a response can at worst reach the wrong client of the same site.
type transport struct {
	upstream     steps.Upstream
	scheme, host string
	dial         time.Duration // how long it may take to connect
	round        *http.Transport
	connect      func(context.Context) (net.Conn, error) // in the clear
	busy         atomic.Int64                            // requests and WebSockets that are there
	idle         atomic.Int64                            // connections of the loops that wait for a request
	health       health
}

func (t *transport) status(site string) UpstreamStatus {
	failures, down := t.health.state()
	return UpstreamStatus{Site: site, Upstream: t.upstream.String(), Busy: int(t.busy.Load()), Failures: failures, Down: down}
}

// spare counts one more connection of a loop that waits for a request, if there may be one more.
func (t *transport) spare() bool {
	if t.idle.Add(1) > maxIdleUpstream {
		t.idle.Add(-1)
		return false
	}
	return true
}

// retire closes the idle upstream connections that the next table does not use; those in use are closed when they have
// been idle for upstreamIdle.
func (t *table) retire(next *table) {
	kept := map[*transport]bool{}
	for _, one := range next.transports() {
		kept[one] = true
	}
	for _, one := range t.transports() {
		if !kept[one] {
			one.round.CloseIdleConnections()
		}
	}
}

func newTransport(u steps.Upstream, dial time.Duration) (*transport, error) {
	t := &transport{upstream: u, scheme: "http", host: "localhost", dial: dial}
	network, address := "unix", u.Path
	switch u.Scheme {
	case "http", "https", "h2c", "h2", "unix":
	default:
		return nil, fmt.Errorf("the upstream scheme %q is not known", u.Scheme)
	}
	if u.TLS() {
		t.scheme = "https"
	}
	if !u.Socket() {
		network, address = "tcp", net.JoinHostPort(u.Host, strconv.Itoa(u.Port))
		t.host = address
	}
	dialer := &net.Dialer{Timeout: dial, KeepAlive: 30 * time.Second}
	// A private upstream often has a certificate of its own making; Verify says whether that is acceptable here.
	secure := &tls.Dialer{NetDialer: dialer, Config: &tls.Config{
		ServerName: u.Host, InsecureSkipVerify: !u.Verify, MinVersion: tls.VersionTLS12, //nolint:gosec // see above
	}}
	t.connect = func(ctx context.Context) (net.Conn, error) { return dialer.DialContext(ctx, network, address) }
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
	if u.HTTP2() {
		if network == "tcp" {
			dialer.Control = noticeDeath
		}
		secure.Config.NextProtos = []string{"h2"}
		t.speakHTTP2(always(dialer.DialContext, network, address), always(secure.DialContext, network, address))
	}
	return t, nil
}

// always dials always the same.
func always(dial dialFunc, network, address string) dialFunc {
	return func(ctx context.Context, _, _ string) (net.Conn, error) { return dial(ctx, network, address) }
}

// speakHTTP2 has the transport speak HTTP/2 and nothing else, over connections that are dialled so. In HTTP/2 an answer
// belongs to its stream, so there is nothing to follow. Pings are not sent: servers of gRPC end the connection for them.
func (t *transport) speakHTTP2(plain, secure dialFunc) {
	protocols := new(http.Protocols)
	protocols.SetUnencryptedHTTP2(t.scheme == "http")
	protocols.SetHTTP2(t.scheme == "https")
	t.round.Protocols = protocols
	t.round.DialContext, t.round.DialTLSContext = plain, secure
	t.round.HTTP2 = &http.HTTP2Config{MaxReceiveBufferPerStream: upstreamWindow}
}

// noticeDeath has the kernel give a connection up whose other end acknowledges nothing any more. Of HTTP/1.1 a request that
// is not answered ends its connection; of HTTP/2 all requests share one, and would go on into it for a quarter of an hour.
func noticeDeath(_, _ string, c syscall.RawConn) error {
	var err error
	set := func(fd uintptr) {
		err = unix.SetsockoptInt(int(fd), unix.IPPROTO_TCP, unix.TCP_USER_TIMEOUT, int(upstreamDead.Milliseconds()))
	}
	return cmp.Or(c.Control(set), err)
}
