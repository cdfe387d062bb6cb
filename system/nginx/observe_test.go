package nginx

import (
	"crypto/sha256"
	"crypto/tls"
	"encoding/hex"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"
)

// An answer that comes late is waited for after everything should have settled; a wrong one is not.
func TestLateIsNotWrong(t *testing.T) {
	t.Parallel()
	server := httptest.NewUnstartedServer(http.NotFoundHandler())
	server.TLS = &tls.Config{GetConfigForClient: func(*tls.ClientHelloInfo) (*tls.Config, error) {
		time.Sleep(100 * time.Millisecond)
		return nil, nil
	}}
	server.StartTLS()
	defer server.Close()
	sum := sha256.Sum256(server.Certificate().Raw)
	settled := time.Now().Add(-time.Second)
	if err := serves(t.Context(), settled, "example.com", server.Listener.Addr().String(), hex.EncodeToString(sum[:]), 3); err != nil {
		t.Errorf("late: %v", err)
	}
	began := time.Now()
	wantCode(t, serves(t.Context(), settled, "example.com", server.Listener.Addr().String(), "another", 3), "N06", "another certificate")
	if took := time.Since(began); took > 5*time.Second {
		t.Errorf("a wrong certificate was looked at for %v", took)
	}
}
