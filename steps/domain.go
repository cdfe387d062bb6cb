package steps

import (
	"crypto/sha256"
	"fmt"
	"net/netip"
	"strings"
	"unicode/utf8"

	"golang.org/x/net/idna"
)

// domainProfile is UTS 46 lookup processing at its strictest: letters, digits and hyphens only, lengths checked, and
// no A-label that decodes to plain ASCII.
var domainProfile = idna.New(idna.MapForLookup(), idna.BidiRule(), idna.StrictDomainName(true),
	idna.CheckHyphens(true), idna.CheckJoiners(true), idna.VerifyDNSLength(true), idna.Transitional(false))

// ParseDomain reads a name that a certificate can be for: a domain name, "*." and a domain name, or an IP address.
// Names may be typed in Unicode, in capitals and with a final dot; the Domain is always the lower-case A-label.
func ParseDomain(text string) (Domain, error) {
	if a, err := netip.ParseAddr(strings.Trim(text, "[]")); err == nil {
		return parseIPDomain(text, a)
	}
	name, wildcard := strings.CutPrefix(text, "*.")
	host, err := parseHostName(name)
	if err != nil {
		return "", meantDomain(text, err)
	}
	if !wildcard {
		return Domain(host), nil
	}
	if !strings.Contains(host, ".") {
		return "", bad("%s covers a whole top-level domain; no CA issues that", quote(text))
	}
	const most = 253
	if len(host)+2 > most {
		return "", bad("%s is longer than %d characters", quote(text), most)
	}
	return Domain("*." + host), nil
}

func parseIPDomain(text string, a netip.Addr) (Domain, error) {
	switch {
	case a.Zone() != "":
		return "", bad("%s has a zone; a certificate cannot", quote(text))
	case a.IsUnspecified() || a.IsMulticast():
		return "", bad("%s is no address of a server", quote(text))
	}
	return Domain(a.Unmap().String()), nil
}

// meantDomain guesses what was meant by something that is no name: usually an address of a page.
func meantDomain(text string, err error) error {
	_, rest, isURL := strings.Cut(text, "://")
	if !isURL {
		rest = text
	}
	rest, _, _ = strings.Cut(rest, "/")
	rest, _, _ = strings.Cut(rest, ":")
	if rest == text {
		return err
	}
	if host, e := parseHostName(rest); e == nil {
		return bad("%s is not a name; give the name only", quote(text)).meant(host)
	}
	return err
}

// parseHostName reads a host name and returns its A-label.
func parseHostName(text string) (string, error) {
	name := strings.TrimSuffix(text, ".")
	if name == "" {
		return "", bad("%s is not a name", quote(text))
	}
	host, err := domainProfile.ToASCII(name)
	again, _ := domainProfile.ToASCII(host)
	if err != nil || !isLDH(host) || again != host || !utf8.ValidString(name) {
		return "", bad("%s is not a domain name: %s", quote(text), whyNoName(name))
	}
	if looksNumeric(host[strings.LastIndex(host, ".")+1:]) {
		return "", bad("%s is neither a domain name nor an IP address", quote(text))
	}
	return host, nil
}

// isLDH is the allow-list itself (RFC 952, RFC 1123 section 2.1): whatever the IDNA tables say, nothing else passes.
func isLDH(host string) bool {
	if len(host) > 253 {
		return false
	}
	for label := range strings.SplitSeq(host, ".") {
		if label == "" || len(label) > 63 || label[0] == '-' || label[len(label)-1] == '-' {
			return false
		}
		if strings.Trim(label, "abcdefghijklmnopqrstuvwxyz0123456789-") != "" {
			return false
		}
	}
	return true
}

func whyNoName(name string) string {
	for _, r := range name {
		if r < 0x80 && !strings.ContainsRune("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-.", r) {
			return fmt.Sprintf("%q cannot be in one", r)
		}
	}
	switch {
	case len(name) > 253:
		return "it is too long"
	case strings.Contains(strings.ToLower(name), "xn--"):
		return "what follows xn-- stands for no name"
	}
	return "each part is 1 to 63 letters, digits and hyphens, with no hyphen at its ends"
}

// looksNumeric reports labels that resolvers and URL parsers take for a part of an IPv4 address.
func looksNumeric(label string) bool {
	hex, isHex := strings.CutPrefix(label, "0x")
	return isDigits(label) || isHex && strings.Trim(hex, "0123456789abcdef") == ""
}

// Unobtainable says why no CA can be asked for a certificate of the name in the ways that are built; empty: it can.
func (d Domain) Unobtainable() string {
	_, isIP := d.IP()
	switch {
	case isIP:
		return ""
	case !strings.Contains(string(d), "."):
		return "no CA issues for a name without a dot; with trusted.source none it has a certificate of this server's own CA"
	}
	return ""
}

// Covers reports whether a certificate for d is good for name (RFC 6125: a wildcard stands for one label).
func (d Domain) Covers(name Domain) bool {
	if !d.Wildcard() {
		return d == name
	}
	_, rest, ok := strings.Cut(string(name), ".")
	return ok && rest == string(d[2:])
}

// Unicode is the name as people write it; the A-label where it has no such form.
func (d Domain) Unicode() string {
	host, wildcard := strings.CutPrefix(string(d), "*.")
	u, err := idna.Display.ToUnicode(host)
	if err != nil {
		return string(d)
	}
	if wildcard {
		return "*." + u
	}
	return u
}

// siteName derives the file name of a site from its first domain. Different domains have different names: "_" is in
// no domain. Very long names are cut and get a hash, so that the files made from them stay within 255 bytes.
func siteName(d Domain) string {
	name := string(d)
	if rest, ok := strings.CutPrefix(name, "*."); ok {
		name = "_wildcard." + rest
	}
	if a, ok := d.IP(); ok && a.Is6() {
		name = "_ip." + strings.ReplaceAll(name, ":", "-")
	}
	const most = 200
	if len(name) > most {
		name = fmt.Sprintf("%s_%x", name[:most-17], sha256.Sum256([]byte(name)))[:most]
	}
	return name
}
