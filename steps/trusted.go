package steps

import (
	"fmt"
	"slices"
	"strings"
)

// trusted keeps of the answers what the source needs, so that equal sites are equal; all that was said is checked.
func (b *siteBuilder) trusted() SiteTrusted {
	a := b.answers.Trusted
	t := SiteTrusted{Source: b.choice("trusted.source", a.Source, SourceACME, SourceFiles, SourceNone)}
	b.filesOnly(a)
	b.noneOnly(a, &t)
	switch t.Source {
	case SourceACME:
		b.acme(a, &t)
	case SourceFiles:
		b.files(a, &t)
	}
	t.Notify = b.notify(a.Notify)
	if t.Source != SourceNone && a.CARoots != "" {
		t.CARoots = a.CARoots
		b.check("trusted.caRoots", checkFilePath(a.CARoots))
	}
	return t
}

func (b *siteBuilder) acme(a TrustedAnswers, t *SiteTrusted) {
	var err error
	t.Directory, err = parseDirectory(a.Directory)
	b.check("trusted.directory", err)
	if known, ok := aliasOf(t.Directory); ok && a.Staging {
		t.Rehearsal = known.rehearsal
	}
	if t.Email = a.Email; a.Email != "" {
		b.check("trusted.email", checkEmail(a.Email))
	}
	if t.AcceptTerms = a.AcceptTerms; !a.AcceptTerms {
		b.fail("trusted.acceptTerms", bad("missing: true says that you agree to the terms of the certificate authority; nobody can say it for you"))
	}
	t.Challenge = b.choice("trusted.challenge", a.Challenge, HTTP01, TLSALPN01, DNS01, DNSPersist01)
	t.Profile, t.EAB = b.profile("trusted.profile", a.Profile), b.binding("trusted.eab", a.EAB)
	t.Fallback = b.fallback(a.Fallback, t.Directory)
	b.dns(a, t)
}

func (b *siteBuilder) dns(a TrustedAnswers, t *SiteTrusted) {
	if t.Challenge != DNS01 {
		for _, said := range []struct{ path, value string }{{"trusted.dns.provider", a.DNS.Provider}, {"trusted.dns.credentials", a.DNS.Credentials}} {
			if said.value != "" {
				b.fail(said.path, bad("it is used only with trusted.challenge: %s", DNS01))
			}
		}
		return
	}
	t.DNS = SiteDNS(a.DNS)
	if a.DNS.Provider == "" {
		b.fail("trusted.dns.provider", bad("missing: one of %s", strings.Join(dnsProviderNames(), ", ")))
	} else {
		t.DNS.Provider = b.choice("trusted.dns.provider", a.DNS.Provider, dnsProviderNames()...)
	}
	if a.DNS.Credentials == "" {
		b.fail("trusted.dns.credentials", bad("missing: the path of a file that only root can read, for instance /etc/sslwizard-dns; the token is in that file and nowhere else"))
	} else {
		b.secretFile("trusted.dns.credentials", a.DNS.Credentials, "a token belongs into that file")
	}
}

func (b *siteBuilder) files(a TrustedAnswers, t *SiteTrusted) {
	t.Certificate, t.Key = a.Certificate, a.Key
	for _, f := range []struct{ path, value, what string }{
		{"trusted.certificate", a.Certificate, "the path of the certificate chain (PEM, your certificate first)"},
		{"trusted.key", a.Key, "the path of its private key (PEM)"},
	} {
		if f.value == "" {
			b.fail(f.path, bad("missing: %s", f.what))
		} else {
			b.check(f.path, checkFilePath(f.value))
		}
	}
}

// filesOnly refuses files that would silently not be used.
func (b *siteBuilder) filesOnly(a TrustedAnswers) {
	if a.Source == SourceFiles {
		return
	}
	if a.Certificate != "" {
		b.fail("trusted.certificate", bad("it is used only with trusted.source: files"))
	}
	if a.Key != "" {
		b.fail("trusted.key", bad("it is used only with trusted.source: files"))
	}
}

// noneOnly keeps what is about this server's own CA, and refuses it where another CA is trusted anyway.
func (b *siteBuilder) noneOnly(a TrustedAnswers, t *SiteTrusted) {
	if t.TrustHere, t.CAPage = a.TrustHere, a.CAPage; a.Source == SourceNone {
		return
	}
	for path, said := range map[string]bool{"trusted.trustHere": a.TrustHere, "trusted.caPage": a.CAPage} {
		if said {
			b.fail(path, bad("it is used only with trusted.source: none"))
		}
	}
}

