package wizard

import (
	"context"
	"sync"
	"time"

	tea "github.com/charmbracelet/bubbletea"

	"github.com/c93d5bcb/sslwizard/steps"
)

// batchTime is how long events are collected before they are drawn: a link is not flooded by a run that is fast.
const batchTime = 100 * time.Millisecond

// following collects the events of a run until the screen asks for them. A screen that cannot draw never holds the run
// up: it goes on in its own process.
type following struct {
	mu     sync.Mutex
	events []steps.Event
	result *steps.Result
	err    error
	news   chan struct{} // holds one when there is something new
}

// eventsMsg is what happened since the last one; result is set at the end.
type eventsMsg struct {
	of     *following
	events []steps.Event
	result *steps.Result
	err    error
}

func follow(ctx context.Context, m Machine, run string) *following {
	f := &following{news: make(chan struct{}, 1)}
	go func() {
		result, err := m.Follow(ctx, run, func(e steps.Event) {
			f.mu.Lock()
			f.events = append(f.events, e)
			f.mu.Unlock()
			f.tell()
		})
		f.mu.Lock()
		f.result, f.err = &result, err
		f.mu.Unlock()
		f.tell()
	}()
	return f
}

func (f *following) tell() {
	select {
	case f.news <- struct{}{}:
	default:
	}
}

// next waits for something new, and then a moment for more.
func (f *following) next(ctx context.Context) tea.Cmd {
	return func() tea.Msg {
		select {
		case <-ctx.Done():
			return nil
		case <-f.news:
		}
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(batchTime):
		}
		f.mu.Lock()
		defer f.mu.Unlock()
		msg := eventsMsg{f, f.events, f.result, f.err}
		f.events = nil
		return msg
	}
}
