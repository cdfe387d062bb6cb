package acme

import (
	"context"
	"errors"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/c93d5bcb/sslwizard/e2e/failures"
	pebbletest "github.com/c93d5bcb/sslwizard/e2e/pebble"
	"github.com/c93d5bcb/sslwizard/steps"
)

// TestMain poisons what lego would read from the environment: nothing of it may matter.
func TestMain(m *testing.M) {
	for name, value := range map[string]string{
		"LEGO_CA_CERTIFICATES": "/nowhere.pem", "LEGO_CA_SERVER_NAME": "wrong.test",
		"HTTPS_PROXY": "http://127.0.0.1:1", "HTTP_PROXY": "http://127.0.0.1:1",
	} {
		if err := os.Setenv(name, value); err != nil {
			panic(err)
		}
	}
	os.Exit(m.Run())
}

func TestObtain(t *testing.T) {
	t.Parallel()
	w := newWorld(t, pebbletest.Options{})
	for _, domains := range [][]steps.Domain{
		{"shop.example.com"},
		{"shop.example.com", "www.shop.example.com", "api.shop.example.com"},
		{"127.0.0.1"},
	} {
		begin := time.Now()
		chain, err := w.client().Obtain(t.Context(), w.request(domains...), w.web, w.orders)
		if err != nil {
			t.Fatal(err)
		}
		t.Logf("%d names: %v", len(domains), time.Since(begin).Round(time.Millisecond))
		if leaf := w.trusted(chain, domains...); len(leaf.DNSNames)+len(leaf.IPAddresses) != len(domains) {
			t.Errorf("asked %v, got %v %v", domains, leaf.DNSNames, leaf.IPAddresses)
		}
	}
	if len(w.web.tokens) != 0 {
		t.Errorf("tokens stayed: %v", w.web.tokens)
	}
	if n := w.ca.Requests("/sign-me-up"); n != 1 {
		t.Errorf("the account was asked for %d times", n)
	}
}

// TestDefaultPace measures what a user waits for, with the pauses of the real thing.
func TestDefaultPace(t *testing.T) {
	t.Parallel()
	w := newWorld(t, pebbletest.Options{})
	c := w.client()
	c.Pace = Pace{}
	for _, domains := range [][]steps.Domain{{"one.example.com"}, {"a.example.com", "b.example.com", "c.example.com"}} {
		begin := time.Now()
		if _, err := c.Obtain(t.Context(), w.request(domains...), w.web, w.orders); err != nil {
			t.Fatal(err)
		}
		t.Logf("%d names: %v", len(domains), time.Since(begin).Round(time.Millisecond))
	}
}

func TestKeyAndURLAreSavedFirst(t *testing.T) {
	t.Parallel()
	w := newWorld(t, pebbletest.Options{})
	if _, err := w.client().Obtain(t.Context(), w.request("shop.example.com"), w.web, w.orders); err != nil {
		t.Fatal(err)
	}
	if len(w.accounts.saved) != 2 || w.accounts.saved[0].URL != "" || w.accounts.saved[1].URL == "" {
		t.Errorf("the account was saved %d times: its key has to be stored before it is registered", len(w.accounts.saved))
	}
	if w.accounts.saved[1].Email != "ops@example.com" || len(w.orders.urls) != 1 {
		t.Errorf("saved %+v and the orders %v", w.accounts.saved[1], w.orders.urls)
	}
}

func TestNamesAreProvedTogether(t *testing.T) {
	t.Parallel()
	w := newWorld(t, pebbletest.Options{})
	domains := []steps.Domain{"a.example.com", "b.example.com", "c.example.com", "d.example.com"}
	gate, arrived := make(chan struct{}), make(chan string, 64)
	w.web.replace(func(rw http.ResponseWriter, r *http.Request) {
		arrived <- r.Host
		select {
		case <-gate:
		case <-time.After(5 * time.Second):
		}
		w.web.serveToken(rw, r)
	})
	go func() {
		// Every name is asked for, more than once, before any is answered: one after the other would never get here.
		hosts := map[string]bool{}
		for host := range arrived {
			if hosts[host] = true; len(hosts) == len(domains) {
				close(gate)
				return
			}
		}
	}()
	if _, err := w.client().Obtain(t.Context(), w.request(domains...), w.web, w.orders); err != nil {
		t.Fatal(err)
	}
	if w.web.most != len(domains) {
		t.Errorf("at most %d names were proved at once", w.web.most)
	}
}

