package wizard

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/c93d5bcb/sslwizard/steps"
)

// applied is the screen of a run in the middle.
func applied(s *shared) *apply {
	v := aPlan()
	s.preview = &v
	a := newApply(s, "20261123-120000-0001")
	a.planned()
	say := func(after time.Duration, n int, status steps.Status, text string) {
		a.event(steps.Event{Time: noon.Add(after), Run: a.run, Change: v.Effects[n].Change, Status: status, Text: text, Elapsed: after})
	}
	say(0, 0, steps.Started, "")
	say(200*time.Millisecond, 0, steps.Done, "")
	say(300*time.Millisecond, 1, steps.Done, "")
	say(time.Second, 2, steps.Started, "")
	say(4*time.Second, 4, steps.Progress, "waiting for \x1b[2Jvalidation of shop.example.com"+strings.Repeat("x", 10<<10))
	return a
}

func TestApplyScreens(t *testing.T) {
	t.Parallel()
	golden(t, "apply-waiting", func(s *shared) screen { return newApply(s, "20261123-120000-0001") })
	golden(t, "apply", func(s *shared) screen { return applied(s) })
	golden(t, "apply-log", func(s *shared) screen { a := applied(s); a.full = &growing{}; return a })
	golden(t, "apply-stop", func(s *shared) screen { a := applied(s); a.asking = &stopBox{at: stopRun}; return a })
}

// verified is the screen of a run that looks at the live site, with n checks seen.
func verified(s *shared, n int) *apply {
	a := applied(s)
	checks := liveChecks()
	change := steps.Verify{For: steps.For(steps.IDWebSockets), Sites: s.preview.Plan.Sites}
	a.event(steps.Event{Time: noon.Add(5 * time.Second), Change: change, Status: steps.Started, Text: change.Summary()})
	for k, c := range checks[:min(n, len(checks))] {
		at := noon.Add(5*time.Second + time.Duration(k)*20*time.Millisecond)
		a.event(steps.Event{Time: at, Change: change, Status: steps.Progress, Check: &c})
	}
	return a
}

// liveChecks are those of a site as they come from the probe, at both families; some are not well, and one tries to draw.
func liveChecks() []steps.Check {
	var all []steps.Check
	for _, addr := range []netip.Addr{netip.MustParseAddr("127.0.0.1"), netip.IPv6Loopback()} {
		at := netip.AddrPortFrom(addr, 443).String()
		for _, c := range []struct {
			step         steps.ID
			name, detail string
		}{
			{steps.IDInstall, "tcp.https", "connected in 210µs"},
			{steps.IDSSL, "tls.handshake", "TLS 1.3, TLS_AES_128_GCM_SHA256, X25519MLKEM768"},
			{steps.IDCerts, "certs.leaf", "the stored certificate is served (SHA-256 0f1e2d3c4b5a6978…)"},
			{steps.IDCerts, "certs.names", "shop.example.com, www.shop.example.com"},
			{steps.IDCerts, "certs.dates", "2026-11-23 to 2027-02-21"},
			{steps.IDCerts, "certs.key", "ECDSA P-256"},
			{steps.IDSSL, "tls.versions", "offered: TLS 1.2, TLS 1.3, exactly the intermediate profile of the Mozilla guideline 6.0"},
			{steps.IDSSL, "tls.ciphers", "9 suites; exactly the Mozilla guideline 6.0"},
			{steps.IDSSL, "tls.alpn", "h2 and http/1.1"},
			{steps.IDInstall, "tcp.http", "connected in 95µs"},
			{steps.IDRedirect, "redirect.location", "301 to https://shop.example.com/a?b=1, path and query kept, one hop"},
			{steps.IDRedirect, "redirect.challenge", "a challenge is answered on http (404 for one that does not exist)"},
			{steps.IDProxy, "proxy.answer", "HTTP/2.0 200, as the application\x1b[2J itself"},
			{steps.IDSSL, "tls.hsts", "no Strict-Transport-Security: a first visit may begin over http"},
			{steps.IDProxy, "proxy.headers", "Host, X-Real-IP and X-Forwarded-* are the proxy's own; spoofed ones do not arrive"},
			{steps.IDWebSockets, "ws.handshake", "101 on /chat"},
			{steps.IDWebSockets, "ws.accept", "the accept key is right"},
			{steps.IDWebSockets, "ws.ping", "a pong with the same bytes came back"},
			{steps.IDWebSockets, "ws.echo", "text and binary messages of 0 to 65,536 bytes came back unchanged, also in pieces"},
			{steps.IDWebSockets, "ws.idle", "alive after 0.3 s of silence"},
		} {
			all = append(all, steps.Check{Step: c.step, Name: c.name, Address: at, Verdict: steps.OK, Detail: c.detail})
		}
	}
	late := steps.Check{Step: steps.IDWebSockets, Name: "ws.close", Address: "[::1]:443", Verdict: steps.Fail, Detail: "the connection was cut without a close frame", Code: "W21",
		Browser: "WebSocket closed with code 1006", Blame: "app", Fix: []string{"answer a close frame with a close frame, RFC 6455 section 5.5.1"}}
	slow := steps.Check{Step: steps.IDCerts, Name: "certs.clock", Address: "127.0.0.1:443", Verdict: steps.Warn, Detail: "the server's clock is 4 s behind this machine's", Code: "H09"}
	return append(all, slow, late)
}

