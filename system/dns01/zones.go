package dns01

import (
	"context"
	"errors"
	"strings"
	"sync"

	"github.com/c93d5bcb/sslwizard/system/resolve"
)

// zone is a zone that a provider has.
type zone struct {
	name   string
	handle string // what the provider calls it
}

// within is a name as the provider of its zone writes it: without the zone, or apex for the zone itself.
func (z zone) within(name, apex string) string {
	if name == z.name {
		return apex
	}
	return strings.TrimSuffix(name, "."+z.name)
}

// zones finds out which zone of a provider a name is in. Each candidate is asked about once.
type zones struct {
	// find returns what the provider calls the zone of this name; "" when it has none.
	find func(ctx context.Context, name string) (string, error)

	mu    sync.Mutex
	known map[string]string
}

// of is the zone of a name: the longest part of it that the provider has. A token for one zone may be forbidden to ask about
// others, so that a refusal counts only when nothing is found.
func (z *zones) of(ctx context.Context, name string) (zone, error) {
	var denied error
	parts := resolve.Suffixes(name)
	for _, part := range parts[:max(0, len(parts)-1)] {
		handle, err := z.ask(ctx, part)
		switch {
		case isStatus(err, 403):
			denied = err
		case err != nil:
			return zone{}, err
		case handle != "":
			return zone{part, handle}, nil
		}
	}
	if denied != nil {
		return zone{}, denied
	}
	return zone{}, ErrNoZone
}

func (z *zones) ask(ctx context.Context, part string) (string, error) {
	z.mu.Lock()
	defer z.mu.Unlock()
	if handle, ok := z.known[part]; ok {
		return handle, nil
	}
	handle, err := z.find(ctx, part)
	if err != nil {
		return "", err
	}
	if z.known == nil {
		z.known = map[string]string{}
	}
	z.known[part] = handle
	return handle, nil
}

// ifThere makes a handle of what a provider says of a zone that is asked for by its name.
func ifThere(name string, err error) (string, error) {
	switch {
	case err == nil:
		return name, nil
	case isStatus(err, 404):
		return "", nil
	}
	return "", err
}

// byRecord is a provider whose records have a number each.
type byRecord struct {
	zones
	list   func(ctx context.Context, z zone, name string) ([]entry, error) // the TXT records of a name
	create func(ctx context.Context, z zone, r Record) error
	drop   func(ctx context.Context, z zone, id string) error
}

type entry struct{ id, value string }

// Add implements Provider.
func (p *byRecord) Add(ctx context.Context, r Record) error {
	z, err := p.of(ctx, r.Name)
	if err != nil {
		return err
	}
	return p.create(ctx, z, r)
}

// Remove implements Provider.
func (p *byRecord) Remove(ctx context.Context, r Record) error {
	z, err := p.of(ctx, r.Name)
	if err != nil {
		return err
	}
	there, err := p.list(ctx, z, r.Name)
	if err != nil {
		return err
	}
	var failed error
	for _, e := range there {
		if unquoted(e.value) == r.Value {
			failed = errors.Join(failed, p.drop(ctx, z, e.id))
		}
	}
	return failed
}

// Ask implements Provider.
func (p *byRecord) Ask(ctx context.Context, name string) error {
	z, err := p.of(ctx, name)
	if err == nil {
		_, err = p.list(ctx, z, name)
	}
	return err
}

// bySet is a provider that is given all values of a name at once.
type bySet struct {
	zones
	values  func(ctx context.Context, z zone, name string) ([]string, error)
	replace func(ctx context.Context, z zone, name string, values []string) error // none at all takes the name away
	form    func(value string) string                                             // as it stands among the values

	turn sync.Mutex // names are proved together, and what one reads the other must not have changed
}

// Add implements Provider.
func (p *bySet) Add(ctx context.Context, r Record) error {
	return p.change(ctx, r, func(values []string) []string { return append(values, p.form(r.Value)) })
}

// Remove implements Provider.
func (p *bySet) Remove(ctx context.Context, r Record) error {
	return p.change(ctx, r, func(values []string) []string { return values })
}

// change replaces the values of a name by what next makes of those that are not r.
func (p *bySet) change(ctx context.Context, r Record, next func([]string) []string) error {
	z, err := p.of(ctx, r.Name)
	if err != nil {
		return err
	}
	p.turn.Lock()
	defer p.turn.Unlock()
	there, err := p.values(ctx, z, r.Name)
	if err != nil {
		return err
	}
	var others []string
	for _, v := range there {
		if unquoted(v) != r.Value {
			others = append(others, v)
		}
	}
	values := next(others)
	if len(values) == len(there) && len(others) == len(there) {
		return nil // it was not there, and is not to be
	}
	return p.replace(ctx, z, r.Name, values)
}

// Ask implements Provider.
func (p *bySet) Ask(ctx context.Context, name string) error {
	z, err := p.of(ctx, name)
	if err == nil {
		_, err = p.values(ctx, z, name)
	}
	return err
}
