package wizard

import (
	"bytes"
	"strings"
	"testing"
	"time"

	tea "github.com/charmbracelet/bubbletea"
)

// faulty panics where it is told to.
type faulty struct{ at string }

type poke struct{}

func (f faulty) panics(at string) {
	if f.at == at {
		var none []int
		_ = none[len(at)]
	}
}

func (f faulty) Init() tea.Cmd {
	f.panics("init")
	return tea.Batch(func() tea.Msg { f.panics("batch"); return poke{} }, func() tea.Msg { return poke{} })
}

func (f faulty) Update(msg tea.Msg) (tea.Model, tea.Cmd) {
	if _, ok := msg.(poke); !ok {
		return f, nil
	}
	f.panics("update")
	return f, func() tea.Msg { f.panics("command"); return nil }
}

func (f faulty) View() string {
	f.panics("view")
	return "seen"
}

// TestFault: wherever a screen panics, the program ends, nothing of a stack gets to the terminal, and Run hands the fault on.
func TestFault(t *testing.T) {
	t.Parallel()
	for _, at := range []string{"init", "update", "command", "batch", "view"} {
		t.Run(at, func(t *testing.T) {
			t.Parallel()
			var screen bytes.Buffer
			f := &faults{}
			p := tea.NewProgram(guarded{faulty{at}, f}, tea.WithInput(nil), tea.WithOutput(&screen), tea.WithoutSignalHandler())
			f.quit = p.Quit
			stop := time.AfterFunc(20*time.Second, p.Kill)
			defer stop.Stop()
			if _, err := p.Run(); err != nil {
				t.Errorf("it did not end by itself: %v", err)
			}
			defer func() {
				fault, ok := recover().(Fault)
				if !ok || !strings.Contains(string(fault.Stack), "faulty.panics") || fault.Cause == nil {
					t.Errorf("the fault is lost: %v", fault.Cause)
				}
				if text := screen.String(); strings.Contains(text, "goroutine") || strings.Contains(text, "panic") {
					t.Errorf("on the screen:\n%s", text)
				}
			}()
			f.again()
		})
	}
	(&faults{}).again() // without one it goes on
}