func TestVerifyScreens(t *testing.T) {
	t.Parallel()
	golden(t, "verify", func(s *shared) screen { return verified(s, 14) })
	golden(t, "verify-all", func(s *shared) screen { return verified(s, 100) })
}

// The newest check is in sight until somebody scrolls; the same check at another address makes no line of its own; the
// next verification begins anew.
func TestVerificationIsFollowed(t *testing.T) {
	t.Parallel()
	s := themed(t, &fake{}, themes["utf8"])
	a := verified(s, 100)
	m := drawn(newModel(s, a), sizes[0])
	if v := m.View(); !strings.Contains(v, "wss:// close") || strings.Contains(v, "port for https") || !strings.Contains(v, "×2") || !strings.Contains(v, "40 passed, 1 failed, 1 warning.") {
		t.Errorf("the newest is not in sight:\n%s", v)
	}
	m, _ = press(m, "home")
	if v := m.View(); !strings.Contains(v, "port for https") || strings.Contains(v, "wss:// close") {
		t.Errorf("the first is not in sight:\n%s", v)
	}
	change := steps.Verify{For: steps.For(steps.IDTrusted), Trusted: true}
	a.event(steps.Event{Time: noon.Add(9 * time.Second), Change: change, Status: steps.Progress, Check: &liveChecks()[0]})
	if v := m.View(); !strings.Contains(v, "1 passed, 0 failed.") || !strings.Contains(v, "verifying") || strings.Contains(v, "wss://") {
		t.Errorf("the second one does not begin anew:\n%s", v)
	}
	a.event(steps.Event{Time: noon.Add(9200 * time.Millisecond), Change: change, Status: steps.Done})
	if v := m.View(); !strings.Contains(v, "1 passed") {
		t.Errorf("what was over in no time cannot be seen:\n%s", v)
	}
	a.event(steps.Event{Time: noon.Add(11 * time.Second), Status: steps.Progress, Text: "next"})
	if v := m.View(); !strings.Contains(v, "applying") || strings.Contains(v, "1 passed") {
		t.Errorf("the run goes on, and that is not shown:\n%s", v)
	}
}

// endsWith is the screen after a run that ended so.
func endsWith(s *shared, r steps.Result, change ...func(*apply)) screen {
	s.talk.answers, _ = answersOf()
	a := applied(s)
	for _, c := range change {
		c(a)
	}
	r.Run = a.run
	a.end = &r
	return a.ends()
}

func answersOf() (steps.Answers, error) {
	site, _ := answeredSite()
	return site.Answers(), nil
}

