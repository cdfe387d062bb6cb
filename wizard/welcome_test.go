package wizard

import (
	"context"
	"strings"
	"testing"

	tea "github.com/charmbracelet/bubbletea"

	"github.com/c93d5bcb/sslwizard/steps"
)

// lookedAt is a machine whose surroundings are found later than its facts.
func lookedAt() *fake {
	return &fake{facts: func() (steps.Facts, error) { f := debian(); f.Nearby = steps.Nearby{}; return f, nil },
		nearby: func() steps.Nearby { return debian().Nearby }}
}

// at is the step that is seen.
func at(t *testing.T, m model) steps.ID {
	t.Helper()
	s, ok := m.top().(*stepScreen)
	if !ok {
		t.Fatalf("%T is seen, not a step:\n%s", m.top(), m.View())
	}
	return s.step.ID()
}

// tellModel gives a model one message, and runs nothing.
func tellModel(m model, msg tea.Msg) (model, tea.Cmd) {
	next, cmd := m.Update(msg)
	return next.(model), cmd
}

// Who goes on before the surroundings were found is told of them all the same.
func TestNearbyComesLate(t *testing.T) {
	t.Parallel()
	s := themed(t, lookedAt(), themes["utf8"])
	s.talk = nil
	m := newModel(s, newWelcome(s))
	f, _ := s.machine.Facts(t.Context())
	m, _ = tellModel(m, factsMsg{f})
	m, _ = press(m, "enter")
	if at(t, m) != steps.IDInstall || len(m.talk.facts.Nearby.Apps) != 0 {
		t.Fatal("it waited")
	}
	m, _ = tellModel(m, nearbyMsg{debian().Nearby})
	if w := m.pile[0].(*welcome); !w.nearby || len(m.talk.facts.Nearby.Apps) != 1 {
		t.Error("what was found got lost")
	}
}

// A conversation that was kept goes on where it was, and Esc leads to the steps before; starting over forgets it.
func TestResumeAndStartOver(t *testing.T) {
	t.Parallel()
	f := lookedAt()
	s := themed(t, f, themes["utf8"])
	kept := answered(t).session(steps.IDProxy)
	f.kept, s.talk = &kept, nil
	m := newModel(s, newWelcome(s))
	m, _ = settle(m, m.Init())
	m, _ = press(m, "enter")
	if at(t, m) != steps.IDProxy || !m.passed[steps.IDCerts] {
		t.Fatal("it does not go on")
	}
	m, _ = press(m, "esc")
	if at(t, m) != steps.IDRedirect || f.kept.Step != steps.IDRedirect {
		t.Errorf("back leads to %s, and %s is kept", at(t, m), f.kept.Step)
	}
	m, _ = press(m, "enter", "enter")
	if at(t, m) != steps.IDWebSockets || f.kept.Step != steps.IDWebSockets {
		t.Errorf("on leads to %s, and %s is kept", at(t, m), f.kept.Step)
	}
	for range 7 {
		m, _ = press(m, "esc")
	}
	if _, ok := m.top().(*welcome); !ok || m.overlay == nil && len(m.pile) != 1 {
		t.Fatalf("Esc does not lead back to the beginning: %T", m.top())
	}
	if m.overlay != nil {
		m, _ = press(m, "esc")
	}
	m, _ = press(m, "down", "enter")
	if at(t, m) != steps.IDInstall || m.talk.value("trusted.email") != "" || len(m.passed) != 0 {
		t.Errorf("starting over is at %s with %q", at(t, m), m.talk.value("trusted.email"))
	}
}

// All of what was seen can be read, however small the terminal is.
func TestChecksInFull(t *testing.T) {
	t.Parallel()
	for _, size := range sizes {
		s := themed(t, &fake{}, themes["utf8"])
		w := newWelcome(s)
		f := debian()
		f.Root, f.FreeBytes = false, 1<<20
		w.facts, w.nearby = &f, true
		m := drawn(newModel(s, w), size)
		m, _ = press(m, "f")
		seen := ""
		for range 20 {
			seen += m.View()
			m, _ = press(m, "pgdown")
		}
		for _, c := range steps.Preflight(f) {
			last := c.Detail[len(c.Detail)-8:]
			if strings.Contains(last, " ") {
				last = last[strings.LastIndex(last, " ")+1:]
			}
			if !strings.Contains(seen, last) {
				t.Errorf("%v: the end of %q cannot be reached", size, c.Detail)
			}
		}
		lint(t, "in full", "utf8", size, m.View())
	}
}

// withSite is a server on which one site is set up.
func withSite(t *testing.T) *steps.Facts {
	t.Helper()
	site, problems := answeredSite()
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	f := debian()
	f.Managed.Sites = []steps.Site{site}
	return &f
}

