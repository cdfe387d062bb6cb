package dns01

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	pebbletest "github.com/c93d5bcb/sslwizard/e2e/pebble"
	"github.com/c93d5bcb/sslwizard/steps"
	"github.com/c93d5bcb/sslwizard/system/acme"
)

// notes is a journal in memory.
type notes struct {
	mu   sync.Mutex
	all  []Record
	fail error
}

func (n *notes) Note(r Record) error {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.all = append(n.all, r)
	return n.fail
}

func (n *notes) Forget(r Record) error {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.all = slices.DeleteFunc(n.all, func(o Record) bool { return o == r })
	return nil
}

func (w *world) prover(p Provider, n *notes) *Prover {
	return &Prover{Provider: p, Name: "the name server", Journal: n, Watch: w.watch()}
}

// A name and its wildcard are proved at once, at the end of an alias; what others have there stays.
func TestProver(t *testing.T) {
	t.Parallel()
	w := newWorld(t, primary)
	w.example()
	w.all(shop, pebbletest.Record{Alias: "shop.proofs.example.com"})
	w.all("shop.proofs.example.com", pebbletest.Record{Texts: []string{"somebody else's"}})
	n := &notes{}
	p := w.prover(w.open("rfc2136", steps.DNSSettings{"server": primary, "key": "sslwizard", "secret": secret}), n).Start(t.Context())
	proofs := []acme.Proof{{Domain: "shop.example.com", Token: "a", Body: "a.key"}, {Domain: "shop.example.com", Token: "b", Body: "b.key"}}
	var wait sync.WaitGroup
	for _, proof := range proofs {
		wait.Go(func() {
			if err := p.Present(proof); err != nil {
				t.Error(err)
			}
		})
	}
	wait.Wait()
	got := w.texts(primary, "shop.proofs.example.com")
	if len(got) != 3 || !slices.Contains(got, ValueOf("a.key")) || !slices.Contains(got, ValueOf("b.key")) || len(n.all) != 2 {
		t.Errorf("%q, written down %v", got, n.all)
	}
	for _, proof := range proofs {
		if err := p.CleanUp(proof); err != nil {
			t.Error(err)
		}
	}
	if got := w.texts(primary, "shop.proofs.example.com"); !slices.Equal(got, []string{"somebody else's"}) || len(n.all) != 0 {
		t.Errorf("%q is left, and written down %v", got, n.all)
	}
}

// A record that does not come everywhere is taken away again; so is one of a run that is stopped meanwhile.
func TestProverFails(t *testing.T) {
	t.Parallel()
	w := newWorld(t, primary, second)
	w.example() // the second never has what the primary gets
	n := &notes{}
	provider := w.open("rfc2136", steps.DNSSettings{"server": primary, "key": "sslwizard", "secret": secret})
	p := w.prover(provider, n)
	p.Watch.Patience = 30 * time.Millisecond
	proof := acme.Proof{Domain: "*.shop.example.com", Token: "a", Body: "a.key"}
	var f *steps.Failure
	if err := p.Start(t.Context()).Present(proof); !errors.As(err, &f) || f.Code != "A11" {
		t.Errorf("%v", err)
	}
	ctx, cancel := context.WithCancelCause(t.Context())
	stopped := errors.New("stopped")
	w.mu.Lock()
	w.then = func(address string, times int) {
		if len(w.at(primary).Record(shop).Texts) > 0 {
			cancel(stopped)
		}
	}
	w.mu.Unlock()
	p = w.prover(provider, n).Start(ctx)
	if err := p.Present(proof); !errors.Is(err, stopped) {
		t.Errorf("%v", err)
	}
	if got := w.texts(primary, shop); len(got) > 0 || len(n.all) > 0 {
		t.Errorf("%q is left, and written down %v", got, n.all)
	}
	// What cannot be written down is not made; what cannot be taken away stays written down.
	n.fail = errors.New("the disk is full")
	if err := w.prover(provider, n).Start(t.Context()).Present(proof); !errors.Is(err, n.fail) {
		t.Errorf("%v", err)
	}
	n = &notes{}
	w = newWorld(t, primary)
	w.example()
	var said []string
	p = w.prover(clinging{w.open("rfc2136", steps.DNSSettings{"server": primary, "key": "sslwizard", "secret": secret})}, n).Start(t.Context())
	p.Say = func(text string) { said = append(said, text) }
	if err := errors.Join(p.Present(proof), p.CleanUp(proof)); err != nil {
		t.Error(err)
	}
	if len(n.all) != 1 || !strings.Contains(strings.Join(said, "\n"), "the next run tries again") {
		t.Errorf("written down %v, said %q", n.all, said)
	}
}