// aReport is what the probe saw, one check for each step, the last as given.
func aReport(last steps.Verdict) steps.Report {
	rep := steps.Report{Target: "https://shop.example.com", Took: 80 * time.Millisecond}
	for _, id := range steps.IDs() {
		rep.Checks = append(rep.Checks, steps.Check{Step: id, Name: string(id) + ".seen", Address: "203.0.113.7:443", Verdict: steps.OK, Detail: "as it should be"})
	}
	c := &rep.Checks[len(rep.Checks)-1]
	c.Verdict, c.Detail = last, "its chain\x1b[31m leads to a CA that nobody knows"
	if last == steps.Fail {
		c.Browser, c.Fix = "ERR_CERT_AUTHORITY_INVALID", []string{"openssl s_client -connect shop.example.com:443    shows the chain"}
	}
	return rep
}

// refusal is a run in which nginx refused the configuration; its words are those of a real one, and some that draw.
func refusal(a *apply) {
	change := steps.WriteFile{For: steps.For(steps.IDSSL), Path: "/etc/nginx/conf.d/sslwizard.conf", Mode: 0o644}
	for n, said := range []string{"$ nginx -t -q", "nginx: [emerg] duplicate listen options for [::]:443 in /etc/nginx/sites-enabled/default:4",
		"nginx: configuration file /etc/nginx/nginx.conf test failed\x1b[2J"} {
		a.event(steps.Event{Time: noon.Add(time.Duration(5+n) * time.Second), Change: change, Status: steps.Progress, Output: said})
	}
	a.event(steps.Event{Time: noon.Add(9 * time.Second), Change: change, Status: steps.Failed, Text: "nginx refuses it", Elapsed: 8 * time.Second})
}

// refused is how that run ended.
func refused() steps.Result {
	return steps.Result{Outcome: steps.OutcomeReverted, Undone: []string{"removed /etc/nginx/conf.d/sslwizard.conf", "removed /etc/sslwizard/sites/shop.example.com.yaml", "stopped nginx\x1b[2J"},
		Kept: []string{"your account at the CA"},
		Err: &steps.Failure{Text: "cannot use the new nginx configuration: nginx refuses it: duplicate listen options for [::]:443 in /etc/nginx/sites-enabled/default:4", Code: "N04",
			Fixes: []string{"sudo nginx -t    shows it again"}}}
}

// unprovable is a run whose verification failed, in many ways.
func unprovable() steps.Result {
	rep := steps.Report{Target: "https://shop.example.com", Checks: liveChecks()}
	said := []string{}
	for _, n := range []int{0, 12, 20, 32} {
		rep.Checks[n].Verdict, rep.Checks[n].Code, rep.Checks[n].Detail, rep.Checks[n].Fix = steps.Fail, "T02", fmt.Sprintf("port %d: no answer", 443+n/20), []string{"open the port in the firewall"}
	}
	for _, c := range rep.Failed() {
		said = append(said, steps.CleanLine(c.Name+" "+c.Address+": "+c.Detail))
	}
	return steps.Result{Outcome: steps.OutcomeReverted, Reports: []steps.Report{rep}, Undone: []string{"removed /etc/x"},
		Err: &steps.Failure{Text: "cannot keep the change: the verification failed: " + strings.Join(said, "; "), Code: "T02", Fixes: []string{"open the port in the firewall"}}}
}

func TestEndScreens(t *testing.T) {
	t.Parallel()
	golden(t, "done", func(s *shared) screen {
		d := endsWith(s, steps.Result{Outcome: steps.OutcomeDone, Reports: []steps.Report{aReport(steps.OK)}})
		d.update(standingMsg{steps.SiteStatus{Source: steps.SourceACME, NotAfter: noon.AddDate(0, 0, 90), RenewAfter: noon.AddDate(0, 0, 60)}})
		return d
	})
	golden(t, "done-partial", func(s *shared) screen {
		return endsWith(s, steps.Result{Outcome: steps.OutcomePartial, Reports: []steps.Report{aReport(steps.Fail)},
			Err: &steps.Failure{Text: "cannot obtain the certificate: www.shop.example.com does not exist in the DNS", Code: "A01", Fixes: []string{"add an A record for it at your DNS provider, then start again"}}})
	})
	golden(t, "done-unproven", func(s *shared) screen {
		r := unprovable()
		r.Outcome = steps.OutcomeUnverified
		return endsWith(s, r)
	})
	golden(t, "done-checks", func(s *shared) screen {
		d := endsWith(s, steps.Result{Outcome: steps.OutcomeUnverified, Reports: []steps.Report{{Target: "https://shop.example.com", Checks: liveChecks()}}}).(*done)
		d.reads("v")
		return d
	})
	golden(t, "done-followed", func(s *shared) screen {
		a := newApply(s, "20261123-120000-0001")
		a.end = &steps.Result{Run: a.run, Outcome: steps.OutcomeDone, Reports: []steps.Report{aReport(steps.OK)}}
		return a.ends()
	})
}

