package renew

import (
	"context"
	"testing"

	pebbletest "github.com/c93d5bcb/sslwizard/e2e/pebble"
	"github.com/c93d5bcb/sslwizard/steps"
	"github.com/c93d5bcb/sslwizard/system/host"
	"github.com/c93d5bcb/sslwizard/system/systemtest"
)

// unseen is live for a site that is named by its address: what is served cannot be seen in passing.
type unseen struct {
	*live
	reload error
}

func (unseen) Outdated(context.Context, steps.Site, string) bool { return false }
func (b unseen) Reload(ctx context.Context, sites []steps.Site) error {
	if b.reload != nil {
		return b.reload
	}
	return b.live.Reload(ctx, sites)
}

// TestNoRevocationOfWhatIsServed: a run that was cut off before its reload left the old certificate in use; the next one sees to
// that before it revokes.
func TestNoRevocationOfWhatIsServed(t *testing.T) {
	t.Parallel()
	w := newWorld(t, pebbletest.Options{ReuseAuthz: 100})
	old := w.mustMake(w.obtain())
	facts, _ := old.Facts()
	l := &live{w: w, serves: map[string]string{site: facts.SHA256}}
	r := steps.RevokeRequest{Site: site, Reason: steps.Superseded}
	revoke := func(reload error) error {
		return w.manager().Revoke(t.Context(), w.host, w.sites()[0], r, unseen{l, reload}, w.progress)
	}
	for range 2 { // the second has the new certificate already
		if err := revoke(systemtest.ErrDead); err == nil || w.statusOf(old) != "Valid" {
			t.Fatalf("%v, it is %s", err, w.statusOf(old))
		}
		if f := StandingOf(w.host, site, current(w.host, site), w.manager().now()).Findings(site); len(f) == 0 || f[0].Code != "R13" {
			t.Errorf("the status says %+v", f)
		}
	}
	if err := revoke(nil); err != nil || w.statusOf(old) != "Revoked" || l.serves[site] == facts.SHA256 {
		t.Errorf("%v, it is %s", err, w.statusOf(old))
	}
}

// TestDamagedRecordOfRevocations: what cannot be read is not taken for nothing.
func TestDamagedRecordOfRevocations(t *testing.T) {
	t.Parallel()
	w := newWorld(t, pebbletest.Options{})
	w.mustMake(w.obtain())
	w.host.File(revokedFile, "{")
	if _, _, err := w.manager().Pending(t.Context(), readOnly{w.host}, w.obtain()); err == nil {
		t.Error("a revoked certificate would be used")
	}
}

// TestMoveKilledAnywhere kills the process before every mutation while an account moves in over another. The next order has a
// certificate by one of the two.
func TestMoveKilledAnywhere(t *testing.T) {
	t.Parallel()
	for n := 1; ; n++ {
		w := newWorld(t, pebbletest.Options{})
		w.mustMake(w.obtain())
		foreign := w.host.Content(w.account().KeyFile)
		for _, file := range []string{"/key.pem", "/account.json"} {
			if err := w.host.Remove(accountDir(w.ca.Directory) + file); err != nil {
				t.Fatal(err)
			}
		}
		order := w.obtain()
		order.KeyType = steps.ECDSAP384
		w.mustMake(order)
		w.host.Put("/root/key", host.File{Data: []byte(foreign), Mode: 0o600})
		r := steps.AccountRequest{Directory: w.ca.Directory, CARoots: "/etc/ssl/test-ca.pem", KeyFile: "/root/key", Replace: true}
		w.host.DieAt(n)
		err := w.manager().Import(t.Context(), w.host, r, nil)
		w.host.Revive()
		order.KeyType = steps.RSA2048
		v := w.mustMake(order)
		if w.statusOf(v) != "Valid" || w.account().URL == "" {
			t.Errorf("killed at %d: %+v", n, w.account())
		}
		if err == nil {
			if n < 3 {
				t.Errorf("only %d points were tried", n-1)
			}
			return
		}
	}
}
