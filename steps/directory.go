package steps

import (
	"net/url"
	"strconv"
	"strings"
)

// The directories that have a short name.
const (
	AliasLetsEncrypt = "letsencrypt"
	AliasStaging     = "letsencrypt-staging"
	AliasZeroSSL     = "zerossl"
	AliasGoogle      = "google"
)

// alias is an ACME directory that has a short name.
type alias struct {
	name, label, url string
	rehearsal        string // URL of the same CA's staging directory
	binding          string // where its external account binding is had (RFC 8555 section 7.3.4); empty: it wants none
	addresses        string // the profile in which it issues for addresses; empty: not known
	caa              string // by which name CAA records know it (RFC 8659)
	lifetimes        string // of its certificates, and the profiles that are asked for by name
	note             string
}

// ForTests reports whether the certificate comes from a staging directory, which nobody trusts.
func (t SiteTrusted) ForTests() bool { return t.Source == SourceACME && t.Directory == stagingURL }

const stagingURL = "https://acme-staging-v02.api.letsencrypt.org/directory"

var aliases = []alias{
	{AliasLetsEncrypt, "Let's Encrypt", "https://acme-v02.api.letsencrypt.org/directory", stagingURL, "", ProfileShortLived, "letsencrypt.org",
		"classic: 90 days (64 from 2027-02-10, 45 from 2028-02-16), tlsserver: 45 days, shortlived: 160 hours", "the default"},
	{AliasStaging, "Let's Encrypt staging", stagingURL, "", "", ProfileShortLived, "letsencrypt.org", "as Let's Encrypt, and changed about a month earlier", "for tests: no browser trusts it"},
	{AliasZeroSSL, "ZeroSSL", "https://acme.zerossl.com/v2/DV90", "", "sign in at https://app.zerossl.com/developer and generate EAB credentials for ACME clients", "", "sectigo.com",
		"90 days", "the same credentials make any number of accounts"},
	{AliasGoogle, "Google Trust Services", "https://dv.acme-v02.api.pki.goog/directory", "",
		"gcloud publicca external-account-keys create    prints them; they have to be used within 7 days", "", "pki.goog", "90 days", "needs a Google Cloud project"},
}

// CAAIdentity is the name by which CAA records know the CA of a directory, as far as it is known without asking; or empty.
func CAAIdentity(host string) string {
	for _, a := range aliases {
		if u, err := url.Parse(a.url); err == nil && u.Host == host {
			return a.caa
		}
	}
	return ""
}

func aliasNames() []string {
	var names []string
	for _, a := range aliases {
		names = append(names, a.name)
	}
	return names
}

// BindingAt says where the external account binding of a CA is had.
func BindingAt(directory string) string {
	if known, ok := aliasOf(directory); ok && known.binding != "" {
		return known.binding
	}
	return "have the operator of the CA, or its website, give you a key ID and an HMAC key for ACME (EAB)"
}

// aliasOf finds the alias of a directory URL.
func aliasOf(directory string) (alias, bool) {
	for _, a := range aliases {
		if a.url == directory {
			return a, true
		}
	}
	return alias{}, false
}

// ParseDirectory reads the short name or the https URL of an ACME directory.
func ParseDirectory(text string) (string, error) { return parseDirectory(text) }

func parseDirectory(text string) (string, error) {
	if strings.Contains(strings.ToLower(text), "buypass") {
		return "", bad("Buypass has given no certificates since October 2025, and its servers are gone").meant(AliasLetsEncrypt)
	}
	for _, a := range aliases {
		if text == a.name {
			return a.url, nil
		}
	}
	u, err := url.Parse(text)
	if err != nil || u.Scheme == "" || u.Host == "" {
		return "", bad("%s is neither an https URL nor one of %s", quote(text), strings.Join(aliasNames(), ", ")).meant(nearest(text, aliasNames()))
	}
	if u.Scheme != "https" {
		return "", bad("an ACME directory has to be https, not %s (RFC 8555 section 6.1)", quote(u.Scheme)).meant("https://" + u.Host + u.Path)
	}
	host, err := parseURLHost(u)
	if err != nil || u.User != nil || u.RawQuery != "" || u.Fragment != "" || only(u.EscapedPath(), prefixChars, "") != nil {
		return "", bad("%s is not the URL of an ACME directory", quote(text))
	}
	return "https://" + host + u.EscapedPath(), nil
}

// inURL is the domain as the host of a URL (RFC 3986 section 3.2.2).
func (d Domain) inURL() string {
	if a, isIP := d.IP(); isIP && a.Is6() {
		return "[" + string(d) + "]"
	}
	return string(d)
}

// parseURLHost returns host and port of a URL in their canonical form.
func parseURLHost(u *url.URL) (string, error) {
	d, err := ParseDomain(u.Hostname())
	if err != nil || d.Wildcard() {
		return "", bad("no host")
	}
	host := d.inURL()
	if u.Port() == "" {
		return host, nil
	}
	port, err := parsePort(u.Port())
	if err != nil {
		return "", err
	}
	return host + ":" + strconv.Itoa(port), nil
}