func TestResume(t *testing.T) {
	t.Parallel()
	w := newWorld(t, pebbletest.Options{})
	r := w.request("shop.example.com")
	first, err := w.client().Obtain(t.Context(), r, w.web, w.orders)
	if err != nil {
		t.Fatal(err)
	}
	orders := w.ca.Requests("/order-plz")
	r.Order = w.orders.urls[0]
	again, err := w.client().Obtain(t.Context(), r, w.web, w.orders)
	if err != nil {
		t.Fatal(err)
	}
	if string(first) != string(again) || w.ca.Requests("/order-plz") != orders {
		t.Error("a finished order was not downloaded but made again")
	}
	r.Order += "x"
	if _, err := w.client().Obtain(t.Context(), r, w.web, w.orders); err != nil {
		t.Errorf("an order that is gone: %v", err)
	}
	if w.ca.Requests("/order-plz") != orders+1 {
		t.Error("an order that is gone was not made again")
	}
	other := w.request("other.example.com")
	other.Order = w.orders.urls[0]
	chain, err := w.client().Obtain(t.Context(), other, w.web, w.orders)
	if err != nil {
		t.Fatal(err)
	}
	w.trusted(chain, "other.example.com")
}

// TestAccountIsForgotten restarts the CA: Pebble's memory is gone, our account file is not (A17).
func TestAccountIsForgotten(t *testing.T) {
	t.Parallel()
	w := newWorld(t, pebbletest.Options{})
	if _, err := w.client().Obtain(t.Context(), w.request("shop.example.com"), w.web, w.orders); err != nil {
		t.Fatal(err)
	}
	old := w.accounts.saved[len(w.accounts.saved)-1]
	if err := w.ca.Close(); err != nil {
		t.Fatal(err)
	}
	next := newWorld(t, pebbletest.Options{Listen: w.ca.Address})
	next.accounts = w.accounts
	chain, err := next.client().Obtain(t.Context(), next.request("shop.example.com"), next.web, next.orders)
	if err != nil {
		t.Fatal(err)
	}
	next.trusted(chain, "shop.example.com")
	fresh := w.accounts.saved[len(w.accounts.saved)-1]
	if fresh.Key != old.Key || !next.said.contains("registering it again") {
		t.Error("the account was not registered again with its key")
	}
}

func TestContactFollows(t *testing.T) {
	t.Parallel()
	w := newWorld(t, pebbletest.Options{})
	for _, email := range []string{"", "ops@example.com", "new@example.com", "new@example.com", ""} {
		r := w.request("shop.example.com")
		r.Email = email
		if _, err := w.client().Obtain(t.Context(), r, w.web, w.orders); err != nil {
			t.Fatal(err)
		}
	}
	if n := w.ca.Requests("/my-account/"); n != 2 {
		t.Errorf("the contact was changed %d times; two others were named, and naming none is no change", n)
	}
}

func TestCancel(t *testing.T) {
	t.Parallel()
	w := newWorld(t, pebbletest.Options{})
	ctx, cancel := context.WithCancelCause(t.Context())
	stop := errors.New("stopped by the user")
	release := make(chan struct{})
	t.Cleanup(func() { close(release) })
	w.web.replace(func(http.ResponseWriter, *http.Request) {
		cancel(stop)
		<-release
	})
	begin := time.Now()
	_, err := w.client().Obtain(ctx, w.request("shop.example.com"), w.web, w.orders)
	if !errors.Is(err, stop) {
		t.Errorf("got %v", err)
	}
	if took := time.Since(begin); took > 2*time.Second {
		t.Errorf("the cancel took %v", took)
	}
	if len(w.web.tokens) != 0 {
		t.Error("the token stayed")
	}
}

func TestRefusedBeforeTheCA(t *testing.T) {
	t.Parallel()
	var many []steps.Domain
	for range 101 {
		many = append(many, "a.example.com")
	}
	for code, r := range map[string]Request{
		"X08": {Directory: "http://acme.test/dir", Domains: []steps.Domain{"a.example.com"}},
		"A25": {Directory: "https://127.0.0.1:1/dir", Domains: []steps.Domain{"*.example.com"}},
		"A27": {Directory: "https://127.0.0.1:1/dir", Domains: many},
	} {
		_, err := new(Client).Obtain(t.Context(), r, nil, nil)
		expect(t, err, code, steps.ExitAnswers)
	}
	_, err := (&Client{Accounts: &accountStore{}}).Obtain(t.Context(), Request{Directory: "https://127.0.0.1:1/", Roots: []byte("x")}, nil, nil)
	expect(t, err, "", steps.ExitAnswers)
}

// expect looks for a failure with its code, status and a way on.
func expect(t *testing.T, err error, code string, status int) *steps.Failure {
	t.Helper()
	failures.MetError(t, err)
	var f *steps.Failure
	if !errors.As(err, &f) {
		t.Fatalf("want a failure %s, got %v", code, err)
	}
	if f.Code != code || f.ExitStatus() != status {
		t.Errorf("got %s with status %d (%v), want %s with %d", f.Code, f.ExitStatus(), err, code, status)
	}
	if len(f.Fixes) == 0 || !strings.HasPrefix(f.Text, "cannot ") {
		t.Errorf("no way on: %v %v", f, f.Fixes)
	}
	if strings.Contains(err.Error(), "urn:") || strings.Contains(err.Error(), "acme: error") || strings.ContainsRune(err.Error(), 0x1b) {
		t.Errorf("the text is raw: %v", err)
	}
	return f
}
