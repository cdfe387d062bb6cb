package pebbletest

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"strings"
	"sync"
	"time"
)

// Endpoint is one of the resources of an ACME server.
type Endpoint string

// The endpoints that an issuance goes through, in its order.
const (
	Directory     Endpoint = "directory"
	NewNonce      Endpoint = "newNonce"
	NewAccount    Endpoint = "newAccount"
	NewOrder      Endpoint = "newOrder"
	Authorization Endpoint = "authorization"
	Challenge     Endpoint = "challenge"
	Finalize      Endpoint = "finalize"
	Order         Endpoint = "order"
	Certificate   Endpoint = "certificate"
)

// paths are Pebble's.
var paths = []struct {
	prefix string
	is     Endpoint
}{
	{"/dir", Directory}, {"/nonce-plz", NewNonce}, {"/sign-me-up", NewAccount}, {"/order-plz", NewOrder}, {"/authZ/", Authorization},
	{"/chalZ/", Challenge}, {"/finalize-order/", Finalize}, {"/my-order/", Order}, {"/certZ/", Certificate},
}

func endpointOf(path string) Endpoint {
	for _, p := range paths {
		if strings.HasPrefix(path, p.prefix) {
			return p.is
		}
	}
	return ""
}

// Front is a TLS server of its own before a Pebble, and does to requests and replies what networks, caches and CAs do when
// they fail. Several may stand before the same Pebble, each with faults of its own.
type Front struct {
	Directory string // https URL of the directory, through the front
	Address   string // host:port that it listens on

	identity identity
	host     string
	target   string
	client   *http.Transport
	server   *http.Server

	mu       sync.Mutex
	meddle   func(*Exchange)
	ahead    time.Duration
	requests map[Endpoint]int
	made     map[Endpoint]map[string]bool
}

// StartFront puts a front before the Pebble until Close. Its name in the directory's URL is host: a name that the client
// under test finds at the front's address, or empty for that address itself.
func StartFront(s *Server, host string) (*Front, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("cannot start a front: %w", err)
	}
	f := &Front{Address: l.Addr().String(), target: s.Address, requests: map[Endpoint]int{}, made: map[Endpoint]map[string]bool{}}
	name, port, _ := net.SplitHostPort(f.Address)
	if host != "" {
		name = host
	}
	f.host = net.JoinHostPort(name, port)
	f.Directory = "https://" + f.host + "/dir"
	if f.identity, err = newIdentity([]string{name}); err != nil {
		return nil, err
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(s.DirectoryCA())
	f.client = &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots}, DisableCompression: true, MaxIdleConnsPerHost: 8}
	f.server = &http.Server{
		Handler: f, ReadHeaderTimeout: 10 * time.Second, ErrorLog: log.New(io.Discard, "", 0),
		// HTTP/1.1 alone: a connection can be taken over and cut.
		TLSConfig:    &tls.Config{Certificates: []tls.Certificate{f.identity.certificate}, NextProtos: []string{"http/1.1"}},
		TLSNextProto: map[string]func(*http.Server, *tls.Conn, http.Handler){},
	}
	go f.server.ServeTLS(l, "", "") //nolint:errcheck // ends with ErrServerClosed
	return f, nil
}

// Meddle has every request go through how from now on; nil lets them through as they are.
func (f *Front) Meddle(how func(*Exchange)) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.meddle = how
}

// Ahead has the CA's clock go ahead by d in every reply.
func (f *Front) Ahead(d time.Duration) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.ahead = d
}

// DirectoryCA is the certificate, as PEM, that a client has to trust to speak to the front.
func (f *Front) DirectoryCA() []byte { return pemOf(f.identity.root) }

// Requests is how often the endpoint was asked for.
func (f *Front) Requests(e Endpoint) int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.requests[e]
}

// Made is how many things of this endpoint the CA made, whether or not the client heard of it: accounts, orders, or
// certificates for Finalize.
func (f *Front) Made(e Endpoint) int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return len(f.made[e])
}

// Close stops the front at once.
func (f *Front) Close() error {
	f.client.CloseIdleConnections()
	return f.server.Close()
}

// ServeHTTP implements http.Handler.
func (f *Front) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, 1<<20))
	if err != nil {
		return
	}
	x := &Exchange{Endpoint: endpointOf(r.URL.Path), Request: r, front: f, body: body, to: w}
	f.mu.Lock()
	f.requests[x.Endpoint]++
	x.N = f.requests[x.Endpoint]
	meddle := f.meddle
	f.mu.Unlock()
	if meddle != nil {
		meddle(x)
	}
	if !x.over {
		x.Send(x.Ask())
	}
}

