package command

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/c93d5bcb/sslwizard/steps"
	"github.com/c93d5bcb/sslwizard/wizard/theme"
)

var update = flag.Bool("update", false, "write the texts of testdata anew; read every one of them before you commit it")

// noon is when every run of these stories is.
var noon = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)

func shopSite(t *testing.T, more string) steps.Site {
	t.Helper()
	sites, err := steps.Sites("shop.yaml", []byte(minimal+more))
	if err != nil {
		t.Fatal(err)
	}
	return sites[0]
}

// shopPlan is a small plan with what a real one has: steps that come back, commands, a phase, a diff.
func shopPlan(site steps.Site) steps.Preview {
	sites := []steps.Site{site}
	p := steps.Preview{Hash: "7c41e0aa9f21b3c4d5e6f7081920a1b2c3d4e5f60718293a4b5c6d7e8f901234", Plan: steps.Plan{Sites: sites, Executor: "native"}}
	add := func(a steps.Action, diff string, c steps.Change, commands ...[]string) {
		p.Effects = append(p.Effects, steps.Effect{Action: a, Diff: diff, Change: c, Commands: commands})
	}
	add(steps.Create, "", steps.EnsureUser{For: steps.For(steps.IDInstall), Name: "sslwizard"}, []string{"useradd", "--system", "sslwizard"})
	add(steps.Nothing, "", steps.EnsureDir{For: steps.For(steps.IDInstall), Path: "/etc/sslwizard", Mode: 0o755})
	add(steps.Create, "", steps.IssueLocal{For: steps.For(steps.IDCerts), Site: site.Name, Domains: site.Certs.Domains, KeyType: "ecdsa-p256", Days: 365})
	add(steps.Create, "--- /dev/null\n+++ b/etc/systemd/system/sslwizard-renew.timer\n@@ -0,0 +1 @@\n+OnCalendar=*-*-* 00,12:00:00\n",
		steps.WriteFile{For: steps.For(steps.IDTrusted), Path: "/etc/systemd/system/sslwizard-renew.timer", Mode: 0o644})
	add(steps.Execute, "", steps.EnableUnit{For: steps.For(steps.IDInstall), Unit: "sslwizard-proxy.service", Start: true},
		[]string{"systemctl", "enable", "sslwizard-proxy.service"}, []string{"systemctl", "start", "sslwizard-proxy.service"})
	add(steps.Execute, "", steps.Verify{For: steps.For(steps.IDWebSockets), Sites: sites})
	add(steps.Execute, "", steps.Checkpoint{For: steps.For(steps.IDWebSockets)})
	add(steps.Create, "", steps.ObtainCertificate{For: steps.For(steps.IDTrusted), Site: site.Name, Domains: site.Certs.Domains, Trusted: site.Trusted})
	add(steps.Execute, "", steps.Verify{For: steps.For(steps.IDTrusted), Sites: sites, Trusted: true})
	return p
}

// tape is a run as the engine tells it.
type tape struct {
	run    string
	events []steps.Event
}

func (t *tape) add(s steps.Status, c steps.Change, text string, took time.Duration) *tape {
	t.events = append(t.events, steps.Event{Time: noon.Add(time.Duration(len(t.events)) * time.Second), Run: t.run, Status: s, Change: c, Text: text, Elapsed: took})
	return t
}

func (t *tape) saw(c steps.Change, r steps.Report) *tape {
	t.events = append(t.events, steps.Event{Time: noon.Add(time.Duration(len(t.events)) * time.Second), Run: t.run, Status: steps.Progress, Change: c, Report: &r})
	return t
}

// through plays the changes of a plan up to the n-th as done.
func (t *tape) through(p steps.Preview, from, to int) *tape {
	for _, e := range p.Effects[from:to] {
		if e.Action == steps.Nothing {
			t.add(steps.Unchanged, e.Change, "", 0)
			continue
		}
		t.add(steps.Started, e.Change, e.Change.Summary(), 0).add(steps.Done, e.Change, "", 1200*time.Millisecond)
	}
	return t
}

// well is what the probe sees of a site that works, as a browser would.
func well() steps.Report {
	r := steps.Report{Target: "https://shop.example.com", Took: 320 * time.Millisecond}
	for _, id := range steps.IDs() {
		for _, address := range []string{"127.0.0.1:443", "[::1]:443"} {
			r.Checks = append(r.Checks, steps.Check{Step: id, Name: string(id) + ".seen", Address: address, Verdict: steps.OK, Detail: "as asked"})
		}
	}
	return r
}

