package acme

import (
	"strings"
	"testing"
	"time"

	pebbletest "github.com/c93d5bcb/sslwizard/e2e/pebble"
	"github.com/c93d5bcb/sslwizard/steps"
)

// TestProfiles asks for each kind of certificate that the CA has, and for one that it has not: that is seen before
// anything is ordered, and before an account is made for it.
func TestProfiles(t *testing.T) {
	t.Parallel()
	w := newWorld(t, pebbletest.Options{Profiles: map[string]time.Duration{"classic": 90 * 24 * time.Hour, "tlsserver": 45 * 24 * time.Hour, "shortlived": 160 * time.Hour}})
	for _, c := range []struct {
		profile string
		domain  steps.Domain
		want    time.Duration
	}{
		{"classic", "a.example.com", 90 * 24 * time.Hour},
		{"tlsserver", "b.example.com", 45 * 24 * time.Hour},
		{"shortlived", "c.example.com", 160 * time.Hour},
		{"", "127.0.0.1", 160 * time.Hour}, // of itself, since it is an address
	} {
		r := w.request(c.domain)
		r.Profile = c.profile
		chain, err := w.client().Obtain(t.Context(), r, w.web, w.orders)
		if err != nil {
			t.Fatal(err)
		}
		leaf := w.trusted(chain, c.domain)
		if life := leaf.NotAfter.Sub(leaf.NotBefore).Round(time.Hour); life != c.want {
			t.Errorf("%q: it lasts %v, want %v", c.profile, life, c.want)
		}
	}
	orders := len(w.orders.urls)
	r := w.request("a.example.com")
	r.Profile = "tlsclient"
	_, err := w.client().Obtain(t.Context(), r, w.web, w.orders)
	f := expect(t, err, "D36", steps.ExitAnswers)
	if !strings.Contains(strings.Join(f.Fixes, "\n"), "classic, shortlived, tlsserver") || len(w.orders.urls) != orders {
		t.Errorf("it does not say what there is, or made an order: %q, %d orders", f.Fixes, len(w.orders.urls)-orders)
	}
}