// A site that is set up is changed from its own answers; another one begins anew.
func TestChangeTheSiteThatIsThere(t *testing.T) {
	t.Parallel()
	for key, want := range map[string]string{"enter": "shop.example.com", "down": "web1.example.net"} {
		f := lookedAt()
		f.facts = func() (steps.Facts, error) { return *withSite(t), nil }
		s := themed(t, f, themes["utf8"])
		s.talk = nil
		m := newModel(s, newWelcome(s))
		m, _ = settle(m, m.Init())
		if view := m.View(); !strings.Contains(view, "> Change shop.example.com") || !strings.Contains(view, "Set up another site") || strings.Contains(view, "Begin") {
			t.Fatalf("%s", view)
		}
		if m, _ = press(m, key); key == "down" {
			m, _ = press(m, "enter")
		}
		if got := m.talk.answers.Text("certs.domains"); at(t, m) != steps.IDInstall || got != want {
			t.Errorf("%s leads to step %s with the names %q", key, at(t, m), got)
		}
	}
}

// Esc on the first screen asks, for there is nothing to go back to.
func TestWelcomeEscAsks(t *testing.T) {
	t.Parallel()
	m := newModel(themed(t, &fake{}, themes["utf8"]), newWelcome(themed(t, &fake{}, themes["utf8"])))
	if m, _ = press(m, "esc"); m.overlay == nil || m.end != nil {
		t.Error("it did not ask")
	}
}

// A run that goes on can be followed at once, whether the server has been looked at or not.
func TestFollowTheRunThatGoesOn(t *testing.T) {
	t.Parallel()
	f := lookedAt()
	f.active = "20261123-115000-0001"
	m := newModel(themed(t, f, themes["utf8"]), newWelcome(themed(t, f, themes["utf8"])))
	m, _ = tellModel(m, activeMsg{f.active})
	_, cmd := tellModel(m, keyMsg("enter"))
	if cmd == nil {
		t.Fatal("enter does nothing")
	}
	if msg, ok := cmd().(openMsg); !ok || msg.screen.title() == m.top().title() {
		t.Errorf("it opens %T", msg.screen)
	}
}

// A run that ended while nobody watched is shown before its answers are offered again.
func TestSeeHowTheLastRunEnded(t *testing.T) {
	t.Parallel()
	f := lookedAt()
	kept := answered(t).session(steps.IDTrusted)
	f.kept, f.since = &kept, "20261123-115000-0001"
	f.follow = func(context.Context, string, func(steps.Event)) (steps.Result, error) {
		return steps.Result{Run: "1", Outcome: steps.OutcomeDone, Reports: []steps.Report{{Target: "https://shop.example.com",
			Checks: []steps.Check{{Step: steps.IDWebSockets, Verdict: steps.OK}}}}}, nil
	}
	s := themed(t, f, themes["utf8"])
	m := newModel(s, newWelcome(s))
	m, _ = settle(m, m.Init())
	lint(t, "welcome", "utf8", sizes[0], m.View())
	if view := m.View(); !strings.Contains(view, "> See how the last run ended") || !strings.Contains(view, "Go on at step 7") {
		t.Fatalf("%s", view)
	}
	m, cmd := tellModel(m, keyMsg("enter"))
	m, cmd = tellModel(m, cmd())
	a, ok := m.top().(*apply)
	if !ok || cmd == nil {
		t.Fatalf("%T is seen", m.top())
	}
	m, cmd = tellModel(m, a.feed.next(t.Context())())
	m, cmd = tellModel(m, cmd())
	if m, _ = settle(m, cmd); !strings.Contains(m.View(), "https://shop.example.com and wss://shop.example.com are live") {
		t.Errorf("%s", m.View())
	}
	if f.kept == nil {
		t.Error("the answers are forgotten before anybody has seen this")
	}
	if press(m, "enter"); f.kept != nil {
		t.Error("the answers are offered once more")
	}
}

// What cannot be looked at says what to do, and r tries again.
func TestFactsThatFail(t *testing.T) {
	t.Parallel()
	f := &fake{facts: func() (steps.Facts, error) {
		return steps.Facts{}, &steps.Failure{Text: "cannot read /etc/os-release", Fixes: []string{"ls -l /etc/os-release    shows who may"}}
	}}
	s := themed(t, f, themes["utf8"])
	m := newModel(s, newWelcome(s))
	m, _ = settle(m, m.Init())
	if view := m.View(); !strings.Contains(view, "cannot read /etc/os-release") || !strings.Contains(view, "ls -l /etc/os-release") || strings.Contains(view, "Begin") {
		t.Errorf("%s", view)
	}
	f.facts = func() (steps.Facts, error) { return debian(), nil }
	if m, _ = press(m, "r"); !strings.Contains(m.View(), "Begin") {
		t.Errorf("r does not look again:\n%s", m.View())
	}
}
