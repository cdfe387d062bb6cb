package steps

import (
	"strings"
	"testing"
)

// The page in docs is what the program knows; `go test ./steps -run DNSPage -update` writes it.
func TestDNSPage(t *testing.T) {
	t.Parallel()
	isPage(t, "../docs/dns.md", string(DNSPage()))
}

func TestDNSProvidersAreWhole(t *testing.T) {
	t.Parallel()
	for _, p := range DNSProviders() {
		if p.Label == "" || p.Right == "" || p.Asked == "" || len(p.Fields) == 0 || p.Sample() == "" {
			t.Errorf("%+v", p)
		}
		var file strings.Builder
		for _, f := range p.Fields {
			if f.Help == "" {
				t.Errorf("%s: %s is not told", p.Name, f.Key)
			}
			file.WriteString(f.Key + " = some = thing # no comment\n")
		}
		s, err := p.Parse([]byte("# " + p.Name + "\n\n" + file.String()))
		if err != nil || len(s) != len(p.Fields) || s[p.Fields[0].Key] != "some = thing # no comment" {
			t.Errorf("%s: %q, %v", p.Name, s, err)
		}
	}
	if _, ok := DNSProviderOf("nobody"); ok {
		t.Error("there is a provider of any name")
	}
}

// What is wrong in the file is told by its line, and never what stands there: it may be the token.
func TestDNSFileFaults(t *testing.T) {
	t.Parallel()
	const secret = "s3cretT0ken"
	for _, c := range []struct{ provider, file, says string }{
		{"cloudflare", secret, "line 1 is not of the form key = value"},
		{"cloudflare", "\ntoken: " + secret, "line 2 is not of the form key = value"},
		{"cloudflare", secret + " = 1", "line 1 has a key that cloudflare does not know; it takes token"},
		{"cloudflare", "token = " + secret + "\ntoken = " + secret, "line 2 says token again"},
		{"cloudflare", "token =", "it does not say token, the API token"},
		{"cloudflare", "token = " + secret + "\x1b[31m", "line 1 has characters that cannot be printed"},
		{"godaddy", "key = " + secret, "it does not say secret, its secret"},
		{"exec", "program = /x\nenv.LD_PRELOAD = " + secret, "line 2 has a key that exec does not know"},
		{"exec", "program = /x\nenv.PATH = " + secret, "line 2 has a key that exec does not know"},
		{"exec", "program = /x\nenv. = " + secret, "line 2 has a key that exec does not know"},
		{"cloudflare", "token = x\nenv.A = " + secret, "line 2 has a key that cloudflare does not know"},
	} {
		p, _ := DNSProviderOf(c.provider)
		if _, err := p.Parse([]byte(c.file)); err == nil || !strings.HasPrefix(err.Error(), c.says) || strings.Contains(err.Error(), secret) {
			t.Errorf("%q: %v", c.file, err)
		}
	}
}

func TestDNSFindings(t *testing.T) {
	t.Parallel()
	s := siteOf(t, "certs: {domains: [shop.acme-corp.com]}\nproxy: {upstream: \"http://127.0.0.1:3000\"}\ntrusted: {acceptTerms: true, challenge: dns-01, dns: {provider: cloudflare, credentials: /etc/sslwizard-dns}}")
	for _, c := range []struct {
		file     RootFile
		code     string
		severity Severity
		fix      string
	}{
		{RootFile{}, "", "", ""},
		{RootFile{Sealed: true}, "H01", Warning, "sudo sslwizard"},
		{RootFile{Absent: true}, "D41", Blocker, "sudo install -m 0600 /dev/null /etc/sslwizard-dns"},
		{RootFile{Hidden: true}, "D41", Blocker, "keep it in /etc"},
		{RootFile{Fault: "line 1 is not of the form key = value"}, "D41", Blocker, "token = …"},
		{RootFile{Open: "others than root (mode 0644)"}, "D42", Blocker, "chmod 600 /etc/sslwizard-dns"},
	} {
		found := trustedFindings(s, Facts{DNSFiles: map[string]RootFile{s.Name: c.file}})
		if c.code == "" {
			if len(found) > 0 {
				t.Errorf("%+v", found)
			}
			continue
		}
		if len(found) != 1 || found[0].Code != c.code || found[0].Severity != c.severity || !strings.Contains(strings.Join(found[0].Fix, "\n"), c.fix) {
			t.Errorf("%+v: %+v", c.file, found)
		}
	}
	summary := ObtainCertificate{Domains: s.Certs.Domains, Trusted: s.Trusted}.Summary()
	if !strings.Contains(summary, "dns-01 by cloudflare, credentials in /etc/sslwizard-dns") {
		t.Errorf("the plan says %q", summary)
	}
}
