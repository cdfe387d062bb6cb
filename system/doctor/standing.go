package doctor

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/c93d5bcb/sslwizard/steps"
	"github.com/c93d5bcb/sslwizard/system/dns01"
)

// standing examines one name that is proved by a record that stays (steps.DNSPersist01): whether every name server of its zone
// has one that lets our account ask this CA.
func (e *examination) standing(ctx context.Context, d steps.Domain) []steps.Check {
	name := dns01.PersistName(d)
	end, c := e.place(ctx, d, name)
	if end == "" {
		return []steps.Check{c}
	}
	names := e.identities(ctx)
	switch {
	case len(names) == 0:
		return []steps.Check{c, unknown("dns.standing", d, "the CA does not say by which name the DNS knows it")}
	case e.Account == "":
		return []steps.Check{c, unknown("dns.standing", d, "the record names our account at the CA, and there is none yet: sudo sslwizard makes it, and then says the record")}
	}
	heard, err := dns01.Watch{Resolver: e.Resolver}.Texts(ctx, end)
	if err != nil {
		return []steps.Check{e.brokenRecord(ctx, d, end, err)}
	}
	return []steps.Check{c, e.stands(d, name, names, heard)}
}

// stands judges what the name servers say.
func (e *examination) stands(d steps.Domain, name string, issuers []string, heard []dns01.Heard) steps.Check {
	want := dns01.Standing{Issuer: issuers[0], Account: e.Account, Wildcard: e.wild(d)}
	var lacking []string
	var worst error
	for _, h := range heard {
		if err := among(want, issuers, h, e); err != nil {
			worst, lacking = err, append(lacking, h.Server)
		}
	}
	cannot := "cannot prove " + string(d) + " by " + steps.DNSPersist01 + ": "
	record := fmt.Sprintf("%s. TXT %q", name, want)
	seen := fmt.Sprintf("asked %d name servers; not so at %s", len(heard), strings.Join(lacking[:min(len(lacking), maxServers)], ", "))
	switch {
	case worst == nil:
		return passed("dns.standing", d, "the TXT record of "+name+" lets our account ask for it", record)
	case errors.Is(worst, dns01.ErrNoStanding) && len(lacking) < len(heard):
		return found("dns.standing", d, "D47", cannot+"some of the name servers do not have the TXT record of "+name+" yet", seen, "run the same command again in some minutes")
	case errors.Is(worst, dns01.ErrNoStanding):
		return found("dns.standing", d, "D47", cannot+"there is no TXT record of "+name+" for "+want.Issuer, seen, "make this record where the DNS is kept, once: "+record, "run the same command again")
	}
	return found("dns.standing", d, "D48", cannot+"the TXT record of "+name+" does not fit: "+worst.Error(), seen, "let this record be there: "+record, "run the same command again")
}

// among is nil when a record for one of the CA's names is right. The closest miss is told.
func among(want dns01.Standing, issuers []string, h dns01.Heard, e *examination) error {
	miss := dns01.ErrNoStanding
	for _, issuer := range issuers {
		want.Issuer = issuer
		err := want.Among(h.Values, e.Now())
		if err == nil {
			return nil
		}
		if !errors.Is(err, dns01.ErrNoStanding) {
			miss = err
		}
	}
	return miss
}

// wild reports that a wildcard of this name is asked for too: both have the same record.
func (e *examination) wild(d steps.Domain) bool {
	for _, other := range e.Domains {
		if other.Wildcard() && dns01.PersistName(other) == dns01.PersistName(d) {
			return true
		}
	}
	return false
}
