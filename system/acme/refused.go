package acme

import (
	"errors"
	"net/url"
	"regexp"
	"strings"

	"github.com/go-acme/lego/v4/acme"

	"github.com/c93d5bcb/sslwizard/steps"
)

// verdictRule maps a failed validation to the failure catalogue. The texts are Boulder's; other CAs mostly give the
// type only, for which the last rules stand.
type verdictRule struct {
	kind string // problem type, "" for any
	text string // part of the detail, lower case; "" for any
	code string
	says string // after "cannot prove NAME: "
	fix  []string
}

var caaFix = []string{`a CAA record in the DNS forbids this CA; add this one beside it: 0 issue "letsencrypt.org" (or your CA's own name), or remove the CAA records`}

var verdictRules = []verdictRule{
	{"", "during secondary validation", "A08", "one part of the world reaches this server and another does not",
		[]string{"a country block, a web application firewall, fail2ban or a rate limit keeps some of the CA's checkers out: let everybody reach port 80 under " + steps.ChallengePath}},
	{"caa", "servfail", "A10", "the DNS fails when it is asked for CAA records", dnsFix},
	{"caa", "", "A09", "the DNS allows only other CAs", caaFix},
	{"dns", "nxdomain", "A01", "the name does not exist in the DNS", []string{"make an A record (and AAAA, if this server has IPv6) for it"}},
	{"dns", "no valid a records", "A01", "the name has no address in the DNS", []string{"make an A record (and AAAA, if this server has IPv6) for it"}},
	{"dns", "servfail", "A10", "the DNS is broken, often its DNSSEC", dnsFix},
	{"dns", "", "A10", "the CA cannot look the name up", dnsFix},
	{"connection", "could not resolve", "A01", "the CA cannot look the name up", []string{"make an A record (and AAAA, if this server has IPv6) for it"}},
	{"connection", "timeout", "A05", "port 80 does not answer the CA", portFix},
	{"connection", "refused", "A05", "port 80 is closed for the CA", portFix},
	{"connection", "", "A05", "the CA's connection to port 80 broke off", portFix},
	{"tls", "", "A06", "the check is redirected to https, which fails", redirectFix},
	{"unauthorized", "redirect", "A06", "the check is redirected to somewhere else", redirectFix},
	{"unauthorized", "key authorization", "A07", "something else than sslwizard answers the CA's check", bodyFix},
	{"unauthorized", "", "A07", "something else than sslwizard answers the CA's check", bodyFix},
	{"incorrectResponse", "", "A07", "something else than sslwizard answers the CA's check", bodyFix},
	{"malformed", "resolv", "A01", "the CA cannot look the name up", []string{"make an A record (and AAAA, if this server has IPv6) for it"}},
	{"", "", "A07", "the CA refused the proof", bodyFix},
}

var (
	dnsFix      = []string{"ask your DNS provider; https://dnsviz.net shows what is broken"}
	portFix     = []string{"open port 80 at your provider's firewall and router, and check that the name points to this server", "some providers close port 80 for good: then use trusted.challenge tls-alpn-01 or dns-01"}
	redirectFix = []string{"let requests under " + steps.ChallengePath + " through without a redirect"}
	bodyFix     = []string{"check that every address of the name (A and AAAA) is this server's, and that no CDN or other web server answers for it"}
)

// refused is the verdict over one name.
func refused(authz acme.Authorization) error {
	name := steps.Domain(short(authz.Identifier.Value))
	problem := &acme.ProblemDetails{Detail: "the authorization is " + short(authz.Status)}
	for _, c := range authz.Challenges {
		if c.Error != nil {
			problem = c.Error
		}
	}
	rule := ruleFor(problem)
	f := &steps.Failure{Text: "cannot prove " + string(name) + ": " + rule.says, Code: rule.code, Err: &caError{problem}, Fixes: rule.fix}
	return &Refused{Failure: f, Domains: []steps.Domain{name}}
}

// asked finds the address that the CA ended at: "Invalid response from http://name/login [203.0.113.9]: 200".
var asked = regexp.MustCompile(`Invalid response from (https?://\S+)`)

func ruleFor(p *acme.ProblemDetails) verdictRule {
	kind, detail := strings.TrimPrefix(p.Type, problemPrefix), strings.ToLower(p.Detail)
	if m := asked.FindStringSubmatch(p.Detail); m != nil && kind == "unauthorized" && !strings.Contains(detail, "secondary") {
		if u, err := url.Parse(strings.TrimRight(m[1], ":\"")); err == nil && !strings.HasPrefix(u.Path, steps.ChallengePath) {
			return verdictRule{"", "", "A06", "the check is redirected to " + short(u.Host+u.Path), redirectFix}
		}
	}
	for _, r := range verdictRules {
		if (r.kind == "" || r.kind == kind) && strings.Contains(detail, r.text) {
			return r
		}
	}
	return verdictRules[len(verdictRules)-1]
}

// joinRefusals makes one error of what happened to each name; another kind of error goes first, since it stopped us.
func joinRefusals(errs []error) error {
	var all *Refused
	for _, err := range errs {
		var r *Refused
		switch {
		case err == nil:
		case !errors.As(err, &r):
			return err
		case all == nil:
			all = &Refused{Failure: new(*r.Failure), Domains: r.Domains}
		default:
			all.Text += "; " + strings.TrimPrefix(r.Error(), "cannot prove ")
			all.Domains = append(all.Domains, r.Domains...)
			all.Fixes = appendNew(all.Fixes, r.Fixes)
		}
	}
	if all == nil {
		return nil
	}
	return all
}

func appendNew(have, more []string) []string {
	out := append([]string{}, have...)
	for _, line := range more {
		if !strings.Contains("\n"+strings.Join(out, "\n")+"\n", "\n"+line+"\n") {
			out = append(out, line)
		}
	}
	return out
}
