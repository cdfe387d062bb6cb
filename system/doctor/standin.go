package doctor

import (
	"io"
	"log"
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/c93d5bcb/sslwizard/steps"
	"github.com/c93d5bcb/sslwizard/system/acme"
)

// StandIn answers on port 80 for the tokens of HTTP-01, and for nothing else, as long as nobody serves there yet.
type StandIn struct {
	server *http.Server
	mu     sync.Mutex
	tokens map[string]string
}

var _ acme.Presenter = (*StandIn)(nil)

// NewStandIn listens on the port on all addresses, of IPv4 only where there is no other. Close ends it.
func NewStandIn(port int) (*StandIn, error) {
	at := ":" + strconv.Itoa(port)
	l, err := net.Listen("tcp", at)
	if err != nil {
		return nil, err
	}
	const short, small = 5 * time.Second, 4 << 10
	s := &StandIn{tokens: map[string]string{}}
	s.server = &http.Server{Handler: s, ReadTimeout: short, WriteTimeout: short, MaxHeaderBytes: small, ErrorLog: log.New(io.Discard, "", 0)}
	s.server.SetKeepAlivesEnabled(false)
	go s.server.Serve(l) //nolint:errcheck // it ends at Close
	return s, nil
}

// ServeHTTP implements http.Handler.
func (s *StandIn) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	body, ok := s.tokens[strings.TrimPrefix(r.URL.Path, steps.ChallengePath)]
	s.mu.Unlock()
	if !ok {
		http.NotFound(w, r)
		return
	}
	w.Header().Set("Content-Type", "text/plain")
	_, _ = w.Write([]byte(body))
}

// Present implements acme.Presenter.
func (s *StandIn) Present(p acme.Proof) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.tokens[p.Token] = p.Body
	return nil
}

// CleanUp implements acme.Presenter.
func (s *StandIn) CleanUp(p acme.Proof) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.tokens, p.Token)
	return nil
}

// Close stops listening.
func (s *StandIn) Close() error { return s.server.Close() }
