package probe

import (
	"testing"
	"time"

	"github.com/c93d5bcb/sslwizard/steps"
)

func TestGoodSites(t *testing.T) {
	t.Parallel()
	for _, profile := range []steps.Profile{steps.Intermediate, steps.Modern} {
		t.Run(string(profile), func(t *testing.T) {
			t.Parallel()
			site := newGoodSite(t, profile)
			site.target.Idle = 20 * time.Millisecond
			streamed := 0
			report := Run(t.Context(), site.target, func(steps.Check) { streamed++ })
			if streamed != len(report.Checks) {
				t.Errorf("%d checks were streamed, %d are in the report", streamed, len(report.Checks))
			}
			for _, c := range report.Checks {
				if c.Verdict != steps.OK {
					t.Errorf("%s %s is %s: %s (%s)", c.Step, c.Name, c.Verdict, c.Detail, c.Code)
				}
			}
			for _, id := range steps.IDs() {
				if v := report.Verdict(id); v != steps.OK {
					t.Errorf("step %s is %s", id, v)
				}
			}
			if t.Failed() || testing.Verbose() {
				t.Logf("took %s\n%s", report.Took, text(report))
			}
		})
	}
}
