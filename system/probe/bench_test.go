package probe

import (
	"testing"

	"github.com/c93d5bcb/sslwizard/steps"
)

// BenchmarkHealthySite is a whole probe of a local site: the budget is 300 ms.
func BenchmarkHealthySite(b *testing.B) {
	site := newGoodSite(b, steps.Intermediate)
	for b.Loop() {
		if r := Run(b.Context(), site.target, nil); r.Verdict(steps.IDSSL) != steps.OK {
			b.Fatal(text(r))
		}
	}
}
