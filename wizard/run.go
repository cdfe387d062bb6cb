package wizard

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"sync"
	"syscall"
	"time"

	tea "github.com/charmbracelet/bubbletea"

	"github.com/c93d5bcb/sslwizard/steps"
	_ "github.com/c93d5bcb/sslwizard/wizard/guard" // before Bubble Tea, which would ask the terminal
)

const (
	// framesPerSecond is what any SSH link carries.
	framesPerSecond = 15
	// patience is how long a wizard waits for a key. What was answered is kept.
	patience = 2 * time.Hour
)

// Run shows the wizard on a terminal until it ends, and returns the exit status. A terminal that goes away ends it; what
// was answered is kept, and a run that was started goes on.
func Run(ctx context.Context, in, out *os.File, m Machine, o Options) int {
	s := &shared{ctx: ctx, machine: m, options: o, theme: o.Theme, passed: map[steps.ID]bool{}}
	s.host, _ = os.Hostname()
	s.host = steps.CleanLine(s.host)
	return show(ctx, in, out, newModel(s, newWelcome(s)))
}

// show runs the event loop.
func show(ctx context.Context, in, out *os.File, m model) int {
	idle := time.NewTimer(patience)
	defer idle.Stop()
	unplugged := make(chan struct{}) // a terminal that hangs up says so by a signal to its first process, which may not be us
	keys := input{File: in, seen: func() { idle.Reset(patience) }, gone: sync.OnceFunc(func() { close(unplugged) })}
	fault := &faults{}
	p := tea.NewProgram(guarded{m, fault}, tea.WithContext(ctx), tea.WithInput(keys), tea.WithOutput(out),
		tea.WithAltScreen(), tea.WithFPS(framesPerSecond), tea.WithoutSignalHandler())
	fault.quit = p.Quit
	gone := make(chan os.Signal, 1)
	signal.Notify(gone, syscall.SIGHUP, syscall.SIGTERM)
	defer signal.Stop(gone)
	over := make(chan struct{})
	defer close(over)
	go func() {
		select {
		case <-gone:
		case <-idle.C:
		case <-unplugged:
		case <-over:
			return
		}
		p.Kill() // Quit would wait for a terminal that may not be there any more
	}()
	last, err := p.Run()
	fault.again()
	if g, ok := last.(guarded); ok {
		last = g.Model
	}
	return finish(out, last, err)
}

// finish prints on the normal screen what has to stay in the scrollback.
func finish(out *os.File, last tea.Model, err error) int {
	if m, ok := last.(model); ok && m.end != nil {
		for _, line := range m.end.report {
			_, _ = fmt.Fprintln(out, line)
		}
		return m.end.status
	}
	if err != nil && !errors.Is(err, tea.ErrProgramKilled) && !errors.Is(err, context.Canceled) {
		_, _ = fmt.Fprintln(out, "sslwizard: error: cannot show the screens: "+steps.CleanLine(err.Error())+"\n  sudo sslwizard --plain    asks line by line")
		return steps.ExitFailed
	}
	return steps.ExitCancelled
}