// appDown is what it sees when the application behind the site does not run: a dozen times the same.
func appDown() steps.Report {
	r := well()
	for _, name := range []string{"proxy.answer", "proxy.headers", "ws.handshake", "ws.echo", "ws.ping", "ws.close"} {
		step := steps.IDProxy
		if strings.HasPrefix(name, "ws.") {
			step = steps.IDWebSockets
		}
		for _, address := range []string{"127.0.0.1:443", "[::1]:443"} {
			r.Checks = append(r.Checks, steps.Check{Step: step, Name: name, Address: address, Verdict: steps.Fail, Code: "W01", Blame: "app",
				Detail: "the application does not answer on 127.0.0.1:3000", Fix: []string{"sudo ss -ltn sport = :3000    shows whether it listens"}})
		}
	}
	return r
}

// wrongName is a site that answers with somebody else's certificate, in every family.
func wrongName() steps.Report {
	r := well()
	for _, address := range []string{"127.0.0.1:443", "[::1]:443"} {
		r.Checks = append(r.Checks, steps.Check{Step: steps.IDCerts, Name: "certs.names", Address: address, Verdict: steps.Fail, Code: "T03",
			Detail: "the certificate is for other.example.com", Browser: "ERR_CERT_COMMON_NAME_INVALID", Fix: []string{"sudo ss -ltnp    shows who else listens"}})
	}
	return r
}

// countedUp is the error that the engine makes of failed checks.
func countedUp(what string, r steps.Report, status int) error {
	var said []string
	for _, c := range r.Failed() {
		said = append(said, c.Name+" "+c.Address+": "+c.Detail)
	}
	return &steps.Failure{Text: what + ": " + strings.Join(said, "; "), Code: r.Failed()[0].Code, Status: status, Fixes: r.Failed()[0].Fix}
}

func rehearsed() steps.Report {
	r := well()
	r.Target = "rehearsal on loopback ports"
	return r
}

// story is one command, what the machine does, and the text that is printed, in testdata/NAME.txt.
type story struct {
	name   string
	args   []string
	status int
	m      func(*testing.T) *machine
}

