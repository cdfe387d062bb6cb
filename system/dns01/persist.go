package dns01

import (
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"golang.org/x/net/dns/dnsmessage"

	"github.com/c93d5bcb/sslwizard/steps"
	"github.com/c93d5bcb/sslwizard/system/resolve"
)

// PersistName is where the record that stays is looked for (draft-ietf-acme-dns-persist).
func PersistName(d steps.Domain) string {
	return "_validation-persist." + strings.TrimPrefix(string(d), "*.")
}

// Standing is a record that stays: the CA that may issue, and the account that may ask it.
type Standing struct {
	Issuer   string
	Account  string
	Wildcard bool // for wildcards of the name too
}

// String is the value of the TXT record.
func (s Standing) String() string {
	value := s.Issuer + "; accounturi=" + s.Account
	if s.Wildcard {
		value += "; policy=wildcard"
	}
	return value
}

// ErrNoStanding is for a name that has no record of this CA at all.
var ErrNoStanding = errors.New("there is no such record")

// Among is nil when one of the values lets the account ask at this time. Otherwise it says what is wrong with the one that
// comes closest. A CA reads them as RFC 8659 section 4.2 says of CAA.
func (s Standing) Among(values []string, now time.Time) error {
	err := ErrNoStanding
	for _, value := range values {
		parts := strings.Split(value, ";")
		if strings.Trim(parts[0], " \t") != s.Issuer {
			continue
		}
		if err = s.allows(parts[1:], now); err == nil {
			return nil
		}
	}
	return err
}

func (s Standing) allows(parts []string, now time.Time) error {
	said := map[string]string{}
	for _, part := range parts {
		tag, value, ok := strings.Cut(part, "=")
		tag = strings.ToLower(strings.Trim(tag, " \t"))
		if _, again := said[tag]; !ok || tag == "" || again {
			return fmt.Errorf("%q in it is not of the form tag=value, or is said twice", steps.CleanLine(part))
		}
		said[tag] = strings.Trim(value, " \t")
	}
	until, limited := said["persistuntil"]
	seconds, bad := strconv.ParseInt(until, 10, 64)
	switch {
	case said["accounturi"] != s.Account:
		return fmt.Errorf("it is for the account %s", steps.CleanLine(said["accounturi"]))
	case s.Wildcard && !strings.EqualFold(said["policy"], "wildcard"):
		return errors.New("it does not let wildcards be issued: policy=wildcard is missing")
	case limited && bad != nil:
		return errors.New("persistUntil in it is no time in seconds since 1970")
	case limited && now.After(time.Unix(seconds, 0)):
		return fmt.Errorf("it held until %s", time.Unix(seconds, 0).UTC().Format(time.DateTime))
	}
	return nil
}

// Heard is what one name server says of a name.
type Heard struct {
	Server string
	Values []string // of its TXT records
}

// Texts asks every name server of a name for its TXT records. Who does not answer is left out. Where none can be asked, the
// system's resolvers are.
func (w Watch) Texts(ctx context.Context, name string) ([]Heard, error) {
	w = w.filled()
	var all []Heard
	var mu sync.Mutex
	var wait sync.WaitGroup
	for _, s := range w.servers(ctx, name) {
		for _, address := range s.addresses {
			wait.Go(func() {
				reply, err := w.Resolver.Ask(ctx, address, resolve.Question{Name: name, Type: dnsmessage.TypeTXT, Direct: true})
				if err != nil || !reply.OK() && !reply.Absent() || !reply.Authoritative {
					return
				}
				host, _, _ := net.SplitHostPort(address)
				mu.Lock()
				defer mu.Unlock()
				all = append(all, Heard{s.name + " (" + host + ")", resolve.Texts(reply, name)})
			})
		}
	}
	wait.Wait()
	if len(all) > 0 {
		slices.SortFunc(all, func(a, b Heard) int { return strings.Compare(a.Server, b.Server) })
		return all, nil
	}
	reply, err := w.Resolver.Resolve(ctx, resolve.Question{Name: name, Type: dnsmessage.TypeTXT})
	if err == nil && !reply.OK() && !reply.Absent() {
		err = errors.New(reply.Word())
	}
	return []Heard{{reply.Server, resolve.Texts(reply, name)}}, err
}
