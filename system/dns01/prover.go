package dns01

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/c93d5bcb/sslwizard/steps"
	"github.com/c93d5bcb/sslwizard/system/acme"
)

// Journal remembers which records may be there. Note returns when the record is on the disk.
type Journal interface {
	Note(Record) error
	Forget(Record) error
}

// Prover answers challenges by records at a provider. It is used for one order.
type Prover struct {
	Provider Provider
	Name     string // of the provider, for what is said
	AtOnce   int    // how many values it keeps of one name; 0: any number
	Journal  Journal
	Watch    Watch
	Say      func(string) // may be nil

	ctx   context.Context
	slots chan struct{}
	mu    sync.Mutex
	there map[acme.Proof]Record
}

var _ acme.Presenter = (*Prover)(nil)

// Start binds the prover to the order's context.
func (p *Prover) Start(ctx context.Context) *Prover {
	p.ctx, p.there = ctx, map[acme.Proof]Record{}
	if p.AtOnce > 0 {
		p.slots = make(chan struct{}, p.AtOnce)
	}
	return p
}

// ValueOf is what the record says for a key authorization.
func ValueOf(keyAuthorization string) string {
	sum := sha256.Sum256([]byte(keyAuthorization))
	return base64.RawURLEncoding.EncodeToString(sum[:])
}

// Present implements acme.Presenter: it returns when all name servers have the record.
func (p *Prover) Present(proof acme.Proof) error {
	name, err := p.Watch.Follow(p.ctx, ChallengeName(proof.Domain))
	if err != nil {
		return Explain(p.Name, ChallengeName(proof.Domain), err)
	}
	if err := p.take(); err != nil {
		return err
	}
	r := Record{name, ValueOf(proof.Body)}
	if err := p.put(r); err != nil {
		return errors.Join(err, p.drop(r))
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.there[proof] = r
	return nil
}

func (p *Prover) put(r Record) error {
	if err := p.Journal.Note(r); err != nil {
		return fmt.Errorf("cannot write down which record is to be made: %w", err)
	}
	p.say("Asking %s for a TXT record of %s", p.Name, r.Name)
	if err := p.Provider.Add(p.ctx, r); err != nil {
		return Explain(p.Name, r.Name, err)
	}
	p.say("Waiting until all name servers have it")
	watch := p.Watch
	watch.Say = p.Say
	return watch.Until(p.ctx, r)
}

// take has a place among the values that the provider keeps.
func (p *Prover) take() error {
	if p.slots == nil {
		return nil
	}
	select {
	case p.slots <- struct{}{}:
		return nil
	case <-p.ctx.Done():
		return context.Cause(p.ctx)
	}
}

// CleanUp implements acme.Presenter. What cannot be taken away now is still written down.
func (p *Prover) CleanUp(proof acme.Proof) error {
	p.mu.Lock()
	r, ok := p.there[proof]
	delete(p.there, proof)
	p.mu.Unlock()
	if !ok {
		return nil
	}
	return p.drop(r)
}

// drop takes a record away, even if the order was stopped.
func (p *Prover) drop(r Record) error {
	if p.slots != nil {
		defer func() { <-p.slots }()
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(p.ctx), 2*time.Minute)
	defer cancel()
	if err := p.Provider.Remove(ctx, r); err != nil {
		p.say("The TXT record of %s could not be taken away (%v); the next run tries again", r.Name, err)
		return nil
	}
	return p.Journal.Forget(r)
}

func (p *Prover) say(format string, args ...any) {
	if p.Say != nil {
		p.Say(steps.CleanLine(fmt.Sprintf(format, args...)))
	}
}

// Explain makes an error for people of what stopped a record.
func Explain(provider, name string, err error) error {
	var f *steps.Failure
	if errors.As(err, &f) || errors.Is(err, context.Canceled) {
		return err
	}
	code, fix, status := Cause(err)
	return &steps.Failure{Text: fmt.Sprintf("cannot have %s write a TXT record of %s", steps.CleanLine(provider), steps.CleanLine(name)), Code: code, Err: err, Status: status, Fixes: []string{fix}}
}

// Cause is the code of what stopped a record, the one thing to do, and the exit status.
func Cause(err error) (code, fix string, status int) {
	switch {
	case errors.Is(err, ErrDenied):
		return "A12", "make a token that may edit this zone, and put it into the file of trusted.dns.credentials", steps.ExitAnswers
	case errors.Is(err, ErrNoZone):
		return "D43", "check that the zone is in this provider's account, and that trusted.dns.provider is the one that keeps it", steps.ExitAnswers
	case errors.Is(err, ErrCircle):
		return "D44", "correct the CNAME records of the _acme-challenge name", steps.ExitAnswers
	}
	return "D45", "run the same command again later; if it stays so, check the file of trusted.dns.credentials (docs/dns.md)", steps.ExitUnavailable
}
