package renew

import (
	"testing"
	"time"

	"github.com/c93d5bcb/sslwizard/e2e/failures"
	pebbletest "github.com/c93d5bcb/sslwizard/e2e/pebble"
	"github.com/c93d5bcb/sslwizard/steps"
)

// findings are those of the shop at this moment, as the status shows them.
func (w *world) findings() []steps.Finding {
	w.t.Helper()
	f := current(w.host, site)
	return StandingOf(w.host, site, f, w.clock()).Findings(site)
}

func (w *world) clock() time.Time {
	if w.now.IsZero() {
		return time.Now()
	}
	return w.now
}

// finds wants one finding of this row, and tells the register.
func (w *world) finds(row string) {
	w.t.Helper()
	all := w.findings()
	if len(all) != 1 || all[0].Code != row {
		w.t.Fatalf("found %+v, want %s", all, row)
	}
	failures.MetFindings(w.t, all)
}

// TestTheCAWantsItReplacedNow (R05): a window in the past, of which nobody has seen to yet.
func TestTheCAWantsItReplacedNow(t *testing.T) {
	t.Parallel()
	w := newWorld(t, pebbletest.Options{Validity: 90 * day})
	w.mustMake(w.obtain())
	l := &live{w: w, serves: map[string]string{}}
	w.wants(time.Now().Add(-2*time.Hour), time.Now().Add(-time.Hour))
	if out := w.round(l); !out.Renewed {
		t.Fatalf("%+v", out)
	}
	if all := w.findings(); len(all) != 0 {
		t.Fatalf("it is replaced, and yet %+v", all)
	}
	w.wants(time.Now().Add(-2*time.Hour), time.Now().Add(-time.Hour)) // once more the same day, which is not believed yet
	if out := w.round(l); out.Renewed {
		t.Fatalf("%+v", out)
	}
	w.finds("R05")
}

// TestTheCADoesNotSayWhen (R06): the CA is away when it is asked when to renew; the lifetime counts.
func TestTheCADoesNotSayWhen(t *testing.T) {
	t.Parallel()
	w := newWorld(t, pebbletest.Options{Validity: 90 * day})
	w.mustMake(w.obtain())
	_ = w.ca.Close()
	if out := w.round(&live{w: w, serves: map[string]string{}}); out.Renewed || out.Err != nil {
		t.Fatalf("%+v", out)
	}
	w.finds("R06")
}

// TestAnotherLifetime (R09): the CA's certificates live for 45 days all at once.
func TestAnotherLifetime(t *testing.T) {
	t.Parallel()
	w := newWorld(t, pebbletest.Options{Profiles: map[string]time.Duration{"long": 90 * day, "short": 45 * day}})
	long, short := w.obtain(), w.sites()[0]
	long.Trusted.Profile, short.Trusted.Profile = "long", "short"
	w.mustMake(long)
	if all := w.findings(); len(all) != 0 {
		t.Fatalf("nothing changed yet, and yet %+v", all)
	}
	out := w.manager().Renew(t.Context(), w.host, []steps.Site{short}, Options{Scheduled: true}, &live{w: w, serves: map[string]string{}}, nil)
	if !out[0].Renewed {
		t.Fatalf("%+v", out)
	}
	w.finds("R09")
}

// TestTheDomainMovedAway (R08): it leads to another server when its certificate is to be renewed. No CA is asked in vain, however
// often the timer comes.
func TestTheDomainMovedAway(t *testing.T) {
	t.Parallel()
	w := newWorld(t, pebbletest.Options{Validity: 90 * day})
	w.mustMake(w.obtain())
	orders := w.ca.Requests("/order-plz")
	w.dns.SetDefault("127.0.0.9")
	w.now = time.Now().Add(70 * day)
	for range 3 {
		if out := w.round(&live{w: w, serves: map[string]string{}}); out.Renewed || out.Err == nil {
			t.Fatalf("%+v", out)
		}
		w.now = w.now.Add(25 * time.Hour)
	}
	if n := w.ca.Requests("/order-plz") - orders; n != 0 {
		t.Errorf("the CA was asked for %d orders", n)
	}
	w.finds("R08")
}
