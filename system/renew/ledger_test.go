package renew

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/c93d5bcb/sslwizard/steps"
	"github.com/c93d5bcb/sslwizard/system/acme"
	"github.com/c93d5bcb/sslwizard/system/systemtest"
)

const (
	real    = "https://acme-v02.api.letsencrypt.org/directory"
	private = "https://acme.internal/dir"
)

var noon = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)

func open(h *systemtest.Host, now time.Time) ledger {
	return openLedger(h, func() time.Time { return now })
}

func until(t *testing.T, err error) time.Time {
	t.Helper()
	expect(t, err, "A14", steps.ExitTryLater)
	var l *acme.Limited
	if !errors.As(err, &l) {
		t.Fatal("it does not say until when")
	}
	return l.Until
}

// spend counts so many certificates, an hour apart from noon on, each of an order of its own.
func spend(t *testing.T, h *systemtest.Host, n int, domains func(i int) []steps.Domain, k kind) {
	t.Helper()
	for i := range n {
		at := noon.Add(time.Duration(i) * time.Hour)
		if err := open(h, at).allows(real, domains(i), k); err != nil {
			t.Fatalf("certificate %d: %v", i+1, err)
		}
		for range 2 { // an order that is gone on with is counted once
			if err := open(h, at).spent(real, domains(i), fmt.Sprintf("https://acme.test/order/%d", i)); err != nil {
				t.Fatal(err)
			}
		}
	}
}

