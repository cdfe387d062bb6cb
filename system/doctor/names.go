package doctor

import (
	"context"
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"golang.org/x/net/dns/dnsmessage"

	"github.com/c93d5bcb/sslwizard/steps"
	"github.com/c93d5bcb/sslwizard/system/resolve"
)

// records is what the DNS knows of a name.
type records struct {
	addresses []netip.Addr // those that the world sees
	checks    []steps.Check
}

// inside is what this server's resolvers say.
type inside struct {
	four, six resolve.Reply
	err       error
	addresses []netip.Addr
}

// failed reports that they have no answer, in either family.
func (i inside) failed() bool { return i.err != nil || bad(i.four) && bad(i.six) }

func bad(r resolve.Reply) bool { return !r.OK() && !r.Absent() }

// records asks this server's resolvers and the domain's own name servers; it is the latter that count, as for a CA.
func (e *examination) records(ctx context.Context, d steps.Domain) records {
	name := string(d)
	var in inside
	in.four, in.six, in.err = e.Resolver.Addresses(ctx, name)
	in.addresses = tidy(slices.Concat(resolve.Addresses(in.four), resolve.Addresses(in.six)))
	if in.err != nil && !e.resolver(ctx) {
		return records{checks: []steps.Check{found("dns.resolver", d, "D11", "cannot look up "+name+": none of this server's resolvers answers", e.resolvers(),
			"sudo nano /etc/resolv.conf    let it name a resolver that works, for instance: nameserver 1.1.1.1")}}
	}
	out := e.authority(ctx, name)
	if in.failed() {
		return records{addresses: nil, checks: []steps.Check{e.broken(ctx, d, in, out)}}
	}
	r := records{addresses: in.addresses}
	if in.four.Code != in.six.Code && (bad(in.four) || bad(in.six)) {
		r.checks = append(r.checks, warned(found("dns.records", d, "A10", "the DNS of "+name+" fails for one of A and AAAA", e.words(in), fixDNS...)))
	}
	if out.why == "" {
		r.addresses = out.addresses
		r.checks = append(r.checks, e.servers(ctx, d, out)...)
		r.checks = append(r.checks, e.compared(d, in, out)...)
	} else {
		r.checks = append(r.checks, unknown("dns.authority", d, out.why))
	}
	if len(r.addresses) == 0 {
		r.checks = append(r.checks, e.missing(ctx, d, in, out))
	}
	return r
}

var fixDNS = []string{"ask your DNS provider; https://dnsviz.net shows what is broken"}

func (e *examination) resolvers() string {
	return "resolvers " + strings.Join(e.Resolver.Servers, ", ")
}

func (e *examination) words(in inside) string {
	return fmt.Sprintf("A: %s, AAAA: %s, said by %s", in.four.Word(), in.six.Word(), strings.Join(e.Resolver.Servers, ", "))
}

// broken is a name of which the resolvers have no answer.
func (e *examination) broken(ctx context.Context, d steps.Domain, in inside, out view) steps.Check {
	name := string(d)
	if in.err == nil {
		reply, err := e.Resolver.Resolve(ctx, resolve.Question{Name: name, Type: dnsmessage.TypeA, Unchecked: true})
		if err == nil && (reply.OK() || reply.Absent()) {
			return found("dns.dnssec", d, "D10", "cannot prove "+name+": its DNSSEC signatures do not fit, and every CA checks them",
				"with checking: "+in.four.Word()+", without: "+reply.Word()+", said by "+reply.Server,
				"have the DNS provider sign the zone again, or remove the DS record at the registrar; https://dnsviz.net shows what is broken")
		}
	}
	if len(out.good) == 0 && len(out.bad) > 0 {
		return found("dns.servers", d, "D02", "cannot prove "+name+": none of the name servers of "+out.zone+" answers", faults(out.bad),
			"check the name servers of "+out.zone+" at its registrar, or ask its DNS provider")
	}
	said := e.words(in)
	if in.err != nil {
		said = reason(in.err) + ", " + e.resolvers()
	}
	return found("dns.records", d, "A10", "cannot look up "+name+": the DNS does not answer ("+said+")", said,
		append([]string{"check this server's name servers in /etc/resolv.conf"}, fixDNS...)...)
}

func faults(list []served) string {
	var out []string
	for _, s := range list {
		out = append(out, s.who()+": "+s.fault)
	}
	return strings.Join(out, "; ")
}

