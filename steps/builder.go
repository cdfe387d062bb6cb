package steps

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
)

// Site validates the answers. When there are problems, all of them are returned and the site is not to be used.
func (a Answers) Site() (Site, []Problem) {
	b := &siteBuilder{answers: a}
	s := Site{
		Install:    b.install(),
		Certs:      b.certs(),
		SSL:        b.ssl(),
		Redirect:   b.redirect(),
		Proxy:      b.proxy(),
		WebSockets: b.webSockets(),
		Trusted:    b.trusted(),
	}
	b.across(s)
	if len(s.Certs.Domains) > 0 {
		s.Name = siteName(s.Certs.Domains[0])
	}
	return s, b.problems
}

// Validate checks a site that was put together in memory, as the answers file would be. Its error is a *ParseError.
func (s Site) Validate() error {
	again, problems := s.Answers().Site()
	if len(problems) == 0 && again.Name != s.Name {
		problems = []Problem{{Path: "certs.domains", Text: "the site is called " + quote(s.Name) + " and its first domain gives " + quote(again.Name)}}
	}
	return asError(problems)
}

// siteBuilder collects the problems while a site is made from its answers. Each step adds its own part.
type siteBuilder struct {
	answers  Answers
	problems []Problem
}

// fail notes that the value at path cannot be taken. What follows from a value that could not even be read is not
// said again.
func (b *siteBuilder) fail(path string, err error) {
	if b.answers.origin != nil && b.answers.origin.isBroken(path) {
		return
	}
	var v *valueError
	if !errors.As(err, &v) {
		v = bad("%s", err)
	}
	b.problems = append(b.problems, b.answers.problem(path, v.suggestion, v.text))
}

// failUnless is fail for a value that only the answer to a later question makes wrong.
func (b *siteBuilder) failUnless(later, path string, err error) {
	before := len(b.problems)
	b.fail(path, err)
	for n := range b.problems[before:] {
		b.problems[before+n].later = later
	}
}

func (b *siteBuilder) check(path string, err error) {
	if err != nil {
		b.fail(path, err)
	}
}

// choice returns the value if it is one of the options.
func (b *siteBuilder) choice(path, value string, options ...string) string {
	for _, o := range options {
		if value == o {
			return value
		}
	}
	b.fail(path, bad("%s is none of %s", quote(value), strings.Join(options, ", ")).meant(nearest(value, options)))
	return ""
}

// duration returns a time of whole seconds within the limits.
func (b *siteBuilder) duration(path, text string, least, most time.Duration) time.Duration {
	d, err := ParseDuration(text)
	switch {
	case err != nil:
		b.fail(path, err)
	case d%time.Second != 0:
		b.fail(path, bad("%s is not in whole seconds", quote(text)))
	case d < least || d > most:
		b.fail(path, bad("%s is not within %s and %s", quote(text), FormatDuration(least), FormatDuration(most)))
	}
	return d
}

// across checks what concerns several steps.
func (b *siteBuilder) across(s Site) {
	if s.SSL.Profile == Modern && strings.HasPrefix(string(s.Certs.Key), "rsa") {
		b.fail("certs.key", bad("the modern profile has ECDSA certificates only (Mozilla guideline 6.0)").meant(string(ECDSAP256)))
	}
	for i, u := range s.Proxy.Upstreams() {
		if ownPort(u.Port) && slices.ContainsFunc(s.Certs.Domains, func(d Domain) bool { return d.Covers(Domain(u.Host)) }) {
			b.fail(upstreamKey(i), bad("%s is this site itself, so requests would run in a circle; give the address of the application", u))
		}
	}
	if s.Trusted.Source == SourceACME {
		b.acmeNames(s)
	}
}

// acmeNames checks the names that a public CA, or the ways of asking it that are built, cannot do.
func (b *siteBuilder) acmeNames(s Site) {
	for i, d := range s.Certs.Domains {
		path := fmt.Sprintf("certs.domains[%d]", i)
		if _, isIP := d.IP(); isIP && InDNS(s.Trusted.Challenge) {
			b.fail("trusted.challenge", bad("no CA takes a record in the DNS as the proof of an address; %s has to be proved over a port", d).meant(HTTP01))
		}
		if why := d.Unobtainable(); why != "" {
			b.failUnless("trusted.source", path, bad("%s: %s", d, why))
		}
		if d.Wildcard() && !InDNS(s.Trusted.Challenge) && s.Trusted.Challenge != "" {
			b.failUnless("trusted.challenge", path, bad("%s: CAs give wildcards only for a proof in the DNS; choose trusted.challenge dns-01, or give the names one by one", d))
		}
	}
	const most = 100 // Let's Encrypt's limit for one certificate
	if n := len(s.Certs.Domains); n > most {
		b.fail("certs.domains", bad("%d names are more than the %d that one certificate can have; make several sites of them", n, most))
	}
}
