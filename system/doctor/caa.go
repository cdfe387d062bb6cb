package doctor

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"

	"golang.org/x/net/dns/dnsmessage"

	"github.com/c93d5bcb/sslwizard/steps"
	"github.com/c93d5bcb/sslwizard/system/acme"
	"github.com/c93d5bcb/sslwizard/system/resolve"
)

// property is one CAA record (RFC 8659 section 4).
type property struct {
	critical   bool
	tag, value string
}

func (p property) String() string {
	flag := 0
	if p.critical {
		flag = criticalFlag
	}
	return fmt.Sprintf("%d %s %q", flag, p.tag, p.value)
}

const criticalFlag = 128

// issuer parts a value into the CA's name and the parameters (RFC 8657).
func (p property) issuer() (name string, parameters map[string]string) {
	name, rest, _ := strings.Cut(p.value, ";")
	parameters = map[string]string{}
	for part := range strings.SplitSeq(rest, ";") {
		if key, value, ok := strings.Cut(part, "="); ok {
			parameters[strings.ToLower(strings.TrimSpace(key))] = strings.TrimSpace(value)
		}
	}
	return strings.ToLower(strings.TrimSpace(name)), parameters
}

// knownTags are those that CAs know (IANA, Certification Authority Restriction Properties).
var knownTags = []string{"issue", "issuewild", "iodef", "issuemail", "issuevmc", "contactemail", "contactphone"}

// parseCAA reads the records of a reply. What is damaged is no record.
func parseCAA(reply resolve.Reply) []property {
	var all []property
	for _, r := range reply.Answers {
		body, ok := r.Body.(*dnsmessage.UnknownResource)
		if !ok || r.Header.Type != resolve.TypeCAA || len(body.Data) < 2 {
			continue
		}
		size := int(body.Data[1])
		if len(body.Data) < 2+size {
			continue
		}
		all = append(all, property{body.Data[0]&criticalFlag != 0, strings.ToLower(string(body.Data[2 : 2+size])), string(body.Data[2+size:])})
	}
	return all
}

// caa looks whether the DNS lets this CA issue: the records of the closest name from the name upwards count.
func (e *examination) caa(ctx context.Context, d steps.Domain) []steps.Check {
	if !e.worldly() {
		return nil
	}
	host := strings.TrimPrefix(string(d), "*.")
	parts := resolve.Suffixes(host)
	replies, errs := make([]resolve.Reply, len(parts)), make([]error, len(parts))
	var all sync.WaitGroup
	for i, part := range parts {
		all.Go(func() {
			replies[i], errs[i] = e.Resolver.Resolve(ctx, resolve.Question{Name: part, Type: resolve.TypeCAA})
		})
	}
	all.Wait()
	for i, part := range parts {
		if errs[i] != nil || bad(replies[i]) {
			return e.silentCAA(ctx, d, part, replies[i], errs[i])
		}
		if set := parseCAA(replies[i]); len(set) > 0 {
			return []steps.Check{e.permitted(ctx, d, part, replies[i].Server, set)}
		}
	}
	return []steps.Check{passed("dns.caa", d, "no CAA record keeps a CA from issuing", "asked of "+strings.Join(parts, ", "))}
}

// silentCAA is a DNS that fails for CAA. When it fails for everything, that is told elsewhere.
func (e *examination) silentCAA(ctx context.Context, d steps.Domain, at string, reply resolve.Reply, err error) []steps.Check {
	said := reply.Word() + ", said by " + reply.Server
	if err != nil {
		said = reason(err)
	}
	plain, e2 := e.Resolver.Resolve(ctx, resolve.Question{Name: at, Type: dnsmessage.TypeA})
	if e2 != nil || bad(plain) {
		return []steps.Check{unknown("dns.caa", d, "the DNS of "+at+" fails for every type")}
	}
	return []steps.Check{found("dns.caa", d, "D19", "cannot prove "+string(d)+": the DNS fails when it is asked for the CAA records of "+at+", and then no CA may issue", said,
		"have the DNS provider answer questions of type CAA: no record at all is a good answer")}
}

