package steps

import (
	"slices"
	"time"
)

// OwnCA is the certificate of this server's own CA, and where it is shared.
type OwnCA struct {
	PEM         []byte    `json:"-"`
	Fingerprint string    `json:"fingerprint"` // SHA-256 of the DER, as "AB:CD:…"
	Host        string    `json:"host"`        // that it is of, for people
	Domains     []Domain  `json:"domains"`     // the only names that it can be for
	NotAfter    time.Time `json:"notAfter"`
	TrustedHere bool      `json:"trustedHere"`
	Page        string    `json:"page,omitempty"` // URL of the page; empty: there is none
}

func ownCAQuestions() []Question {
	none := func(a Answers) bool { return a.Trusted.Source == SourceNone }
	return []Question{
		{
			Key: "trusted.trustHere", Kind: KindBool, Label: "Shall this machine trust its own CA?", Default: "no", When: none,
			Help: "Its certificate goes into the store of the system and into the policies of the browsers that are installed here. It is bound to the names of this server's sites: nothing else is trusted by it.",
			Why:  "Programs and browsers on this machine reach the site then. Other machines do not care.",
			Shell: []string{"sudo cp " + CADir + "/ca.pem /usr/local/share/ca-certificates/sslwizard.crt    (a name that ends in .pem is ignored)", "sudo update-ca-certificates",
				"certutil -d sql:$HOME/.pki/nssdb -A -t C,, -n sslwizard -i ca.pem    (Chromium does not read the system's store)"},
		},
		{
			Key: "trusted.caPage", Kind: KindBool, Label: "A page where other machines get this server's CA?", Default: "no", When: none,
			Help:  "Under http://NAME" + CAPath + ", with the file, its fingerprint and what to do on Linux, macOS, Windows, Android, iOS and in Firefox. Everybody who reaches port 80 can read it; there is no secret in it.",
			Why:   "A telephone can get the file no other way. sudo sslwizard ca says the same in the terminal.",
			Shell: []string{"openssl x509 -in " + CADir + "/ca.pem -noout -fingerprint -sha256"},
		},
	}
}

// ownCA shares the local CA as the sites ask for it.
func (b *planBuilder) ownCA() { b.add(sharedCA(b.sites, b.facts)...) }

// sharedCA has the local CA trusted and shown while one of the sites asks for it; what an earlier run shared is taken back
// when none does any more.
func sharedCA(sites []Site, f Facts) []Change {
	var trust, page, trusted, shown bool
	var domains []Domain
	var name Domain
	for _, s := range sites {
		trust = trust || s.Trusted.TrustHere
		if s.Trusted.CAPage && !page {
			page, name = true, s.pageName()
		}
		if s.Trusted.Source == SourceNone { // another has no certificate of the local CA, once it has one of its own
			domains = append(domains, s.Certs.Domains...)
		}
	}
	for _, s := range f.Managed.Sites {
		trusted, shown = trusted || s.Trusted.TrustHere, shown || s.Trusted.CAPage
	}
	var all []Change
	step := For(IDTrusted)
	if trust {
		all = append(all, InstallPackages{For: step, Names: []string{"ca-certificates"}})
	}
	if trust || trusted {
		all = append(all, TrustCA{For: step, Wanted: trust, Domains: domains})
	}
	if page || shown {
		all = append(all, PublishCA{For: step, Wanted: page, Domains: domains, Name: name})
	}
	return all
}

// CAPageURL is the page of a site with Trusted.CAPage.
func (s Site) CAPageURL() string { return caPageURL(s.pageName()) }

func caPageURL(name Domain) string { return "http://" + name.inURL() + CAPath }

// URL is the page that it makes.
func (c PublishCA) URL() string { return caPageURL(c.Name) }

// pageName is a name of the site that can be typed.
func (s Site) pageName() Domain {
	if i := slices.IndexFunc(s.Certs.Domains, func(d Domain) bool { return !d.Wildcard() }); i >= 0 {
		return s.Certs.Domains[i]
	}
	return "www" + s.Certs.Domains[0][1:]
}
