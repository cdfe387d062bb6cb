package wizard

import (
	"errors"
	"strings"
	"testing"

	tea "github.com/charmbracelet/bubbletea"

	"github.com/c93d5bcb/sslwizard/steps"
)

// aPlan is a plan with a little of everything, and with texts that somebody from outside may have put there.
func aPlan() steps.Preview {
	site, _ := answeredSite()
	install, trusted := steps.For(steps.IDInstall), steps.For(steps.IDTrusted)
	effects := []steps.Effect{
		{Change: steps.EnsureUser{For: install, Name: "sslwizard"}, Action: steps.Create, Commands: [][]string{{"useradd", "--system", "sslwizard"}}},
		{Change: steps.WriteFile{For: install, Path: "/etc/sslwizard/sites/shop.example.com.yaml", Mode: 0o640, Group: "sslwizard"}, Action: steps.Create,
			Diff: "--- /dev/null\n+++ b/etc/sslwizard/sites/shop.example.com.yaml\n@@ -0,0 +1,3 @@\n+apiVersion: sslwizard/v1\n+kind: Answers\n+\x1b[2Jhostile\u202e\n"},
		{Change: steps.WriteFile{For: steps.For(steps.IDSSL), Path: "/etc/nginx/conf.d/sslwizard.conf", Mode: 0o644}, Action: steps.Modify,
			Diff: "--- a/x\n+++ b/x\n@@ -1,2 +1,2 @@\n server {\n-\told;\n+\tnew;\n"},
		{Change: steps.Reload{For: steps.For(steps.IDWebSockets), Unit: "nginx.service"}, Action: steps.Nothing},
		{Change: steps.ObtainCertificate{For: trusted, Site: site.Name, Domains: site.Certs.Domains, Trusted: site.Trusted}, Action: steps.Execute, Note: "rehearsed with staging first"},
	}
	p := steps.Preview{Hash: "7c41e0aa11", Effects: effects, Plan: steps.Plan{Executor: "nginx", Sites: []steps.Site{site}}}
	for _, e := range effects {
		p.Plan.Changes = append(p.Plan.Changes, e.Change)
	}
	return p
}

func answeredSite() (steps.Site, []steps.Problem) {
	a := steps.Defaults()
	for key, value := range map[string]string{"certs.domains": "shop.example.com", "proxy.upstream": "http://127.0.0.1:3000", "trusted.email": "ops@example.com", "trusted.acceptTerms": "yes"} {
		_ = a.Set(key, value)
	}
	return a.Site()
}

// Where there is nothing to do the proof can be had all the same: its run changes nothing, so nobody is asked for a yes.
func TestProofWithoutChanges(t *testing.T) {
	t.Parallel()
	f := &fake{plan: onePlan, start: func(v steps.Preview) (string, error) {
		if v.Pending() {
			t.Error("it would change something")
		}
		return "20261123-120000-0001", nil
	}}
	s := themed(t, f, themes["utf8"])
	p := plannedScreen(s, func(v *steps.Preview) {
		for n := range v.Effects {
			v.Effects[n].Action = steps.Nothing
		}
	})
	m := newModel(s, p)
	m, cmd := tellModel(m, keyMsg("v"))
	if _, again := tellModel(m, keyMsg("v")); again != nil {
		t.Error("it starts twice")
	}
	_, cmd = tellModel(m, cmd())
	if opened, ok := cmd().(openMsg); !ok || opened.screen.(*apply).run != "20261123-120000-0001" {
		t.Errorf("the run is not followed: %v", opened)
	}
	changed := plannedScreen(s, nil)
	if _, cmd := changed.key("v"); cmd != nil || changed.provable() {
		t.Error("changes are made without a yes")
	}
}

// plannedScreen is the plan after it has come.
func plannedScreen(s *shared, change func(*steps.Preview)) *planScreen {
	v := aPlan()
	if change != nil {
		change(&v)
	}
	p := newPlan(s)
	p.learn(plannedMsg{view: v})
	return p
}

func TestPlanScreens(t *testing.T) {
	t.Parallel()
	golden(t, "plan-looking", func(s *shared) screen { return newPlan(s) })
	golden(t, "plan", func(s *shared) screen { return plannedScreen(s, nil) })
	golden(t, "plan-blocked", func(s *shared) screen {
		return plannedScreen(s, func(v *steps.Preview) {
			v.Findings = []steps.Finding{
				{Severity: steps.Blocker, Code: "N01", Text: "cannot listen on port 80: held by apache2.service\x1b[2J", Fix: []string{"sudo systemctl disable --now apache2    if it is not needed"}},
				{Severity: steps.Warning, Code: "W01", Text: "nobody answers at http://127.0.0.1:3000"}}
		})
	})
	golden(t, "plan-stopped", func(s *shared) screen { // what stands in the way is found before there are changes
		return plannedScreen(s, func(v *steps.Preview) {
			*v = steps.Preview{Findings: []steps.Finding{{Severity: steps.Blocker, Code: "N01", Text: "cannot listen on port 80: held by apache2.service (process apache2, pid 765, package apache2-bin)",
				Fix: []string{"sudo systemctl disable --now apache2.service    if it is not needed any more",
					"or move it to another port, for instance 127.0.0.1:8080, and give that as proxy.upstream: it is then served with HTTPS"}}}}
		})
	})
	golden(t, "plan-nothing", func(s *shared) screen {
		return plannedScreen(s, func(v *steps.Preview) {
			for n := range v.Effects {
				v.Effects[n].Action = steps.Nothing
			}
		})
	})
	golden(t, "plan-problems", func(s *shared) screen {
		s.talk.answers.Certs.Domains = nil
		p := newPlan(s)
		p.start()
		return p
	})
	golden(t, "plan-failed", func(s *shared) screen {
		p := newPlan(s)
		p.learn(plannedMsg{err: &steps.Failure{Text: "cannot ask systemd", Err: errors.New("no\x1b[2Janswer"), Fixes: []string{"systemctl status    shows why"}}})
		return p
	})
	golden(t, "detail", func(s *shared) screen { return newDetail(plannedScreen(s, nil), 1) })
	golden(t, "confirm", func(s *shared) screen {
		c := newConfirm(plannedScreen(s, nil))
		c.typed.set("ye")
		return c
	})
}

