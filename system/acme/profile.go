package acme

import (
	"maps"
	"slices"
	"strings"

	"github.com/c93d5bcb/sslwizard/steps"
)

// profile is what the order names: what was asked for, if the CA has it; else the one that a certificate for an address
// needs at Let's Encrypt; else none, since the CA's default is right.
func (s *session) profile() (string, error) {
	offered := s.core.GetDirectory().Meta.Profiles
	if _, ok := offered[s.Profile]; s.Profile != "" && !ok {
		return "", noProfile(s.Directory, s.Profile, offered)
	}
	if _, ok := offered[steps.ProfileShortLived]; s.Profile != "" || !ok {
		return s.Profile, nil
	}
	isIP := func(d steps.Domain) bool { _, is := d.IP(); return is }
	if slices.ContainsFunc(s.Domains, isIP) {
		return steps.ProfileShortLived, nil
	}
	return "", nil
}

func noProfile(directory, profile string, offered map[string]string) error {
	f := &steps.Failure{Text: "cannot ask " + hostOf(directory) + " for the profile " + profile + ": it does not offer it", Code: "D36", Status: steps.ExitAnswers,
		Fixes: []string{"trusted.profile: " + steps.ProfileAuto}}
	if names := short(strings.Join(slices.Sorted(maps.Keys(offered)), ", ")); names != "" {
		f.Fixes = append(f.Fixes, "or one that it offers: "+names)
	} else {
		f.Text = "cannot ask " + hostOf(directory) + " for the profile " + profile + ": it has no profiles"
	}
	return f
}
