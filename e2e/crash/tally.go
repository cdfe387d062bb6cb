//go:build linux && amd64

package main

import (
	"context"
	"fmt"
	"strconv"
	"sync"
)

// amount is how much is done of each kind, for each flow.
type amount struct {
	kills   int // at most so many single kills
	onward  int // after each so-manieth kill the change is done again
	edits   int
	halves  int // servers that a kill left, whose recovery is killed
	doubles int // at most so many kills of each of these recoveries
	triples int // of each
	errnos  int
	dead    int // disks that take nothing more from a call on
}

var (
	everything = amount{kills: 1 << 20, onward: 10, edits: 25, halves: 8, doubles: 1 << 20, triples: 7, errnos: 1 << 20, dead: 40}
	slice      = amount{kills: 5, onward: 4, edits: 1, halves: 1, doubles: 2, triples: 1, errnos: 3}
	sample     = amount{kills: 24, onward: 8, edits: 3, errnos: 12}                      // of a mutant
	thorough   = amount{kills: 1 << 20, onward: 8, edits: 20, errnos: 1 << 20, dead: 40} // of one that the sample does not show
)

// tally is what came of it all, for one flow.
type tally struct {
	flow                                  *flow
	mu                                    sync.Mutex
	kills, edits, doubles, triples, errno int
	dead                                  int
	ends                                  map[string]int
	faults                                []fault
	first                                 bool // one is enough
}

func (t *tally) add(count *int, f *flow, what string, said []string, err error) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if err != nil {
		return err
	}
	*count++
	if said != nil {
		t.faults = append(t.faults, fault{f.name, what, said})
		if t.first {
			return errSeen
		}
	}
	return nil
}

func (t *tally) points() int { return t.kills + t.edits + t.doubles + t.triples + t.errno + t.dead }

// work are the jobs of a flow.
func (f *flow) work(ctx context.Context, a amount, t *tally) []job {
	t.ends = map[string]int{}
	jobs := []job{func(w *worker) error {
		said, err := f.held(ctx, w)
		return t.add(new(int), f, "another one holds the lock", said, err)
	}}
	for i, n := range stride(len(f.calls)+1, a.kills, 3) {
		jobs = append(jobs, func(w *worker) error {
			how, said, err := f.single(ctx, w, n, i%a.onward == 0)
			t.end(how)
			return t.add(&t.kills, f, "killed before "+f.at(n), said, err)
		})
	}
	for _, n := range stride(len(f.calls), a.edits, 5) {
		jobs = append(jobs, func(w *worker) error {
			any, said, err := f.edited(ctx, w, n)
			if !any && err == nil {
				return nil
			}
			return t.add(&t.edits, f, "killed before "+f.at(n)+", and edited by somebody", said, err)
		})
	}
	for _, n := range stride(len(f.calls), a.halves, len(f.calls)*2/3) {
		jobs = append(jobs, func(w *worker) error { return f.recoveries(ctx, w, a, t, n) })
	}
	for i, n := range stride(len(f.calls), a.errnos, 1) {
		errno := errnos[i%len(errnos)]
		jobs = append(jobs, func(w *worker) error {
			said, err := f.refused(ctx, w, n, errno)
			return t.add(&t.errno, f, f.at(n)+" fails: "+errno.Error(), said, err)
		})
	}
	for i, n := range stride(len(f.calls), a.dead, 2) {
		errno, more := errnos[i%4], away[i%len(away)] // those that stay
		jobs = append(jobs, func(w *worker) error {
			said, err := f.dead(ctx, w, n, errno, more)
			return t.add(&t.dead, f, fmt.Sprintf("%s and %d more fail: %v", f.at(n), more, errno), said, err)
		})
	}
	return jobs
}

func (t *tally) end(how string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.ends[how]++
}

// recoveries kills the recoveries of one server that a kill left.
func (f *flow) recoveries(ctx context.Context, w *worker, a amount, t *tally, n int) error {
	h, err := f.half(ctx, w, n)
	if err != nil {
		return err
	}
	for _, k := range stride(h.calls, a.doubles, n) {
		said, err := f.double(ctx, w, h, k)
		if err := t.add(&t.doubles, f, "killed before "+f.at(n)+", and its recovery before its call "+strconv.Itoa(k), said, err); err != nil {
			return err
		}
	}
	for _, k := range stride(h.calls, a.triples, n) {
		ok, said, err := f.triple(ctx, w, h, k)
		if !ok && err == nil {
			continue
		}
		what := "killed before " + f.at(n) + ", its recovery before its call " + strconv.Itoa(k) + ", and that one's too"
		if err := t.add(&t.triples, f, what, said, err); err != nil {
			return err
		}
	}
	return nil
}

// at names a call.
func (f *flow) at(n int) string {
	if n > len(f.calls) {
		return "its end"
	}
	return f.calls[n-1].String()
}
