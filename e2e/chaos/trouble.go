package main

import (
	"context"
	"sync"
	"time"
)

// How often what happens.
const (
	reloadEvery   = time.Second
	refuseEvery   = 7 // reloads
	handOverEvery = 30 * time.Second
	killEvery     = 3 * time.Second
)

// trouble makes all the trouble that there is, until the context ends.
func (s *service) trouble(ctx context.Context, t *tally) {
	var all sync.WaitGroup
	all.Go(func() {
		n := 0
		every(ctx, reloadEvery, func() {
			if n++; n%refuseEvery == 0 {
				t.done("wrong configurations refused", s.refuse())
				return
			}
			t.done("reloads", s.reload())
		})
	})
	all.Go(func() { every(ctx, handOverEvery, func() { t.done("programs followed", s.handOver()) }) })
	all.Go(func() {
		back := newCaller(s, mortal, false)
		defer back.close()
		every(ctx, killEvery, func() {
			s.apps[mortal].kill()
			pause(ctx, 300*time.Millisecond)
			if err := s.apps[mortal].start(); err != nil {
				t.done("applications killed", err)
				return
			}
			t.done("applications killed", back.page(context.Background())) // it is back at once
		})
	})
	all.Wait()
}

// every does it again and again.
func every(ctx context.Context, period time.Duration, do func()) {
	tick := time.NewTicker(period)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			do()
		}
	}
}

func pause(ctx context.Context, d time.Duration) {
	select {
	case <-ctx.Done():
	case <-time.After(d):
	}
}
