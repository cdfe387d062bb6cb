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
)

// cuts counts what was ended because of what its client did. The log tells of each reason once in a while, for a flood
// must not become one of the log.
type cuts struct {
	log  *slog.Logger
	mu   sync.Mutex
	of   map[string]uint64
	told map[string]time.Time
}

func newCuts(log *slog.Logger) *cuts {
	return &cuts{log: log, of: map[string]uint64{}, told: map[string]time.Time{}}
}

// count notes that what this client has begun is ended.
func (c *cuts) count(reason string, client net.Addr) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.of[reason]++
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
