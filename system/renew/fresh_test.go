package renew

import (
	"testing"
	"time"

	"github.com/c93d5bcb/sslwizard/steps"
)

func TestDueAt(t *testing.T) {
	t.Parallel()
	hours := func(n int) time.Duration { return time.Duration(n) * time.Hour }
	for _, test := range []struct{ life, left time.Duration }{
		{hours(90 * 24), hours(30 * 24)},
		{hours(45 * 24), hours(15 * 24)},
		{hours(10 * 24), hours(80)},
		{hours(160), hours(80)},
		{hours(24), hours(12)},
	} {
		f := steps.CertFacts{NotBefore: noon, NotAfter: noon.Add(test.life)}
		if got := f.NotAfter.Sub(DueAt(f)); got != test.left {
			t.Errorf("of %v it is renewed with %v left, want %v", test.life, got, test.left)
		}
		at := DueAt(f)
		if due(f, at.Add(-time.Second)) || !due(f, at) || !due(f, f.NotAfter.AddDate(1, 0, 0)) {
			t.Errorf("%v: due at the wrong time", test.life)
		}
	}
}
