package steps

import (
	"fmt"
	"time"
)

func (b *siteBuilder) ssl() SiteSSL {
	a := b.answers.SSL
	const tenYears = 3650 * day
	s := SiteSSL{
		Profile: Profile(b.choice("ssl.profile", a.Profile, string(Intermediate), string(Modern))),
		HTTP2:   a.HTTP2,
		HTTP3:   a.HTTP3,
		HSTS: HSTS{
			MaxAge:            b.duration("ssl.hsts.maxAge", a.HSTS.MaxAge, 0, tenYears),
			IncludeSubDomains: a.HSTS.IncludeSubDomains,
		},
	}
	if d, err := ParseDuration(a.HSTS.MaxAge); err == nil && d == 0 && a.HSTS.IncludeSubDomains {
		b.fail("ssl.hsts.includeSubDomains", bad("it means nothing without a maxAge above 0s"))
	}
	b.clients(a, &s)
	return s
}

// clients reads who has to show a certificate.
func (b *siteBuilder) clients(a SSLAnswers, s *SiteSSL) {
	s.ClientAuth, s.ClientCA = b.choice("ssl.clientAuth", a.ClientAuth, ClientNobody, ClientOptional, ClientRequired), a.ClientCA
	if s.ClientAuth == ClientNobody {
		s.ClientAuth = ""
		if a.ClientCA != "" {
			b.fail("ssl.clientCA", bad("it is used only with ssl.clientAuth: %s or %s", ClientRequired, ClientOptional))
		}
		return
	}
	switch {
	case a.ClientCA == "":
		b.fail("ssl.clientCA", bad("missing: the path of the certificates (PEM) of the CA that gave your clients theirs"))
	default:
		b.check("ssl.clientCA", checkFilePath(a.ClientCA))
	}
	if s.ClientAuth == ClientRequired && !b.answers.Redirect.Enabled {
		b.failUnless("redirect.enabled", "ssl.clientAuth", bad("everybody would get in without a certificate over plain http; set redirect.enabled: true"))
	}
}

func sslQuestions(Facts) []Question {
	return []Question{
		{
			Key: "ssl.profile", Kind: KindChoice, Label: "Which clients must still connect?", Default: string(Intermediate),
			Help:    "The two profiles of Mozilla's guideline 6.0: versions, ciphers and groups.",
			Why:     "intermediate refuses nothing that is still in use; modern refuses clients from before about 2018.",
			Options: []Option{{Value: string(Intermediate), Label: "intermediate: TLS 1.2 and 1.3"}, {Value: string(Modern), Label: "modern: TLS 1.3 only"}},
			Shell:   []string{"ssl_protocols TLSv1.2 TLSv1.3;", "ssl_ciphers ECDHE-ECDSA-AES128-GCM-SHA256:…;", "ssl_prefer_server_ciphers off;"},
		},
		{
			Key: "ssl.http2", Kind: KindBool, Label: "HTTP/2?", Default: "yes",
			Help:  "Many requests over one connection. Clients that do not know it are served as before.",
			Why:   "Pages load faster, and every browser has known it for years.",
			Shell: []string{"http2 on;    (before nginx 1.25.1: listen 443 ssl http2;)"},
		},
		{
			Key: "ssl.http3", Kind: KindBool, Label: "HTTP/3?", Default: "no", Advanced: true,
			Help:  "HTTP over QUIC, on UDP port 443, which install.firewall opens too. Browsers are told of it only after it was reached.",
			Why:   "It helps on networks that lose packets, and is one more door to the internet; HTTP/2 is there in any case.",
			Shell: []string{"listen 443 quic reuseport;", "http3 on;", `add_header Alt-Svc 'h3=":443"; ma=86400' always;`},
		},
		{
			Key: "ssl.hsts.maxAge", Kind: KindDuration, Label: "How long browsers remember to use HTTPS only (HSTS)", Default: "0s",
			Help:  "Strict-Transport-Security: for this time a browser refuses to open the site without valid HTTPS. 0s sends nothing.",
			Why:   "It cannot be taken back from browsers that have seen it: begin with 1d when all is well, and raise it later.",
			Shell: []string{`add_header Strict-Transport-Security "max-age=86400" always;`},
		},
		{
			Key: "ssl.hsts.includeSubDomains", Kind: KindBool, Label: "HSTS for all sub-domains too?", Default: "no",
			Help: "Every name below this one then has to speak HTTPS as well.",
			Why:  "A forgotten sub-domain without HTTPS would be out of reach.",
			When: func(a Answers) bool { d, err := ParseDuration(a.SSL.HSTS.MaxAge); return err == nil && d > 0 },
		},
		{
			Key: "ssl.clientAuth", Kind: KindChoice, Label: "Must clients show a certificate of their own (mTLS)?", Default: ClientNobody, Advanced: true,
			Help: "The application gets it in the header Client-Cert (RFC 9440), which nobody else can set. The native proxy refuses others in the handshake, nginx with a page of status 400; of a certificate of more than 4608 bytes it tells the application nothing.",
			Why:  "Browsers have none; this is for machines and for staff.",
			Options: []Option{{Value: ClientNobody, Label: "no"}, {Value: ClientOptional, Label: "if they have one"},
				{Value: ClientRequired, Label: "yes, or they are refused"}},
			Shell: []string{"ssl_verify_client on;"},
		},
		{
			Key: "ssl.clientCA", Kind: KindText, Label: "CA file of the clients", Default: "", Advanced: true,
			Help:  "PEM: the certificates of the CAs that gave your clients theirs. It is copied; say it again when it has changed.",
			Why:   "A public CA gives no certificates for clients any more.",
			Shell: []string{"ssl_client_certificate /etc/ssl/clients.pem;"},
			When:  func(a Answers) bool { return a.SSL.ClientAuth != ClientNobody },
		},
	}
}

func sslFindings(s Site, f Facts) []Finding {
	var found []Finding
	note := func(severity Severity, code, text string, fix ...string) {
		found = append(found, Finding{Code: code, Severity: severity, Text: text, Fix: fix})
	}
	if s.SSL.Profile == Modern && s.Certs.Days > 90 && s.Trusted.Source == SourceNone {
		note(Info, "days", fmt.Sprintf("the guideline's modern profile has certificates of at most 90 days; this one lasts %d", s.Certs.Days), "certs.days: 90")
	}
	found = append(found, clientFindings(s, f)...)
	hsts := s.SSL.HSTS
	if hsts.MaxAge == 0 {
		return found
	}
	if s.Trusted.Source == SourceNone {
		note(Warning, "hsts-untrusted", "with HSTS browsers let nobody past the warning about a certificate that they do not trust", "ssl.hsts.maxAge: 0s    until there is a trusted certificate")
	}
	if !s.Redirect.Enabled {
		note(Warning, "hsts-http", "with HSTS browsers never use http, but http is kept: they will see other pages than programs do", "redirect.enabled: true")
	}
	if hsts.IncludeSubDomains {
		note(Info, "hsts-subdomains", fmt.Sprintf("browsers will refuse every name below %s that has no valid HTTPS", s.Certs.Domains[0]))
	}
	if _, known := f.Managed.Certs[s.Name]; !known && hsts.MaxAge > 7*day {
		note(Info, "hsts-first", fmt.Sprintf("browsers will remember HTTPS for %s from the first visit on; 1d is a safer start", FormatDuration(hsts.MaxAge.Round(time.Second))))
	}
	return found
}
