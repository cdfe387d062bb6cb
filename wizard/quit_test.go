package wizard

import (
	"testing"

	"github.com/c93d5bcb/sslwizard/steps"
)

// plainScreen is a screen with nothing on it.
type plainScreen struct{ quitBox }

func TestQuitBox(t *testing.T) {
	t.Parallel()
	golden(t, "quit", func(s *shared) screen { return newQuitBox(s) })
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