func TestBrokenScreens(t *testing.T) {
	t.Parallel()
	golden(t, "broken", func(s *shared) screen { return endsWith(s, refused(), refusal) })
	golden(t, "broken-checks", func(s *shared) screen { return endsWith(s, unprovable()) })
	golden(t, "broken-stopped", func(s *shared) screen {
		return endsWith(s, steps.Result{Outcome: steps.OutcomeReverted, Undone: []string{"removed the user sslwizard"},
			Err: &steps.Failure{Text: "cannot go on: the run was stopped", Status: steps.ExitCancelled}})
	})
	golden(t, "broken-inconsistent", func(s *shared) screen {
		return endsWith(s, steps.Result{Outcome: steps.OutcomeInconsistent, Undone: []string{"removed /etc/x"},
			Err: &steps.Failure{Text: "cannot put everything back", Err: errors.Join(errors.New("cannot install nginx: no room"), errors.New("cannot write /etc/y: no space left on device")), Code: "H06",
				Fixes: []string{"sudo sslwizard undo    tries again"}}})
	})
	golden(t, "broken-partial", func(s *shared) screen {
		return newBroken(endsWith(s, steps.Result{Outcome: steps.OutcomePartial, Reports: []steps.Report{aReport(steps.OK)}, Kept: []string{"your account at the CA"},
			Err: &steps.Failure{Text: "cannot obtain the certificate: port 80 does not answer the CA", Code: "A05", Fixes: []string{"open port 80 in your provider's console, then start again"}}}).(*done))
	})
}

// The ways on from a failure: to the plan, to the step that failed, to the log, and out with the status of the failure.
func TestWaysOnFromAFailure(t *testing.T) {
	t.Parallel()
	at := func() model {
		f := &fake{plan: func([]steps.Site) (steps.Preview, error) { return aPlan(), nil }}
		s := themed(t, f, themes["utf8"])
		m := newModel(s, newPlan(s))
		next, _ := m.Update(openMsg{endsWith(s, refused(), refusal)})
		return next.(model)
	}
	m, _ := press(at(), "enter")
	if _, ok := m.top().(*planScreen); !ok {
		t.Errorf("is at %T", m.top())
	}
	m, _ = press(at(), "down", "enter")
	if step, ok := m.top().(*stepScreen); !ok || step.step.ID() != steps.IDSSL || !step.mending {
		t.Errorf("is at %T", m.top())
	}
	m, _ = press(at(), "down", "down", "enter")
	if !strings.Contains(m.View(), "12:00:05 $ nginx -t -q") && !strings.Contains(m.View(), "$ nginx -t -q") {
		t.Errorf("no log:\n%s", m.View())
	}
	m, _ = press(m, "esc", "down", "enter")
	if m.end == nil || m.end.status != steps.ExitReverted || !strings.Contains(unwrapped(m.end.report), "duplicate listen options") {
		t.Errorf("%+v", m.end)
	}
}

