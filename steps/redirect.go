package steps

import (
	"fmt"
	"slices"
)

func (b *siteBuilder) redirect() SiteRedirect {
	a := b.answers.Redirect
	r := SiteRedirect{Enabled: a.Enabled, Status: a.Status}
	if a.Status != 301 && a.Status != 308 {
		b.fail("redirect.status", bad("%d is neither 301 nor 308", a.Status))
	}
	if a.Canonical == "" {
		return r
	}
	d, err := ParseDomain(a.Canonical)
	switch {
	case err != nil:
		b.fail("redirect.canonical", err)
	case d.Wildcard():
		b.fail("redirect.canonical", bad("%s is not one name", quote(a.Canonical)))
	case !b.serves(d):
		b.fail("redirect.canonical", bad("%s is not among certs.domains", quote(a.Canonical)).meant(nearest(string(d), b.goodNames())))
	}
	r.Canonical = d
	return r
}

// serves reports whether the name is one of the site's.
func (b *siteBuilder) serves(name Domain) bool {
	return slices.ContainsFunc(b.answers.Certs.Domains, func(text string) bool {
		d, err := ParseDomain(text)
		return err == nil && d.Covers(name)
	})
}

// goodNames are the domains of the site that are domains.
func (b *siteBuilder) goodNames() []string {
	var names []string
	for _, text := range b.answers.Certs.Domains[:min(len(b.answers.Certs.Domains), maxItems)] {
		if d, err := ParseDomain(text); err == nil {
			names = append(names, string(d))
		}
	}
	return names
}

func redirectQuestions(Facts) []Question {
	enabled := func(a Answers) bool { return a.Redirect.Enabled }
	return []Question{
		{
			Key: "redirect.enabled", Kind: KindBool, Label: "Send everyone from http:// to https://?", Default: "yes",
			Help: "Without it the application is served without encryption as well.",
			Why:  "Whoever types the name alone often begins with http. The path that the certificate authority asks for stays on http.",
			Shell: []string{"location ^~ /.well-known/acme-challenge/ { root /var/lib/sslwizard/webroot; }", "location / { return 301 https://$host$request_uri; }",
				"(no slash after $request_uri, and both inside the server block of port 80)"},
		},
		{
			Key: "redirect.status", Kind: KindChoice, Label: "Kind of redirect", Default: "301", When: enabled,
			Help:    "308 makes programs repeat a POST with its content; 301 turns it into a GET, as it always did.",
			Why:     "Every client understands 301, and a form that is posted to http was already sent in the clear.",
			Options: []Option{{Value: "301", Label: "301 moved permanently"}, {Value: "308", Label: "308 permanent redirect, keeps POST"}},
			Shell:   []string{"return 308 https://$host$request_uri;"},
		},
		{
			Key: "redirect.canonical", Kind: KindText, Label: "Main name", Default: "",
			Help: "Every other name of the site is sent to this one. Empty leaves each name as it is.",
			Why:  "Cookies, search engines and WebSocket origins care about the exact name, so only you can know.",
			When: func(a Answers) bool { return len(a.Certs.Domains) > 1 },
		},
	}
}

func redirectFindings(s Site, _ Facts) []Finding {
	if s.Redirect.Enabled {
		return nil
	}
	return []Finding{{Code: "http-kept", Severity: Warning,
		Text: fmt.Sprintf("http://%s will serve the application without encryption", s.Certs.Domains[0]),
		Fix:  []string{"redirect.enabled: true"}}}
}
