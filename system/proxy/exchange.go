package proxy

import (
	"bufio"
	"context"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"sync/atomic"
	"time"

	"github.com/c93d5bcb/sslwizard/steps"
)

// exchange is one request and its answer. It is the http.ResponseWriter that the rest writes to, so that it sees
// every status and byte.
type exchange struct {
	server  *Server
	table   *table // of this request, whatever is swapped meanwhile
	w       http.ResponseWriter
	control *http.ResponseController
	in      *http.Request
	asked   *http.Request // the one that net/http goes on filling in, with trailers
	began   time.Time
	peer    netip.Addr // of the connection
	reached net.Addr   // that it came to
	from    string     // address of the client, who is somebody else where a site trusts the peer; empty: it has none
	via     string     // that of the peer, where the client is somebody else

	secure bool
	name   string // canonical name that was asked for
	target string // path and query, byte for byte
	site   *site

	status  int
	bytes   atomic.Int64
	body    *clientBody                 // nil where there is none to pass on
	fault   atomic.Pointer[clientFault] // what the client did wrong while its body was read
	trailer http.Header                 // of the request to the upstream
	silence *silence                    // of the upstream
	lenient bool                        // that is measured only while it has a piece of the body to take
	tunnel  *tunnel                     // when it became a WebSocket

	bound    *transport // the upstream that the visitor stays with; nil when there is none
	attempt  *attempt   // at the upstream that it is with, or was last; nil before the first
	progress progress   // of that attempt

	key      string      // of the handshake that a WebSocket over HTTP/2 or HTTP/3 is opened with; empty for all else
	accepted http.Header // what the upstream answered to that
	stream   *stream     // that it became, over HTTP/2
}

// clientFault is a failure of the client's side of an exchange, and the status that says so.
type clientFault struct{ status int }

type exchangeKey struct{}

func newExchange(s *Server, t *table, w http.ResponseWriter, r *http.Request, secure bool) *exchange {
	x := &exchange{
		server: s, table: t, w: w, control: http.NewResponseController(w), asked: r, secure: secure, began: time.Now(), peer: peerOf(r),
	}
	x.reached, _ = r.Context().Value(http.LocalAddrContextKey).(net.Addr)
	x.from = addressText(x.peer)
	x.in = r.WithContext(context.WithValue(r.Context(), exchangeKey{}, x))
	_ = x.control.SetWriteDeadline(time.Time{}) // the one of the request before this on the connection
	return x
}

// exchangeOf is the exchange that a request of its forwarder belongs to.
func exchangeOf(ctx context.Context) *exchange {
	x, _ := ctx.Value(exchangeKey{}).(*exchange)
	return x
}

func (x *exchange) scheme() string {
	if x.secure {
		return "https"
	}
	return "http"
}

func (x *exchange) path() string {
	path, _, _ := strings.Cut(x.target, "?")
	return path
}

// doubtful reports a request after which the connection has to end. net/http reads a request that has both
// Transfer-Encoding and Content-Length as chunked and hides that there were both; RFC 9112 section 6.1 wants the
// connection closed then, for something before us may have read it the other way and take its end for a request.
// Since the two cannot be told apart here, it is closed after every chunked request. The same section wants it closed
// after a request of HTTP/1.0 with Transfer-Encoding, of which net/http hides that too: so after every one of HTTP/1.0.
func (x *exchange) doubtful() bool {
	return x.in.ProtoMajor == 1 && (x.in.ProtoMinor == 0 || len(x.in.TransferEncoding) > 0)
}

// Header implements http.ResponseWriter.
func (x *exchange) Header() http.Header { return x.w.Header() }

// WriteHeader implements http.ResponseWriter.
func (x *exchange) WriteHeader(status int) {
	if status < 200 && status != http.StatusSwitchingProtocols {
		dropHop(x.Header()) // ReverseProxy does not, and a client of HTTP/2 would take it for a fault
	}
	if x.status == 0 && (status >= 200 || status == http.StatusSwitchingProtocols) {
		x.status = status
		if x.in.ProtoMajor >= 3 { // the library sends what it is given
			dropHop(x.Header())
		}
		if x.in.ProtoMajor == 1 && x.body.unread() {
			x.Header().Set("Connection", "close") // what is left of the body must not become a request
		}
	}
	x.w.WriteHeader(status)
}