// Where the trusted certificate is missing, what to do is read in full on the card and on the screen of what went wrong,
// however small the terminal is; and both lead to another try.
func TestWaysOnWithoutTheTrustedCertificate(t *testing.T) {
	t.Parallel()
	const fix = "make an A record for www.shop.example.com (and AAAA, if this server has IPv6) that points to this server"
	for _, size := range sizes {
		s := themed(t, &fake{plan: func([]steps.Site) (steps.Preview, error) { return aPlan(), nil }}, themes["utf8"])
		failed := func(a *apply) {
			a.event(steps.Event{Time: noon, Change: steps.ObtainCertificate{For: steps.For(steps.IDTrusted)}, Status: steps.Failed})
		}
		card := endsWith(s, steps.Result{Outcome: steps.OutcomePartial, Reports: []steps.Report{aReport(steps.OK)},
			Err: &steps.Failure{Text: "cannot prove www.shop.example.com: the DNS has no address for it", Code: "A01", Fixes: []string{fix, "take the name out of certs.domains"}}}, failed)
		m := drawn(newModel(s, card), size)
		if v := unwrapped(strings.Split(m.View(), "\n")); size.Height >= 24 && !strings.Contains(v, fix) {
			t.Errorf("%v: the card does not say what to do:\n%s", size, m.View())
		}
		again, _ := press(m, "r")
		if _, ok := again.top().(*planScreen); !ok {
			t.Errorf("%v: r leads to %T", size, again.top())
		}
		m, _ = press(m, "e")
		seen := unwrapped(strings.Split(m.View(), "\n"))
		for range 20 {
			m, _ = press(m, "pgdown")
			seen += unwrapped(strings.Split(m.View(), "\n"))
		}
		for _, want := range []string{fix, "take the name out", "neither visitors nor the CA", "Try again", "Change step 7, Trusted certificate", "Show the log"} {
			if !strings.Contains(seen, want) {
				t.Errorf("%v: no %q in\n%s", size, want, seen)
			}
		}
		again, _ = press(m, "down", "enter")
		if _, ok := again.top().(*planScreen); !ok {
			t.Errorf("%v: another try is %T", size, again.top())
		}
		again, _ = press(m, "down", "enter") // the cursor stood on the way before
		if step, ok := again.top().(*stepScreen); !ok || step.step.ID() != steps.IDTrusted {
			t.Errorf("%v: the answers are %T", size, again.top())
		}
	}
}

// What went wrong can be printed on the normal screen, unbroken and without a frame around it.
func TestErrorsCanBeCopied(t *testing.T) {
	t.Parallel()
	s := themed(t, &fake{}, themes["utf8"])
	b := endsWith(s, refused(), refusal).(*broken)
	m, _ := press(newModel(s, b), "c")
	if v := m.View(); strings.Contains(v, "\n") || !strings.Contains(v, "enter leads back") {
		t.Errorf("%q", v)
	}
	text := strings.Join(b.plainly(), "\n")
	for _, want := range []string{"nginx: [emerg] duplicate listen options for [::]:443 in /etc/nginx/sites-enabled/default:4\n", "What it means", "your account at the CA", "sudo nginx -t"} {
		if !strings.Contains(text, want) {
			t.Errorf("no %q in\n%s", want, text)
		}
	}
	if strings.ContainsRune(text, 0x1b) {
		t.Errorf("%q", text)
	}
	m, _ = press(m, "l", "enter")
	if v := m.View(); !strings.Contains(v, "Back to the plan") || m.end != nil {
		t.Errorf("\n%s", v)
	}
}

