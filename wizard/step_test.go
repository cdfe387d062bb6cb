package wizard

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/c93d5bcb/sslwizard/steps"
)

func init() { rest = 0 } // the tests do not wait for somebody to stop typing

// Every step, as it looks when one comes to it with everything answered.
func TestStepScreens(t *testing.T) {
	t.Parallel()
	for _, id := range steps.IDs() {
		golden(t, "step-"+string(id), func(s *shared) screen {
			s.talk = answered(t)
			for _, before := range steps.IDs()[:number(id)-1] {
				s.passed[before] = true
			}
			return newStep(s, id)
		})
	}
}

func TestStepWithFaults(t *testing.T) {
	t.Parallel()
	golden(t, "step-fault", func(s *shared) screen {
		st := newStep(s, steps.IDCerts)
		f := st.form.focused()
		f.list.set("shop_example.com, \x1b[2Jevil")
		f.say(f.text())
		return st
	})
	golden(t, "step-looks", func(s *shared) screen {
		s.talk = answered(t)
		st := newStep(s, steps.IDCerts)
		st.form.focused().looks = []steps.Check{
			{Address: "shop.example.com", Verdict: steps.OK, Detail: "leads here"},
			{Address: "www.shop.example.com", Verdict: steps.Warn, Detail: "does not exist in the DNS; a CA cannot reach it\x1b[31m"},
		}
		return st
	})
}

// somewhere is a wizard at a step, with nothing said yet.
func somewhere(t *testing.T, f *fake, id steps.ID) model {
	t.Helper()
	s := themed(t, f, themes["utf8"])
	s.talk.answers.Certs.Domains = nil
	return newModel(s, newStep(s, id))
}

func TestStepGoesOnOnlyWithWhatItNeeds(t *testing.T) {
	t.Parallel()
	m := somewhere(t, &fake{}, steps.IDCerts)
	m, _ = press(m, "enter")
	if st := m.top().(*stepScreen); st.step.ID() != steps.IDCerts || !strings.Contains(m.View(), "has to be said") {
		t.Errorf("went on without a name:\n%s", m.View())
	}
	m, _ = press(m, "s", "hop.example.com", "enter")
	if st := m.top().(*stepScreen); st.step.ID() != steps.IDSSL || m.talk.value("certs.domains") != "shop.example.com" {
		t.Errorf("is at %s with %q", st.step.ID(), m.talk.value("certs.domains"))
	}
}

// Esc goes back with whatever is typed, right or wrong, and what was typed is there when one comes again.
func TestStepBackLosesNothing(t *testing.T) {
	t.Parallel()
	f := &fake{}
	m := somewhere(t, f, steps.IDInstall)
	m, _ = press(m, "enter", "shop_", "esc")
	if st := m.top().(*stepScreen); st.step.ID() != steps.IDInstall {
		t.Errorf("is at %s", st.step.ID())
	}
	if f.saves < 2 {
		t.Errorf("kept %d times", f.saves)
	}
	m, _ = press(m, "enter")
	if !strings.Contains(m.View(), "shop_") {
		t.Errorf("the draft is lost:\n%s", m.View())
	}
}

// Consent is never preset, and only a key gives it.
func TestStepConsent(t *testing.T) {
	t.Parallel()
	m := somewhere(t, &fake{}, steps.IDTrusted)
	if m.talk.value("trusted.acceptTerms") != "no" {
		t.Fatal("it is preset")
	}
	at := func() string { return m.top().(*stepScreen).form.focused().q.Key }
	for range 20 {
		if at() == "trusted.acceptTerms" {
			break
		}
		m, _ = press(m, "down")
	}
	m, _ = press(m, " ")
	if at() != "trusted.acceptTerms" || m.talk.value("trusted.acceptTerms") != "yes" {
		t.Errorf("at %s: %q", at(), m.talk.value("trusted.acceptTerms"))
	}
}

// What the world says about an answer that has changed meanwhile is dropped.
func TestLateLooksAreDropped(t *testing.T) {
	t.Parallel()
	m := somewhere(t, &fake{}, steps.IDCerts)
	m, _ = press(m, "a.example.com")
	for _, old := range []lookedMsg{{key: "certs.domains", value: "b.example.com", checks: []steps.Check{{Detail: "old news"}}}, {key: "nobody"}} {
		next, _ := m.Update(old)
		m = next.(model)
	}
	if strings.Contains(m.View(), "old news") {
		t.Error("old news is shown")
	}
	next, _ := m.Update(lookedMsg{key: "certs.domains", value: "a.example.com", checks: []steps.Check{{Verdict: steps.OK, Detail: "leads here"}}})
	if m = next.(model); !strings.Contains(m.View(), "leads here") {
		t.Errorf("nothing is shown:\n%s", m.View())
	}
}

// Typed or pasted: what is no text never gets into a field.
func TestPasteIsText(t *testing.T) {
	t.Parallel()
	m := somewhere(t, &fake{}, steps.IDCerts)
	msg := keyMsg("shop.example.com\nwww.shop.example.com\x1b[2J\u202e")
	msg.Paste = true
	next, _ := m.Update(msg)
	m = next.(model)
	if got := m.top().(*stepScreen).form.focused().text(); got != "shop.example.com, www.shop.example.com[2J" {
		t.Errorf("%q", got)
	}
	if m.end != nil || len(m.pile) != 1 {
		t.Error("the paste pressed keys")
	}
}

