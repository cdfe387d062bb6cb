package native

import (
	"slices"
	"sync"
	"time"

	"github.com/c93d5bcb/sslwizard/system/proxy"
)

// bounds are the upper ends of the classes of the histogram of durations.
var bounds = [...]time.Duration{
	time.Millisecond, 5 * time.Millisecond, 10 * time.Millisecond, 25 * time.Millisecond, 50 * time.Millisecond,
	100 * time.Millisecond, 250 * time.Millisecond, 500 * time.Millisecond, time.Second, 5 * time.Second, 30 * time.Second,
}

// traffic counts the requests that have ended. It may be used by many goroutines.
type traffic struct {
	mu    sync.Mutex
	sites map[string]*siteTraffic // "" is what nobody serves
}

// siteTraffic is the part of one site. A WebSocket counts with its bytes, but its life is no duration of a request.
type siteTraffic struct {
	answers  map[answer]uint64
	bytes    uint64
	within   [len(bounds) + 1]uint64 // requests by the class of their duration; the last has no end
	duration time.Duration           // of all of them
}

// answer is how a request came in and how it ended.
type answer struct {
	scheme string
	status int // 0: the client had left
}

func (t *traffic) count(a proxy.Access) {
	t.mu.Lock()
	defer t.mu.Unlock()
	s := t.sites[a.Site]
	if s == nil {
		s = &siteTraffic{answers: map[answer]uint64{}}
		if t.sites == nil {
			t.sites = map[string]*siteTraffic{}
		}
		t.sites[a.Site] = s
	}
	s.answers[answer{scheme(a), a.Status}]++
	s.bytes += uint64(max(a.Bytes, 0))
	if a.Status == 101 {
		return
	}
	class, _ := slices.BinarySearch(bounds[:], a.Elapsed)
	s.within[class]++
	s.duration += a.Elapsed
}

// totals are all requests, and those that were answered with a status of 500 or more.
func (t *traffic) totals() (requests, failed uint64) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, s := range t.sites {
		for a, n := range s.answers {
			requests += n
			if a.status >= 500 {
				failed += n
			}
		}
	}
	return requests, failed
}

func scheme(a proxy.Access) string {
	if a.Secure {
		return "https"
	}
	return "http"
}
