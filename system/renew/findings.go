package renew

import (
	"fmt"
	"slices"
	"time"

	"github.com/c93d5bcb/sslwizard/steps"
)

// Findings are what there is to know of a site's renewal, beside when it is.
func (s Standing) Findings(site string) []steps.Finding {
	var all []steps.Finding
	say := func(severity steps.Severity, code, text string, fixes ...string) {
		all = append(all, steps.Finding{Step: steps.IDTrusted, Code: code, Severity: severity, Text: site + ": " + text, Fix: fixes})
	}
	again := "sudo sslwizard renew " + site
	if s.revoking {
		say(steps.Warning, "R13", "a certificate was to be revoked, and the CA has not done so yet", "sudo sslwizard revoke --yes "+site+"    goes on where it was")
	}
	switch {
	case s.Failures > 0 && slices.Contains(moved, s.Code):
		say(steps.Warning, "R08", fmt.Sprintf("the domain does not lead to this server any more, since %s; no CA is asked until it does: %s", clock(s.Since), s.Error),
			append(slices.Clone(s.Fixes), "sudo sslwizard remove "+site+"    if the site lives somewhere else now")...)
	case s.Failures > 0:
		say(steps.Warning, "R02", fmt.Sprintf("%s, at %s: %s", attempts(s.Failures), clock(s.Tried), s.Error),
			append([]string{again + "    tries at once; the timer does after " + clock(s.Pause)}, s.Fixes...)...)
	}
	if s.Unserved != "" {
		say(steps.Warning, "R03", "a new certificate is stored, and another one is served: "+s.Unserved, again+"    reloads the server and looks again")
	}
	if s.wanted() {
		say(steps.Warning, "R05", fmt.Sprintf("the CA asks to replace the certificate now, and not only when a third of its lifetime is left%s", because(s.Page)),
			again+"    does it at once; the timer does within a day")
	}
	if s.Unheard != "" {
		say(steps.Info, "R06", s.Unheard, "nothing is to be done: it is renewed by its lifetime, after "+clock(s.At))
	}
	if life := lifetime(s.facts); s.Lived > 0 && life > 0 {
		say(steps.Info, "R09", fmt.Sprintf("the CA's certificates are good for %s now, and were for %s", length(life), length(s.Lived)),
			"nothing is to be done: it is renewed after "+clock(s.At)+", and a shorter life is looked at more often")
	}
	return all
}

// moved are the codes of a name that leads elsewhere.
var moved = []string{"A02", "A03", "A04", "D12"}

// wanted reports whether the CA's window has begun long before our own rule would renew.
func (s Standing) wanted() bool {
	return s.Window != nil && s.Unheard == "" && !s.now.Before(s.Window.Start) && s.now.Before(DueAt(s.facts).Add(-slack(s.facts)))
}

func because(page string) string {
	if page == "" {
		return ""
	}
	return ": " + page + " says why"
}

// otherLife is the old lifetime where the new one is clearly another: a CA's certificates differ by seconds.
func otherLife(old, now steps.CertFacts) time.Duration {
	was, is := lifetime(old), lifetime(now)
	if was <= 0 || is <= 0 || old.Source != now.Source || (was-is).Abs() < was/10 {
		return 0
	}
	return was
}

func length(d time.Duration) string {
	if d < 2*24*time.Hour {
		return d.Round(time.Minute).String()
	}
	return fmt.Sprintf("%d days", int(d.Round(24*time.Hour)/(24*time.Hour)))
}