func TestOnlyAsksTheseSteps(t *testing.T) {
	t.Parallel()
	s := themed(t, &fake{}, themes["utf8"])
	s.options.Only = []steps.ID{steps.IDRedirect, steps.IDSSL}
	m := newModel(s, newStep(s, s.asked()[0]))
	m, _ = press(m, "enter")
	if st, ok := m.top().(*stepScreen); !ok || st.step.ID() != steps.IDRedirect {
		t.Errorf("is at %T", m.top())
	}
}

func TestWelcome(t *testing.T) {
	t.Parallel()
	golden(t, "welcome-looking", func(s *shared) screen { return newWelcome(s) })
	golden(t, "welcome", func(s *shared) screen {
		w := newWelcome(s)
		f := debian()
		w.facts, w.nearby = &f, true
		return w
	})
	golden(t, "welcome-trouble", func(s *shared) screen {
		w := newWelcome(s)
		f := debian()
		f.Root, f.FreeBytes = false, 1<<20
		f.Listeners = append(f.Listeners, steps.Listener{Port: steps.Port{Number: 80, Proto: "tcp"}, PID: 7, Process: "apache2", Unit: "apache2.service", Package: "apache2"})
		w.facts, w.nearby = &f, true
		w.earlier = &steps.Session{Step: steps.IDProxy, Time: time.Date(2026, 11, 23, 11, 51, 0, 0, time.Local)}
		w.run = "20261123-115000-0001"
		return w
	})
	golden(t, "welcome-again", func(s *shared) screen {
		w := newWelcome(s)
		w.facts, w.nearby = withSite(t), true
		return w
	})
	golden(t, "welcome-failed", func(s *shared) screen {
		w := newWelcome(s)
		w.err = errors.New("cannot read /etc/os-release: \x1b[2Jpermission denied")
		return w
	})
}

// Looking does not keep anyone waiting, what was kept is offered, and "r" looks again.
func TestWelcomeBegins(t *testing.T) {
	t.Parallel()
	asked := 0
	f := &fake{facts: func() (steps.Facts, error) { asked++; f := debian(); f.Nearby = steps.Nearby{}; return f, nil }, nearby: func() steps.Nearby { return debian().Nearby }}
	s := themed(t, f, themes["utf8"])
	k := answered(t)
	kept := k.session(steps.IDProxy)
	f.kept, s.talk = &kept, nil
	m := newModel(s, newWelcome(s))
	m, _ = press(m, "enter") // nothing is known yet: nothing happens
	m, _ = settle(m, m.Init())
	m, _ = press(m, "r")
	if asked != 2 || !strings.Contains(m.View(), "node") && !strings.Contains(m.View(), "shop.service") {
		t.Errorf("looked %d times:\n%s", asked, m.View())
	}
	resumed, _ := press(m, "enter")
	if st, ok := resumed.top().(*stepScreen); !ok || st.step.ID() != steps.IDProxy || resumed.talk.value("trusted.email") != "ops@example.com" {
		t.Errorf("resumed at %T", resumed.top())
	}
	begun, _ := press(m, "esc", "esc")
	if begun.overlay != nil {
		t.Error("Esc at the first screen leaves a box that Esc does not close")
	}
}

// What "?" says about a question, and about what was noticed.
func TestStepHelp(t *testing.T) {
	t.Parallel()
	golden(t, "help", func(s *shared) screen {
		h := newHelp(s, newStep(s, steps.IDInstall))
		h.resize(79, 19)
		return h
	})
}

// What is kept is the newest, in whatever order the saves come to run; nothing comes back that was forgotten.
func TestKeepingTheNewest(t *testing.T) {
	t.Parallel()
	f := &fake{}
	s := themed(t, f, themes["utf8"])
	first, second := s.keep(steps.IDCerts), s.keep(steps.IDSSL)
	second()
	first()
	if f.kept.Step != steps.IDSSL {
		t.Errorf("%s was kept last", f.kept.Step)
	}
	late, forget := s.keep(steps.IDProxy), s.forget()
	forget()
	if late(); f.kept != nil {
		t.Errorf("%s came back", f.kept.Step)
	}
}

// What was said is kept as soon as somebody rests, not only when the step is left.
func TestKeptWhileThinking(t *testing.T) {
	t.Parallel()
	f := &fake{}
	m := somewhere(t, f, steps.IDCerts)
	_, _ = press(m, "shop.example.com")
	if f.kept == nil || f.kept.Step != steps.IDCerts || !strings.Contains(string(f.kept.Answers), "shop.example.com") {
		t.Errorf("kept: %+v", f.kept)
	}
}

// A step that was opened to put something right leads back there, even one that is not among those that are asked.
func TestMendingLeadsBack(t *testing.T) {
	t.Parallel()
	for _, key := range []string{"enter", "esc"} {
		f := &fake{plan: func([]steps.Site) (steps.Preview, error) { return steps.Preview{Hash: "7c41e0aa11"}, nil }}
		s := themed(t, f, themes["utf8"])
		s.options.Only = []steps.ID{steps.IDSSL}
		s.talk = answered(t)
		m := newModel(s, newPlan(s))
		m, _ = settle(m, open(mendStep(s, steps.IDProxy)))
		m, _ = press(m, key)
		if _, ok := m.top().(*planScreen); !ok || len(m.pile) != 1 {
			t.Errorf("%s leads to %T", key, m.top())
		}
	}
}
