package acme

import (
	"crypto"
	"errors"
	"net/http"
	"testing"

	pebbletest "github.com/c93d5bcb/sslwizard/e2e/pebble"
)

// errKilled is what a process that is killed at a write never gets to hear.
var errKilled = errors.New("killed")

// dyingStore is an account store whose process dies at the n-th write, before or after it is on the disk.
type dyingStore struct {
	accountStore
	dieAt int
	after bool
	n     int
}

func (d *dyingStore) Save(directory string, a Account) error {
	d.n++
	if d.n != d.dieAt {
		return d.accountStore.Save(directory, a)
	}
	if d.after {
		_ = d.accountStore.Save(directory, a)
	}
	return errKilled
}

func same(a, b crypto.Signer) bool {
	return a.Public().(interface{ Equal(crypto.PublicKey) bool }).Equal(b.Public())
}

// TestRollOver kills the process at each write of a roll-over, on either side of it. The next run finds out which key
// holds, finishes, and gets a certificate with the same account.
func TestRollOver(t *testing.T) {
	t.Parallel()
	for dieAt := 0; dieAt <= 2; dieAt++ {
		for _, after := range []bool{false, true} {
			w := newWorld(t, pebbletest.Options{})
			r := w.request("shop.example.com")
			if _, err := w.client().Obtain(t.Context(), r, w.web, w.orders); err != nil {
				t.Fatal(err)
			}
			old, _ := w.accounts.Load("")
			store := &dyingStore{dieAt: dieAt, after: after}
			store.saved = w.accounts.saved
			c := w.client()
			c.Accounts = store
			if _, err := c.RollOver(t.Context(), r); errors.Is(err, errKilled) != (dieAt > 0) || err != nil && dieAt == 0 {
				t.Fatalf("killed at %d (after: %t): %v", dieAt, after, err)
			}
			made := w.ca.Requests("/sign-me-up")
			other := w.request("other.example.com")
			if _, err := c.Obtain(t.Context(), other, w.web, w.orders); err != nil {
				t.Fatalf("killed at %d (after: %t), the next run: %v", dieAt, after, err)
			}
			now, _ := store.Load("")
			// Before the new key was stored there is nothing to finish.
			rolled := dieAt != 1 || after
			if now.Next != nil || now.URL != old.URL || same(now.Key, old.Key) == rolled {
				t.Errorf("killed at %d (after: %t): rolled over %t, waiting %v, account %s, was %s", dieAt, after, !same(now.Key, old.Key), now.Next != nil, now.URL, old.URL)
			}
			if n := w.ca.Requests("/my-account"); n != 0 {
				t.Errorf("the account was changed %d times; %d requests for accounts", n, made)
			}
		}
	}
}

// TestRollOverReplyIsLost: the CA has changed the key, and we do not hear of it.
func TestRollOverReplyIsLost(t *testing.T) {
	t.Parallel()
	lost := false
	w := newWorld(t, pebbletest.Options{Wrap: func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
			if r.URL.Path == "/rollover-account-key" && !lost {
				lost = true
				next.ServeHTTP(silent{rw}, r)
				panic(http.ErrAbortHandler)
			}
			next.ServeHTTP(rw, r)
		})
	}})
	r := w.request("shop.example.com")
	if _, err := w.client().Obtain(t.Context(), r, w.web, w.orders); err != nil {
		t.Fatal(err)
	}
	old, _ := w.accounts.Load("")
	now, err := w.client().RollOver(t.Context(), r)
	if err != nil || !lost || now.Next != nil || same(now.Key, old.Key) || now.URL != old.URL {
		t.Fatalf("%v; lost %t", err, lost)
	}
	if _, err := w.client().Obtain(t.Context(), w.request("other.example.com"), w.web, w.orders); err != nil {
		t.Fatal(err)
	}
}

// silent is a reply that never leaves.
type silent struct{ http.ResponseWriter }

func (silent) Header() http.Header         { return http.Header{} }
func (silent) Write(b []byte) (int, error) { return len(b), nil }
func (silent) WriteHeader(int)             {}
