package proxy

import (
	"sync"
	"time"
)

// How long an upstream that failed is left alone: twice as long with every attempt in vain.
const (
	firstPause = time.Second
	mostPause  = 30 * time.Second
)

// health is what requests have shown of an upstream; nothing is asked for that purpose alone.
type health struct {
	mu       sync.Mutex
	failures uint64
	down     bool
	until    time.Time     // from then on one request may try it again
	pause    time.Duration // that it is left alone for
	trying   bool          // that one request is on its way
}

// open reports whether a request may go to the upstream while there are others to go to.
func (h *health) open(now time.Time) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return !h.down || h.due(now)
}

func (h *health) due(now time.Time) bool { return h.down && !h.trying && !now.Before(h.until) }

// begin notes that a request goes there, and reports whether it is the one that tries an upstream again.
func (h *health) begin(now time.Time) (trial bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	trial = h.due(now)
	h.trying = h.trying || trial
	return trial
}

// end notes that the request that tried the upstream again has ended. When it has shown nothing, the next one may.
func (h *health) end() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.trying = false
}

// succeed notes an answer, and reports whether the upstream was down until then.
func (h *health) succeed() (back bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	back = h.down
	h.down, h.pause, h.trying = false, 0, false
	return back
}

// count notes a failure that says nothing of the upstream as a whole.
func (h *health) count() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.failures++
}

// fail notes that the upstream could not be reached, and reports whether it is down only since then. What fails while it
// is down has begun before, or went there because all are: only who tried it again says that it has to wait for longer.
func (h *health) fail(now time.Time, trial bool) (since bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.failures++
	since = !h.down
	if !since && !trial {
		return false
	}
	h.down, h.trying = true, false
	h.pause = min(max(firstPause, 2*h.pause), mostPause)
	h.until = now.Add(h.pause)
	return since
}

// state is what is told of it.
func (h *health) state() (failures uint64, down bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.failures, h.down
}
