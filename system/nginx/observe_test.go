package nginx

import (
	"crypto/sha256"
	"crypto/tls"
	"encoding/hex"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"testing"
	"time"

	"github.com/c93d5bcb/sslwizard/system/systemtest"
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

// TestWorkersAreTheMasters: where the kernel keeps no list of children, everybody's processes are looked at. One whose name
// and title say that it is a worker is none, or its owner could decide whether a reload is seen to work.
func TestWorkersAreTheMasters(t *testing.T) {
	t.Parallel()
	h := systemtest.New(t)
	process := func(pid int, name string, parent int, title string) {
		dir := fmt.Sprintf("/proc/%d", pid)
		h.File(dir+"/cmdline", title)
		h.File(dir+"/stat", fmt.Sprintf("%d (%s) S %d 1 1 0 -1 0 0 0 0 0 0 0 0 0 20 0 1 0 %d 0 0\n", pid, name, parent, 1000+pid))
	}
	process(80, "nginx", 1, "nginx: master process nginx")
	process(81, "nginx", 80, "nginx: worker process\x00")
	process(82, "nginx", 80, "nginx: cache manager process\x00")
	process(83, "x) S 80 ", 1, "nginx: worker process\x00")
	process(84, "nginx", 1, "nginx: worker process\x00")
	if got, want := workersOf(h, 80), []worker{{81, "1081"}}; !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}
