package steps

import (
	"path"
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
