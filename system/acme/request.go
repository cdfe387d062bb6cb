package acme

import (
	"fmt"
	"net/url"

	"github.com/c93d5bcb/sslwizard/steps"
)

// maxNames is what a certificate of Let's Encrypt's classic profile holds; other CAs take the same or fewer.
const maxNames = 100

// check refuses what no CA could fulfil in the way that is chosen, before anybody is asked.
func (r Request) check() error {
	if err := checkDirectory(r.Directory); err != nil {
		return err
	}
	if len(r.Domains) > maxNames {
		return &steps.Failure{
			Text: fmt.Sprintf("cannot put %d names into one certificate: CAs take at most %d", len(r.Domains), maxNames), Code: "A27",
			Status: steps.ExitAnswers, Fixes: []string{"split the names over several sites"},
		}
	}
	for _, d := range r.Domains {
		if d.Wildcard() && !steps.InDNS(r.Challenge) {
			return wildcard(d)
		}
	}
	return nil
}

func wildcard(d steps.Domain) *steps.Failure {
	return &steps.Failure{
		Text: fmt.Sprintf("cannot prove %s here: CAs give wildcards only for a proof in the DNS", d), Code: "A25",
		Status: steps.ExitAnswers,
		Fixes:  []string{"set trusted.challenge to dns-01", "or name each host instead of " + string(d) + " in certs.domains"},
	}
}

func checkDirectory(directory string) error {
	u, err := url.Parse(directory)
	if err == nil && u.Scheme == "https" && u.Host != "" && u.User == nil {
		return nil
	}
	return &steps.Failure{
		Text: "cannot use " + steps.CleanLine(directory) + " as an ACME directory: it must be an https address", Code: "X08",
		Status: steps.ExitAnswers, Fixes: []string{"set trusted.directory to letsencrypt, or to an address that begins with https://"},
	}
}
