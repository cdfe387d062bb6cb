package steps

import (
	"net/url"
	"path"
	"strconv"
	"strings"
)

// The allow-lists. Every value that can reach a configuration file is made of these characters only, so that no
// quoting has to be right for a site to be safe; a fuzz test holds them against the syntax of nginx and systemd.
const (
	lower    = "abcdefghijklmnopqrstuvwxyz"
	alphanum = lower + "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"

	fileChars   = alphanum + "/._+@=-"
	prefixChars = alphanum + "/._~+=:@,-"
	emailChars  = alphanum + "._+-"
	tokenChars  = alphanum + "-"
)

// only returns a problem if text has a character that is not in allowed.
func only(text, allowed, what string) error {
	for _, r := range text {
		if !strings.ContainsRune(allowed, r) {
			return bad("%q cannot be in %s", r, what)
		}
	}
	return nil
}

// checkFilePath accepts absolute paths in their shortest form.
func checkFilePath(p string) error {
	const most = 1024
	switch {
	case !strings.HasPrefix(p, "/"):
		return bad("%s is not an absolute path; it has to begin with /", quote(p))
	case len(p) > most:
		return bad("the path is longer than %d characters", most)
	case path.Clean(p) != p:
		return bad("%s is not the shortest form of that path", quote(p)).meant(path.Clean(p))
	case p == "/":
		return bad("%s is not a file", quote(p))
	}
	return only(p, fileChars, "a path")
}

// checkPrefix accepts the path prefixes of a URL.
func checkPrefix(p string) error {
	const most = 256
	switch {
	case !strings.HasPrefix(p, "/"):
		return bad("%s does not begin with /", quote(p)).meant("/" + p)
	case len(p) > most:
		return bad("the path is longer than %d characters", most)
	case strings.Contains(p, "//") || strings.Contains(p+"/", "/./") || strings.Contains(p+"/", "/../"):
		return bad("%s has empty or dot segments", quote(p)).meant(path.Clean(p))
	case strings.HasPrefix(p, "/.well-known/acme-challenge"):
		return bad("%s belongs to the certificate authority", quote(p))
	}
	return only(p, prefixChars, "a path")
}

// checkEmail accepts a bare mailbox (a subset of RFC 5321).
func checkEmail(text string) error {
	local, domain, ok := strings.Cut(text, "@")
	if !ok || local == "" || len(local) > 64 || len(text) > 254 ||
		strings.Contains("."+local+".", "..") {
		return bad("%s is not an e-mail address", quote(text))
	}
	if err := only(local, emailChars, "the name of an e-mail address here"); err != nil {
		return err
	}
	host, err := parseHostName(domain)
	if err != nil || host != domain || !strings.Contains(host, ".") {
		return bad("%s is not an e-mail address", quote(text))
	}
	return nil
}

// ownHeaders are set by the proxy itself or belong to the connection; an answer cannot change them.
var ownHeaders = map[string]bool{
	"Host": true, "Connection": true, "Upgrade": true, "Keep-Alive": true, "Proxy-Connection": true, "Te": true,
	"Trailer": true, "Transfer-Encoding": true, "Content-Length": true, "Expect": true, "X-Real-Ip": true, "Forwarded": true,
}

// parseHeader reads a request header that the proxy is to add.
func parseHeader(name, value string) (Header, error) {
	h := Header{Name: canonicalHeader(name), Value: value}
	const mostName, mostValue = 64, 1024
	switch {
	case name == "" || len(name) > mostName || only(name, tokenChars, "") != nil:
		return h, bad("%s is not a header name; it is made of letters, digits and hyphens", quote(name))
	case ownHeaders[h.Name] || strings.HasPrefix(h.Name, "X-Forwarded-") || strings.HasPrefix(h.Name, "Sec-Websocket-"):
		return h, bad("the proxy sets %s itself", h.Name)
	case value == "" || value != strings.TrimSpace(value):
		return h, bad("the value is empty, or begins or ends with a space")
	case len(value) > mostValue:
		return h, bad("the value is longer than %d characters", mostValue)
	}
	for _, r := range value {
		if r < ' ' || r > '~' || strings.ContainsRune("\"';{}$\\`", r) {
			return h, bad("%q cannot be in the value of a header here", r)
		}
	}
	return h, nil
}

// canonicalHeader writes a header name as Go and most documents do: "x-api-key" → "X-Api-Key".
func canonicalHeader(name string) string {
	parts := strings.Split(strings.ToLower(name), "-")
	for i, p := range parts {
		if p != "" {
			parts[i] = strings.ToUpper(p[:1]) + p[1:]
		}
	}
	return strings.Join(parts, "-")
}

// The directories that have a short name (facts.md 3).
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
	binding          bool   // it wants an external account binding (RFC 8555 section 7.3.4)
}

// ForTests reports whether the certificate comes from a staging directory, which nobody trusts.
func (t SiteTrusted) ForTests() bool { return t.Source == SourceACME && t.Directory == stagingURL }

const stagingURL = "https://acme-staging-v02.api.letsencrypt.org/directory"

var aliases = []alias{
	{AliasLetsEncrypt, "Let's Encrypt", "https://acme-v02.api.letsencrypt.org/directory", stagingURL, false},
	{AliasStaging, "Let's Encrypt staging", stagingURL, "", false},
	{AliasZeroSSL, "ZeroSSL", "https://acme.zerossl.com/v2/DV90", "", true},
	{AliasGoogle, "Google Trust Services", "https://dv.acme-v02.api.pki.goog/directory", "", true},
}

func aliasNames() []string {
	var names []string
	for _, a := range aliases {
		names = append(names, a.name)
	}
	return names
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

// parseURLHost returns host and port of a URL in their canonical form.
func parseURLHost(u *url.URL) (string, error) {
	d, err := ParseDomain(u.Hostname())
	if err != nil || d.Wildcard() {
		return "", bad("no host")
	}
	host := string(d)
	if a, ok := d.IP(); ok && a.Is6() {
		host = "[" + host + "]"
	}
	if u.Port() == "" {
		return host, nil
	}
	port, err := parsePort(u.Port())
	if err != nil {
		return "", err
	}
	return host + ":" + strconv.Itoa(port), nil
}