func trustedQuestions(Facts) []Question {
	acme := func(a Answers) bool { return a.Trusted.Source == SourceACME }
	asked := func(a Answers) bool { return a.Trusted.Source != SourceNone }
	files := func(a Answers) bool { return a.Trusted.Source == SourceFiles }
	byDNS := func(a Answers) bool { return acme(a) && a.Trusted.Challenge == DNS01 }
	return slices.Concat([]Question{
		{
			Key: "trusted.source", Kind: KindChoice, Label: "Where does the trusted certificate come from?", Default: SourceACME, Else: ownCAInstead,
			Help: "Until it is there, and with none for ever, the site has a certificate of this server's own CA, which browsers warn about; WebSockets then fail without a word.",
			Why:  "Free, trusted everywhere, and it renews itself. For a name or an address that is none of the internet, and no CA of your own in trusted.directory, the default is none: no public CA issues for it.",
			Options: []Option{{Value: SourceACME, Label: "a certificate authority, by ACME (Let's Encrypt)"}, {Value: SourceFiles, Label: "files that I have"},
				{Value: SourceNone, Label: "none: this server's own CA only"}},
			Shell: []string{"sudo certbot certonly --webroot -w /var/lib/sslwizard/webroot --agree-tos -m ops@example.com --staging -d shop.example.com -d www.shop.example.com",
				"the same without --staging: a staging certificate is not trusted", "ssl_certificate …/fullchain.pem;    (not cert.pem: programs need the whole chain)", "sudo nginx -t && sudo systemctl reload nginx"},
		},
		{
			Key: "trusted.directory", Kind: KindText, Label: "ACME directory", Default: AliasLetsEncrypt, When: acme,
			Help: "One of " + strings.Join(aliasNames(), ", ") + ", or the https URL of another. ZeroSSL and Google want an account of their own: trusted.eab.",
			Why:  "Let's Encrypt asks for no account and no money.",
		},
		{
			Key: "trusted.caRoots", Kind: KindText, Label: "CA file of a CA of your own", Default: "", When: asked,
			Help: "A PEM file with the root that a private directory's own HTTPS, or your own certificate, is signed by. Empty: the roots of the system.",
			Why:  "Only a CA inside a company needs one.",
		},
		{
			Key: "trusted.email", Kind: KindText, Label: "E-mail for the certificate authority", Default: "", When: acme,
			Help: "Optional. Let's Encrypt sends no reminders any more.",
			Why:  "Nothing depends on it.", Shell: []string{"certbot … --email ops@example.com"},
		},
		{
			Key: "trusted.acceptTerms", Kind: KindBool, Label: "Do you agree to the terms of the certificate authority?", Default: "no", Consent: true, Required: true, When: acme,
			Help: "Let's Encrypt's are at https://letsencrypt.org/repository/. Where trusted.fallback names a second CA, it is said of that one's terms too.",
			Why:  "Only you can agree.", Shell: []string{"certbot … --agree-tos"},
		},
		{
			Key: "trusted.challenge", Kind: KindChoice, Label: "How do you show that the names are yours?", Default: HTTP01, When: acme,
			Help: "http-01: the CA fetches a file from port 80. tls-alpn-01: it looks at a handshake on port 443, for where port 80 is closed; the native proxy answers it. dns-01: a record in the DNS, which your provider's API writes; for wildcards, and where no port is open. dns-persist-01: one record that you make by hand, once, and that stays; no token of the provider is needed, and few CAs offer it so far.",
			Why:  "It needs nothing but the port, which is open anyway.",
			Options: []Option{{Value: HTTP01, Label: "http-01, a file on port 80"}, {Value: TLSALPN01, Label: "tls-alpn-01, port 443, with the native proxy"},
				{Value: DNS01, Label: "dns-01, a record in the DNS, for wildcards too"}, {Value: DNSPersist01, Label: "dns-persist-01, one record that stays"}},
			Shell: []string{"certbot certonly --webroot --webroot-path /var/lib/sslwizard/webroot …"},
		},
		{
			Key: "trusted.dns.provider", Kind: KindChoice, Label: "Who keeps the DNS of the names?", Default: "", When: byDNS, Options: dnsOptions(),
			Help:  "Its API writes a record while the CA looks, and takes it away again. docs/dns.md has the table; any other provider is reached by one CNAME to an acme-dns server, or by a program of yours.",
			Why:   "Only you know; the name servers of a domain often show it.",
			Shell: []string{"dig +short NS example.com", "certbot certonly --dns-cloudflare --dns-cloudflare-credentials /etc/cloudflare.ini -d '*.example.com'"},
		},
		{
			Key: "trusted.dns.credentials", Kind: KindText, Label: "File with its credentials", Default: "", When: byDNS,
			Help:  "A path, not the token itself: the token stays in that file, which only root may read. Lines of key = value, for most providers just token = …; renewals read it again.",
			Why:   "What is written into a site's answers is shown, stored and printed; a token must not be.",
			Shell: []string{"sudo install -m 0600 /dev/null /etc/sslwizard-dns", "sudo nano /etc/sslwizard-dns    token = …"},
		},
		{
			Key: "trusted.staging", Kind: KindBool, Label: "Rehearse with the staging server first?", Default: "yes",
			Help:  "Asks the CA's test server first; a mistake there uses up none of the limits that count.",
			Why:   "Five failures in an hour lock a name out.",
			Shell: []string{"certbot … --staging"},
			When: func(a Answers) bool {
				directory, err := parseDirectory(a.Trusted.Directory)
				known, ok := aliasOf(directory)
				return acme(a) && err == nil && ok && known.rehearsal != ""
			},
		},
		{
			Key: "trusted.certificate", Kind: KindText, Label: "Certificate file", Default: "", When: files,
			Help: "PEM: your certificate first, then the intermediate ones. It is copied; say it again when you have a new one.",
			Why:  "Programs other than browsers need the whole chain.",
		},
		{
			Key: "trusted.key", Kind: KindText, Label: "Key file", Default: "", When: files,
			Help: "PEM, without a password. It is copied to a place that only root and the web server can read.",
			Why:  "The web server has to start without a person.",
		},
	}, ownCAQuestions(), caQuestions(), fallbackQuestions(), notifyQuestions())
}

