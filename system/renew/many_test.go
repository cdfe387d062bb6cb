package renew

import (
	"fmt"
	"io/fs"
	"slices"
	"testing"
	"time"

	"github.com/c93d5bcb/sslwizard/steps"
	"github.com/c93d5bcb/sslwizard/system/acme"
	"github.com/c93d5bcb/sslwizard/system/host"
)

const many = 10_000

// manyStates puts what is remembered of many sites onto a real disk, the CA of each to be asked within six hours from noon on,
// and returns their names.
func manyStates(t testing.TB) (host.Host, []string) {
	t.Helper()
	h := host.New(t.TempDir())
	for _, dir := range []string{"/var", "/var/lib"} {
		if err := h.WriteFile(dir, host.File{Mode: fs.ModeDir | 0o755}); err != nil {
			t.Fatal(err)
		}
	}
	names := make([]string, many)
	for i := range names {
		names[i] = fmt.Sprintf("site%05d.example.com", i)
		at := noon.Add(askUsually * time.Duration(i) / many)
		s := &state{Leaf: fmt.Sprintf("%064d", i), Drawn: noon.Add(60 * day), AskAt: at, LookAt: at.Add(day), Next: at,
			Window: &window{Start: noon.Add(59 * day), End: noon.Add(61 * day), Drawn: noon.Add(60 * day)}}
		if err := s.write(h, names[i]); err != nil {
			t.Fatal(err)
		}
	}
	return h, names
}

// BenchmarkSurvey is what a round of the timer costs on a host with 10,000 certificates when there is nothing to do.
func BenchmarkSurvey(b *testing.B) {
	h, names := manyStates(b)
	m := &Manager{Now: func() time.Time { return noon.Add(-time.Hour) }}
	b.ReportAllocs()
	for b.Loop() {
		if err := Forget(h, names); err != nil {
			b.Fatal(err)
		}
		if seen := m.Survey(h, names); len(seen.Awake) > 0 {
			b.Fatalf("%d awake", len(seen.Awake))
		}
	}
}

// TestManyRenewalsAreSpread draws the moments of certificates that were made together: no hour has more than a fraction of them,
// with the CA's window and without.
func TestManyRenewalsAreSpread(t *testing.T) {
	t.Parallel()
	f := steps.CertFacts{NotBefore: noon, NotAfter: noon.Add(90 * day), Source: steps.SourceACME}
	m := &Manager{}
	start, end := noon.Add(58*day), noon.Add(61*day)
	for name, drawn := range map[string]func() time.Time{
		"by our own rule": func() time.Time {
			s := &state{}
			s.plan(f, m.draw)
			return s.due(f, noon)
		},
		"in the CA's window": func() time.Time {
			s := &state{AskAt: end}
			s.hear(acme.RenewalInfo{Start: start, End: end}, f, m.draw)
			s.plan(f, m.draw)
			return s.due(f, noon)
		},
	} {
		hours := map[time.Time]int{}
		for range many {
			hours[drawn().Truncate(time.Hour)]++
		}
		var counts []int
		for _, n := range hours {
			counts = append(counts, n)
		}
		if most := slices.Max(counts); len(hours) < 40 || most > many/20 {
			t.Errorf("%s: within %d hours, up to %d in one", name, len(hours), most)
		}
	}
}
