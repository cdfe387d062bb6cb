package steps

import (
	"fmt"
	"net/netip"
	"slices"
)

// What a CA may be asked for, and what it may want, beyond the names: a profile of certificate and an external account
// binding.

// The profiles of Let's Encrypt, and the answer that leaves the choice to us. Other CAs may have others.
const (
	ProfileAuto       = "auto" // in a Site it is empty
	ProfileClassic    = "classic"
	ProfileTLSServer  = "tlsserver"
	ProfileShortLived = "shortlived"
)

// SiteBinding is an external account binding (RFC 8555 section 7.3.4): what ties an ACME account to one that was made on
// the CA's website. The key itself is in a file and nowhere else.
type SiteBinding struct {
	KeyID   string // empty: none
	KeyFile string // path of the file with the HMAC key, in base64url; for root only
}

func (b *siteBuilder) profile(path, text string) string {
	const most = 64
	switch {
	case text == "", text == ProfileAuto:
		return ""
	case len(text) > most || only(text, tokenChars+"._", "") != nil:
		b.fail(path, bad("%s is not the name of a profile", quote(text)).meant(nearest(text, []string{ProfileAuto, ProfileClassic, ProfileTLSServer, ProfileShortLived})))
	}
	return text
}

func (b *siteBuilder) binding(path string, a EABAnswers) SiteBinding {
	const most = 256
	if a.KeyID != "" && (len(a.KeyID) > most || only(a.KeyID, alphanum+"-._~+/=:@", "") != nil) {
		b.fail(path+".keyID", bad("%s is not a key ID of a CA", quote(a.KeyID)))
	}
	switch {
	case a.KeyID != "" && a.KeyFile == "":
		b.failUnless(path+".keyFile", path+".keyFile", bad("missing: the path of the file with the HMAC key that came with the key ID"))
	case a.KeyID == "" && a.KeyFile != "":
		b.fail(path+".keyID", bad("missing: the key ID that came with the HMAC key"))
	case a.KeyFile != "":
		b.secretFile(path+".keyFile", a.KeyFile, "the key belongs into that file")
	}
	return SiteBinding(a)
}

func caQuestions() []Question {
	acme := func(a Answers) bool { return a.Trusted.Source == SourceACME }
	return []Question{
		{
			Key: "trusted.profile", Kind: KindText, Label: "Profile of the certificate", Default: ProfileAuto, When: acme, Advanced: true,
			Help: "A kind of certificate that the CA offers by name. Let's Encrypt has classic (90 days), tlsserver (45 days) and shortlived (6 days). auto: what the CA gives to who names none; for an address, shortlived.",
			Why:  "The CA knows best which one fits most people.", Shell: []string{"certbot … --preferred-profile shortlived"},
		},
		{
			Key: "trusted.eab.keyID", Kind: KindText, Label: "Key ID of the account at the CA", Default: "", When: acme, Advanced: true,
			Help: "ZeroSSL, Google and CAs of companies want to know which customer asks (external account binding): they give a key ID and an HMAC key. It is used once, when the account is made.",
			Why:  "Let's Encrypt wants none.", Shell: []string{"certbot register --eab-kid … --eab-hmac-key …"},
		},
		{
			Key: "trusted.eab.keyFile", Kind: KindText, Label: "File with the HMAC key", Default: "", When: func(a Answers) bool { return acme(a) && a.Trusted.EAB.KeyID != "" }, Advanced: true,
			Help: "A file that only root can read, with the HMAC key (base64url) and nothing else. The key is never copied into answers, plans or logs.",
			Why:  "A secret belongs in one place only.", Shell: []string{"sudo sh -c 'umask 077; cat > /root/eab.key'    then paste the key, and press ctrl+d"},
		},
	}
}

// bindingFindings is a CA that is known to want a binding, without one. An account that is there already needs none.
func bindingFindings(s Site, f Facts) []Finding {
	known, ok := aliasOf(s.Trusted.Directory)
	if !ok || known.binding == "" || s.Trusted.EAB.KeyID != "" || slices.Contains(f.Managed.Accounts, s.Trusted.Directory) {
		return nil
	}
	return []Finding{{Code: "A18", Severity: Blocker, Text: fmt.Sprintf("cannot ask %s: it wants an account that was made on its website (external account binding)", known.label),
		Fix: []string{known.binding, "then say the key ID in trusted.eab.keyID, and put the HMAC key into a file for root only that trusted.eab.keyFile names", "or trusted.directory: " + AliasLetsEncrypt + "    which needs no such account"}}}
}

// addressFindings are what a public CA does not do for addresses.
func addressFindings(s Site, known alias) []Finding {
	if known.addresses == "" || s.Trusted.Profile == "" || s.Trusted.Profile == known.addresses {
		return nil
	}
	for _, d := range s.Certs.Domains {
		if _, isIP := d.IP(); isIP {
			return []Finding{{Code: "A26", Severity: Blocker, Text: fmt.Sprintf("cannot get a certificate for the address %s with the profile %s: %s has only %s for addresses", d, s.Trusted.Profile, known.label, known.addresses),
				Fix: []string{"trusted.profile: " + ProfileAuto}}}
		}
	}
	return nil
}

// SharedSpace has the addresses behind a provider's NAT (RFC 6598).
var SharedSpace = netip.MustParsePrefix("100.64.0.0/10")

// PublicAddress reports an address of the internet: one that a public CA can reach, and issue for.
func PublicAddress(a netip.Addr) bool {
	return a.IsGlobalUnicast() && !a.IsPrivate() && !SharedSpace.Contains(a)
}

// OfTheInternet reports whether a public CA can issue for the name or address.
func (d Domain) OfTheInternet() bool {
	if a, isIP := d.IP(); isIP {
		return PublicAddress(a)
	}
	return d.Public()
}