// Write implements http.ResponseWriter. A client that takes nothing for too long, or less than nothing, is cut.
func (x *exchange) Write(p []byte) (int, error) {
	if x.status == 0 {
		x.status = http.StatusOK
	}
	until := x.allowWrite(len(p))
	n, err := x.w.Write(p)
	x.bytes.Add(int64(n))
	x.wrote()
	if err != nil && !time.Now().Before(until) {
		x.server.cuts.count(cutAnswer)
	}
	return n, err
}

// FlushError is what http.ResponseController calls.
func (x *exchange) FlushError() error {
	x.allowWrite(0)
	defer x.wrote()
	return x.control.Flush()
}

// Unwrap lets http.ResponseController reach the rest.
func (x *exchange) Unwrap() http.ResponseWriter { return x.w }

// Hijack hands the connection to the tunnel, which counts, watches and ends it.
func (x *exchange) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	if x.tunnel == nil {
		return nil, nil, http.ErrNotSupported
	}
	take := x.control.Hijack
	if x.key != "" {
		take = x.accept
	}
	conn, buffered, err := take()
	if err != nil {
		return nil, nil, err
	}
	x.status = http.StatusSwitchingProtocols
	x.tunnel.open(conn, buffered.Reader)
	return x.tunnel.clientSide(), buffered, nil
}

// pieceSize is how much of an answer has to be taken in the time that the limits have for that. A single piece may take
// as long as the upstream may be silent.
const pieceSize = 16 << 10

// allowWrite sets the time for so many bytes of the answer.
func (x *exchange) allowWrite(n int) time.Time {
	pieces := max(1, float64(n)/pieceSize)
	wait := max(x.patience(), time.Duration(pieces*float64(x.server.options.limits.take)))
	until := time.Now().Add(wait)
	_ = x.control.SetWriteDeadline(until)
	return until
}

// wrote clears the deadline where it would act by itself: on HTTP/2 it resets the stream when it passes, written or
// not. On HTTP/1 it stays, for what net/http flushes after the handler.
func (x *exchange) wrote() {
	x.body.answered()
	if x.in.ProtoMajor >= 2 {
		_ = x.control.SetWriteDeadline(time.Time{})
	}
}

// patience is how long either side may be silent.
func (x *exchange) patience() time.Duration {
	if x.site != nil && x.site.Proxy.Timeout > 0 {
		return x.site.Proxy.Timeout
	}
	return x.server.options.limits.taking
}

// maxLogged is how much of a path or host is kept in the access log.
const maxLogged = 256

// end reports the finished exchange. A panic (http.ErrAbortHandler) passes through.
func (x *exchange) end() {
	a := x.access()
	a.Bytes, a.Elapsed = x.bytes.Load(), time.Since(x.began)
	x.server.options.Access(a)
}

// access is what is reported of it, but for what is known at the end alone.
func (x *exchange) access() Access {
	a := Access{
		Time: x.began, Remote: x.from, Method: logged(x.in.Method), Host: logged(x.in.Host), Path: logged(x.path()),
		Proto: x.in.Proto, Secure: x.secure, Status: x.status,
		Peer: x.via, Referer: logged(origin(first(x.asked.Header, "Referer"))), Agent: logged(first(x.asked.Header, "User-Agent")),
	}
	if x.site != nil {
		a.Site = x.site.Name
	}
	return a
}

// first is the first of the fields with a canonical name.
func first(h http.Header, name string) string {
	if all := h[name]; len(all) > 0 {
		return all[0]
	}
	return ""
}

// origin is a Referer without what may be secret in it: user and password, query and fragment.
func origin(referer string) string {
	if end := strings.IndexAny(referer, "?#"); end >= 0 {
		referer = referer[:end]
	}
	scheme, rest, ok := strings.Cut(referer, "://")
	if !ok {
		return referer
	}
	authority, path, _ := strings.Cut(rest, "/")
	return scheme + "://" + authority[strings.LastIndexByte(authority, '@')+1:] + "/" + path
}

func logged(s string) string {
	if len(s) > maxLogged {
		s = s[:maxLogged] + "…"
	}
	return steps.CleanLine(s)
}
