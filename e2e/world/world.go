package world

import (
	"fmt"
	"os"
	"path/filepath"
	"sync/atomic"
)

// World is one internet with a certificate authority, a client, and the servers that are booted into it.
type World struct {
	t       TB
	id      string
	bridge  string // namespace of the bridge
	dir     string // logs, sockets, layers
	servers int
	CA      *CA
	Client  *Client
}

var worlds atomic.Int64

// New makes a world that ends with the test.
func New(t TB) *World {
	t.Helper()
	id := fmt.Sprintf("w%d", worlds.Add(1))
	w := &World{t: t, id: id, bridge: id + "-net", dir: filepath.Join(scratch, id)}
	if err := os.MkdirAll(w.dir, 0o755); err != nil {
		t.Fatalf("world: %v", err)
	}
	w.internet()
	t.Cleanup(func() { w.ip("netns delete " + w.bridge) })
	w.CA = w.startCA()
	w.Client = w.newClient()
	return w
}

// file is a path in this world's folder.
func (w *World) file(name string) string { return filepath.Join(w.dir, name) }

// Scratch makes a file on this machine, for a program of the client; it returns where.
func (w *World) Scratch(content string) string {
	w.t.Helper()
	file, err := os.CreateTemp(w.dir, "scratch-")
	if err == nil {
		_, err = file.WriteString(content)
	}
	if err != nil {
		w.t.Fatalf("world: %v", err)
	}
	defer file.Close()
	return file.Name()
}
