package renew

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"testing"

	pebbletest "github.com/c93d5bcb/sslwizard/e2e/pebble"
	"github.com/c93d5bcb/sslwizard/steps"
	"github.com/c93d5bcb/sslwizard/system/cert"
	"github.com/c93d5bcb/sslwizard/system/systemtest"
)

// statusOf is what the CA says of a certificate: "Valid" or "Revoked".
func (w *world) statusOf(v cert.Version) string {
	w.t.Helper()
	chain, err := cert.ParseChain(v.Chain)
	if err != nil {
		w.t.Fatal(err)
	}
	rec := httptest.NewRecorder()
	w.ca.Management.ServeHTTP(rec, httptest.NewRequest(http.MethodGet, fmt.Sprintf("/cert-status-by-serial/%x", chain[0].SerialNumber), nil))
	var said struct{ Status string }
	if err := json.Unmarshal(rec.Body.Bytes(), &said); err != nil {
		w.t.Fatalf("%v: %s", err, rec.Body)
	}
	return said.Status
}

func (w *world) revoke(l *live, r steps.RevokeRequest) error {
	w.t.Helper()
	return w.manager().Revoke(w.t.Context(), w.host, w.sites()[0], r, l, w.progress)
}

func (w *world) current() cert.Version {
	w.t.Helper()
	v, err := cert.Current(w.host, site)
	if err != nil {
		w.t.Fatal(err)
	}
	return v
}

// TestRevoke: the site serves another certificate, with another key, before the first is revoked; that one is never used again.
func TestRevoke(t *testing.T) {
	t.Parallel()
	for _, reason := range steps.RevocationReasons() {
		t.Run(string(reason), func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, pebbletest.Options{})
			l := &live{w: w, serves: map[string]string{}}
			old := w.mustMake(w.obtain())
			if err := w.revoke(l, steps.RevokeRequest{Site: site, Reason: reason}); err != nil {
				t.Fatal(err)
			}
			now := w.current()
			facts, _ := now.Facts()
			if string(now.Key) == string(old.Key) || l.serves[site] != facts.SHA256 || w.statusOf(old) != "Revoked" || w.statusOf(now) != "Valid" {
				t.Errorf("the old one is %s, the new one %s", w.statusOf(old), w.statusOf(now))
			}
			if a := w.pending(w.obtain()); a != steps.Nothing {
				t.Errorf("afterwards it is %c", a)
			}
			// An undo has nothing to put back, and the same command once more does not take the new one.
			if versions, err := cert.Versions(w.host, site); err != nil || !slices.Equal(versions, []string{now.Name}) {
				t.Errorf("%v are on the server (%v)", versions, err)
			}
			again := steps.RevokeRequest{Site: site, Reason: reason}
			expect(t, w.revoke(l, again), "", steps.ExitUsage)
			if w.statusOf(now) != "Valid" {
				t.Error("the one that took its place is revoked")
			}
			again.Again, again.DryRun = true, true
			before := len(w.host.Mutations())
			if err := w.revoke(l, again); err != nil || w.statusOf(now) != "Valid" || len(w.host.Mutations()) != before {
				t.Errorf("a dry run: %v; it is %s, after %v", err, w.statusOf(now), w.host.Mutations()[before:])
			}
			again.DryRun = false
			if err := w.revoke(l, again); err != nil || w.statusOf(now) != "Revoked" {
				t.Errorf("%v; it is %s", err, w.statusOf(now))
			}
		})
	}
}

// TestRevokeOnly: the site goes on with what is revoked, unless its key is in other hands.
func TestRevokeOnly(t *testing.T) {
	t.Parallel()
	for reason, after := range map[steps.RevocationReason]steps.Action{steps.CessationOfOperation: steps.Nothing, steps.KeyCompromise: steps.Modify} {
		w := newWorld(t, pebbletest.Options{})
		l := &live{w: w, serves: map[string]string{}}
		old := w.mustMake(w.obtain())
		r := steps.RevokeRequest{Site: site, Reason: reason, Only: true}
		if err := w.revoke(l, r); err != nil {
			t.Fatal(err)
		}
		if w.statusOf(old) != "Revoked" || string(w.current().Chain) != string(old.Chain) {
			t.Errorf("%s: it is %s", reason, w.statusOf(old))
		}
		if a := w.pending(w.obtain()); a != after {
			t.Errorf("%s: afterwards it is %c, want %c", reason, a, after)
		}
		expect(t, w.revoke(l, r), "", steps.ExitUsage) // it is revoked already
	}
}

// TestNothingToRevoke: certificates that no CA of others can revoke.
func TestNothingToRevoke(t *testing.T) {
	t.Parallel()
	w := newWorld(t, pebbletest.Options{})
	w.mustMake(localChange())
	expect(t, w.revoke(&live{w: w, serves: map[string]string{}}, steps.RevokeRequest{Site: site, Reason: steps.Unspecified}), "", steps.ExitUsage)
}

// TestRevocationKilledAnywhere kills the process before every mutation of a revocation. The next one finishes it: the old
// certificate is revoked, a new one is served, and the CA has made no more than that.
func TestRevocationKilledAnywhere(t *testing.T) {
	t.Parallel()
	points := 0
	for n := 1; ; n++ {
		w := newWorld(t, pebbletest.Options{ReuseAuthz: 100})
		l := &live{w: w, serves: map[string]string{}}
		old := w.mustMake(w.obtain())
		w.host.DieAt(n)
		err := w.revoke(l, steps.RevokeRequest{Site: site, Reason: steps.KeyCompromise})
		w.host.Revive()
		if err != nil && w.statusOf(old) == "Revoked" && l.serves[site] == "" {
			t.Errorf("killed at %d: it is revoked, and nothing else is served", n)
		}
		if again := w.revoke(l, steps.RevokeRequest{Site: site, Reason: steps.KeyCompromise}); err != nil && again != nil {
			t.Fatalf("killed at %d: %v", n, again)
		}
		if err == nil {
			break
		}
		if w.statusOf(old) != "Revoked" || w.statusOf(w.current()) != "Valid" {
			t.Errorf("killed at %d: the old one is %s", n, w.statusOf(old))
		}
		if made := w.ca.Requests("/finalize-order/"); made != 2 {
			t.Errorf("killed at %d: %d certificates were made", n, made)
		}
		if !errors.Is(err, systemtest.ErrDead) {
			t.Errorf("killed at %d: %v", n, err)
		}
		points++
	}
	if points < 10 {
		t.Errorf("only %d points were tried", points)
	}
	t.Logf("%d points", points)
}
