package renew

import (
	"flag"
	"fmt"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/c93d5bcb/sslwizard/e2e/promises"
)

var update = flag.Bool("update", false, "write docs/renewal.md, docs/faults.md and docs/kills.md")

const day = 24 * time.Hour

// lifetimes are those of today's certificates, of 2027 and of 2028, and of the short-lived ones.
var lifetimes = []time.Duration{90 * day, 64 * day, 45 * day, 6 * day}

// trouble is what goes wrong, three times in three years, from the worst moment on: when a renewal is due.
type trouble struct {
	name  string
	lasts time.Duration
	begin func(*life, span)
	once  bool
	any   bool // it begins at any moment
}

// theCA has the CA not be reached.
func theCA(l *life, s span) { l.first.down = s.holds }

var troubles = []trouble{
	{"none", 0, func(*life, span) {}, true, true},
	{"the CA is away for an hour", time.Hour, theCA, false, false},
	{"the CA is away for 6 hours", 6 * time.Hour, theCA, false, false},
	{"the CA is away for a day", day, theCA, false, false},
	{"the CA is away for 7 days", 7 * day, theCA, false, false},
	{"the CA is away for 14 days", 14 * day, theCA, false, false},
	{"the CA is away for 30 days", 30 * day, theCA, false, false},
	{"the CA is busy for 2 days (Retry-After)", 2 * day, func(l *life, s span) { l.first.limits = s.holds }, false, false},
	{"the CA does not say when to renew", 0, func(l *life, _ span) { l.first.advises = false }, true, true},
	{"the CA says nothing of it for 60 days", 60 * day, func(l *life, s span) { l.first.silent = s.holds }, false, true},
	{"the CA revokes everything", 0, func(l *life, _ span) { l.first.revoke() }, false, true},
	{"another CA is chosen", 0, func(l *life, _ span) { l.moves() }, true, true},
	{"the names lead elsewhere for 5 days", 5 * day, func(l *life, s span) { l.first.refuses = s.holds }, false, false},
	{"the server takes no new certificate for 3 days", 3 * day, func(l *life, s span) { ok := s.holds; l.reloads = func(t time.Time) bool { return !ok(t) } }, false, false},
	{"the host is off for 3 weeks", 21 * day, func(l *life, s span) { l.off = s.holds }, false, false},
	{"the CA is away for 30 days, a second one stands by", 30 * day, insured, false, false},
	{"the CA is away for 120 days, a second one stands by", 120 * day, insured, false, false},
}

// insured has the CA not be reached, and another one asked in its place.
func insured(l *life, s span) {
	l.standsBy()
	theCA(l, s)
}

// inCI are the rows, counted from 0, that are lived with every test: each is one where something has to be got over.
var inCI = map[int]bool{4: true, 10: true, 21: true, 25: true, 38: true, 44: true, 45: true, 59: true, 66: true}

// survives is whether the trouble leaves a day of the time between the renewal and the end.
func (tr trouble) survives(lifetime time.Duration) bool {
	window := lifetime / 3
	if lifetime < short {
		window = lifetime / 2
	}
	return tr.lasts+day < window || strings.Contains(tr.name, "says nothing") || strings.Contains(tr.name, "stands by")
}

// lived is three years with a trouble.
func lived(t *testing.T, lifetime time.Duration, tr trouble) *life {
	t.Helper()
	l := newLife(t, lifetime)
	for year := range 3 {
		l.until(noon.AddDate(year, 3, 0))
		if year == 0 || !tr.once {
			// The worst moment is when the next renewal is due.
			if at := l.state().due(l.facts(), l.clock); !tr.any {
				l.until(at)
			}
			tr.begin(l, span{l.clock, l.clock.Add(tr.lasts)})
		}
		l.until(noon.AddDate(year+1, 0, 0))
	}
	return l
}

// row is what three years were like.
func (l *life) row(lifetime time.Duration, tr trouble) string {
	var told []string
	for _, about := range []string{AboutNotice, AboutWarning, AboutCritical, AboutExpired, AboutUnserved, AboutWell} {
		if n := l.count(about); n > 0 {
			told = append(told, fmt.Sprintf("%s ×%d", about, n))
		}
	}
	without := "never"
	if l.without > 0 {
		without = fmt.Sprintf("%.1f days", l.without.Hours()/24)
	}
	return fmt.Sprintf("| %d days | %s | %d | %d | %d | %.0f %% | %s | %s |", int(lifetime/day), tr.name, l.certificates(), l.vain(), l.first.asked+l.second.asked,
		max(0, l.least*100), without, strings.Join(told, ", "))
}

// TestYears lives three years with each lifetime and each trouble, or with some of them: all take minutes. No certificate runs out as long as its CA could be
// reached for a day between the renewal and the end; nothing fails in silence; nobody is told the same twice; and no CA has
// a reason to complain.
func TestYears(t *testing.T) {
	t.Parallel()
	rows := make([]string, len(lifetimes)*len(troubles))
	var all sync.WaitGroup
	for i, lifetime := range lifetimes {
		for j, tr := range troubles {
			if n := i*len(troubles) + j; *update || inCI[n] {
				all.Go(func() {
					l := lived(t, lifetime, tr)
					rows[n] = l.row(lifetime, tr)
					l.check(t, lifetime, tr)
				})
			}
		}
	}
	all.Wait()
	onRenewalPage(t, rows)
}

