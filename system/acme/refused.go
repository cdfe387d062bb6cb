package acme

import (
	"errors"
	"net/url"
	"regexp"
	"strings"

	"github.com/go-acme/lego/v4/acme"

	"github.com/c93d5bcb/sslwizard/steps"
)

// refused is the verdict over one name.
func refused(authz acme.Authorization) error {
	name := steps.Domain(short(authz.Identifier.Value))
	problem, challenge := &acme.ProblemDetails{Detail: "the authorization is " + short(authz.Status)}, ""
	for _, c := range authz.Challenges {
		if c.Error != nil {
			problem, challenge = c.Error, c.Type
		}
	}
	said := saidOf(problem)
	if challenge == steps.TLSALPN01 {
		said = inHandshake(said)
	}
	seen := ""
	if evidence := steps.Evidence(short(problem.Detail)); evidence != "" {
		seen = " (" + evidence + ")"
	}
	f := &steps.Failure{Text: "cannot prove " + string(name) + ": " + said.Says + seen, Code: said.Code, Status: said.Status, Err: &caError{problem}, Fixes: said.Fix}
	return &Refused{Failure: f, Domains: []steps.Domain{name}}
}

// asked finds the address that the CA ended at: "Invalid response from http://name/login [203.0.113.9]: 200".
var asked = regexp.MustCompile(`Invalid response from (https?://\S+)`)

// saidOf is what the CA's words mean. An address that is not the challenge's own says more than any of them: the check was
// led away.
func saidOf(p *acme.ProblemDetails) steps.Refusal {
	said := steps.OfProof(strings.TrimPrefix(p.Type, problemPrefix), p.Detail)
	if m := asked.FindStringSubmatch(p.Detail); m != nil && said.Code != "A08" {
		if u, err := url.Parse(strings.TrimRight(m[1], ":\"")); err == nil && !strings.HasPrefix(u.Path, steps.ChallengePath) {
			away := steps.OfProof("unauthorized", "redirect")
			away.Says = "the check is redirected to " + short(u.Host+u.Path)
			return away
		}
	}
	return said
}

// inHandshake is what the same words mean where the check was one of TLS-ALPN-01: its port is another, and nothing in it
// can be redirected.
func inHandshake(said steps.Refusal) steps.Refusal {
	switch said.Code {
	case "A05":
		said.Says = strings.ReplaceAll(said.Says, "port 80", "port 443")
		said.Fix = []string{"open port 443 at your provider's firewall and router, and check that the name points to this server"}
	case "A08":
		said.Fix = []string{"a country block, fail2ban or a rate limit keeps some of the CA's checkers out: let everybody reach port 443"}
	case "A07", "D22":
		return steps.OfProof("unauthorized", "incorrect validation certificate")
	}
	return said
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
