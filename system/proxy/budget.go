package proxy

import "time"

// budget is what a client may do of something that costs us more than it costs the client: so much at once, and so much
// more in every second. It is not safe for concurrent use.
type budget struct {
	most, perSecond float64
	left            float64
	last            time.Time // when left was true
}

func newBudget(most, perSecond float64) budget {
	return budget{most: most, perSecond: perSecond, left: most, last: time.Now()}
}

// spend takes one, and reports whether it was there.
func (b *budget) spend() bool {
	now := time.Now()
	b.earn(now.Sub(b.last).Seconds() * b.perSecond)
	b.last = now
	b.left--
	return b.left >= 0
}

// earn gives back what somebody who does something useful may need.
func (b *budget) earn(n float64) { b.left = min(b.left+n, b.most) }