// clinging does not give its records up.
type clinging struct{ Provider }

func (clinging) Remove(context.Context, Record) error { return errors.New("out of order") }

// A provider that keeps one value of a name gets one after the other, and no longer waits for one that failed.
func TestProverOneAfterTheOther(t *testing.T) {
	t.Parallel()
	w := newWorld(t, primary)
	w.example()
	only := &single{}
	p := w.prover(only, &notes{})
	p.AtOnce, only.dns = 1, w.at(primary)
	p.Start(t.Context())
	var wait sync.WaitGroup
	for _, token := range []string{"a", "b", "c", "d"} {
		wait.Go(func() {
			proof := acme.Proof{Domain: "shop.example.com", Token: token, Body: token + ".key"}
			if err := p.Present(proof); err != nil {
				return // one of them does
			}
			if err := p.CleanUp(proof); err != nil {
				t.Error(err)
			}
		})
	}
	wait.Wait()
	if only.most != 1 || only.failed != 1 {
		t.Errorf("at most %d at once, %d failed", only.most, only.failed)
	}
}

// single keeps one value, and is out of order once.
type single struct {
	dns                    *pebbletest.DNS
	mu                     sync.Mutex
	there, most, n, failed int
}

func (s *single) Add(_ context.Context, r Record) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.there++
	s.most = max(s.most, s.there)
	if s.n++; s.n == 2 {
		s.failed++
		return errors.New("out of order")
	}
	s.dns.SetRecord(r.Name, pebbletest.Record{Texts: []string{r.Value}})
	return nil
}

func (s *single) Remove(context.Context, Record) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.there--
	return nil
}

func (s *single) Ask(context.Context, string) error { return nil }

// The program of the user's gets the name and the value as arguments, and its secrets in its environment.
func TestProgram(t *testing.T) {
	t.Parallel()
	var started []string
	var answer error
	run := func(_ context.Context, program string, args, env []string) error {
		started = append(started, program+" "+strings.Join(args, " ")+" | "+strings.Join(env, " "))
		return answer
	}
	p, err := Open("exec", steps.DNSSettings{"program": "/usr/local/sbin/dns-hook", "env.TOKEN": "s3cret", "env.ACCOUNT": "a1"}, Means{Run: run})
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(p.Add(t.Context(), Record{shop, value}), p.Remove(t.Context(), Record{shop, value})); err != nil {
		t.Fatal(err)
	}
	want := []string{"/usr/local/sbin/dns-hook present " + shop + ". " + value + " | ACCOUNT=a1 TOKEN=s3cret", "/usr/local/sbin/dns-hook cleanup " + shop + ". " + value + " | ACCOUNT=a1 TOKEN=s3cret"}
	if !slices.Equal(started, want) {
		t.Errorf("%q", started)
	}
	answer = errors.New("exit status 1: no such token s3cret")
	if err := p.Add(t.Context(), Record{shop, value}); err == nil || strings.Contains(err.Error(), "s3cret") {
		t.Error(err)
	}
	if err := p.Ask(t.Context(), shop); !errors.Is(err, ErrUnasked) {
		t.Error(err)
	}
	for _, program := range []string{"dns-hook", "/usr/../bin/sh", ""} {
		if _, err := Open("exec", steps.DNSSettings{"program": program}, Means{Run: run}); err == nil {
			t.Errorf("%q is run", program)
		}
	}
}