// servers judges the name servers among each other.
func (e *examination) servers(ctx context.Context, d steps.Domain, out view) []steps.Check {
	var checks []steps.Check
	if len(out.bad) > 0 && len(out.good) > 0 {
		checks = append(checks, warned(found("dns.servers", d, "D02", fmt.Sprintf("%d of %d name servers of %s have no answer for %s", len(out.bad), len(out.bad)+len(out.good), out.zone, d),
			faults(out.bad), "check the name servers of "+out.zone+" at its registrar, or ask its DNS provider")))
	}
	for _, s := range out.good[min(1, len(out.good)):] {
		first := out.good[0]
		if e.alike(first.addresses(), s.addresses()) {
			continue
		}
		// Many name servers answer each asker differently; an older version of the zone is what is wrong.
		a, ok := e.serial(ctx, first.address, out.zone)
		b, fine := e.serial(ctx, s.address, out.zone)
		if ok && fine && a != b {
			return append(checks, found("dns.servers", d, "D03", "the name servers of "+out.zone+" do not say the same of "+string(d),
				fmt.Sprintf("%s: %s (serial %d); %s: %s (serial %d)", first.who(), list(first.addresses()), a, s.who(), list(s.addresses()), b),
				"wait until all of them have the new version, or ask the DNS provider"))
		}
	}
	return checks
}

// alike reports whether two answers mean the same for us: the same addresses, or the same of what is ours.
func (e *examination) alike(a, b []netip.Addr) bool {
	return slices.Equal(a, b) || len(a) > 0 && len(b) > 0 && e.ours(a) == e.ours(b)
}

func (e *examination) ours(addresses []netip.Addr) bool {
	return slices.ContainsFunc(addresses, func(a netip.Addr) bool { return slices.Contains(e.Own, a) })
}

// compared holds what this server's resolvers say against the domain's own name servers.
func (e *examination) compared(d steps.Domain, in inside, out view) []steps.Check {
	if e.alike(in.addresses, out.addresses) || len(out.addresses) == 0 {
		return nil
	}
	seen := fmt.Sprintf("here: %s (said by %s); in the world: %s (said by %s)", list(in.addresses), in.four.Server, list(out.addresses), out.good[0].who())
	local := func(a netip.Addr) bool { return !steps.PublicAddress(a) }
	if len(in.addresses) > 0 && !slices.ContainsFunc(in.addresses, steps.PublicAddress) && !slices.ContainsFunc(out.addresses, local) {
		return []steps.Check{found("dns.inside", d, "D04", string(d)+" has another address inside than in the rest of the world, which counts", seen,
			"nothing, if the public record is right; a certificate is given by what the world sees")}
	}
	return []steps.Check{found("dns.inside", d, "D09", fmt.Sprintf("resolvers may still keep an older record of %s, for up to %d s", d, max(oldest(in), out.ttl)), seen,
		"wait until the old record has run out, if the CA does not see the new one")}
}

func oldest(in inside) uint32 {
	var ttl uint32
	for _, r := range slices.Concat(in.four.Answers, in.six.Answers) {
		ttl = max(ttl, r.Header.TTL)
	}
	return ttl
}

// missing says why a name has no address.
func (e *examination) missing(ctx context.Context, d steps.Domain, in inside, out view) steps.Check {
	name := string(d)
	aliases := out.aliases
	if out.why != "" {
		aliases = resolve.Aliases(in.four, name)
	}
	said := e.words(in)
	if len(out.good) > 0 {
		said = out.good[0].reply.Word() + ", said by " + out.good[0].who()
	}
	switch {
	case out.unnamed:
		return found("dns.records", d, "D01", "cannot prove "+name+": the domain does not exist", "NXDOMAIN below "+out.zone+", "+e.resolvers(),
			"register "+below(out.zone, name)+", renew it, or check how it is spelt")
	case out.circle:
		return found("dns.records", d, "D06", "cannot prove "+name+": its alias leads back to itself", strings.Join(append([]string{name}, aliases...), " → "),
			"replace the CNAME of "+name+" by an A record with "+e.home())
	case len(aliases) > 0:
		last := aliases[len(aliases)-1]
		return found("dns.records", d, "D05", "cannot prove "+name+": it is an alias of "+last+", which has no address", strings.Join(append([]string{name}, aliases...), " → "),
			"let the CNAME of "+name+" name a host that exists, or replace it by an A record with "+e.home())
	case e.bareHas(ctx, name):
		return found("dns.records", d, "D30", "cannot prove "+name+": it has no address in the DNS, whereas "+name[len("www."):]+" has", said,
			"take "+name+" out of certs.domains: the rest can go on without it", "or make an A record for "+name+" with "+e.home())
	}
	return found("dns.records", d, "A01", "cannot prove "+name+": the DNS has no address for it", said,
		"make an A record for "+name+" (and AAAA, if this server has IPv6) that points to this server", "or take the name out of certs.domains, if the site has others")
}

// below is the part of a name that is directly below a zone: what is bought from whoever keeps the zone.
func below(zone, name string) string {
	parts := resolve.Suffixes(name)
	i := slices.IndexFunc(parts, func(part string) bool { return resolve.Same(part, zone) })
	return parts[max(i-1, 0)]
}

// bareHas reports whether a name is www. and one of the others, which has an address.
func (e *examination) bareHas(ctx context.Context, name string) bool {
	bare, www := strings.CutPrefix(name, "www.")
	if !www || !slices.Contains(e.Domains, steps.Domain(bare)) {
		return false
	}
	addresses, err := e.Resolver.LookupNetIP(ctx, "ip", bare)
	return err == nil && len(addresses) > 0
}
