package doctor

import (
	"context"
	"errors"
	"strings"

	"golang.org/x/net/dns/dnsmessage"

	"github.com/c93d5bcb/sslwizard/steps"
	"github.com/c93d5bcb/sslwizard/system/dns01"
	"github.com/c93d5bcb/sslwizard/system/resolve"
)

// Keeper keeps the zone that a record has to be written into.
type Keeper interface {
	// Ask changes nothing: it fails if no record of this name would be taken from us.
	Ask(ctx context.Context, name string) error
}

// record examines one name that is proved by a record that is written when it is needed: where it is looked for, and whether
// the provider would write there. Addresses and ports do not matter then.
func (e *examination) record(ctx context.Context, d steps.Domain) []steps.Check {
	end, c := e.place(ctx, d, dns01.ChallengeName(d))
	if end == "" {
		return []steps.Check{c}
	}
	return []steps.Check{c, e.kept(ctx, d, end)}
}

// place is where a record of this name is looked for: where its aliases lead, and whether there is a zone. It is empty when a
// CA would find none.
func (e *examination) place(ctx context.Context, d steps.Domain, name string) (string, steps.Check) {
	end, err := dns01.Watch{Resolver: e.Resolver}.Follow(ctx, name)
	cannot := "cannot prove " + string(d) + ": "
	switch {
	case errors.Is(err, dns01.ErrCircle):
		return "", found("dns.challenge", d, "D44", cannot+"the aliases (CNAME) of "+name+" lead back to themselves", "asked at the name servers of each name",
			"correct the CNAME record of "+name)
	case err != nil && !e.resolver(ctx):
		return "", found("dns.resolver", d, "D11", "cannot look up "+name+": none of this server's resolvers answers", e.resolvers(),
			"sudo nano /etc/resolv.conf    let it name a resolver that works, for instance: nameserver 1.1.1.1")
	case err != nil:
		return "", e.brokenRecord(ctx, d, name, err)
	}
	// What the name servers say is one thing; whether its signatures fit, a resolver that checks them knows.
	if reply, err := e.Resolver.Resolve(ctx, resolve.Question{Name: end, Type: dnsmessage.TypeTXT}); err == nil && bad(reply) {
		return "", e.brokenRecord(ctx, d, end, errors.New(reply.Word()+", said by "+reply.Server))
	}
	zone, servers, unnamed := e.Resolver.ZoneOf(ctx, end)
	if unnamed {
		if resolve.Same(end, name) {
			return "", found("dns.challenge", d, "D01", cannot+"the domain does not exist", zone+" has no such name", "register it, or check how it is spelt")
		}
		return "", found("dns.challenge", d, "D44", cannot+name+" is an alias (CNAME) of "+end+", whose domain does not exist", zone+" has no such name",
			"let the CNAME record of "+name+" lead to a zone that exists, or take it away")
	}
	where := name
	if !resolve.Same(end, name) {
		where += ", an alias of " + end
	}
	seen := "no name server is told here"
	if len(servers) > 0 {
		seen = "zone " + zone + ", name servers " + strings.Join(servers[:min(len(servers), maxServers)], ", ")
	}
	return end, passed("dns.challenge", d, "the record is looked for at "+where, seen)
}

// brokenRecord is a name whose DNS fails; with DNSSEC as a reason, every CA sees the same.
func (e *examination) brokenRecord(ctx context.Context, d steps.Domain, name string, err error) steps.Check {
	reply, e2 := e.Resolver.Resolve(ctx, resolve.Question{Name: name, Type: dnsmessage.TypeTXT, Unchecked: true})
	if e2 == nil && (reply.OK() || reply.Absent()) {
		return found("dns.dnssec", d, "D10", "cannot prove "+string(d)+": the DNSSEC signatures of "+name+" do not fit, and every CA checks them", reason(err),
			"have the DNS provider sign the zone again, or remove the DS record at the registrar; https://dnsviz.net shows what is broken")
	}
	return found("dns.challenge", d, "A10", "cannot look up "+name+": the DNS does not answer", reason(err), fixDNS...)
}

// kept asks the provider.
func (e *examination) kept(ctx context.Context, d steps.Domain, name string) steps.Check {
	if e.Keeper == nil {
		why := e.WhyNot
		if why == "" {
			why = "no provider is named for it"
		}
		return unknown("dns.provider", d, why)
	}
	err := e.Keeper.Ask(ctx, name)
	if err == nil {
		return passed("dns.provider", d, "the DNS provider lets records of "+name+" be written", "asked, without changing anything")
	}
	if errors.Is(err, dns01.ErrUnasked) {
		return unknown("dns.provider", d, "this provider has no question that changes nothing; the rehearsal shows it")
	}
	var told *steps.Failure
	if errors.As(err, &told) && told.Code != "" {
		return found("dns.provider", d, told.Code, told.Text, "", told.Fixes...)
	}
	code, fix, _ := dns01.Cause(err)
	return found("dns.provider", d, code, "cannot have the DNS provider write a TXT record of "+name+": "+short(err.Error()), "asked, without changing anything", fix)
}
