package renew

import (
	"context"
	"errors"
	"io/fs"
	"slices"
	"strings"
	"testing"
	"time"

	pebbletest "github.com/c93d5bcb/sslwizard/e2e/pebble"
	"github.com/c93d5bcb/sslwizard/steps"
	"github.com/c93d5bcb/sslwizard/system/cert"
	"github.com/c93d5bcb/sslwizard/system/doctor"
	"github.com/c93d5bcb/sslwizard/system/host"
)

const (
	tokenFile = "/etc/sslwizard-dns"
	updateKey = "c2VjcmV0LXNlY3JldC1zZWNyZXQtc2VjcmV0ISE="
	recordOf  = "_acme-challenge.shop.example.com"
)

// byDNS has example.com take updates, and asks for a name with its wildcard by them.
func (w *world) byDNS() steps.ObtainCertificate {
	w.dns.SetRecord("example.com", pebbletest.Record{Servers: []string{"ns1.example.com"}, Key: "sslwizard:" + updateKey})
	w.credentials(0o600, "# of the zone\nserver = 127.0.0.1\nkey = sslwizard\nsecret = "+updateKey+"\n")
	c := w.obtain()
	c.Domains = []steps.Domain{"shop.example.com", "*.shop.example.com"}
	c.Trusted.Challenge = steps.DNS01
	c.Trusted.DNS = steps.SiteDNS{Provider: "rfc2136", Credentials: tokenFile}
	return c
}

func (w *world) credentials(mode fs.FileMode, text string) {
	w.host.Put(tokenFile, host.File{Data: []byte(text), Mode: mode})
}

// clean checks that the DNS and our own record of it are as before.
func (w *world) clean(when string) {
	w.t.Helper()
	if left := w.dns.Record(recordOf).Texts; len(left) > 0 {
		w.t.Errorf("%s: left in the DNS: %q", when, left)
	}
	if w.host.Exists(recordsFile) {
		w.t.Errorf("%s: written down: %s", when, w.host.Content(recordsFile))
	}
}

func TestObtainByDNS(t *testing.T) {
	t.Parallel()
	w := newWorld(t, pebbletest.Options{})
	c := w.byDNS()
	c.Trusted.Rehearsal = w.staging.Directory
	v := w.mustMake(c)
	f, err := v.Facts()
	if err != nil || !cert.SameDomains(f.Domains, c.Domains) {
		t.Errorf("it is for %v, %v", f.Domains, err)
	}
	if w.staging.Requests("/finalize-order/") != 1 {
		t.Error("it was not rehearsed")
	}
	w.clean("done")
	for file, text := range w.host.Snapshot() {
		if file != tokenFile && strings.Contains(text, updateKey) {
			t.Errorf("the key of the zone is in %s", file)
		}
	}
	if w.saidAnything(updateKey) || !w.saidAnything("TXT record of "+recordOf) {
		t.Errorf("it said %q", w.said)
	}
	if a := w.pending(c); a != steps.Nothing {
		t.Errorf("afterwards it is %c", a)
	}
	w.tidy()
}

// TestRenewalByDNSIsRehearsed: the first round of the timer has the staging CA prove the names from where renewals run, and
// says what it could not, once it can it is not done again.
func TestRenewalByDNSIsRehearsed(t *testing.T) {
	t.Parallel()
	w := newWorld(t, pebbletest.Options{Validity: 90 * 24 * time.Hour})
	c := w.byDNS()
	c.Trusted.Rehearsal = w.staging.Directory
	w.mustMake(c)
	shop := w.sites()[0]
	shop.Trusted, shop.Certs.Domains = c.Trusted, c.Domains
	l := &live{w: w, serves: map[string]string{}}
	round := func() Outcome {
		return w.manager().Renew(t.Context(), w.host, []steps.Site{shop}, Options{Scheduled: true}, l, nil)[0]
	}
	hidden, before := w.host.Content(tokenFile), w.ca.Requests("/order-plz")
	w.host.Take(tokenFile)
	if expect(t, round().Err, "D41", steps.ExitAnswers); len(l.reloads) > 0 {
		t.Error("without credentials it counts as rehearsed")
	}
	w.credentials(0o600, hidden)
	for n := range 2 {
		if out := round(); out.Err != nil {
			t.Errorf("round %d: %+v", n, out)
		}
		if orders := w.staging.Requests("/finalize-order/"); orders != 2 {
			t.Errorf("after round %d the staging CA had %d orders", n, orders)
		}
	}
	if n := w.ca.Requests("/order-plz"); n != before || len(l.reloads) != 1 {
		t.Errorf("%d orders at the CA, reloads %v", n-before, l.reloads)
	}
	w.clean("rehearsed")
}

