package main

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"
)

// tally counts what went as it should, kind by kind, and keeps the first of what did not.
type tally struct {
	mu    sync.Mutex
	right map[string]int
	wrong []string
	more  int // wrong ones that are not kept
}

func newTally() *tally { return &tally{right: map[string]int{}} }

// keptWrong is how many of what is wrong are told.
const keptWrong = 20

// done notes that something of the kind is over.
func (t *tally) done(kind string, err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if err == nil {
		t.right[kind]++
		return
	}
	if len(t.wrong) == keptWrong {
		t.more++
		return
	}
	t.wrong = append(t.wrong, fmt.Sprintf("%s %s: %v", time.Now().Format("15:04:05.000"), kind, err))
}

// kinds are what must have taken place.
var kinds = []string{
	"reloads", "wrong configurations refused", "applications killed",
	"requests over HTTP/1.1", "requests over HTTP/2", "requests over a connection each", "uploads", "downloads", "event streams",
	"messages over WebSockets", "WebSockets opened and closed", "idle WebSockets that lived",
	"clients that left", "answers of the dying application", "answers in place of the dying application",
}

func (t *tally) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	var b strings.Builder
	for _, kind := range slices.Sorted(maps.Keys(t.right)) {
		fmt.Fprintf(&b, "%9d  %s\n", t.right[kind], kind)
	}
	fmt.Fprintf(&b, "%9d  wrong\n", len(t.wrong)+t.more)
	return b.String()
}

func (t *tally) verdict() error {
	t.mu.Lock()
	defer t.mu.Unlock()
	var all []error
	for _, text := range t.wrong {
		all = append(all, errors.New(text))
	}
	for _, kind := range kinds {
		if t.right[kind] == 0 {
			all = append(all, fmt.Errorf("%s: none took place", kind))
		}
	}
	return errors.Join(all...)
}