// ownCAInstead is the source where nobody said one and no public CA can issue for all of the names (the doctor's S03).
func ownCAInstead(a Answers) (value, why string) {
	directory, err := parseDirectory(a.Trusted.Directory)
	if _, public := aliasOf(directory); err != nil || !public {
		return "", "" // a CA inside a company issues for what it likes
	}
	var names []Domain
	for _, text := range a.Certs.Domains {
		if d, err := ParseDomain(text); err == nil {
			names = append(names, d)
		}
	}
	if d, is := notOfTheInternet(names); is {
		return SourceNone, fmt.Sprintf("the names: no public CA issues for %s", d)
	}
	return "", ""
}

// notOfTheInternet finds a name or an address that no public CA issues for.
func notOfTheInternet(names []Domain) (Domain, bool) {
	n := slices.IndexFunc(names, func(d Domain) bool { return !d.OfTheInternet() })
	if n < 0 {
		return "", false
	}
	return names[n], true
}

func dnsOptions() []Option {
	var all []Option
	for _, p := range dnsProviders {
		all = append(all, Option{Value: p.Name, Label: p.Label})
	}
	return all
}

func trustedFindings(s Site, f Facts) []Finding {
	return append(sourceFindings(s, f), notifyFindings(s, f)...)
}

func sourceFindings(s Site, f Facts) []Finding {
	switch s.Trusted.Source {
	case SourceNone:
		better := "trusted.source: acme    for a certificate that everyone trusts"
		if d, is := notOfTheInternet(s.Certs.Domains); is {
			better = "no public CA issues for " + string(d) + "; a CA of your own could: trusted.source: acme, trusted.directory: https://…"
		}
		return []Finding{{Code: "untrusted", Severity: Warning,
			Text: "browsers will warn about this site, and WebSockets in them will fail, unless they trust this server's own CA",
			Fix:  []string{better, "sudo sslwizard ca    says how other machines come to trust it"}}}
	case SourceACME:
		return slices.Concat(bindingFindings(s, f), directoryFindings(s), fallbackFindings(s, f), renewerFindings(s, f), dnsFindings(s, f))
	}
	return nil
}

// renewerFindings are the programs of this host that renew certificates of the same names.
func renewerFindings(s Site, f Facts) []Finding {
	var found []Finding
	for _, r := range f.Renewers {
		if slices.ContainsFunc(s.Certs.Domains, r.Has) {
			found = append(found, Finding{Code: "R04", Severity: Warning, Text: fmt.Sprintf("%s on this server renews a certificate for %s too (%s); together they use up the CA's limits", r.Tool, r.Name, r.File),
				Fix: []string{"decide who owns it; to have " + r.Tool + " let go: " + r.LetGo()}})
		}
	}
	return found
}

func directoryFindings(s Site) []Finding {
	known, ok := aliasOf(s.Trusted.Directory)
	if !ok {
		return nil
	}
	found := addressFindings(s, known)
	if known.name == AliasStaging {
		found = append(found, Finding{Code: "A22", Severity: Warning, Text: "certificates of the staging directory are for tests: no browser trusts them",
			Fix: []string{"trusted.directory: " + AliasLetsEncrypt}})
	}
	for _, d := range s.Certs.Domains {
		if !d.OfTheInternet() {
			found = append(found, Finding{Code: "A28", Severity: Blocker, Text: fmt.Sprintf("cannot get a certificate for %s: %s issues only for names and addresses of the internet", d, known.label),
				Fix: []string{"trusted.source: none    for a certificate of this server's own CA", "or trusted.directory: https://…    for a CA of your own"}})
		}
	}
	return found
}

// privateSuffixes are no part of the public DNS (RFC 6761, RFC 6762, RFC 8375, ICANN resolution 2024.07.29.06).
var privateSuffixes = []string{"test", "example", "invalid", "localhost", "local", "internal", "home.arpa", "onion", "lan"}

// Public reports whether a public CA can know the name.
func (d Domain) Public() bool {
	_, isIP := d.IP()
	return !isIP && strings.Contains(string(d), ".") && !slices.ContainsFunc(privateSuffixes, func(suffix string) bool {
		return strings.HasSuffix(string(d), "."+suffix)
	})
}
