package renew

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/c93d5bcb/sslwizard/steps"
	"github.com/c93d5bcb/sslwizard/system/acme"
	"github.com/c93d5bcb/sslwizard/system/host"
)

// ledger remembers what was asked of CAs, in ACMEDir/ledger.json, so that we stop before the CA's limits do: a limit once
// met cannot be lifted by anybody. Every change is on the disk before the CA is asked for what it counts, so that a kill
// costs at most one too many in our count and none at the CA.
//
// Only Let's Encrypt's real directory is held to limits (limits.go). What a CA itself said ("not before 14:20") holds for
// that CA.
type ledger struct {
	host host.Host
	now  func() time.Time
}

// book is what the ledger's file holds.
type book struct {
	Issued     []entry `json:"issued,omitempty"`     // certificates, from when they were asked for with a signing request
	Failed     []entry `json:"failed,omitempty"`     // names that could not be proved
	Ordered    []entry `json:"ordered,omitempty"`    // orders
	Registered []entry `json:"registered,omitempty"` // accounts
	Barred     []entry `json:"barred,omitempty"`     // At is when it is possible again
}

type entry struct {
	Directory string    `json:"directory"`
	Names     string    `json:"names,omitempty"` // the sorted set, one name for Failed; empty in Barred: whatever the names
	Order     string    `json:"order,omitempty"` // URL of the order that a certificate is of: it is counted once
	At        time.Time `json:"at"`
}

var ledgerFile = path.Join(steps.ACMEDir, "ledger.json")

func openLedger(h host.Host, now func() time.Time) ledger { return ledger{h, now} }

// read fails when the book is damaged: without it we could spend a limit that cannot be bought back.
func (l ledger) read() (*book, error) {
	b := &book{}
	f, err := l.host.ReadFile(ledgerFile)
	if errors.Is(err, fs.ErrNotExist) {
		return b, nil
	}
	if err != nil {
		return nil, fmt.Errorf("cannot read the record of earlier orders: %w", err)
	}
	if err := json.Unmarshal(f.Data, b); err != nil {
		return nil, &steps.Failure{
			Text:  "cannot read the record of earlier orders in " + ledgerFile + ": it is damaged",
			Fixes: []string{"if no more than two certificates were made this week: sudo rm " + ledgerFile},
		}
	}
	return b, nil
}

// change reads the book anew, so that nobody writes over what another part of the same run wrote down.
func (l ledger) change(how func(*book)) error {
	b, err := l.read()
	if err != nil {
		return err
	}
	how(b)
	b.forget(l.now().UTC())
	if err = ensureDirs(l.host, 0o700, steps.ACMEDir); err == nil {
		err = writeJSON(l.host, ledgerFile, b)
	}
	if err != nil {
		return fmt.Errorf("cannot store the record of orders: %w", err)
	}
	return nil
}

// forget keeps what can still count.
func (b *book) forget(now time.Time) {
	older := func(window time.Duration) func(entry) bool {
		return func(e entry) bool { return !e.At.Add(window).After(now) }
	}
	b.Issued = slices.DeleteFunc(b.Issued, older(perSet.window))
	b.Failed = slices.DeleteFunc(b.Failed, older(perName.window))
	b.Ordered = slices.DeleteFunc(b.Ordered, older(perAccount.window))
	b.Registered = slices.DeleteFunc(b.Registered, older(perAddress.window))
	b.Barred = slices.DeleteFunc(b.Barred, older(0))
}

// ofOrder finds the certificate of an order.
func ofOrder(directory, order string) func(entry) bool {
	return func(e entry) bool { return e.Directory == directory && e.Order == order }
}

func setOf(domains []steps.Domain) string {
	names := steps.DomainTexts(domains)
	slices.Sort(names)
	return strings.Join(slices.Compact(names), ",")
}

// registering counts an account that is about to be registered, or refuses it.
func (l ledger) registering(directory string) error {
	b, err := l.read()
	if err != nil {
		return err
	}
	now := l.now()
	if err := b.barred(directory, "", now); err != nil {
		return err
	}
	if err := perAddress.allows(directory, b.Registered, now); err != nil {
		return err
	}
	return l.change(func(b *book) {
		b.Registered = append(b.Registered, entry{Directory: directory, At: now.UTC()})
	})
}

// ordered counts an order that is about to be made.
func (l ledger) ordered(directory string, domains []steps.Domain) error {
	return l.change(func(b *book) {
		b.Ordered = append(b.Ordered, entry{Directory: directory, Names: setOf(domains), At: l.now().UTC()})
	})
}

// spent counts a certificate whose signing request is about to be handed in; each order brings one, however often it is
// gone on with.
func (l ledger) spent(directory string, domains []steps.Domain, order string) error {
	return l.change(func(b *book) {
		if !slices.ContainsFunc(b.Issued, ofOrder(directory, order)) {
			b.Issued = append(b.Issued, entry{directory, setOf(domains), order, l.now().UTC()})
		}
	})
}

// unspent takes back what an order was counted for that brought no certificate and never will.
func (l ledger) unspent(directory, order string) error {
	b, err := l.read()
	if err != nil {
		return err
	}
	if !slices.ContainsFunc(b.Issued, ofOrder(directory, order)) {
		return nil
	}
	return l.change(func(b *book) { b.Issued = slices.DeleteFunc(b.Issued, ofOrder(directory, order)) })
}

// remember notes what a failure means for the next time, and returns the failure.
func (l ledger) remember(directory string, domains []steps.Domain, failure error) error {
	var refused *acme.Refused
	var met *acme.Limited
	now := l.now().UTC()
	switch {
	case errors.As(failure, &refused):
		return errors.Join(failure, l.change(func(b *book) {
			for _, d := range refused.Domains {
				b.Failed = append(b.Failed, entry{Directory: directory, Names: string(d), At: now})
			}
		}))
	case errors.As(failure, &met) && !met.Own && met.Until.After(now):
		bar := entry{Directory: directory, Names: setOf(domains), At: met.Until.UTC()}
		if met.Whole {
			bar.Names = ""
		}
		return errors.Join(failure, l.change(func(b *book) { b.Barred = append(b.Barred, bar) }))
	}
	return failure
}
