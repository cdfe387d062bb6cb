package doctor

import (
	"fmt"
	"strings"

	"golang.org/x/net/publicsuffix"

	"github.com/c93d5bcb/sslwizard/steps"
)

// maxNames is what a certificate holds: of Let's Encrypt's classic profile, and of its shorter ones.
const (
	maxNames     = 100
	maxNamesLess = 25
)

// asked judges the names by themselves: nobody has to be asked.
func (e *examination) asked() []steps.Check {
	var checks []steps.Check
	most := maxNames
	if e.Profile != "" && e.Profile != "classic" {
		most = maxNamesLess
	}
	if len(e.Domains) > most {
		checks = append(checks, found("names.count", "", "A27", fmt.Sprintf("cannot put %d names into one certificate: the CA takes at most %d", len(e.Domains), most), "",
			"split the names over several sites"))
	}
	for _, d := range e.Domains {
		checks = append(checks, e.name(d)...)
	}
	return checks
}

func (e *examination) name(d steps.Domain) []steps.Check {
	var checks []steps.Check
	say := func(code, text, evidence string, fix ...string) {
		checks = append(checks, found("names.kind", d, code, text, evidence, fix...))
	}
	a, isIP := d.IP()
	switch {
	case isIP && !steps.PublicAddress(a) && e.worldly():
		say("A28", "cannot get a certificate for "+string(d)+": it is an address of a private network", "",
			"trusted.source: none    for a certificate of this server's own CA")
	case isIP && steps.InDNS(e.Challenge):
		say("A26", "cannot prove "+string(d)+" by a record in the DNS: it is an address", "", "set trusted.challenge to http-01")
	case isIP:
	case e.worldly() && !d.Public():
		say("A28", "cannot get a certificate for "+string(d)+": public CAs issue only for names on the internet", "reserved names (RFC 6761, RFC 6762)",
			"trusted.source: none    for a certificate of this server's own CA", "or trusted.directory: https://…    for a CA of your own")
	case e.worldly() && topLevel(d):
		say("A28", "cannot get a certificate for "+string(d)+": it is a domain under which others register theirs", "the public suffix list",
			"name your own domain below it")
	}
	if d.Wildcard() && !steps.InDNS(e.Challenge) {
		say("A25", fmt.Sprintf("cannot prove %s over %s: CAs give wildcards only for a proof in the DNS", d, e.Challenge), "",
			"set trusted.challenge to dns-01", "or name each host instead of "+string(d)+" in certs.domains")
	}
	for _, other := range e.Domains {
		if other != d && other.Wildcard() && other.Covers(d) {
			say("D31", "cannot ask for "+string(d)+" beside "+string(other)+", which covers it: CAs refuse a name twice", "", "take "+string(d)+" out of certs.domains")
		}
	}
	return checks
}

// topLevel reports a name that is a whole registry, like co.uk, or a wildcard of it.
func topLevel(d steps.Domain) bool {
	name := strings.TrimPrefix(string(d), "*.")
	suffix, icann := publicsuffix.PublicSuffix(name)
	return icann && suffix == name
}

// limits asks our own record of what the CA has seen of us.
func (e *examination) limits() []steps.Check {
	if e.Allowed == nil {
		return nil
	}
	err := e.Allowed()
	if err == nil {
		return []steps.Check{passed("ca.limits", "", "no limit of the CA is near", "our record of orders and failures")}
	}
	return []steps.Check{found("ca.limits", "", "A14", err.Error(), "our record of orders and failures", steps.Fixes(err)...)}
}

// others are the programs that renew certificates of the same names.
func (e *examination) others() []steps.Check {
	var checks []steps.Check
	for _, d := range e.Domains {
		for _, r := range e.Renewers {
			if r.Has(d) {
				checks = append(checks, found("host.renewers", d, "R04", fmt.Sprintf("%s on this server renews a certificate for %s too", r.Tool, d), r.File,
					"decide who owns it; to have "+r.Tool+" let go: "+r.LetGo()))
			}
		}
	}
	return checks
}

// strategy says which CA fits the names, and why.
func (e *examination) strategy() []steps.Check {
	if len(e.Domains) == 0 {
		return nil
	}
	var addresses, private []string
	for _, d := range e.Domains {
		_, isIP := d.IP()
		switch {
		case !d.OfTheInternet():
			private = append(private, string(d))
		case isIP:
			addresses = append(addresses, string(d))
		}
	}
	c := passed("strategy", "", "a public CA can issue for all of these names", "they are names of the internet")
	c.Code = "S01"
	switch {
	case len(private) > 0:
		c.Code, c.Detail, c.Evidence = "S03", "this server's own CA has to issue: no public CA does for "+several(private), "reserved names and private addresses"
		c.Fix = []string{"trusted.source: none    and trust its root on the clients"}
	case len(addresses) > 0:
		c.Code, c.Detail, c.Evidence = "S02", "a public CA can issue for "+several(addresses)+", with the profile shortlived, for six days at a time", "a public address"
		if why := steps.Domain(addresses[0]).Unobtainable(); why != "" {
			c.Fix = []string{why}
		}
	}
	return []steps.Check{c}
}

// several names the first of many.
func several(names []string) string {
	const most = 3
	if len(names) > most {
		return fmt.Sprintf("%s and %d more", strings.Join(names[:most], ", "), len(names)-most)
	}
	return strings.Join(names, ", ")
}