// What stays on the terminal is about ten lines, right for every end, and says nothing that is not known.
func TestFarewells(t *testing.T) {
	t.Parallel()
	s := themed(t, &fake{}, themes["utf8"])
	good, partial := steps.Report{Target: "https://shop.example.com", Checks: liveChecks()[:40]}, refused()
	partial.Outcome = steps.OutcomePartial
	standing := steps.SiteStatus{Source: steps.SourceACME, NotAfter: noon.AddDate(0, 0, 90), RenewAfter: noon.AddDate(0, 0, 60)}
	unproven := unprovable()
	unproven.Outcome = steps.OutcomeUnverified
	gone := unproven
	gone.Outcome = steps.OutcomeInconsistent
	for name, c := range map[string]struct {
		result        steps.Result
		standing      steps.SiteStatus
		says, silence []string
	}{
		"done": {steps.Result{Run: "r1", Outcome: steps.OutcomeDone, Reports: []steps.Report{good}}, standing,
			[]string{"done and proven.", "https://shop.example.com and wss://shop.example.com are live", "40 of 40 checks", "certificate until 2027-02-21, renewed from 2027-01-22 on", "sudo sslwizard undo r1", "answers print > answers.yaml", "sslwizard probe https://shop.example.com"}, []string{"Again"}},
		"nothing known": {steps.Result{Run: "r1", Outcome: steps.OutcomeDone}, steps.SiteStatus{}, []string{"done and proven."}, []string{"live", "checks", "certificate"}},
		"partial":       {partial, steps.SiteStatus{}, []string{"the trusted certificate is not there yet", "duplicate listen", "Again", "Undo"}, []string{"are live"}},
		"unproven":      {unproven, steps.SiteStatus{}, []string{"not all of it could be proven", "open the port", "no answer"}, []string{"live"}},
		"reverted":      {refused(), steps.SiteStatus{}, []string{"failed and was taken back; but for what stays", "duplicate listen", "sudo nginx -t    shows it again", "Again", "attach"}, []string{"Undo", "live", "checks"}},
		"not begun":     {steps.Result{Err: errors.New("the plan is not the same any more")}, steps.SiteStatus{}, []string{"came to no result", "not the same any more"}, []string{"put back", "Undo"}},
		"inconsistent":  {gone, steps.SiteStatus{}, []string{"not everything could be put back", "no answer", "attach"}, []string{"Undo", "Again", "checks passed"}},
	} {
		lines := farewell(s, c.result, c.standing, 79)
		text := unwrapped(lines)
		for _, line := range lines {
			if len(line) > 79 || strings.TrimRight(line, " ") != line {
				t.Errorf("%s: %q is %d wide", name, line, len(line))
			}
		}
		if len(lines) > 16 || strings.ContainsRune(text, 0x1b) {
			t.Errorf("%s: %d lines\n%s", name, len(lines), text)
		}
		for _, want := range c.says {
			if !strings.Contains(text, want) {
				t.Errorf("%s: no %q in\n%s", name, want, text)
			}
		}
		for _, word := range c.silence {
			if strings.Contains(text, word) {
				t.Errorf("%s: says %q:\n%s", name, word, text)
			}
		}
	}
}

// unwrapped is a text without the breaks of its lines; where one was broken, one space stands.
func unwrapped(lines []string) string {
	return regexp.MustCompile(`\n +`).ReplaceAllString(strings.Join(lines, "\n"), " ")
}

// A change keeps the name of its file however narrow it gets.
func TestBrief(t *testing.T) {
	t.Parallel()
	text := "write /etc/sslwizard/sites/shop.example.com.yaml (root:sslwizard, 0640)"
	for width, want := range map[int]string{
		80: text, 50: "write /etc/sslwizard/sites/shop.example.com.yaml", 40: "write …/sites/shop.example.com.yaml", 30: "write …/shop.example.com.yaml", 20: "write …/shop.exampl…",
	} {
		if got := brief(text, width, themes["utf8"]); got != want {
			t.Errorf("%d: %q, want %q", width, got, want)
		}
	}
	if got := brief("obtain a certificate from https://acme.example/directory", 30, themes["ascii"]); got != "obtain a certificate from htt~" {
		t.Errorf("%q", got)
	}
}

// Every check that the machine can make has a name in people's words, and one for which there is room.
func TestEveryCheckHasAName(t *testing.T) {
	t.Parallel()
	name := regexp.MustCompile(`"((?:dns|tcp|certs|tls|redirect|challenge|proxy|ws|trusted)\.[a-z]+)"`)
	for _, dir := range []string{"probe", "nginx"} {
		files, err := filepath.Glob("../system/" + dir + "/*.go")
		if err != nil || len(files) == 0 {
			t.Fatalf("no files in %s: %v", dir, err)
		}
		for _, file := range files {
			if strings.HasSuffix(file, "_test.go") {
				continue
			}
			data, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			for _, m := range name.FindAllStringSubmatch(string(data), -1) {
				if labels[m[1]] == "" {
					t.Errorf("%s: %s has no name", file, m[1])
				}
			}
		}
	}
	for name, said := range labels {
		if len(said) >= labelWidth {
			t.Errorf("%s: there is no room for %q", name, said)
		}
	}
}

