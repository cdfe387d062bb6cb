package wizard

import (
	"runtime/debug"
	"sync"

	tea "github.com/charmbracelet/bubbletea"
)

// Fault is a panic inside the screens, with which Run panics again when the terminal is as it was before.
type Fault struct {
	Cause any
	Stack []byte
}

// faults has the first of them, and ends the screens.
type faults struct {
	quit  func()
	once  sync.Once
	first *Fault
}

// caught is deferred around all that Bubble Tea calls of ours: by itself it would print the stack over the screen.
func (f *faults) caught() {
	if r := recover(); r != nil {
		f.once.Do(func() {
			f.first = &Fault{Cause: r, Stack: debug.Stack()}
			go f.quit() // the event loop may be waiting for us
		})
	}
}

// again panics with the fault, if there was one. The screens have ended.
func (f *faults) again() {
	f.once.Do(func() {}) // what is under way is waited for
	if f.first != nil {
		panic(*f.first)
	}
}

// guarded is a model of which no panic gets to Bubble Tea.
type guarded struct {
	tea.Model
	faults *faults
}

// Init implements tea.Model.
func (g guarded) Init() tea.Cmd {
	defer g.faults.caught()
	return g.guard(g.Model.Init())
}

// Update implements tea.Model. After a fault the model is what it was before.
func (g guarded) Update(msg tea.Msg) (next tea.Model, cmd tea.Cmd) {
	next = g
	defer g.faults.caught()
	inner, cmd := g.Model.Update(msg)
	return guarded{inner, g.faults}, g.guard(cmd)
}

// View implements tea.Model.
func (g guarded) View() string {
	defer g.faults.caught()
	return g.Model.View()
}

// guard is for a command, which runs in a goroutine of its own.
func (g guarded) guard(cmd tea.Cmd) tea.Cmd {
	if cmd == nil {
		return nil
	}
	return func() tea.Msg {
		defer g.faults.caught()
		msg := cmd()
		if batch, ok := msg.(tea.BatchMsg); ok {
			all := make(tea.BatchMsg, len(batch))
			for n, one := range batch {
				all[n] = g.guard(one)
			}
			return all
		}
		return msg
	}
}
