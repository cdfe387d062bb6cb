package proxy

import (
	"log/slog"
	"maps"
	"net"
	"sync"
	"time"
)

// Reasons to end what a client has begun. They are names in the metrics.
const (
	cutResets = "resets" // too many requests were taken back or broken off on a connection of HTTP/2
	cutFrames = "frames" // too many frames of HTTP/2 that carry nothing

	cutHandshake = "slow_handshake"
	cutBody      = "slow_upload"   // a body that came too slowly, or not at all
	cutAnswer    = "slow_download" // an answer that was taken too slowly, or not at all
)

// cuts counts what was ended because of what its client did. The log tells of each kind of flood once in a while,
// for it must not become one of the log.
type cuts struct {
	log  *slog.Logger
	mu   sync.Mutex
	of   map[string]uint64
	told map[string]time.Time
}

func newCuts(log *slog.Logger) *cuts {
	c := &cuts{log: log, of: map[string]uint64{}, told: map[string]time.Time{}}
	for _, reason := range []string{cutResets, cutFrames, cutHandshake, cutBody, cutAnswer} {
		c.of[reason] = 0 // what has not happened yet is a number too: monitoring sees the first
	}
	return c
}

// count notes that what a client has begun is ended.
func (c *cuts) count(reason string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.of[reason]++
}

// flood notes that a client does too much of something, and tells the owner who.
func (c *cuts) flood(reason string, client net.Addr) {
	c.count(reason)
	c.mu.Lock()
	defer c.mu.Unlock()
	if now := time.Now(); now.Sub(c.told[reason]) > refusalPause {
		c.told[reason] = now
		c.log.Warn("a client's connection is ended", "reason", reason, "address", client, "so far", c.of[reason])
	}
}

func (c *cuts) counts() map[string]uint64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	return maps.Clone(c.of)
}