// From the plan to the end: the run is followed, its end is shown, and what was answered is forgotten only when all
// went well.
func TestRunToItsEnd(t *testing.T) {
	t.Parallel()
	for outcome, want := range map[steps.Outcome]struct {
		status  int
		forgets bool
		says    string
	}{
		steps.OutcomeDone:         {steps.ExitOK, true, "are live"},
		steps.OutcomePartial:      {steps.ExitUnverified, false, "browsers do not trust its certificate yet"},
		steps.OutcomeReverted:     {steps.ExitReverted, false, "taken back"},
		steps.OutcomeInconsistent: {steps.ExitInconsistent, false, "not everything"},
	} {
		f := &fake{kept: &steps.Session{}, start: func(steps.Preview) (string, error) { return "r1", nil },
			follow: func(_ context.Context, run string, sink func(steps.Event)) (steps.Result, error) {
				for _, e := range aPlan().Effects {
					sink(steps.Event{Time: noon, Run: run, Change: e.Change, Status: steps.Done})
				}
				rep := aReport(steps.OK)
				rep.Checks = append(rep.Checks, steps.Check{Step: steps.IDWebSockets, Verdict: map[bool]steps.Verdict{true: steps.OK, false: steps.Fail}[outcome == steps.OutcomeDone]})
				return steps.Result{Run: run, Outcome: outcome, Reports: []steps.Report{rep}}, nil
			}}
		m := atPlan(t, f)
		m, _ = press(m, "a", "yes", "enter")
		for range 50 { // the seconds that pass are commands too
			a, ok := m.top().(*apply)
			if !ok {
				break
			}
			m, _ = settle(m, a.feed.next(t.Context()))
		}
		m, _ = press(m, "v", "esc", "l", "esc", "q")
		if m.end == nil {
			t.Fatalf("%s: did not end:\n%s", outcome, m.View())
		}
		said := strings.Join(m.end.report, "\n")
		if m.end.status != want.status || (f.kept == nil) != want.forgets || !strings.Contains(said, want.says) {
			t.Errorf("%s: exit status %d, kept %t:\n%s", outcome, m.end.status, f.kept != nil, said)
		}
	}
}

// Ctrl+c during a run asks: leaving leaves it alone, stopping stops it.
func TestCtrlCDuringARun(t *testing.T) {
	t.Parallel()
	wait := make(chan struct{})
	f := &fake{follow: func(ctx context.Context, _ string, _ func(steps.Event)) (steps.Result, error) {
		<-wait
		return steps.Result{}, nil
	}}
	t.Cleanup(func() { close(wait) })
	s := themed(t, f, themes["utf8"])
	at := func() model { return newModel(s, newApply(s, "r9")) }
	if m, _ := press(at(), "ctrl+c", "esc", "ctrl+c", "enter"); m.end != nil || len(f.stopped) != 0 {
		t.Error("keeping on watching did something")
	}
	if m, _ := press(at(), "ctrl+c", "down", "enter"); m.end == nil || m.end.status != steps.ExitOK || len(f.stopped) != 0 {
		t.Error("did not leave")
	}
	if m, _ := press(at(), "ctrl+c", "down", "down", "enter"); m.end != nil || len(f.stopped) != 1 || f.stopped[0] != "r9" {
		t.Errorf("did not stop: %q", f.stopped)
	}
	if m, _ := press(at(), "ctrl+c", "ctrl+c"); m.end == nil {
		t.Error("twice does not leave")
	}
}

// What can be promised about stopping depends on how far the run has come.
func TestStoppingPromisesWhatItDoes(t *testing.T) {
	t.Parallel()
	for status, want := range map[steps.Status]string{steps.Started: "put everything back", steps.Done: "the site stays up as it is"} {
		a := applied(themed(t, &fake{}, themes["utf8"]))
		mark := rowOf(steps.Checkpoint{})
		mark.status = status
		a.rows = append(a.rows, mark)
		a.interrupt()
		if text := strings.Join(a.asking.body(a.theme), "\n"); !strings.Contains(text, want) {
			t.Errorf("%s: %s", status, text)
		}
	}
}