// TestDNSCredentials has every fault of the file stop a run before the CA hears of it.
func TestDNSCredentials(t *testing.T) {
	t.Parallel()
	const right = "server = 127.0.0.1\nkey = sslwizard\nsecret = " + updateKey + "\n"
	for name, test := range map[string]struct {
		spoil func(w *world)
		code  string
		says  string
	}{
		"none":          {func(w *world) { w.host.Take(tokenFile) }, "D41", "install -m 0600 /dev/null " + tokenFile},
		"for the group": {func(w *world) { w.credentials(0o640, right) }, "D42", "chmod 600 " + tokenFile},
		"for everybody": {func(w *world) { w.credentials(0o604, right) }, "D42", "chmod 600 " + tokenFile},
		"somebody else's": {func(w *world) {
			w.host.Put(tokenFile, host.File{Data: []byte(right), Mode: 0o600, UID: 1000})
		}, "D42", "chown root:root"},
		"empty":       {func(w *world) { w.credentials(0o600, "") }, "D41", "server = …"},
		"a bare key":  {func(w *world) { w.credentials(0o600, updateKey) }, "D41", "nano"},
		"another key": {func(w *world) { w.credentials(0o600, strings.Replace(right, "c2Vj", "d2Vj", 1)) }, "A12", "token"},
		"another zone": {func(w *world) {
			w.credentials(0o600, right+"zone = example.org\n")
		}, "D43", "provider"},
		"away": {func(w *world) {
			w.credentials(0o600, strings.Replace(right, "127.0.0.1", "127.0.0.1:1", 1))
		}, "D45", "later"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, pebbletest.Options{})
			c := w.byDNS()
			test.spoil(w)
			err := w.make(c)
			var f *steps.Failure
			if !errors.As(err, &f) || f.Code != test.code || !strings.Contains(f.Error()+strings.Join(f.Fixes, "\n"), test.says) || strings.Contains(f.Error(), updateKey[4:]) {
				t.Errorf("%v %q", err, steps.Fixes(err))
			}
			if n := w.ca.Requests("/order-plz"); n > 0 {
				t.Errorf("%d orders were made", n)
			}
			w.clean(name)
		})
	}
}

// TestKilledByDNS is killed at every write, and at once the DNS hears no more of it: nothing stays there after the next run.
func TestKilledByDNS(t *testing.T) {
	t.Parallel()
	points := 0
	for n := 1; ; n++ {
		w := newWorld(t, pebbletest.Options{})
		c := w.byDNS()
		w.host.DieAt(n)
		err := w.make(c)
		w.host.Revive()
		w.mustMake(c)
		w.mustMake(c) // where only the first certificate was stored
		w.clean("killed")
		if made := w.ca.Requests("/finalize-order/"); made != 1 {
			t.Errorf("killed at %d: %d certificates were made", n, made)
		}
		if err == nil {
			break
		}
		points++
	}
	if points < 15 {
		t.Errorf("only %d points were tried", points)
	}
}

// TestKilledWhileTheRecordIsThere has the run end at the worst moment, and a provider that is away when it is to be taken away.
func TestKilledWhileTheRecordIsThere(t *testing.T) {
	t.Parallel()
	for name, cut := range map[string]func(w *world) func(string) bool{
		"killed": func(w *world) func(string) bool {
			return func(string) bool {
				if len(w.dns.Record(recordOf).Texts) == 0 {
					return false
				}
				w.host.DieAt(1)
				return true
			}
		},
		"away": func(w *world) func(string) bool {
			return func(network string) bool { return network == "tcp" && len(w.dns.Record(recordOf).Texts) > 0 } // updates
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, pebbletest.Options{})
			c := w.byDNS()
			c.Domains = c.Domains[1:] // one record
			w.cut = cut(w)
			if err := w.make(c); (err == nil) != (name == "away") {
				t.Fatalf("it ended with %v", err)
			}
			if len(w.dns.Record(recordOf).Texts) == 0 || !w.host.Exists(recordsFile) {
				t.Fatalf("the test tries nothing: %v", w.dns.Record(recordOf))
			}
			w.host.Revive()
			w.cut = nil
			w.manager().Renew(t.Context(), w.host, nil, Options{}, nil, func(_, text string) { w.progress(text) })
			w.clean(name)
			if !w.saidAnything("that an earlier run left") {
				t.Errorf("it said %q", w.said)
			}
			w.mustMake(c)
			w.clean(name)
		})
	}
}

