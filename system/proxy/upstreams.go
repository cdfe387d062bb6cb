package proxy

import (
	"slices"
	"sync"
	"time"

	"github.com/c93d5bcb/sslwizard/steps"
)

// upstreams are those of a site, in the order of its answers. A request goes to the one that has the fewest in progress of
// those that are not down; a WebSocket is in progress as long as it is open. Nobody waits because of a mark: with one
// upstream, or with all of them down, every request tries.
type upstreams struct {
	members []*transport
	sticky  *sticky    // nil where visitors do not stay with one
	mu      sync.Mutex // one choice after the other, or many would take the same
	turn    int        // where the next search begins, so that equals take turns
}

// upstreamsFor makes the upstreams of a site. What it had of them before, if it was there, goes on: their connections, and
// what is known of them.
func upstreamsFor(s steps.Site, before *site) (*upstreams, error) {
	out, all, dial := &upstreams{}, s.Proxy.Upstreams(), dialTimeout
	if len(all) > 1 {
		dial = dialBeside
	}
	for _, u := range all {
		one := before.transportOf(u, dial)
		if one == nil {
			var err error
			if one, err = newTransport(u, dial); err != nil {
				return nil, err
			}
		}
		out.members = append(out.members, one)
	}
	return out, nil
}

func (s *site) transportOf(u steps.Upstream, dial time.Duration) *transport {
	if s == nil {
		return nil
	}
	for _, one := range s.upstreams.members {
		if one.upstream == u && one.dial == dial {
			return one
		}
	}
	return nil
}

// transports are those of all sites.
func (t *table) transports() []*transport {
	var all []*transport
	for _, s := range t.sites {
		all = append(all, s.upstreams.members...)
	}
	return all
}

// several reports whether there is a choice.
func (u *upstreams) several() bool { return len(u.members) > 1 }

// inTheClear reports whether all are spoken to in HTTP/1.1 without TLS.
func (u *upstreams) inTheClear() bool {
	return !slices.ContainsFunc(u.members, func(one *transport) bool { return one.upstream.TLS() || one.upstream.HTTP2() })
}

// choose takes an upstream for a request that has tried some in vain, but not all: the preferred one if it may be. The
// request counts there until the attempt is done.
func (u *upstreams) choose(preferred *transport, tried []*transport) *attempt {
	now := time.Now()
	if !u.several() {
		return u.members[0].begin(now)
	}
	u.mu.Lock()
	defer u.mu.Unlock()
	untried := func(one *transport) bool { return !slices.Contains(tried, one) }
	best := u.best(preferred, func(one *transport) bool { return untried(one) && one.health.open(now) })
	if best == nil {
		best = u.best(preferred, untried)
	}
	return best.begin(now)
}

// best finds the preferred upstream, or else the one with the fewest requests in progress, among those that may be.
func (u *upstreams) best(preferred *transport, may func(*transport) bool) *transport {
	if preferred != nil && may(preferred) {
		return preferred
	}
	found, fewest := -1, int64(0)
	for i := range u.members {
		at := (u.turn + i) % len(u.members)
		if n := u.members[at].busy.Load(); may(u.members[at]) && (found < 0 || n < fewest) {
			found, fewest = at, n
		}
	}
	if found < 0 {
		return nil
	}
	u.turn = found + 1
	return u.members[found]
}
