package steps

import (
	"strings"
	"testing"
)

// TestSourceThatFitsTheNames: where nobody says it, a name that no public CA issues for has the server's own CA.
func TestSourceThatFitsTheNames(t *testing.T) {
	t.Parallel()
	for answers, want := range map[string]string{
		"certs: {domains: [shop.example.com]}\ntrusted: {acceptTerms: true}":                                           SourceACME,
		"certs: {domains: [8.8.4.4]}\ntrusted: {acceptTerms: true}":                                                    SourceACME,
		"certs: {domains: [app.internal]}":                                                                             SourceNone,
		"certs: {domains: [nas.lan]}":                                                                                  SourceNone,
		"certs: {domains: [192.168.1.7]}":                                                                              SourceNone,
		"certs: {domains: [\"fd00::7\"]}":                                                                              SourceNone,
		"certs: {domains: [shop.example.com, shop.local]}":                                                             SourceNone,
		"certs: {domains: [app.internal]}\ntrusted: {source: acme, acceptTerms: true}":                                 SourceACME,
		"certs: {domains: [app.internal]}\ntrusted: {directory: letsencrypt, acceptTerms: true}":                       SourceACME,
		"certs: {domains: [app.internal]}\ntrusted: {directory: \"https://ca.internal/directory\", acceptTerms: true}": SourceACME,
		"certs: {domains: [app.internal]}\ntrusted: {source: files, certificate: /etc/a.pem, key: /etc/b.pem}":         SourceFiles,
	} {
		sites, err := Sites("a.yaml", []byte(answers+"\nproxy: {upstream: 3000}\n"))
		if err != nil {
			t.Errorf("%s: %v", answers, err)
			continue
		}
		if got := sites[0].Trusted.Source; got != want {
			t.Errorf("%s: %s, want %s", answers, got, want)
		}
		if again, err := Sites("stored", Print(sites[0])); err != nil || again[0].Trusted.Source != want {
			t.Errorf("%s: stored and read again: %v %v", answers, again, err)
		}
	}
}

// TestDefaultSaysWhy: the question shows its other default with the name that calls for it.
func TestDefaultSaysWhy(t *testing.T) {
	t.Parallel()
	a := Defaults()
	a.Certs.Domains = []string{"shop.example.com", "app.internal"}
	for _, s := range All() {
		for _, q := range s.Questions(a, Facts{}) {
			if q.Key == "trusted.source" && (q.Default != SourceNone || !strings.Contains(q.From, "app.internal")) {
				t.Errorf("default %q from %q", q.Default, q.From)
			}
		}
	}
}
