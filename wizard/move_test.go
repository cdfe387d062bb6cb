package wizard

import (
	"strings"
	"testing"

	"github.com/c93d5bcb/sslwizard/steps"
)

// Every name of a key moves the same cursor, and none beyond the ends of a list.
func TestCursorStaysInTheList(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		key            string
		at, many, want int
	}{
		{"down", 0, 3, 1}, {"j", 1, 3, 2}, {"j", 2, 3, 2},
		{"up", 2, 3, 1}, {"k", 1, 3, 0}, {"up", 0, 3, 0},
		{"enter", 1, 3, 1}, {"down", 0, 0, 0},
		{"enter", 7, 3, 2}, // the list became shorter
	} {
		if got := pressed(c.key).among(c.at, c.many); got != c.want {
			t.Errorf("%s at %d of %d leads to %d, want %d", c.key, c.at, c.many, got, c.want)
		}
	}
}

// Help that is longer than the screen says so until its end is in sight.
func TestHelpSaysWhereItEnds(t *testing.T) {
	t.Parallel()
	s := themed(t, &fake{}, themes["utf8"])
	h := newHelp(s, newStep(s, steps.IDInstall))
	m := drawn(newModel(s, h), sizes[1])
	const more = "There is more below."
	if !strings.Contains(m.View(), more) {
		t.Fatalf("nothing says that there is more:\n%s", m.View())
	}
	for n := range 20 {
		m, _ = press(m, "pgdown")
		if !strings.Contains(m.View(), more) {
			if want := h.text.lines[len(h.text.lines)-1]; !strings.Contains(m.View(), strings.TrimSpace(want)) {
				t.Errorf("page %d is the end, without %q:\n%s", n+2, want, m.View())
			}
			return
		}
	}
	t.Error("there is always more below")
}
