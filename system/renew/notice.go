package renew

import (
	"fmt"
	"slices"
	"time"

	"github.com/c93d5bcb/sslwizard/steps"
)

// Notice is something that somebody has to be told of a site's certificate, once.
type Notice struct {
	Site  string   `json:"site"`
	About string   `json:"about"` // one of the following
	Text  string   `json:"text"`
	Fixes []string `json:"fixes,omitempty"`
}

// What notices are about. Those of the lifetime come in this order, each once for a certificate.
const (
	AboutNotice   = "notice"   // it cannot be renewed, and a third of the lifetime is left
	AboutWarning  = "warning"  // a sixth
	AboutCritical = "critical" // a twelfth
	AboutExpired  = "expired"
	AboutUnserved = "unserved" // a renewed certificate is not the one that is served
	AboutMissing  = "missing"  // the first trusted certificate cannot be had
	AboutWell     = "well"     // all is well again
)

var levels = []struct {
	about string
	part  time.Duration
}{{AboutCritical, 12}, {AboutWarning, 6}, {AboutNotice, 3}}

// patience is how long nobody is told of a failure while more than a sixth of the lifetime is left: a CA that is away for some
// hours needs no person.
const patience = 12 * time.Hour

// level is how near the end of the certificate is; empty before the last third.
func level(f steps.CertFacts, now time.Time) string {
	life, remains := lifetime(f), f.NotAfter.Sub(now)
	if remains <= 0 {
		return AboutExpired
	}
	for _, l := range levels {
		if remains <= life/l.part {
			return l.about
		}
	}
	return ""
}

// nextLevel is when the end comes nearer by a level.
func nextLevel(f steps.CertFacts, now time.Time) time.Time {
	life := lifetime(f)
	for _, l := range slices.Backward(levels) {
		if at := f.NotAfter.Add(-life / l.part); at.After(now) {
			return at
		}
	}
	return f.NotAfter
}

// trouble is what is wrong with the site's certificate now; the zero Notice when nothing is that anybody has to know yet.
func (s *state) trouble(site steps.Site, f steps.CertFacts, now time.Time) Notice {
	n := Notice{Site: site.Name, Fixes: s.Fixes}
	because := ""
	if s.Error != "" {
		because = ": " + s.Error
	}
	switch l := level(f, now); {
	case f.NotAfter.IsZero():
		return Notice{}
	case l == AboutExpired:
		n.About, n.Text = l, fmt.Sprintf("the certificate of %s has expired on %s, and browsers turn visitors away%s", site.Name, f.NotAfter.UTC().Format(time.DateOnly), because)
	case s.Unserved != "":
		n.About, n.Text = AboutUnserved, fmt.Sprintf("the new certificate of %s is stored, and another one is served: %s", site.Name, s.Unserved)
		n.Fixes = []string{"sudo sslwizard renew " + site.Name + "    reloads the server and looks again"}
	case l == "" || l == AboutNotice && s.Failures > 0 && now.Before(s.Since.Add(patience)):
		return s.missing(site, f, n, now)
	case f.Source == steps.SourceFiles:
		n.About, n.Text = l, fmt.Sprintf("your own certificate of %s ends on %s: %s", site.Name, f.NotAfter.UTC().Format(time.DateOnly), left(f, now))
		n.Fixes = []string{"put the new certificate in its place, then: sudo sslwizard renew " + site.Name}
	case s.Failures > 0:
		n.About, n.Text = l, fmt.Sprintf("the certificate of %s cannot be renewed, and %s%s", site.Name, left(f, now), because)
	default:
		return s.missing(site, f, n, now)
	}
	if len(n.Fixes) == 0 {
		n.Fixes = []string{"sudo sslwizard renew " + site.Name}
	}
	return n
}

// missing is a site that has only a certificate of this server's own CA, when a trusted one cannot be had for long.
func (s *state) missing(site steps.Site, f steps.CertFacts, n Notice, now time.Time) Notice {
	if site.Trusted.Source != steps.SourceACME || f.Source == steps.SourceACME || s.Failures == 0 || now.Before(s.Since.Add(patience)) {
		return Notice{}
	}
	n.About, n.Text = AboutMissing, fmt.Sprintf("%s still has no trusted certificate: %s", site.Name, s.Error)
	return n
}

// notices are what is new in it; told is noted. A level of the lifetime that was told covers those before it.
func (s *state) notices(site steps.Site, f steps.CertFacts, now time.Time) []Notice {
	n := s.trouble(site, f, now)
	switch {
	case n.About != "" && slices.Contains(s.Told, n.About):
		return nil
	case n.About != "":
		s.Told = append(s.Told, n.About)
		return []Notice{n}
	case len(s.Told) == 0 || s.Failures > 0:
		return nil
	}
	s.Told = nil
	return []Notice{{Site: site.Name, About: AboutWell, Text: fmt.Sprintf("all is well again with the certificate of %s: it is good until %s", site.Name, f.NotAfter.UTC().Format(time.DateOnly))}}
}
