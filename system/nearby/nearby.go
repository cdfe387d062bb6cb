// Package nearby finds what could be served by this host and under which names, before anybody is asked; and holds
// single answers against the world while they are typed. It only looks: a GET and a WebSocket handshake to what listens
// on this very host, and questions to the DNS. Everything that it waits for is bounded.
package nearby

import (
	"cmp"
	"context"
	"net"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/c93d5bcb/sslwizard/steps"
	"github.com/c93d5bcb/sslwizard/system/probe"
)

// Resolver is the part of net.Resolver that is used.
type Resolver interface {
	LookupNetIP(ctx context.Context, network, host string) ([]netip.Addr, error)
	LookupAddr(ctx context.Context, addr string) ([]string, error)
}

// The bounds of looking around.
const (
	allTime = 3 * time.Second // for everything
	oneTime = time.Second     // for one application
	most    = 16              // applications, and names
	atOnce  = 4
)

// Find looks around. What cannot be found out in time is missing.
func Find(ctx context.Context, f steps.Facts, dns Resolver) steps.Nearby {
	ctx, cancel := context.WithTimeout(ctx, allTime)
	defer cancel()
	var n steps.Nearby
	var both sync.WaitGroup
	both.Go(func() { n.Apps = apps(ctx, f) })
	both.Go(func() { n.Names = names(ctx, f, dns) })
	both.Wait()
	return n
}

// infrastructure are ports on which nobody serves an application for browsers.
var infrastructure = []int{21, 22, 25, 53, 80, 110, 111, 123, 143, 443, 465, 587, 631, 853, 993, 995, 2019, 3306, 5432, 5672, 6379, 9000, 9100, 11211, 27017}

// socketPaths are where applications usually have a WebSocket.
var socketPaths = []string{"/", "/ws", "/socket.io/?EIO=4&transport=websocket", "/chat", "/cable", "/websocket"}

func apps(ctx context.Context, f steps.Facts) []steps.App {
	var listeners []steps.Listener
	for _, l := range f.Listeners {
		known := slices.ContainsFunc(listeners, func(x steps.Listener) bool { return x.Port == l.Port })
		if !known && l.Port.Proto == "tcp" && !l.Ours && !slices.Contains(infrastructure, l.Port.Number) && len(listeners) < most {
			listeners = append(listeners, l)
		}
	}
	found := make([]*steps.App, len(listeners))
	slots := make(chan struct{}, atOnce)
	var all sync.WaitGroup
	for n, l := range listeners {
		all.Go(func() {
			slots <- struct{}{}
			defer func() { <-slots }()
			found[n] = app(ctx, l, f.Hostname)
		})
	}
	all.Wait()
	var some []steps.App
	for _, a := range found {
		if a != nil {
			some = append(some, *a)
		}
	}
	slices.SortStableFunc(some, func(a, b steps.App) int { return cmp.Compare(likely(b), likely(a)) })
	return some
}

// likely is how much an application looks like what somebody wants to have behind HTTPS.
func likely(a steps.App) int {
	score := 0
	if a.Status >= 200 && a.Status < 400 {
		score += 4
	}
	if len(a.WebSockets) > 0 {
		score += 2
	}
	if a.Unit != "" {
		score++
	}
	return score
}

// app asks a listener whether it is an application.
func app(ctx context.Context, l steps.Listener, host string) *steps.App {
	u, err := steps.ParseUpstream(hostOf(l))
	if err != nil {
		return nil
	}
	status, server, check := probe.Application(ctx, u, host, oneTime)
	if other, ok := otherwise(check); ok {
		u = other
		status, server, _ = probe.Application(ctx, u, host, oneTime)
	}
	if status == 0 {
		return nil
	}
	a := &steps.App{Upstream: u.String(), Process: l.Process, PID: l.PID, Unit: l.Unit, Server: server, Status: status,
		Exposed: l.Address.IsUnspecified()}
	for _, path := range socketPaths {
		if !u.HTTP2() && probe.Socket(ctx, u, host, path, oneTime).Verdict == steps.OK {
			path, _, _ = strings.Cut(path, "?")
			a.WebSockets = append(a.WebSockets, path)
		}
	}
	return a
}

// otherwise is how an application wants to be spoken to that said so itself: over TLS, or in HTTP/2.
func otherwise(check steps.Check) (steps.Upstream, bool) {
	if check.Code != "W11" || len(check.Fix) == 0 {
		return steps.Upstream{}, false
	}
	text, _ := strings.CutPrefix(check.Fix[0], "proxy.upstream: ")
	u, err := steps.ParseUpstream(text)
	return u, err == nil
}

// hostOf is where this host reaches the listener.
func hostOf(l steps.Listener) string {
	addr := l.Address
	if addr.IsUnspecified() {
		addr = netip.AddrFrom4([4]byte{127, 0, 0, 1})
		if l.Address.Is6() && !l.Address.Is4In6() {
			addr = netip.IPv6Loopback()
		}
	}
	return "http://" + netip.AddrPortFrom(addr.Unmap(), uint16(l.Port.Number)).String() //nolint:gosec // a port
}

// names are the domains that may be meant for this host, those that lead here first.
func names(ctx context.Context, f steps.Facts, dns Resolver) []steps.NameHere {
	seen := seenNames(ctx, f, dns)
	var all sync.WaitGroup
	for n := range seen {
		all.Go(func() {
			seen[n].Addresses, _ = dns.LookupNetIP(ctx, "ip", string(seen[n].Domain))
			seen[n].Here = len(seen[n].Addresses) > 0 && !slices.ContainsFunc(seen[n].Addresses, func(a netip.Addr) bool { return !ours(f, a) })
		})
	}
	all.Wait()
	slices.SortStableFunc(seen, func(a, b steps.NameHere) int {
		return cmp.Compare(map[bool]int{true: 0, false: 1}[a.Here], map[bool]int{true: 0, false: 1}[b.Here])
	})
	return seen
}

func ours(f steps.Facts, a netip.Addr) bool { return slices.Contains(f.Addresses, a.Unmap()) }

// seenNames collects names from what the host says of itself, from its nginx, and from the DNS.
func seenNames(ctx context.Context, f steps.Facts, dns Resolver) []steps.NameHere {
	var seen []steps.NameHere
	add := func(name, source string) {
		d, err := steps.ParseDomain(strings.TrimSuffix(name, "."))
		if err != nil || d.Wildcard() || !strings.Contains(string(d), ".") || len(seen) >= most {
			return
		}
		if _, isAddress := d.IP(); isAddress || slices.ContainsFunc(seen, func(x steps.NameHere) bool { return x.Domain == d }) {
			return
		}
		seen = append(seen, steps.NameHere{Domain: d, Source: source})
	}
	for _, s := range f.Nginx.Servers {
		for _, name := range s.Names {
			add(name, "a server of nginx, "+s.File)
		}
	}
	add(f.Hostname, "the name of this server")
	for _, a := range f.Addresses {
		if a.IsPrivate() || !a.IsGlobalUnicast() {
			continue
		}
		found, _ := dns.LookupAddr(ctx, a.String())
		for _, name := range found {
			add(name, "the reverse DNS of "+a.String())
		}
	}
	return seen
}

var _ Resolver = (*net.Resolver)(nil)