// Exchange is one request on its way to the CA. A meddler ends it by Send, Tear, Drip or Cut; otherwise it goes through.
type Exchange struct {
	Endpoint Endpoint
	N        int // it is the N-th to its endpoint
	Request  *http.Request

	front   *Front
	body    []byte
	to      http.ResponseWriter
	reply   *Reply
	changes []func(*Reply)
	over    bool
}

// Reply is what comes back.
type Reply struct {
	Status int
	Header http.Header
	Body   []byte
}

// Ask has the CA answer; asked again it is the same reply.
func (x *Exchange) Ask() Reply {
	if x.reply == nil {
		x.reply = x.front.ask(x)
		for _, how := range x.changes {
			how(x.reply)
		}
	}
	return *x.reply
}

func (f *Front) ask(x *Exchange) *Reply {
	r, err := http.NewRequestWithContext(x.Request.Context(), x.Request.Method, "https://"+f.target+x.Request.URL.RequestURI(), bytes.NewReader(x.body))
	if err != nil {
		return &Reply{Status: http.StatusBadGateway}
	}
	r.Header, r.Host = x.Request.Header.Clone(), x.Request.Host
	got, err := f.client.RoundTrip(r)
	if err != nil {
		return &Reply{Status: http.StatusBadGateway}
	}
	defer got.Body.Close()
	body, err := io.ReadAll(got.Body)
	if err != nil {
		return &Reply{Status: http.StatusBadGateway}
	}
	header := got.Header.Clone()
	header.Del("Content-Length")
	f.see(x, got.StatusCode, header)
	return &Reply{got.StatusCode, header, body}
}

// see counts what the CA made.
func (f *Front) see(x *Exchange, status int, header http.Header) {
	what := ""
	switch {
	case (x.Endpoint == NewAccount || x.Endpoint == NewOrder) && status == http.StatusCreated:
		what = header.Get("Location")
	case x.Endpoint == Finalize && status == http.StatusOK:
		what = x.Request.URL.Path
	default:
		return
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.made[x.Endpoint] == nil {
		f.made[x.Endpoint] = map[string]bool{}
	}
	f.made[x.Endpoint][what] = true
}

// Change alters what the CA answers, before a fault or the client sees it.
func (x *Exchange) Change(how func(*Reply)) { x.changes = append(x.changes, how) }

// Send gives the client this reply.
func (x *Exchange) Send(r Reply) {
	x.over = true
	x.head(r, len(r.Body))
	x.to.Write(r.Body) //nolint:errcheck // the client may be gone
}

func (x *Exchange) head(r Reply, length int) {
	for name, values := range r.Header {
		x.to.Header()[name] = values
	}
	x.front.mu.Lock()
	ahead := x.front.ahead
	x.front.mu.Unlock()
	if x.to.Header().Get("Date") == "" || ahead != 0 {
		x.to.Header().Set("Date", time.Now().Add(ahead).UTC().Format(http.TimeFormat))
	}
	if length > 0 {
		x.to.Header().Set("Content-Length", fmt.Sprint(length))
	}
	x.to.WriteHeader(r.Status)
}

// Tear sends the head and the first half of the body, and cuts the connection.
func (x *Exchange) Tear(r Reply) {
	x.over = true
	x.head(r, max(len(r.Body), 2))
	x.to.Write(r.Body[:len(r.Body)/2]) //nolint:errcheck // the client may be gone
	panic(http.ErrAbortHandler)
}

// Drip sends the head and then a byte now and then, without end, until the client has enough.
func (x *Exchange) Drip(r Reply) {
	x.over = true
	x.head(r, 0)
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case <-x.Request.Context().Done():
			return
		case <-tick.C:
		}
		if _, err := x.to.Write([]byte(" ")); err != nil {
			return
		}
		_ = http.NewResponseController(x.to).Flush()
	}
}

// Cut resets the connection.
func (x *Exchange) Cut() {
	x.over = true
	c, _, err := http.NewResponseController(x.to).Hijack()
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	if t, ok := c.(*tls.Conn); ok {
		if tcp, ok := t.NetConn().(*net.TCPConn); ok {
			_ = tcp.SetLinger(0)
			_ = tcp.Close()
			return
		}
	}
	_ = c.Close()
}
