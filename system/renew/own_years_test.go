package renew

import (
	"fmt"
	"testing"

	"github.com/c93d5bcb/sslwizard/steps"
)

// TestOwnCertificatesForYears: what no CA of others gave is looked after too. A certificate of this server's own CA is made anew
// before it ends; of the user's own files somebody is told in time, and a new file is taken.
func TestOwnCertificatesForYears(t *testing.T) {
	t.Parallel()
	years := func(t *testing.T, trusted steps.SiteTrusted, prepare func(*life)) *life {
		l := newLife(t, 90*day)
		l.site.Trusted = trusted
		prepare(l)
		l.apply()
		return l
	}
	t.Run("this server's own CA", func(t *testing.T) {
		t.Parallel()
		l := years(t, steps.SiteTrusted{Source: steps.SourceNone}, func(*life) {})
		first := l.facts()
		l.until(noon.AddDate(3, 0, 0))
		if f := l.facts(); f.Source != "local" || f.SHA256 == first.SHA256 || l.without > 0 || l.least < 0.3 {
			t.Errorf("it serves one of %s; %v without, at least %.2f left", f.Source, l.without, l.least)
		}
		if st := StandingOf(l.host, site, l.facts(), l.clock); !st.At.After(l.clock) || len(l.told) > 0 || l.first.attempts > 1 {
			t.Errorf("renewed at %v; told %v; a CA was asked %d times", st.At, l.told, l.first.attempts)
		}
	})
	t.Run("files", func(t *testing.T) {
		t.Parallel()
		l := years(t, steps.SiteTrusted{Source: steps.SourceFiles, Certificate: chainPath, Key: keyPath}, func(l *life) { l.own(domains, noon) })
		l.until(noon.Add(100 * day))
		l.own(domains, l.clock)
		l.until(noon.Add(130 * day))
		var got string
		for _, m := range l.told {
			got += fmt.Sprintf("%s on day %d\n", m.About, int(m.at.Sub(noon)/day))
		}
		// It begins an hour before it is made.
		const want = "notice on day 59\nwarning on day 74\ncritical on day 82\nexpired on day 89\nwell on day 100\n"
		if got != want {
			t.Errorf("told:\n%swant:\n%s", got, want)
		}
		if f := l.facts(); !f.NotAfter.After(l.clock) || l.live.serves[site] != f.SHA256 {
			t.Errorf("the new file is not served: %+v", f)
		}
		if l.without > 12*day || !StandingOf(l.host, site, l.facts(), l.clock).At.IsZero() {
			t.Errorf("%v without", l.without)
		}
	})
}