func (l *life) check(t *testing.T, lifetime time.Duration, tr trouble) {
	t.Helper()
	where := fmt.Sprintf("%d days, %s", int(lifetime/day), tr.name)
	if l.without > 0 && tr.survives(lifetime) {
		t.Errorf("%s: an expired certificate was served for %v", where, l.without)
	}
	if most := tr.lasts + day; l.without > most {
		t.Errorf("%s: an expired certificate was served for %v after the trouble was over", where, l.without-most)
	}
	if l.without > 0 && !strings.Contains(tr.name, "host is off") && l.count(AboutExpired) == 0 {
		t.Errorf("%s: nobody was told that it expired", where)
	}
	for _, at := range l.silent {
		t.Errorf("%s: a failure that nobody was told of, at %s", where, at)
	}
	for _, w := range l.wrongs() {
		t.Errorf("%s: the CA complains: %s", where, w)
	}
	if least := int(3*365*day/lifetime) - 3; l.certificates() < least && l.without == 0 {
		t.Errorf("%s: only %d certificates in three years", where, l.certificates())
	}
	if most := 3*365*3/2*int(day)/int(lifetime) + 40; l.certificates() > most && lifetime > short {
		t.Errorf("%s: %d certificates in three years", where, l.certificates())
	}
	if most := 3 * (12 + int(tr.lasts/(6*time.Hour))); l.vain() > most {
		t.Errorf("%s: %d attempts in vain", where, l.vain())
	}
	if strings.Contains(tr.name, "revokes") && l.replacedIn > advised+advised/4+2*time.Hour {
		t.Errorf("%s: a revoked certificate was served for %v", where, l.replacedIn)
	}
	l.checkMessages(t, where)
}

// checkMessages: each level of a certificate is told once, and all is said to be well once for each time that it was not.
func (l *life) checkMessages(t *testing.T, where string) {
	t.Helper()
	open := map[string]bool{}
	for _, m := range l.told {
		switch {
		case m.About == AboutWell && len(open) == 0:
			t.Errorf("%s: all is well again, and nothing was wrong: %v", where, l.told)
		case m.About == AboutWell:
			clear(open)
		case open[m.About]:
			t.Errorf("%s: told twice: %s", where, m.Text)
		default:
			open[m.About] = true
		}
	}
	if len(open) > 0 {
		t.Errorf("%s: it was never said that all is well again", where)
	}
}

const page = "../../docs/renewal.md"

// onRenewalPage holds the page in docs against what was lived; `go test ./system/renew -run TestYears -update` writes it.
func onRenewalPage(t *testing.T, rows []string) {
	t.Helper()
	if *update {
		if err := os.WriteFile(page, []byte(yearsHead+strings.Join(rows, "\n")+"\n"), 0o644); err != nil {
			t.Fatal(err)
		}
		if !t.Failed() { // so none of what check counts happened
			const command = "go test ./system/renew -run TestYears -update"
			promises.Record(t,
				promises.Figure{Promise: 15, What: "three years lived, each with another lifetime and trouble", Target: "≥ 60", Measured: promises.Count(len(rows)), Command: command},
				promises.Figure{Promise: 15, What: "certificates that ran out although their CA could be reached for a day", Target: "0", Measured: "0", Command: command},
				promises.Figure{Promise: 15, What: "failures that lasted to a third, a sixth or a twelfth of the lifetime and were told to nobody, or twice", Target: "0", Measured: "0", Command: command},
			)
		}
	}
	there, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	for _, row := range rows {
		if !strings.Contains(string(there), row) {
			t.Errorf("%s does not have what was lived (go test ./system/renew -run TestYears -update):\n%s", page, row)
		}
	}
}

const yearsHead = `# Renewal

How sslwizard renews certificates, lived through three years for each lifetime and each trouble by the program itself, with a
clock that is not real and a CA that is as strict as Let's Encrypt. ` + "`go test ./system/renew -run TestYears -update`" + ` writes
this page; the test fails when a certificate runs out although its CA could be reached for a day between the renewal and the
end, when a failure is told to nobody within 14 hours of the last third, when anything is told twice, and when the CA has a
reason to complain: asked too often, another CA's certificate asked about, a limit met, a certificate replaced twice.

The timer comes every hour. It asks the CA when to renew as often as the CA likes (ARI, RFC 9773), and draws one moment in the
window that it is told, which can be earlier than our own rule and never later. Without an answer it renews when a third of the lifetime is left, or half of less than ten days. After a
failure it waits a minute, ten, a hundred, and then most of a day. Trouble begins when a renewal is due, where that is the
worst moment, and three times in the three years, where it can pass. Somebody is told of a failure that lasts for half a day when
a third (notice), a sixth (warning) and a twelfth (critical) of the lifetime is left, and when it is over. A certificate that ran
out while the host was off is renewed at the next boot.

| lifetime | trouble | certificates | attempts in vain | CA asked | least left | expired | told |
| --- | --- | --: | --: | --: | --: | --- | --- |
`
