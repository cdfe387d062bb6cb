package dns01

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/c93d5bcb/sslwizard/e2e/failures"
	pebbletest "github.com/c93d5bcb/sslwizard/e2e/pebble"
	"github.com/c93d5bcb/sslwizard/steps"
	"github.com/c93d5bcb/sslwizard/system/resolve"
)

const (
	second = "192.0.2.2"
	third  = "192.0.2.3"
)

// It waits for the last of the name servers, whatever the others say.
func TestUntilAllHaveIt(t *testing.T) {
	t.Parallel()
	w := newWorld(t, primary, second, third)
	w.example()
	with := pebbletest.Record{Texts: []string{"another", value}}
	w.at(primary).SetRecord(shop, with)
	w.at(second).SetRecord(shop, with)
	late := false
	w.then = func(address string, times int) {
		if address == third+":53" && times == 12 { // it was asked before, and did not have it
			late = true
			w.at(third).SetRecord(shop, with)
		}
	}
	if err := w.watch().Until(t.Context(), Record{shop, value}); err != nil {
		t.Fatal(err)
	}
	if !late {
		t.Error("it did not wait for the third")
	}
}

// The name servers are looked up once, however often they are asked.
func TestUntilLooksUpOnce(t *testing.T) {
	t.Parallel()
	const keeper = "198.51.100.53"
	w := newWorld(t, primary)
	w.example()
	d, err := pebbletest.StartDNS("")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = d.Close() })
	d.SetRecord("example.com", pebbletest.Record{Servers: []string{"ns1.example.com"}})
	d.SetRecord("ns1.example.com", pebbletest.Record{Addresses: []string{primary}})
	w.servers[keeper+":53"] = d
	lookups := 0 // when the name server is asked for the first time, and the last
	w.then = func(address string, times int) {
		if address != primary+":53" {
			return
		}
		w.mu.Lock()
		defer w.mu.Unlock()
		switch asked := w.asked[keeper+":53"]; {
		case times == 1:
			lookups = asked
		case asked != lookups:
			t.Errorf("the resolver was asked %d times before the first look, and %d times at look %d", lookups, asked, times)
		}
		if times == 10 {
			w.at(primary).SetRecord(shop, pebbletest.Record{Texts: []string{value}})
		}
	}
	watch := w.watch()
	watch.Resolver = &resolve.Client{Servers: []string{keeper + ":53"}, Timeout: 10 * time.Second, Dial: w.dial}
	if err := watch.Until(t.Context(), Record{shop, value}); err != nil {
		t.Fatal(err)
	}
	if lookups == 0 || w.asked[primary+":53"] < 10 {
		t.Errorf("%d lookups, %d looks", lookups, w.asked[primary+":53"])
	}
}

// A server that never has it is named when the time is up; one that is dead does not count.
func TestUntilTimeIsUp(t *testing.T) {
	t.Parallel()
	w := newWorld(t, primary, second)
	w.example()
	w.at(primary).SetRecord(shop, pebbletest.Record{Texts: []string{value}})
	watch := w.watch()
	watch.Patience = 50 * time.Millisecond
	err := watch.Until(t.Context(), Record{shop, value})
	var f *steps.Failure
	if !errors.As(err, &f) || f.Code != "A11" || f.ExitStatus() != steps.ExitTryLater || !strings.Contains(f.Text, "1 of 2 still do not have it: ns2.example.com ("+second+")") {
		t.Errorf("%v", err)
	}
	failures.MetError(t, err)
	w.all("ns2.example.com", pebbletest.Record{Addresses: []string{"192.0.2.99"}}) // nobody is there
	if err := w.watch().Until(t.Context(), Record{shop, value}); err != nil {
		t.Errorf("a dead server: %v", err)
	}
	ctx, cancel := context.WithCancelCause(t.Context())
	stopped := errors.New("stopped")
	cancel(stopped)
	if err := w.watch().Until(ctx, Record{shop, "never"}); !errors.Is(err, stopped) {
		t.Errorf("a run that was stopped: %v", err)
	}
}

// Where none can be asked and the resolver keeps that there was nothing, the CA looks for itself after a time.
func TestUntilNobodyCanBeAsked(t *testing.T) {
	t.Parallel()
	w := newWorld(t, primary)
	watch := w.watch()
	var said []string
	watch.Blind, watch.Say = 30*time.Millisecond, func(text string) { said = append(said, text) }
	begin := time.Now()
	if err := watch.Until(t.Context(), Record{shop, value}); err != nil || time.Since(begin) < watch.Blind || len(said) != 1 {
		t.Errorf("%v after %v, said %q", err, time.Since(begin), said)
	}
}

// Where no name servers are told, as in a private network, what the resolver says has to do.
func TestUntilTheResolverHasIt(t *testing.T) {
	t.Parallel()
	w := newWorld(t, primary)
	w.then = func(_ string, times int) {
		if times == 20 {
			w.at(primary).SetRecord(shop, pebbletest.Record{Texts: []string{value}})
		}
	}
	if err := w.watch().Until(t.Context(), Record{shop, value}); err != nil {
		t.Fatal(err)
	}
}

func TestFollow(t *testing.T) {
	t.Parallel()
	w := newWorld(t, primary)
	w.example()
	w.all("auth.example.org", pebbletest.Record{Servers: []string{"ns1.example.com"}})
	w.all(shop, pebbletest.Record{Alias: "Between.example.com"})
	w.all("between.example.com", pebbletest.Record{Alias: "d420.auth.example.org"})
	w.all("_acme-challenge.round.example.com", pebbletest.Record{Alias: "about.example.com"})
	w.all("about.example.com", pebbletest.Record{Alias: "_acme-challenge.round.example.com"})
	w.all("_acme-challenge.broken.example.com", pebbletest.Record{Fail: true})
	for name, want := range map[string]string{
		shop:                          "d420.auth.example.org",
		"_acme-challenge.example.com": "_acme-challenge.example.com",
	} {
		if got, err := w.watch().Follow(t.Context(), name); got != want || err != nil {
			t.Errorf("%s: %q, %v", name, got, err)
		}
	}
	if _, err := w.watch().Follow(t.Context(), "_acme-challenge.round.example.com"); !errors.Is(err, ErrCircle) {
		t.Errorf("a circle: %v", err)
	}
	if _, err := w.watch().Follow(t.Context(), "_acme-challenge.broken.example.com"); err == nil || errors.Is(err, ErrCircle) {
		t.Errorf("a DNS that fails: %v", err)
	}
}
