package pebbletest

import (
	"context"
	"crypto/tls"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"os"
	"strconv"
	"sync"
	"time"

	"github.com/letsencrypt/pebble/v2/ca"
	"github.com/letsencrypt/pebble/v2/db"
	"github.com/letsencrypt/pebble/v2/va"
	"github.com/letsencrypt/pebble/v2/wfe"
)

// Options say how Pebble behaves. The zero value is a fast and friendly CA on a free loopback port, which asks the
// system's resolver and validates on port 80.
type Options struct {
	Listen    string        // address of the directory; empty: a free port on 127.0.0.1
	Names     []string      // more names and addresses for the directory's TLS certificate
	HTTPPort  int           // where HTTP-01 is fetched; 0: 80
	TLSPort   int           // where TLS-ALPN-01 is asked; 0: 443
	DNSServer string        // host:port of the resolver that validates; empty: the system's
	Validity  time.Duration // lifetime of certificates; 0: 90 days
	Key       string        // "ecdsa" or "rsa" for the CA's own keys; empty: ecdsa
	Chain     int           // number of intermediates; 0: 1

	RejectNonces int                      // percentage of good nonces that are refused
	ReuseAuthz   int                      // percentage of authorizations that are reused
	Blocked      []string                 // names that are refused by policy
	EAB          bool                     // accounts need an external binding
	EABKeys      map[string]string        // key ID → HMAC key, in base64url
	Profiles     map[string]time.Duration // name → lifetime; empty: one, "default". Pebble picks one at random for an order that names none
	RetryAuthz   time.Duration            // Retry-After on pending authorizations; 0: none is sent
	RetryOrder   time.Duration            // Retry-After on processing orders; 0: none is sent

	Wrap func(http.Handler) http.Handler // around the directory, to inject faults
	Log  io.Writer                       // Pebble's own log; nil: none
}

// Server is a running Pebble.
type Server struct {
	Directory string // https URL of the directory
	Address   string // host:port that it listens on

	Management http.Handler // Pebble's management interface, served by nobody
	issuer     *ca.CAImpl
	identity   identity
	http       *http.Server
	requests   map[string]int
	mu         sync.Mutex
}

// settings guards the environment: Pebble takes half of its options from there, at construction.
var settings sync.Mutex

// Start runs Pebble until Close.
func Start(o Options) (*Server, error) {
	listen := o.Listen
	if listen == "" {
		listen = "127.0.0.1:0"
	}
	l, err := net.Listen("tcp", listen)
	if err != nil {
		return nil, fmt.Errorf("cannot start Pebble: %w", err)
	}
	s := &Server{Address: l.Addr().String(), requests: map[string]int{}}
	host, _, _ := net.SplitHostPort(s.Address)
	if s.identity, err = newIdentity(append([]string{host, "localhost"}, o.Names...)); err != nil {
		return nil, errors.Join(err, l.Close())
	}
	front, err := s.assemble(o)
	if err != nil {
		return nil, errors.Join(err, l.Close())
	}
	s.Directory = "https://" + s.Address + wfe.DirectoryPath
	s.http = &http.Server{
		Handler:           s.count(front),
		ReadHeaderTimeout: 10 * time.Second,
		TLSConfig:         &tls.Config{Certificates: []tls.Certificate{s.identity.certificate}, MinVersion: tls.VersionTLS12},
		ErrorLog:          log.New(io.Discard, "", 0),
	}
	go s.http.ServeTLS(l, "", "") //nolint:errcheck // ends with ErrServerClosed
	return s, nil
}

// assemble builds Pebble's parts, in the order of its own main.
func (s *Server) assemble(o Options) (http.Handler, error) {
	settings.Lock()
	defer settings.Unlock()
	for name, value := range map[string]string{
		"PEBBLE_VA_NOSLEEP":      "1",
		"PEBBLE_WFE_NONCEREJECT": strconv.Itoa(o.RejectNonces),
		"PEBBLE_AUTHZREUSE":      strconv.Itoa(o.ReuseAuthz),
	} {
		if err := os.Setenv(name, value); err != nil {
			return nil, err
		}
	}
	out := o.Log
	if out == nil {
		out = io.Discard
	}
	logger := log.New(out, "pebble ", log.LstdFlags|log.Lmsgprefix)
	store := db.NewMemoryStore()
	for _, name := range o.Blocked {
		if err := store.AddBlockedDomain(name); err != nil {
			return nil, err
		}
	}
	for id, key := range o.EABKeys {
		if err := store.AddExternalAccountKeyByID(id, key); err != nil {
			return nil, err
		}
	}
	profiles := map[string]ca.Profile{}
	for name, life := range o.Profiles {
		profiles[name] = ca.Profile{Description: "for tests", ValidityPeriod: uint64(life / time.Second)}
	}
	if len(profiles) == 0 {
		profiles["default"] = ca.Profile{Description: "for tests", ValidityPeriod: uint64(o.Validity / time.Second)}
	}
	s.issuer = ca.New(logger, store, "", or(o.Key, "ecdsa"), 0, or(o.Chain, 1), profiles)
	validator := va.New(logger, or(o.HTTPPort, 80), or(o.TLSPort, 443), false, o.DNSServer, store)
	patient(validator)
	front := wfe.New(logger, store, validator, s.issuer, []string{"pebble.test"}, false, o.EAB,
		int(o.RetryAuthz/time.Second), int(o.RetryOrder/time.Second))
	if o.ReuseAuthz == 0 {
		reuseNone(&front)
	}
	s.Management = front.ManagementHandler()
	handler := oneAtATime(front.Handler())
	if o.Wrap != nil {
		return o.Wrap(handler), nil
	}
	return handler, nil
}

// oneAtATime keeps Pebble 2.10 from locking itself up: of two requests at once, one locks an authorization and then wants
// the store, while the other one has the store and looks through the authorizations.
func oneAtATime(next http.Handler) http.Handler {
	var mu sync.Mutex
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		next.ServeHTTP(w, r)
	})
}

// Roots is the root certificate of what Pebble issues, as PEM: what a browser of the test has to trust.
func (s *Server) Roots() []byte { return s.issuer.GetRootCert(0).PEM() }

// DirectoryCA is the certificate, as PEM, that a client has to trust to speak to the directory (trusted.caRoots).
func (s *Server) DirectoryCA() []byte {
	return pemOf(s.identity.root)
}

func pemOf(der []byte) []byte { return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}) }

// Requests is how often paths that begin with prefix were asked for.
func (s *Server) Requests(prefix string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	n := 0
	for path, count := range s.requests {
		if len(path) >= len(prefix) && path[:len(prefix)] == prefix {
			n += count
		}
	}
	return n
}

func (s *Server) count(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.mu.Lock()
		s.requests[r.URL.Path]++
		s.mu.Unlock()
		next.ServeHTTP(w, r)
	})
}

// Close stops the directory at once, as a CA that is down.
func (s *Server) Close() error { return s.http.Close() }

// Wait serves until the context ends.
func (s *Server) Wait(ctx context.Context) error {
	<-ctx.Done()
	return s.Close()
}

func or[T comparable](value, otherwise T) T {
	var zero T
	if value == zero {
		return otherwise
	}
	return value
}