// permitted judges the set of records that counts.
func (e *examination) permitted(ctx context.Context, d steps.Domain, at, server string, set []property) steps.Check {
	var seen []string
	for _, p := range set[:min(len(set), 5)] {
		seen = append(seen, p.String())
	}
	evidence := fmt.Sprintf("%s CAA %s (said by %s)", at, strings.Join(seen, ", "), server)
	for _, p := range set {
		if p.critical && !slices.Contains(knownTags, p.tag) {
			return found("dns.caa", d, "D18", fmt.Sprintf("cannot prove %s: %s has a critical CAA record %q that no CA knows", d, at, short(p.tag)), evidence,
				"remove the CAA record "+short(p.String())+" of "+at)
		}
	}
	issuers := tagged(set, "issue")
	if wild := tagged(set, "issuewild"); d.Wildcard() && len(wild) > 0 {
		issuers = wild
	}
	if len(issuers) == 0 {
		return passed("dns.caa", d, "the CAA records of "+at+" keep no CA from issuing", evidence)
	}
	names := e.identities(ctx)
	if len(names) == 0 {
		return unknown("dns.caa", d, "the CA does not say by which name CAA records know it; "+evidence)
	}
	return e.allowed(d, at, evidence, names, issuers)
}

func tagged(set []property, tag string) []property {
	return slices.DeleteFunc(slices.Clone(set), func(p property) bool { return p.tag != tag })
}

// allowed finds a record that lets this CA, this account and this kind of proof in; the closest miss is told.
func (e *examination) allowed(d steps.Domain, at, evidence string, names []string, issuers []property) steps.Check {
	best := ""
	for _, p := range issuers {
		name, parameters := p.issuer()
		if !slices.Contains(names, name) {
			continue
		}
		account, bound := parameters["accounturi"]
		methods, limited := parameters["validationmethods"]
		switch {
		case limited && !slices.Contains(strings.Split(strings.ReplaceAll(methods, " ", ""), ","), e.Challenge):
			best = "D16"
		case bound && account != e.Account:
			best = "D15"
		default:
			return passed("dns.caa", d, "the CAA records of "+at+" let "+name+" issue", evidence)
		}
	}
	record := fmt.Sprintf("0 %s %q", issuers[0].tag, names[0])
	cannot := "cannot prove " + string(d) + ": "
	switch {
	case best == "D16":
		return found("dns.caa", d, best, cannot+"the CAA records of "+at+" do not let it be proved by "+e.Challenge, evidence,
			"add "+e.Challenge+" to validationmethods in the CAA record of "+at, "or choose a trusted.challenge that is there")
	case best == "D15":
		ours := e.Account
		if ours == "" {
			ours = "the account that sslwizard makes at its first order"
		}
		return found("dns.caa", d, best, cannot+"the CAA records of "+at+" let only another account ask", evidence,
			"put accounturi="+ours+" into the CAA record of "+at+", or take accounturi out")
	case issuers[0].tag == "issuewild":
		return found("dns.caa", d, "D17", cannot+"the CAA records of "+at+" do not let "+names[0]+" issue wildcards", evidence, "add this CAA record to "+at+": "+record)
	}
	return found("dns.caa", d, "A09", cannot+"the CAA records of "+at+" do not let "+names[0]+" issue", evidence, "add this CAA record to "+at+" beside the others: "+record)
}

// identities are the names by which CAA records know the CA: as its directory says, or as it is known to.
func (e *examination) identities(ctx context.Context) []string {
	select {
	case <-e.ca.known:
	case <-ctx.Done():
	}
	if len(e.Issuers) > 0 {
		return e.Issuers
	}
	if len(e.ca.identities) > 0 {
		return e.ca.identities
	}
	if known := steps.CAAIdentity(acme.HostOf(e.Directory)); known != "" {
		return []string{known}
	}
	return nil
}

// worldly reports that the CA is one of the internet: it sees what the world sees. One inside a network sees what we do.
func (e *examination) worldly() bool {
	return e.Directory == "" || acme.IsPublic(e.Directory) || steps.CAAIdentity(acme.HostOf(e.Directory)) != ""
}