var stories = []story{
	{"dry-run", []string{"--dry-run", "-"}, 0, func(t *testing.T) *machine {
		p := shopPlan(shopSite(t, ""))
		p.Findings = []steps.Finding{{Code: "upstream-silent", Severity: steps.Warning, Text: "nothing listens on 127.0.0.1:3000 now; the site answers 502 until the application runs",
			Fix: []string{"sudo ss -ltnp    shows who listens"}}}
		return &machine{preview: &p}
	}},
	{"dry-run-blocked", []string{"--dry-run", "-"}, 1, func(t *testing.T) *machine {
		return &machine{preview: &steps.Preview{Plan: steps.Plan{Sites: []steps.Site{shopSite(t, "")}, Executor: "native"},
			Findings: []steps.Finding{{Code: "N01", Severity: steps.Blocker, Text: "cannot listen on port 80: apache2 has it (pid 812, apache2.service)", Fix: []string{
				"sudo systemctl disable --now apache2.service    if it is not needed any more",
				"install.executor: nginx    works beside the sites of the nginx that is there"}}}}}
	}},
	{"done", []string{"--non-interactive", "-"}, 0, func(t *testing.T) *machine {
		p := shopPlan(shopSite(t, ""))
		tp := (&tape{run: "20261123-120000-0001"}).add(steps.Started, nil, "run 20261123-120000-0001", 0).saw(nil, rehearsed()).through(p, 0, 5).
			saw(p.Effects[5].Change, well()).through(p, 5, 7).
			add(steps.Progress, p.Effects[7].Change, "Ordering a certificate for shop.example.com", 0).through(p, 7, 8).
			saw(p.Effects[8].Change, well()).through(p, 8, 9).add(steps.Done, nil, "done", 10900*time.Millisecond)
		return &machine{preview: &p, tape: tp, status: standingOf("acme"),
			result: &steps.Result{Run: tp.run, Outcome: steps.OutcomeDone, Reports: []steps.Report{rehearsed(), well(), well()}}}
	}},
	{"application-down", []string{"--non-interactive", "-"}, 3, func(t *testing.T) *machine {
		p := shopPlan(shopSite(t, ""))
		tp := (&tape{run: "20261123-120000-0001"}).through(p, 0, 5).saw(p.Effects[5].Change, appDown()).through(p, 5, 8).
			saw(p.Effects[8].Change, appDown()).through(p, 8, 9).add(steps.Done, nil, "unverified", 12*time.Second)
		return &machine{preview: &p, tape: tp, status: standingOf("acme"),
			result: &steps.Result{Run: tp.run, Outcome: steps.OutcomeUnverified, Reports: []steps.Report{appDown(), appDown()},
				Err: countedUp("cannot prove the whole", appDown(), steps.ExitUnverified)}}
	}},
	{"verification-failed", []string{"--non-interactive", "-"}, 4, func(t *testing.T) *machine {
		p := shopPlan(shopSite(t, ""))
		why := countedUp("cannot keep the change: the verification failed", wrongName(), 0)
		tp := (&tape{run: "20261123-120000-0001"}).through(p, 0, 5).saw(p.Effects[5].Change, wrongName()).add(steps.Failed, p.Effects[5].Change, why.Error(), 0).
			add(steps.Undone, nil, "removed the user sslwizard", 0).add(steps.Failed, nil, "reverted", 8*time.Second)
		return &machine{preview: &p, tape: tp, result: &steps.Result{Run: tp.run, Outcome: steps.OutcomeReverted, Err: why, Reports: []steps.Report{wrongName()},
			Undone: []string{"removed the user sslwizard"}, Kept: []string{"/var/lib/sslwizard/acme: what a CA gave is kept"}}}
	}},
	{"no-trusted-certificate", []string{"--non-interactive", "-"}, 3, func(t *testing.T) *machine {
		p := shopPlan(shopSite(t, ""))
		why := &steps.Failure{Code: "A05", Text: "cannot prove shop.example.com: port 80 is not reachable from outside", Fixes: []string{"open port 80 in the firewall of your provider"}}
		tp := (&tape{run: "20261123-120000-0001"}).through(p, 0, 5).saw(p.Effects[5].Change, well()).through(p, 5, 7).
			add(steps.Failed, p.Effects[7].Change, why.Error(), 2*time.Second).add(steps.Progress, nil, "taking back what was done", 0).
			add(steps.Kept, nil, "/var/lib/sslwizard/acme: what a CA gave is kept", 0).add(steps.Failed, nil, "partial", 8*time.Second)
		return &machine{preview: &p, tape: tp, status: standingOf("local"),
			result: &steps.Result{Run: tp.run, Outcome: steps.OutcomePartial, Reports: []steps.Report{well()}, Err: why, Kept: []string{"/var/lib/sslwizard/acme: what a CA gave is kept"}}}
	}},
	{"stopped", []string{"--non-interactive", "-"}, 3, func(t *testing.T) *machine {
		p := shopPlan(shopSite(t, ""))
		why := &steps.Failure{Text: "cannot go on: the run was stopped", Status: steps.ExitCancelled}
		tp := (&tape{run: "20261123-120000-0002"}).through(p, 0, 5).add(steps.Failed, p.Effects[7].Change, why.Error(), 0).add(steps.Failed, nil, "partial", time.Second)
		return &machine{preview: &p, tape: tp, result: &steps.Result{Outcome: steps.OutcomePartial, Err: why}}
	}},
	{"failed", []string{"--non-interactive", "-"}, 4, func(t *testing.T) *machine {
		p := shopPlan(shopSite(t, ""))
		why := &steps.Failure{Code: "N04", Text: "cannot keep the change: nginx refuses the configuration", Fixes: []string{"sudo nginx -t    says the same"}}
		tp := (&tape{run: "20261123-120000-0001"}).through(p, 0, 4).add(steps.Failed, p.Effects[4].Change, why.Error(), 0).
			add(steps.Progress, nil, "taking back what was done", 0).add(steps.Undone, nil, "removed the user sslwizard", 0).add(steps.Failed, nil, "reverted", 8*time.Second)
		return &machine{preview: &p, tape: tp, result: &steps.Result{Run: tp.run, Outcome: steps.OutcomeReverted, Err: why, Undone: []string{"removed the user sslwizard"}}}
	}},
	{"undo", []string{"undo"}, 0, func(*testing.T) *machine {
		tp := (&tape{run: "20261123-120000-0002"}).add(steps.Undone, nil, "removed the user sslwizard", 0).add(steps.Kept, nil, "/etc/nginx/conf.d/x.conf: somebody edited it", 0)
		return &machine{tape: tp, result: &steps.Result{Run: tp.run, Outcome: steps.OutcomeDone, Undone: []string{"removed the user sslwizard"},
			Kept: []string{"/etc/nginx/conf.d/x.conf: somebody edited it"}}}
	}},
	{"uninstall", []string{"uninstall"}, 0, func(*testing.T) *machine {
		tp := (&tape{run: "20261123-120000-0002"}).add(steps.Undone, nil, "removed the user sslwizard", 0)
		return &machine{tape: tp, result: &steps.Result{Outcome: steps.OutcomeDone, Undone: []string{"removed the user sslwizard", "removed the certificates, their keys and the ACME accounts"}}}
	}},
	{"renew", []string{"renew"}, 0, func(*testing.T) *machine {
		tp := (&tape{}).add(steps.Progress, nil, "shop.example.com: asking for the certificate", 0).add(steps.Done, nil, "shop.example.com: a new certificate until 2027-02-21 is served", 0)
		return &machine{tape: tp, result: &steps.Result{Outcome: steps.OutcomeDone}}
	}},
	{"renew-failed", []string{"renew"}, 3, func(*testing.T) *machine {
		return &machine{result: &steps.Result{Outcome: steps.OutcomePartial, Err: errors.New("shop.example.com: cannot reach the CA")}}
	}},
	{"again", []string{"--non-interactive", "-"}, 0, func(t *testing.T) *machine {
		p := shopPlan(shopSite(t, ""))
		for i := range p.Effects {
			p.Effects[i].Action = steps.Nothing
		}
		return &machine{preview: &p, tape: (&tape{}).saw(nil, well()), result: &steps.Result{Outcome: steps.OutcomeNothing, Reports: []steps.Report{well()}}}
	}},
	{"remove", []string{"remove", "shop.example.com"}, 0, func(*testing.T) *machine {
		p := &steps.Preview{Plan: steps.Plan{Executor: "native"}, Effects: []steps.Effect{{Action: steps.Delete, Change: steps.RemoveFile{For: steps.For(steps.IDInstall), Path: "/etc/sslwizard/sites/shop.example.com.yaml"}}}}
		tp := (&tape{run: "20261123-120000-0003"}).through(*p, 0, 1).add(steps.Done, nil, "done", time.Second)
		return &machine{preview: p, tape: tp, result: &steps.Result{Run: tp.run, Outcome: steps.OutcomeDone}}
	}},
	{"status", []string{"status"}, 0, func(*testing.T) *machine {
		s := standingOf("acme")
		s.Units = []steps.UnitStatus{{Name: "sslwizard-proxy.service", Active: true, Enabled: true}, {Name: "sslwizard-renew.timer", Enabled: true}}
		s.Proxy = &steps.ProxyStatus{Since: noon.Add(-48 * time.Hour), Connections: 12, WebSockets: 1, Requests: 10234, Failed: 2,
			Error: "cannot take site shop.example.com: its private key does not belong to its certificate"}
		s.Unended = "20261123-120000-0009"
		for i := range 25 {
			s.Runs = append(s.Runs, steps.RunRecord{ID: fmt.Sprintf("20261122-1200%02d-0001", 59-i), What: "apply shop.example.com (native)", Outcome: steps.OutcomeDone, Undone: i == 1})
		}
		s.Runs[0].Outcome = steps.OutcomePartial
		return &machine{status: s}
	}},
	{"status-upstreams", []string{"status"}, 0, func(*testing.T) *machine {
		s := standingOf("local")
		s.Sites[0].Upstreams = []steps.UpstreamStatus{{Upstream: "http://127.0.0.1:3000", Known: true, Busy: 3, Failures: 1}, {Upstream: "http://10.0.0.5:3000", Known: true, Failures: 7, Down: true}}
		return &machine{status: s}
	}},
	{"status-running", []string{"status"}, 0, func(*testing.T) *machine {
		s := standingOf("local")
		s.Running = "20261123-120000-0009"
		return &machine{status: s}
	}},
}

