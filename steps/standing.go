package steps

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// Standing is what somebody should know of the certificate that a stored site has at the moment. Without a certificate
// there is nothing to say: the site is not served.
func Standing(site Site, c CertFacts, now time.Time) []Finding {
	if c.Source == "" {
		return nil
	}
	var all []Finding
	warn := func(code, text string, fixes ...string) {
		all = append(all, Finding{Step: IDTrusted, Code: code, Severity: Warning, Text: site.Name + ": " + text, Fix: fixes})
	}
	renew := "sudo sslwizard renew " + site.Name
	if c.Source == SourceFiles {
		renew = "put the new certificate in place, then: sudo sslwizard --non-interactive ANSWERS"
	}
	if now.After(c.NotAfter) {
		warn("R07", fmt.Sprintf("the certificate has expired on %s", c.NotAfter.UTC().Format(time.DateOnly)), renew)
	}
	if left := c.NotAfter.Sub(now); c.Source == SourceFiles && !c.NotBefore.IsZero() && left > 0 && left <= c.NotAfter.Sub(c.NotBefore)/3 {
		warn("R10", fmt.Sprintf("your own certificate ends in %s, on %s, and nobody but you renews it", days(left), c.NotAfter.UTC().Format(time.DateOnly)), renew)
	}
	if lacks := Lacking(site.Certs.Domains, c.Domains); len(lacks) > 0 {
		warn("A21", "the certificate is not for "+strings.Join(lacks, ", "), renew)
	}
	switch {
	case c.Source == SourceACME && site.Trusted.ForTests():
		warn("A22", "this is a test certificate, which no browser trusts", "trusted.directory: letsencrypt    in the answers file, then the same run again")
	case c.Source == sourceLocal && site.Trusted.Source != SourceNone:
		warn("", "the trusted certificate that was asked for is not there yet", renew)
	}
	return all
}

// sourceLocal is the source of a certificate of the server's own CA; nobody asks for it as a trusted one.
const sourceLocal = "local"

// Lacking are the names that are not among those of a certificate.
func Lacking(names, covered []Domain) []string {
	var lacks []string
	for _, d := range names {
		if !slices.ContainsFunc(covered, func(c Domain) bool { return covers(c, d) }) {
			lacks = append(lacks, string(d))
		}
	}
	return lacks
}

// covers reports whether a name of a certificate stands for d: itself, or as a wildcard of one label (RFC 6125 section
// 6.4.3).
func covers(name, d Domain) bool {
	if name == d {
		return true
	}
	_, parent, dots := strings.Cut(string(d), ".")
	return name.Wildcard() && !d.Wildcard() && dots && string(name) == "*."+parent
}

// days is how long something lasts yet, for people.
func days(d time.Duration) string {
	n := int(d / (24 * time.Hour))
	if n == 0 {
		return "less than a day"
	}
	return fmt.Sprintf("%d %s", n, plural(n, "day", "days"))
}
