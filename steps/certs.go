package steps

import (
	"fmt"
	"slices"
)

// The choices of certs.dhGroup (RFC 7919).
const (
	DHNone    = "none"
	FFDHE2048 = "ffdhe2048"
	FFDHE3072 = "ffdhe3072"
)

// maxDays is the longest lifetime that browsers accept (CA/Browser Forum ballot SC31).
const maxDays = 398

func (b *siteBuilder) certs() SiteCerts {
	a := b.answers.Certs
	c := SiteCerts{
		Domains: b.domains(a.Domains),
		Key:     KeyType(b.choice("certs.key", a.Key, keyNames()...)),
		Days:    a.Days,
		DHGroup: b.choice("certs.dhGroup", a.DHGroup, DHNone, FFDHE2048, FFDHE3072),
	}
	if a.Days < 1 || a.Days > maxDays {
		b.fail("certs.days", bad("%d is not within 1 and %d; browsers refuse certificates that last longer", a.Days, maxDays))
	}
	return c
}

// maxItems bounds every list of answers, far above what anybody needs.
const maxItems = 500

func (b *siteBuilder) domains(texts []string) []Domain {
	var all []Domain
	texts = bounded(b, "certs.domains", texts)
	for i, text := range texts {
		path := fmt.Sprintf("certs.domains[%d]", i)
		d, err := ParseDomain(text)
		switch {
		case err != nil:
			b.fail(path, err)
		case slices.Contains(all, d):
			b.fail(path, bad("%s is in the list already", d))
		default:
			all = append(all, d)
		}
	}
	if len(texts) == 0 {
		b.fail("certs.domains", bad("missing: the names of the site, for instance [shop.example.com, www.shop.example.com]"))
	}
	return all
}

// bounded cuts a list that is too long, and says so.
func bounded(b *siteBuilder, path string, list []string) []string {
	if len(list) <= maxItems {
		return list
	}
	b.fail(path, bad("%d are too many; at most %d", len(list), maxItems))
	return list[:maxItems]
}

func keyNames() []string {
	var names []string
	for _, k := range KeyTypes() {
		names = append(names, string(k))
	}
	return names
}

func certsQuestions(f Facts) []Question {
	return []Question{
		{
			Key: "certs.domains", Kind: KindList, Label: "Names of the site", Required: true, Default: defaultDomain(f),
			Help:  "Every name that people type, the main one first. All of them go into the certificate as subject alternative names.",
			Why:   "Browsers look at the alternative names only; a certificate with nothing but a common name is refused.",
			Shell: []string{"dig +short A shop.example.com", "dig +short AAAA shop.example.com"},
		},
		{
			Key: "certs.key", Kind: KindChoice, Label: "Kind of key", Options: keyOptions(), Default: string(ECDSAP256),
			Help: "The private key of the certificate. It is made on this server, never leaves it, and only root and the web server can read it.",
			Why:  "ECDSA P-256 is as strong as RSA 3072, and much faster at each new connection. RSA is for very old clients.",
			Shell: []string{"sudo install -d -m 0700 /etc/ssl/sslwizard", "cd /etc/ssl/sslwizard && sudo sh -c 'umask 077; openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out key.pem'",
				"RSA: openssl genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:2048 -out key.pem"},
		},
		{
			Key: "certs.days", Kind: KindNumber, Label: "Days that the server's own certificate lasts", Default: "365",
			Help: "Only the certificate that this server makes for itself; the certificate authority decides about its own.",
			Why:  "Browsers accept at most 398 days.",
			Shell: []string{"openssl req -x509 -new -key key.pem -days 365 -subj /CN=shop.example.com -addext subjectAltName=DNS:shop.example.com " +
				"-addext basicConstraints=critical,CA:FALSE -addext extendedKeyUsage=serverAuth -out cert.pem"},
		},
		{
			Key: "certs.dhGroup", Kind: KindChoice, Label: "Diffie-Hellman group", Default: DHNone, Advanced: true,
			Help:    "For clients that know neither ECDHE nor TLS 1.3, older than any browser in use. The group is that of RFC 7919; none is generated.",
			Why:     "ECDHE and TLS 1.3 give forward secrecy without it, and Mozilla's guideline 6.0 has no such ciphers.",
			Shell:   []string{"ssl_dhparam /etc/nginx/ffdhe2048.pem;    (the ready-made group, no openssl dhparam)"},
			Options: []Option{{Value: DHNone, Label: "none"}, {Value: FFDHE2048, Label: "2048 bits"}, {Value: FFDHE3072, Label: "3072 bits"}},
			When:    func(a Answers) bool { return a.Install.Executor == ExecutorNginx },
		},
	}
}

func keyOptions() []Option {
	labels := map[KeyType]string{ECDSAP256: "ECDSA P-256, recommended", ECDSAP384: "ECDSA P-384", RSA2048: "RSA 2048", RSA3072: "RSA 3072", RSA4096: "RSA 4096, slow"}
	var all []Option
	for _, k := range KeyTypes() {
		all = append(all, Option{Value: string(k), Label: labels[k]})
	}
	return all
}

// defaultDomain is the host's name, if that is a name on the internet.
func defaultDomain(f Facts) string {
	d, err := ParseDomain(f.Hostname)
	if err != nil || !d.Public() {
		return ""
	}
	return string(d)
}

func certsFindings(s Site, f Facts) []Finding {
	var found []Finding
	for _, d := range s.Certs.Domains {
		if u := d.Unicode(); u != string(d) {
			found = append(found, Finding{Code: "X02", Severity: Info, Text: fmt.Sprintf("%s is %s: please compare it letter by letter", d, Clean(u)),
				Fix: []string{"type the name anew in certs.domains, if it is another one than you mean: letters of several alphabets look alike"}})
		}
	}
	if s.Certs.DHGroup == DHNone {
		return found
	}
	switch {
	case s.Install.Executor == ExecutorNative:
		found = append(found, Finding{Code: "dh-group", Severity: Warning,
			Text: "the native executor has no DHE key exchange, so certs.dhGroup has no effect; ECDHE gives the same secrecy",
			Fix:  []string{"certs.dhGroup: none", "or install.executor: nginx"}})
	case s.SSL.Profile == Modern:
		found = append(found, Finding{Code: "dh-group", Severity: Info,
			Text: "the modern profile has TLS 1.3 only, where certs.dhGroup has no effect"})
	}
	return found
}
