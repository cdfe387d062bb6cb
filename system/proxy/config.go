package proxy

import (
	"crypto/tls"
	"crypto/x509"
	"log/slog"
	"time"

	"github.com/c93d5bcb/sslwizard/steps"
)

// Config is everything that is served. It is copied and compiled by Swap; the caller may forget it.
type Config struct {
	Sites   []Site
	Webroot string // folder of HTTP-01 tokens (RFC 8555 section 8.3) and TLS-ALPN-01 proofs; empty: no challenge is answered
	// HTTPPort and HTTPSPort are the ports as clients know them, named in redirects and to the upstream; 0 stands for
	// 80 and 443.
	HTTPPort, HTTPSPort int
	// Secret keys what visitors are given to keep, and is the same for as long as that shall be understood; empty: it is
	// good for the life of the Server.
	Secret []byte
}

// Site is a site with the certificate that it is served with: the chain, leaf first, and its private key.
type Site struct {
	steps.Site
	Certificate tls.Certificate
	ClientCAs   []*x509.Certificate // whose clients are let in, where SSL.ClientAuth asks for a certificate
	AltSvc      string              // the header Alt-Svc (RFC 7838) of every answer over TLS; empty: none
}

// Options are what a Server keeps through every Swap. The zero value logs nothing.
type Options struct {
	Log    *slog.Logger // errors of the server, cleaned; nil: none
	Access func(Access) // called at the end of every request, from many goroutines; nil: none
	// Key is what the tokens of HTTP/3 are made from: a program that follows another on the same sockets has the same, so
	// that it can tell the clients of the other that their connections are gone. All zero: a random one.
	Key [32]byte
	// Engine is what serves HTTP/1 and HTTP/2: EngineStd, or EngineLoop, which is not complete and hands to the other what it
	// does not do; empty: EngineStd.
	Engine string
	limits limits // none: the ordinary ones
}

// Engines.
const (
	EngineStd  = "std"  // net/http
	EngineLoop = "loop" // event loops
)

// Access is a finished request, or a WebSocket that has ended. Nothing in it is secret: it has no query, and no header but
// the two that the combined form of a log has.
type Access struct {
	Time    time.Time     // when it began
	Site    string        // empty when no site was meant
	Remote  string        // address of the client, without its port
	Peer    string        // who told it, where the client is not the peer of the connection
	Method  string        // cleaned
	Host    string        // as asked, cleaned
	Path    string        // without the query; cleaned and cut
	Proto   string        // "HTTP/2.0"
	Secure  bool          // came over TLS
	Status  int           // 0 when the client left before there was an answer; 101 for a WebSocket, over HTTP/2 too
	Bytes   int64         // of the body, or of the socket towards the client
	Elapsed time.Duration // until the last byte
	Referer string        // without its query; cleaned and cut
	Agent   string        // cleaned and cut
}

// Status is what a Server is doing.
type Status struct {
	Generation  uint64               `json:"generation"`  // counts the configurations that were taken
	Leaves      map[string]string    `json:"leaves"`      // site → sha256 of the leaf's DER, in hex
	Expires     map[string]time.Time `json:"expires"`     // site → end of the leaf
	Connections int                  `json:"connections"` // open, without WebSockets
	WebSockets  int                  `json:"webSockets"`  // open
	Refused     uint64               `json:"refused"`     // connections that were closed at once, because there were too many
	Cut         map[string]uint64    `json:"cut"`         // what was ended because of what its client did, by reason
	Upstreams   []UpstreamStatus     `json:"upstreams"`   // of all sites
}

// UpstreamStatus is how an upstream of a site is.
type UpstreamStatus struct {
	Site     string `json:"site"`
	Upstream string `json:"upstream"` // as in the answers
	Busy     int    `json:"busy"`     // requests and WebSockets that are there
	Failures uint64 `json:"failures"` // requests that it gave no answer to, or none that could be understood
	Down     bool   `json:"down"`     // it could not be reached when it was last tried
}

func (c Config) httpPort() int  { return orDefault(c.HTTPPort, 80) }
func (c Config) httpsPort() int { return orDefault(c.HTTPSPort, 443) }

func orDefault(port, standard int) int {
	if port == 0 {
		return standard
	}
	return port
}
