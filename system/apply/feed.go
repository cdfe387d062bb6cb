package apply

import (
	"sync"
	"time"

	"github.com/c93d5bcb/sslwizard/steps"
)

// feedPatience is how long a finished run waits for a slow screen to take the last events.
const feedPatience = 2 * time.Second

// feed hands events to a sink, in order, from a goroutine of its own. Send never blocks and never drops: a screen that
// stalls (a stopped terminal, a lost SSH link) delays nothing on the host. Only the end waits, and only for feedPatience.
type feed struct {
	mu     sync.Mutex
	queue  []steps.Event
	closed bool
	wake   chan struct{}
	done   chan struct{}
}

func newFeed(sink func(steps.Event)) *feed {
	f := &feed{wake: make(chan struct{}, 1), done: make(chan struct{})}
	if sink == nil {
		sink = func(steps.Event) {}
	}
	go f.pump(sink)
	return f
}

func (f *feed) send(e steps.Event) {
	f.mu.Lock()
	f.queue = append(f.queue, e)
	f.mu.Unlock()
	f.poke()
}

func (f *feed) close() {
	f.mu.Lock()
	f.closed = true
	f.mu.Unlock()
	f.poke()
	select {
	case <-f.done:
	case <-time.After(feedPatience):
	}
}

func (f *feed) poke() {
	select {
	case f.wake <- struct{}{}:
	default:
	}
}

func (f *feed) pump(sink func(steps.Event)) {
	defer close(f.done)
	for range f.wake {
		f.mu.Lock()
		batch, closed := f.queue, f.closed
		f.queue = nil
		f.mu.Unlock()
		for _, e := range batch {
			sink(e)
		}
		if closed {
			return
		}
	}
}
