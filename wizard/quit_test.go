package wizard

import (
	"strings"
	"testing"

	"github.com/c93d5bcb/sslwizard/steps"
)

// plainScreen is a screen with nothing on it.
type plainScreen struct{ quitBox }

func TestQuitBox(t *testing.T) {
	t.Parallel()
	golden(t, "quit", func(s *shared) screen { return newQuitBox(s) })
}

// Who is not root is not told that answers are kept which are not.
func TestWithoutRootNothingIsKept(t *testing.T) {
	t.Parallel()
	f := debian()
	f.Root = false
	s := themed(t, &fake{facts: func() (steps.Facts, error) { return f, nil }, nearby: func() steps.Nearby { return f.Nearby }}, themes["utf8"])
	s.talk = nil
	m := drawn(newModel(s, newWelcome(s)), sizes[0])
	m, _ = settle(m, m.Init())
	said := m.View()
	m, _ = press(m, "ctrl+c")
	said += m.View()
	m, _ = press(m, "ctrl+c")
	said += strings.Join(m.end.report, "\n")
	if strings.Contains(said, "are kept") || strings.Contains(said, "offers them again") || strings.Count(said, "not kept") != 2 {
		t.Errorf("%s", said)
	}
}

// What can be done about a finding is never cut off: it goes on on the next line.
func TestRemediesAreWhole(t *testing.T) {
	t.Parallel()
	f := debian()
	f.Root = false
	s := themed(t, &fake{}, themes["utf8"])
	s.talk = newTalk(f)
	text := strings.Join(strings.Fields(strings.Join(newStep(s, steps.IDInstall).body(79, 19), " ")), " ")
	for _, finding := range s.talk.findings(steps.IDInstall) {
		for _, fix := range finding.Fix {
			for _, word := range strings.Fields(fix) {
				if !strings.Contains(text, word) {
					t.Errorf("%q is missing in\n%s", word, text)
				}
			}
		}
	}
	if len(s.talk.findings(steps.IDInstall)) == 0 || strings.Contains(text, "…") {
		t.Errorf("%s", text)
	}
}

// Ctrl+c asks; twice, or chosen, it leaves; Esc and "Keep going" go back to where one was.
func TestCtrlCAsks(t *testing.T) {
	t.Parallel()
	first := &plainScreen{}
	for _, c := range []struct {
		keys []string
		left bool
	}{
		{[]string{"ctrl+c"}, false},
		{[]string{"ctrl+c", "ctrl+c"}, true},
		{[]string{"ctrl+c", "down", "enter"}, true},
		{[]string{"ctrl+c", "enter"}, false},
		{[]string{"ctrl+c", "esc", "ctrl+c", "esc"}, false},
	} {
		m, _ := press(newModel(themed(t, &fake{}, themes["utf8"]), first), c.keys...)
		if left := m.end != nil; left != c.left {
			t.Errorf("%q: left %t", c.keys, left)
		}
		if m.end != nil && m.end.status != steps.ExitCancelled {
			t.Errorf("%q: exit status %d", c.keys, m.end.status)
		}
	}
}