func TestLedgerStopsBeforeTheCADoes(t *testing.T) {
	t.Parallel()
	h := newHost(t)
	spend(t, h, perSet.ours, func(int) []steps.Domain { return domains }, again)
	reversed := []steps.Domain{domains[1], domains[0]}
	at := until(t, open(h, noon.AddDate(0, 0, 1)).allows(real, reversed, again))
	if want := noon.Add(week); !at.Equal(want) {
		t.Errorf("possible again at %v, want %v", at, want)
	}
	for name, err := range map[string]error{
		"later":       open(h, at).allows(real, domains, again),
		"other names": open(h, noon.AddDate(0, 0, 1)).allows(real, domains[:1], first),
		"private CA":  open(h, noon.AddDate(0, 0, 1)).allows(private, domains, again),
		"replacement": open(h, noon.AddDate(0, 0, 1)).allows(real, domains, replacement),
		"counted":     open(h, noon.AddDate(0, 0, 1)).resumes(real, domains),
	} {
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := open(h, noon.AddDate(0, 0, 1)).unspent(real, "https://acme.test/order/0"); err != nil {
		t.Fatal(err)
	}
	if err := open(h, noon.AddDate(0, 0, 1)).allows(real, domains, again); err != nil {
		t.Errorf("an order that brought nothing counts: %v", err)
	}
}

// TestLedgerCountsRegisteredDomains: by the public suffix list, names are of one domain or of many.
func TestLedgerCountsRegisteredDomains(t *testing.T) {
	t.Parallel()
	h := newHost(t)
	spend(t, h, perDomain.ours, func(i int) []steps.Domain {
		return []steps.Domain{steps.Domain(fmt.Sprintf("a%d.example.co.uk", i)), steps.Domain(fmt.Sprintf("a%d.other.test", i%3))}
	}, first)
	now := noon.AddDate(0, 0, 3)
	if at := until(t, open(h, now).allows(real, []steps.Domain{"new.test", "new.example.co.uk"}, first)); !at.Equal(noon.Add(week)) {
		t.Errorf("possible again at %v", at)
	}
	for name, err := range map[string]error{
		"another domain below co.uk": open(h, now).allows(real, []steps.Domain{"example2.co.uk"}, first),
		"the same names again":       open(h, now).allows(real, []steps.Domain{"a0.example.co.uk", "a0.other.test"}, again),
		"replacement":                open(h, now).allows(real, []steps.Domain{"new.example.co.uk"}, replacement),
	} {
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	for d, want := range map[steps.Domain]string{
		"*.shop.example.com": "example.com", "co.uk": "co.uk", "203.0.113.9": "203.0.113.9", "2001:db8:0:1:2::3": "2001:db8:0:1::/64", "me.github.io": "me.github.io",
	} {
		if got := ownedBy(d); got != want {
			t.Errorf("%s belongs to %s, want %s", d, got, want)
		}
	}
}

func TestLedgerCountsOrdersAndAccounts(t *testing.T) {
	t.Parallel()
	h := newHost(t)
	for i := range perAccount.ours {
		if err := open(h, noon).ordered(real, []steps.Domain{steps.Domain(fmt.Sprintf("a%d.test", i))}); err != nil {
			t.Fatal(err)
		}
	}
	if at := until(t, open(h, noon.Add(time.Hour)).allows(real, domains, first)); !at.Equal(noon.Add(threeHour)) {
		t.Errorf("an order is possible again at %v", at)
	}
	for name, err := range map[string]error{
		"again":       open(h, noon.Add(time.Hour)).allows(real, domains, again),
		"three hours": open(h, noon.Add(threeHour)).allows(real, domains, first),
	} {
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	for range perAddress.ours {
		if err := open(h, noon).registering(real); err != nil {
			t.Fatal(err)
		}
	}
	if at := until(t, open(h, noon).registering(real)); !at.Equal(noon.Add(threeHour)) {
		t.Errorf("an account is possible again at %v", at)
	}
	if err := open(h, noon).registering(private); err != nil {
		t.Errorf("an account of a private CA: %v", err)
	}
}

func TestLedgerCountsFailures(t *testing.T) {
	t.Parallel()
	h := newHost(t)
	refused := &acme.Refused{Failure: &steps.Failure{Text: "cannot prove it"}, Domains: domains[1:]}
	for i := range perName.ours {
		if err := open(h, noon.Add(time.Duration(i)*time.Minute)).remember(real, domains, refused); !errors.Is(err, refused) {
			t.Fatalf("the failure was lost: %v", err)
		}
	}
	if at := until(t, open(h, noon.Add(2*time.Minute)).allows(real, domains, again)); !at.Equal(noon.Add(time.Hour)) {
		t.Errorf("possible again at %v", at)
	}
	if err := open(h, noon.Add(2*time.Minute)).allows(real, domains[:1], again); err != nil {
		t.Errorf("a name that did not fail: %v", err)
	}
	if err := open(h, noon.Add(time.Hour)).allows(real, domains, again); err != nil {
		t.Errorf("an hour later: %v", err)
	}
}

func TestLedgerHeedsTheCA(t *testing.T) {
	t.Parallel()
	h := newHost(t)
	met := &acme.Limited{Failure: &steps.Failure{Text: "cannot"}, Until: noon.Add(2 * time.Hour)}
	if err := open(h, noon).remember(private, domains, met); !errors.Is(err, met) {
		t.Fatal(err)
	}
	if at := until(t, open(h, noon.Add(time.Hour)).allows(private, domains, again)); !at.Equal(met.Until) {
		t.Errorf("possible again at %v", at)
	}
	if err := open(h, noon.Add(2*time.Hour)).allows(private, domains, again); err != nil {
		t.Error(err)
	}
	if err := open(h, noon.Add(time.Hour)).allows(private, domains[:1], again); err != nil {
		t.Errorf("other names: %v", err)
	}
	whole := &acme.Limited{Failure: &steps.Failure{Text: "cannot"}, Until: noon.Add(90 * time.Minute), Whole: true}
	if err := open(h, noon).remember(private, domains, whole); !errors.Is(err, whole) {
		t.Fatal(err)
	}
	if at := until(t, open(h, noon.Add(time.Hour)).allows(private, domains[:1], again)); !at.Equal(whole.Until) {
		t.Errorf("other names are possible again at %v", at)
	}
	if at := until(t, open(h, noon.Add(time.Hour)).registering(private)); !at.Equal(whole.Until) {
		t.Errorf("an account is possible again at %v", at)
	}
	own := limited("a reason of ours", noon.Add(time.Hour))
	count := len(h.Mutations())
	if err := open(h, noon).remember(private, domains, own); !errors.Is(err, own) || len(h.Mutations()) != count {
		t.Errorf("what we said ourselves was written down: %v", err)
	}
	other := errors.New("cannot for another reason")
	before := len(h.Mutations())
	if err := open(h, noon).remember(private, domains, other); !errors.Is(err, other) || len(h.Mutations()) != before {
		t.Errorf("another failure was written down: %v", err)
	}
}

func TestDamagedLedger(t *testing.T) {
	t.Parallel()
	h := newHost(t)
	h.File(ledgerFile, "{")
	expect(t, open(h, noon).allows(real, domains, first), "", steps.ExitFailed)
	expect(t, open(h, noon).ordered(real, domains), "", steps.ExitFailed)
}