func standingOf(source string) *steps.HostStatus {
	return &steps.HostStatus{Sites: []steps.SiteStatus{{Name: "shop.example.com", Executor: "native", Domains: []steps.Domain{"shop.example.com"}, Upstream: "http://127.0.0.1:3000",
		Upstreams: []steps.UpstreamStatus{{Upstream: "http://127.0.0.1:3000"}},
		Source:    source, NotAfter: noon.Add(90 * 24 * time.Hour), RenewAfter: noon.Add(60 * 24 * time.Hour)}}}
}

// onScreen is a terminal of 80 columns, and a program that is not in PATH.
func onScreen(a *App) {
	a.Width, a.Called = 80, Called{"./sslwizard", "./sslwizard"}
	a.Env = func(name string) string { return map[string]string{"LANG": "en_US.UTF-8"}[name] }
}

// TestStories keeps what people read, word for word, on a screen of 80 columns.
func TestStories(t *testing.T) {
	t.Parallel()
	for _, s := range stories {
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			m := s.m(t)
			m.t = t
			got := invokeAs(m, s.args, onScreen, together)
			if got.status != s.status {
				t.Errorf("exit status %d, want %d", got.status, s.status)
			}
			compare(t, filepath.Join("testdata", s.name+".txt"), "$ sslwizard "+strings.Join(s.args, " ")+"\n"+got.out)
			reads(t, got.out)
		})
	}
}

