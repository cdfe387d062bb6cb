package renew

import (
	"bytes"
	"testing"
	"time"

	"github.com/c93d5bcb/sslwizard/steps"
	"github.com/c93d5bcb/sslwizard/system/cert"
	"github.com/c93d5bcb/sslwizard/system/systemtest"
)

func offline(t *testing.T) *world {
	t.Helper()
	return &world{t: t, host: newHost(t)}
}

func (w *world) mutations() int { return len(w.host.Mutations()) }

func TestLocalOnceAndForAll(t *testing.T) {
	t.Parallel()
	w := offline(t)
	if a := w.pending(localChange()); a != steps.Create {
		t.Errorf("on a fresh server it is %c", a)
	}
	if w.mutations() != 0 {
		t.Error("the preview wrote")
	}
	first := w.mustMake(localChange())
	if a := w.pending(localChange()); a != steps.Nothing {
		t.Errorf("the second time it is %c", a)
	}
	before := w.mutations()
	again := w.mustMake(localChange())
	if w.mutations() != before || again.Name != first.Name {
		t.Error("the second run wrote")
	}
}

func TestLocalFollowsTheAnswers(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(*steps.IssueLocal){
		"names": func(c *steps.IssueLocal) { c.Domains = append(c.Domains[:2:2], "api.shop.example.com") },
		"key":   func(c *steps.IssueLocal) { c.KeyType = steps.RSA2048 },
		"days":  func(c *steps.IssueLocal) { c.Days = 30 },
	} {
		w := offline(t)
		first := w.mustMake(localChange())
		next := localChange()
		change(&next)
		if a := w.pending(next); a != steps.Modify {
			t.Errorf("%s: %c", name, a)
		}
		second := w.mustMake(next)
		facts, err := second.Facts()
		if err != nil || second.Name == first.Name || bytes.Equal(first.Key, second.Key) {
			t.Errorf("%s: nothing new was made (%v)", name, err)
		}
		if !cert.SameDomains(facts.Domains, next.Domains) || facts.Key != next.KeyType {
			t.Errorf("%s: got %+v", name, facts)
		}
		if a := w.pending(next); a != steps.Nothing {
			t.Errorf("%s afterwards: %c", name, a)
		}
	}
}

func TestLocalIsRenewedAtAThird(t *testing.T) {
	t.Parallel()
	w := offline(t)
	w.now = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
	begin := w.now
	w.mustMake(localChange())
	for days, want := range map[int]steps.Action{200: steps.Nothing, 243: steps.Nothing, 244: steps.Modify, 500: steps.Modify} {
		w.now = begin.AddDate(0, 0, days)
		if a := w.pending(localChange()); a != want {
			t.Errorf("after %d days it is %c", days, a)
		}
	}
}

func TestLocalIsMadeAnewWithoutItsCA(t *testing.T) {
	t.Parallel()
	w := offline(t)
	w.mustMake(localChange())
	w.host.Take(cert.CAFile)
	if a := w.pending(localChange()); a != steps.Modify {
		t.Errorf("without its CA it is %c", a)
	}
	w.mustMake(localChange())
	if a := w.pending(localChange()); a != steps.Nothing {
		t.Errorf("afterwards it is %c", a)
	}
}

// TestGroupFollowsTheExecutor switches executors and back: key and certificate stay, who may read them does not.
func TestGroupFollowsTheExecutor(t *testing.T) {
	t.Parallel()
	w := offline(t)
	first := w.mustMake(localChange())
	for _, group := range []string{"", "sslwizard"} {
		c := localChange()
		c.Group = group
		if a := w.pending(c); a != steps.Modify {
			t.Errorf("group %q: %c", group, a)
		}
		v := w.mustMake(c)
		if !bytes.Equal(v.Key, first.Key) || !bytes.Equal(v.Chain, first.Chain) {
			t.Errorf("group %q: the certificate changed", group)
		}
		if !cert.ReadableBy(w.host, site, group) {
			t.Errorf("group %q cannot read the key", group)
		}
		if a := w.pending(c); a != steps.Nothing {
			t.Errorf("group %q afterwards: %c", group, a)
		}
	}
}

func TestDamagedCertificateIsReplaced(t *testing.T) {
	t.Parallel()
	w := offline(t)
	first := w.mustMake(localChange())
	w.host.File(steps.CertsDir+"/"+site+"/"+first.Name+"/fullchain.pem", "")
	if a := w.pending(localChange()); a != steps.Create {
		t.Errorf("with an empty chain it is %c", a)
	}
	if v := w.mustMake(localChange()); v.Name == first.Name {
		t.Error("it was not replaced")
	}
}

// TestLocalKilled kills the process at every mutation: what is current is always whole, and the next run ends well.
func TestLocalKilled(t *testing.T) {
	t.Parallel()
	for n := 1; ; n++ {
		w := offline(t)
		w.host.DieAt(n)
		err := w.make(localChange())
		w.host.Revive()
		if err == nil {
			if n < 8 {
				t.Fatalf("only %d mutations were seen", n)
			}
			return
		}
		if p, err := presentOf(w.host, site); err != nil {
			t.Fatalf("killed at %d: %v (%v)", n, err, p)
		}
		w.mustMake(localChange())
	}
}

func TestStrangeSiteNames(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"", "..", "../x", "a/b", ".hidden", "A", "a b", "-x"} {
		c := localChange()
		c.Site = name
		if err := new(Manager).Make(t.Context(), systemtest.New(t), c, nil); err == nil {
			t.Errorf("%q was taken for a site", name)
		}
	}
	if err := new(Manager).Make(t.Context(), systemtest.New(t), steps.Checkpoint{}, nil); err == nil {
		t.Error("a checkpoint is no certificate")
	}
}
