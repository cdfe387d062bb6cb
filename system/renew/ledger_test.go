package renew

import (
	"errors"
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

func open(t *testing.T, h *systemtest.Host, now time.Time) *ledger {
	t.Helper()
	l, err := openLedger(h, now)
	if err != nil {
		t.Fatal(err)
	}
	return l
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

func TestLedgerStopsBeforeTheCADoes(t *testing.T) {
	t.Parallel()
	h := newHost(t)
	for i := range maxIssued {
		now := noon.Add(time.Duration(i) * time.Hour)
		if err := open(t, h, now).allows(real, domains); err != nil {
			t.Fatalf("certificate %d: %v", i+1, err)
		}
		if err := open(t, h, now).issued(real, domains); err != nil {
			t.Fatal(err)
		}
	}
	reversed := []steps.Domain{domains[1], domains[0]}
	at := until(t, open(t, h, noon.AddDate(0, 0, 1)).allows(real, reversed))
	if want := noon.Add(issuedWindow); !at.Equal(want) {
		t.Errorf("possible again at %v, want %v", at, want)
	}
	for name, err := range map[string]error{
		"later":       open(t, h, at).allows(real, domains),
		"other names": open(t, h, noon.AddDate(0, 0, 1)).allows(real, domains[:1]),
		"private CA":  open(t, h, noon.AddDate(0, 0, 1)).allows(private, domains),
	} {
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestLedgerCountsFailures(t *testing.T) {
	t.Parallel()
	h := newHost(t)
	refused := &acme.Refused{Failure: &steps.Failure{Text: "cannot prove it"}, Domains: domains[1:]}
	for i := range maxFailed {
		if err := open(t, h, noon.Add(time.Duration(i)*time.Minute)).remember(real, domains, refused); !errors.Is(err, refused) {
			t.Fatalf("the failure was lost: %v", err)
		}
	}
	if at := until(t, open(t, h, noon.Add(2*time.Minute)).allows(real, domains)); !at.Equal(noon.Add(failedWindow)) {
		t.Errorf("possible again at %v", at)
	}
	if err := open(t, h, noon.Add(2*time.Minute)).allows(real, domains[:1]); err != nil {
		t.Errorf("a name that did not fail: %v", err)
	}
	if err := open(t, h, noon.Add(failedWindow)).allows(real, domains); err != nil {
		t.Errorf("an hour later: %v", err)
	}
}

func TestLedgerHeedsTheCA(t *testing.T) {
	t.Parallel()
	h := newHost(t)
	met := &acme.Limited{Failure: &steps.Failure{Text: "cannot"}, Until: noon.Add(2 * time.Hour)}
	if err := open(t, h, noon).remember(private, domains, met); !errors.Is(err, met) {
		t.Fatal(err)
	}
	if at := until(t, open(t, h, noon.Add(time.Hour)).allows(private, domains)); !at.Equal(met.Until) {
		t.Errorf("possible again at %v", at)
	}
	if err := open(t, h, noon.Add(2*time.Hour)).allows(private, domains); err != nil {
		t.Error(err)
	}
	other := errors.New("cannot for another reason")
	before := len(h.Mutations())
	if err := open(t, h, noon).remember(private, domains, other); !errors.Is(err, other) || len(h.Mutations()) != before {
		t.Errorf("another failure was written down: %v", err)
	}
}

func TestDamagedLedger(t *testing.T) {
	t.Parallel()
	h := newHost(t)
	h.File(ledgerFile, "{")
	_, err := openLedger(h, noon)
	expect(t, err, "", steps.ExitFailed)
}
