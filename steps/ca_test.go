package steps

import (
	"strings"
	"testing"
)

func TestCAAnswers(t *testing.T) {
	t.Parallel()
	for trusted, want := range map[string]string{
		"profile: tlsserver":                                   "",
		"profile: a.b_c-1":                                     "",
		"profile: short lived":                                 "trusted.profile",
		"profile: shortlive\u0301":                             "trusted.profile",
		"eab: {keyID: GD-VvWydSVFuss_Gh, keyFile: /root/eab}":  "",
		"eab: {keyID: k1}":                                     "trusted.eab.keyFile",
		"eab: {keyFile: /root/eab}":                            "trusted.eab.keyID",
		"eab: {keyID: k1, keyFile: eab}":                       "trusted.eab.keyFile",
		"eab: {keyID: \"k 1\", keyFile: /root/eab}":            "trusted.eab.keyID",
		"eab: {keyID: k1, keyFile: /root/eab}, hmac: c2VjcmV0": "trusted.hmac",
		"directory: buypass":                                   "trusted.directory",
		"fallback: {directory: zerossl, eab: {keyID: k1, keyFile: /root/eab}}":                     "",
		"fallback: {directory: \"https://ca.internal/dir\", caRoots: /etc/ssl/ca.pem, profile: x}": "",
		"fallback: {directory: letsencrypt}":                                                       "trusted.fallback.directory: it is the CA of trusted.directory itself",
		"fallback: {directory: zerosll}":                                                           "trusted.fallback.directory",
		"fallback: {directory: google, profile: a b}":                                              "trusted.fallback.profile",
		"fallback: {directory: google, caRoots: ca.pem}":                                           "trusted.fallback.caRoots",
		"fallback: {directory: google, eab: {keyID: k1}}":                                          "trusted.fallback.eab.keyFile",
		"fallback: {eab: {keyID: k1, keyFile: /root/eab}}":                                         "trusted.fallback.eab.keyID: it is used only with trusted.fallback.directory",
		"fallback: {caRoots: /etc/ssl/ca.pem}":                                                     "trusted.fallback.caRoots: it is used only with",
		"fallback: {profile: classic}":                                                             "trusted.fallback.profile: it is used only with",
	} {
		_, err := Sites("a.yaml", []byte("certs: {domains: [shop.example.com]}\nproxy: {upstream: 3000}\ntrusted: {acceptTerms: true, "+trusted+"}\n"))
		if (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", trusted, err, want)
		}
	}
	if _, err := ParseDirectory("https://api.buypass.com/acme/directory"); err == nil || !strings.Contains(err.Error(), "2025") || !strings.Contains(err.Error(), AliasLetsEncrypt) {
		t.Errorf("Buypass: %v", err)
	}
}

// An address is proved over a port: the DNS says nothing of it.
func TestAddressesAndTheDNS(t *testing.T) {
	t.Parallel()
	_, err := Sites("a.yaml", []byte("certs: {domains: [203.0.113.7]}\nproxy: {upstream: 3000}\ntrusted: {acceptTerms: true, challenge: dns-01}\n"))
	if err == nil || !strings.Contains(err.Error(), "the proof of an address") {
		t.Errorf("got %v", err)
	}
}

// Where the binding is had is said for every CA; a page of documents that nobody knows would help nobody.
func TestBindingAt(t *testing.T) {
	t.Parallel()
	for directory, want := range map[string]string{AliasZeroSSL: "zerossl.com", AliasGoogle: "gcloud publicca", "https://ca.internal/dir": "operator"} {
		url, err := ParseDirectory(directory)
		if err != nil || !strings.Contains(BindingAt(url), want) {
			t.Errorf("%s: %q, %v", directory, BindingAt(url), err)
		}
	}
}