// TestLeftoversGo has a renewal that is not due take away what could not be taken away before, and nothing else.
func TestLeftoversGo(t *testing.T) {
	t.Parallel()
	w := newWorld(t, pebbletest.Options{})
	w.byDNS()
	w.dns.SetRecord(recordOf, pebbletest.Record{Texts: []string{"somebody else's", "ours"}})
	w.host.File(recordsFile, `[{"site":"`+site+`","provider":"rfc2136","credentials":"`+tokenFile+`","name":"`+recordOf+`","value":"ours"}]`)
	w.credentials(0o644, "") // it cannot be used: the record stays written down
	w.manager().Renew(t.Context(), w.host, nil, Options{}, nil, func(_, text string) { w.progress(text) })
	if !w.host.Exists(recordsFile) || !w.saidAnything("cannot be taken away") {
		t.Errorf("it said %q", w.said)
	}
	w.byDNS()
	w.manager().Renew(t.Context(), w.host, nil, Options{}, nil, func(_, text string) { w.progress(text) })
	if got := w.dns.Record(recordOf).Texts; !slices.Equal(got, []string{"somebody else's"}) || w.host.Exists(recordsFile) {
		t.Errorf("%q are left", got)
	}
	if w.saidAnything(updateKey) {
		t.Error("the key is said")
	}
}

// TestChallengeInACircle is an alias that leads nowhere, and a doctor who does not see it.
func TestChallengeInACircle(t *testing.T) {
	t.Parallel()
	w := newWorld(t, pebbletest.Options{})
	c := w.byDNS()
	w.dns.SetRecord(recordOf, pebbletest.Record{Alias: "proofs.example.com"})
	w.dns.SetRecord("proofs.example.com", pebbletest.Record{Alias: recordOf})
	m := w.manager()
	m.Doctor = blind{}
	expect(t, m.Make(t.Context(), w.host, c, w.progress), "D44", steps.ExitAnswers)
	w.clean("a circle")
}

// TestProgramsFile is about the program that the file of "exec" names.
func TestProgramsFile(t *testing.T) {
	t.Parallel()
	const hook = "/usr/local/sbin/hook"
	h := newHost(t)
	h.Put(tokenFile, host.File{Data: []byte("program = " + hook + "\nenv.TOKEN = s3cret\n"), Mode: 0o600})
	d := steps.SiteDNS{Provider: "exec", Credentials: tokenFile}
	if f := DNSFile(h, d); !strings.Contains(f.Fault, hook+": there is no such file") {
		t.Errorf("absent: %+v", f)
	}
	for says, file := range map[string]host.File{
		"may read or change it": {Mode: 0o757},
		"who is not root":       {Mode: 0o755, UID: 1000},
		"may not be run":        {Mode: 0o644},
		"":                      {Mode: 0o755},
	} {
		h.Dir("/usr/local/sbin", 0o755)
		h.Put(hook, file)
		if f := DNSFile(h, d); (f.Fault == "") != (says == "") || !strings.Contains(f.Fault, says) {
			t.Errorf("%+v: %+v", file, f)
		}
	}
}

// TestKeeper tells the doctor what a run would stumble over.
func TestKeeper(t *testing.T) {
	t.Parallel()
	w := newWorld(t, pebbletest.Options{})
	c := w.byDNS()
	w.credentials(0o644, "")
	var keeper doctor.Keeper = Keeper(w.host, c.Trusted.DNS)
	expect(t, keeper.Ask(context.Background(), recordOf), "D42", steps.ExitAnswers)
}