// together has both streams in the order in which a terminal shows them.
func together(a *App) { a.Stderr = a.Stdout }

func compare(t *testing.T, file, got string) {
	t.Helper()
	if *update {
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("%s\ngot:\n%s\nwant:\n%s", file, got, want)
	}
}

// reads holds what every text has to hold to, whatever its words are.
func reads(t *testing.T, text string) {
	t.Helper()
	seen := map[string]bool{}
	for _, line := range strings.Split(text, "\n") {
		if theme.Columns(line) > 79 && strings.Contains(strings.TrimSpace(line), " ") {
			t.Errorf("wider than the screen: %s", line)
		}
		if line != strings.TrimRight(line, " ") {
			t.Errorf("ends in a space: %q", line)
		}
		if len(line) > 25 && seen[line] {
			t.Errorf("said twice: %s", line)
		}
		seen[line] = true
	}
	for _, odd := range []string{"done done", "done  done", "partial", "reverted", "unverified", "so far", "undo \n", "  \n", "\n\n\n", "9f21b3c4d5e6f7"} {
		if strings.Contains(text, odd) {
			t.Errorf("says %q", odd)
		}
	}
}

// TestLastWords: what somebody wants to know stands at the end.
func TestLastWords(t *testing.T) {
	t.Parallel()
	ends := map[string][]string{
		"done":                   {"https://shop.example.com and wss://shop.example.com are live, trusted until\n2027-02-21\n", "Undo: sudo ./sslwizard undo 20261123-120000-0001\n"},
		"no-trusted-certificate": {"Put it right, then run the same again:\n  sudo ./sslwizard --non-interactive -\n", "Or undo this run:\n  sudo ./sslwizard undo 20261123-120000-0001\n"},
		"dry-run":                {"  sudo ./sslwizard --non-interactive -\n"},
		"dry-run-blocked":        {"Nothing was changed. Put right what stops it, then run the same again.\n"},
		"undo":                   {"Undone: what the run changed is as it was before, but for what is kept.\n"},
		"uninstall":              {"Uninstalled: every run of sslwizard is undone.\n"},
		"renew":                  {"Renewed.\n"},
	}
	for _, s := range stories {
		want, ok := ends[s.name]
		if !ok {
			continue
		}
		m := s.m(t)
		m.t = t
		got := invokeAs(m, s.args, onScreen, together).out
		if !strings.HasSuffix(got, strings.Join(want, "")) {
			t.Errorf("%s ends with:\n%s", s.name, got[max(0, len(got)-300):])
		}
	}
}

// play streams the tape of a fake machine.
func (m *machine) play(sink func(steps.Event)) {
	if m.tape == nil {
		return
	}
	for _, e := range m.tape.events {
		sink(e)
	}
}