// atPlan is a wizard at its plan.
func atPlan(t *testing.T, f *fake) model {
	t.Helper()
	if f.plan == nil {
		f.plan = func([]steps.Site) (steps.Preview, error) { return aPlan(), nil }
	}
	s := themed(t, f, themes["utf8"])
	s.talk = answered(t)
	m := newModel(s, newPlan(s))
	m, _ = settle(m, m.Init())
	return m
}

// Where a typed yes is asked for, that is seen in every size.
func TestConfirmAsksInEverySize(t *testing.T) {
	t.Parallel()
	for _, size := range sizes {
		m, _ := press(drawn(atPlan(t, &fake{}), size), "a", "y")
		if v := m.View(); !strings.Contains(v, "Type  yes  and press enter:  y█") || !strings.Contains(v, "have not been opened") {
			t.Errorf("%v:\n%s", size, v)
		}
	}
}

func TestDetails(t *testing.T) {
	t.Parallel()
	m := atPlan(t, &fake{})
	m, _ = press(m, "down", "enter")
	if v := m.View(); !strings.Contains(v, "+apiVersion") || strings.ContainsAny(v, "\x1b\u202e") {
		t.Errorf("%q", v)
	}
	m, _ = press(m, "n", "/", "n", "e", "w", "enter", "esc", "p", "p", "p", "esc")
	if p := m.top().(*planScreen); p.at != 0 || len(p.seen) != 3 {
		t.Errorf("at %d, seen %v", p.at, p.seen)
	}
}

// Every word of a change can be read, however small the terminal is.
func TestDetailsAreNotCut(t *testing.T) {
	t.Parallel()
	words := strings.Fields(strings.Repeat("DEBIAN_FRONTEND=noninteractive apt-get --no-install-recommends install nginx-light ", 12) + "last")
	for _, size := range sizes {
		p := plannedScreen(themed(t, &fake{}, themes["utf8"]), func(v *steps.Preview) { v.Effects[0].Commands = [][]string{words} })
		m := drawn(newModel(p.shared, newDetail(p, 0)), size)
		seen := m.View()
		lint(t, "detail", "utf8", size, seen)
		for range 20 {
			m, _ = press(m, "pgdown")
			seen += m.View()
		}
		if strings.Contains(seen, "…") || !strings.Contains(seen, "nginx-light last") && !strings.Contains(seen, "   last") {
			t.Errorf("%v: something is cut off:\n%s", size, seen)
		}
	}
}

// Enter never applies, a pasted yes does not count, and nothing but yes starts the run.
func TestOnlyTypedYesStarts(t *testing.T) {
	t.Parallel()
	started := 0
	f := &fake{start: func(steps.Preview) (string, error) { started++; return "r1", nil }, follow: aRun}
	m := atPlan(t, f)
	m, _ = press(m, "enter", "esc", "a", "enter", "y", "e", "enter", "enter")
	paste := tea.KeyMsg{Type: tea.KeyRunes, Runes: []rune("yes"), Paste: true}
	next, _ := m.Update(paste)
	m, _ = press(next.(model), "enter")
	if started != 0 || !strings.Contains(m.View(), "does not count") {
		t.Fatalf("started %d times:\n%s", started, m.View())
	}
	m, _ = press(m, "y", "e", "s", "enter")
	if started != 1 {
		t.Errorf("started %d times:\n%s", started, m.View())
	}
}

func TestStartThatFails(t *testing.T) {
	t.Parallel()
	f := &fake{start: func(steps.Preview) (string, error) {
		return "", &steps.Failure{Text: "cannot start: this server has changed since the plan was made", Fixes: []string{"look at the plan again"}}
	}}
	m := atPlan(t, f)
	m, _ = press(m, "a", "yes", "enter")
	if !strings.Contains(m.View(), "this server has changed") {
		t.Errorf("\n%s", m.View())
	}
	m, _ = press(m, "enter")
	if _, ok := m.top().(*planScreen); !ok {
		t.Errorf("is at %T", m.top())
	}
}
