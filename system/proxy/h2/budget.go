package h2

import "time"

// What a client may do in vain on one connection.
const (
	// Requests that the client takes back, or makes us refuse, before there is an answer (rapid reset, CVE-2023-44487;
	// MadeYouReset, CVE-2025-8671), or opens beyond those that it may have open. The upstream goes on with what it has
	// begun. Every request that is answered allows one more: a page that cancels a search at every key or the tiles of a
	// map stays far below.
	vainRequests          = 300
	vainRequestsPerSecond = 10
	// Frames that carry nothing: PING, SETTINGS, PRIORITY, WINDOW_UPDATE, CONTINUATION, empty DATA and what is unknown.
	vainFrames          = 10_000
	vainFramesPerSecond = 10
	// Frames of that kind that go with a request, and with a frame of an answer.
	framesOfRequest = 20
	framesOfAnswer  = 4
)

// budget is what a client may do of something that costs us more than it costs the client: so much at once, and so much
// more in every second.
type budget struct {
	most, perSecond float64
	left            float64
	last            time.Time // when left was true
}

func newBudget(most, perSecond float64, now time.Time) budget {
	return budget{most: most, perSecond: perSecond, left: most, last: now}
}

// spend takes one, and reports whether it was there.
func (b *budget) spend(now time.Time) bool {
	b.earn(now.Sub(b.last).Seconds() * b.perSecond)
	b.last = now
	b.left--
	return b.left >= 0
}

// earn gives back what somebody who does something useful may need.
func (b *budget) earn(n float64) { b.left = min(b.left+n, b.most) }
