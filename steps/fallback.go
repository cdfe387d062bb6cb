package steps

import (
	"cmp"
	"slices"
	"strings"
)

// SiteFallback is the CA that is asked when the first one cannot issue. It has its own account, and its own limits; names
// are proved to it as they are to the first.
type SiteFallback struct {
	Directory string // https URL; empty: there is none
	CARoots   string // as in SiteTrusted
	Profile   string
	EAB       SiteBinding
}

// Second is the same wish with the second CA as the one that is asked; false when the site has none. It is not rehearsed:
// the second CA is asked when there is a need.
func (t SiteTrusted) Second() (SiteTrusted, bool) {
	f := t.Fallback
	if t.Source != SourceACME || f.Directory == "" {
		return SiteTrusted{}, false
	}
	t.Directory, t.CARoots, t.Profile, t.EAB = f.Directory, f.CARoots, f.Profile, f.EAB
	t.Rehearsal, t.Fallback = "", SiteFallback{}
	return t, true
}

// At is the same wish with the CA of this directory as the one that is asked; false when it is neither of them.
func (t SiteTrusted) At(directory string) (SiteTrusted, bool) {
	if second, ok := t.Second(); ok && second.Directory == directory {
		return second, true
	}
	return t, t.Source == SourceACME && t.Directory == directory
}

// Of is the wish as it was put to the CA that gave this certificate.
func (t SiteTrusted) Of(c CertFacts) SiteTrusted {
	second, ok := t.Second()
	if ok && c.Directory == second.Directory && c.InPlaceOf == t.Directory {
		return second
	}
	return t
}

func (b *siteBuilder) fallback(a FallbackAnswers, first string) SiteFallback {
	if a.Directory == "" {
		b.fallbackOnly(a)
		return SiteFallback{}
	}
	f := SiteFallback{CARoots: a.CARoots, Profile: b.profile("trusted.fallback.profile", a.Profile), EAB: b.binding("trusted.fallback.eab", a.EAB)}
	var err error
	f.Directory, err = parseDirectory(a.Directory)
	switch {
	case err != nil:
		b.check("trusted.fallback.directory", err)
	case f.Directory == first:
		b.fail("trusted.fallback.directory", bad("it is the CA of trusted.directory itself; a second one helps when that one cannot issue"))
	}
	if a.CARoots != "" {
		b.check("trusted.fallback.caRoots", checkFilePath(a.CARoots))
	}
	return f
}

// fallbackOnly refuses what would silently not be used.
func (b *siteBuilder) fallbackOnly(a FallbackAnswers) {
	for _, said := range []struct{ path, value string }{
		{"caRoots", a.CARoots}, {"eab.keyID", a.EAB.KeyID}, {"eab.keyFile", a.EAB.KeyFile}, {"profile", b.profile("trusted.fallback.profile", a.Profile)},
	} {
		if said.value != "" {
			b.fail("trusted.fallback."+said.path, bad("it is used only with trusted.fallback.directory"))
		}
	}
}

func (f SiteFallback) answers() FallbackAnswers {
	a := FallbackAnswers{CARoots: f.CARoots, Profile: cmp.Or(f.Profile, ProfileAuto), EAB: EABAnswers(f.EAB), Directory: f.Directory}
	if known, ok := aliasOf(f.Directory); ok {
		a.Directory = known.name
	}
	return a
}

func fallbackQuestions() []Question {
	acme := func(a Answers) bool { return a.Trusted.Source == SourceACME }
	second := func(a Answers) bool { return acme(a) && a.Trusted.Fallback.Directory != "" }
	return []Question{
		{
			Key: "trusted.fallback.directory", Kind: KindText, Label: "A second CA, for when the first one cannot issue", Default: "", When: acme, Advanced: true,
			Help: "As trusted.directory. It is asked when the first CA is down, limits us or has blocked our account: at once where there is no trusted certificate yet, and for a renewal when half of the time that it has for it is over. The next renewal begins with the first CA again. Empty: none.",
			Why:  "CAs are seldom away for longer than a renewal can wait; where CAA records name one CA, the second has to be in them too.",
		},
		{
			Key: "trusted.fallback.caRoots", Kind: KindText, Label: "CA file of the second CA, where it is one of your own", Default: "", When: second, Advanced: true,
			Help: "As trusted.caRoots, for the second CA.", Why: "Only a CA inside a company needs one.",
		},
		{
			Key: "trusted.fallback.profile", Kind: KindText, Label: "Profile of the second CA's certificate", Default: ProfileAuto, When: second, Advanced: true,
			Help: "As trusted.profile; each CA has profiles of its own.", Why: "The CA knows best which one fits most people.",
		},
		{
			Key: "trusted.fallback.eab.keyID", Kind: KindText, Label: "Key ID of the account at the second CA", Default: "", When: second, Advanced: true,
			Help: "As trusted.eab.keyID. ZeroSSL and Google want one; an account that this server has there already needs none.", Why: "Let's Encrypt wants none.",
		},
		{
			Key: "trusted.fallback.eab.keyFile", Kind: KindText, Label: "File with the HMAC key of the second CA", Default: "", Advanced: true,
			When: func(a Answers) bool { return second(a) && a.Trusted.Fallback.EAB.KeyID != "" },
			Help: "As trusted.eab.keyFile: a file that only root can read, with that key and nothing else.", Why: "A secret belongs in one place only.",
		},
	}
}

// fallbackFindings is a second CA that could never issue. The first one can, so they keep nothing from going on.
func fallbackFindings(s Site, f Facts) []Finding {
	t, ok := s.Trusted.Second()
	if !ok {
		return nil
	}
	second := s
	second.Trusted = t
	var found []Finding
	for _, one := range slices.Concat(bindingFindings(second, f), directoryFindings(second)) {
		found = append(found, SecondCA(one))
	}
	return found
}

// fallbackFix is what is to be done about the second CA, in the keys that are its own.
func fallbackFix(fix []string) []string {
	keys := strings.NewReplacer("trusted.directory", "trusted.fallback.directory", "trusted.eab", "trusted.fallback.eab", "trusted.profile", "trusted.fallback.profile", "trusted.caRoots", "trusted.fallback.caRoots")
	var lines []string
	for _, line := range fix {
		if !strings.Contains(line, "trusted.source") {
			lines = append(lines, keys.Replace(line))
		}
	}
	return append(lines, "or take trusted.fallback out: then the first CA is asked alone")
}

// SecondCA is a finding about the second CA of a site, told as what it is: a help that will fail when it is needed.
func SecondCA(one Finding) Finding {
	return Finding{Step: IDTrusted, Code: "D46", Severity: Warning, Text: "the second CA of trusted.fallback could not issue: " + one.Text, Fix: fallbackFix(one.Fix)}
}
