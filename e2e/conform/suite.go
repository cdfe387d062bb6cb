package main

import (
	"context"
	"fmt"
	"sync"
)

// suite is what is tried on a proxy under one name.
type suite struct {
	name  string
	least int      // cases that the suite has at least
	kinds []string // of back ends that every case is tried on; none: one case after the other, on the sites with names
	cases []testCase
	// other is a suite of somebody else's, with a program of its own.
	other func(ctx context.Context, f *front, dir string) ([]outcome, int, error)
}

// testCase is one thing that a client does, and what has to come of it.
type testCase struct {
	class, name string
	try         func(*lane) verdict
}

func (c testCase) String() string { return c.class + ": " + c.name }

// suites are all, in the order of the table's rows.
func suites() []suite {
	all := []string{"strict", "sloppy", "nested"}
	return []suite{
		{name: "HTTP/1 and smuggling", least: 250, kinds: all, cases: payloadCases(http1Payloads())},
		{name: "HTTP/2 to HTTP/1", least: 100, kinds: all, cases: downgrades()},
		{name: "forwarding fields", least: 80, kinds: []string{"strict", "sloppy", "listed"}, cases: spoofs()},
		{name: "answers of applications", least: 100, kinds: []string{"unruly"}, cases: replyCases()},
		{name: "SNI and Host", least: 60, cases: naming()},
		{name: "upgrade", least: 40, kinds: []string{"agrees"}, cases: upgrades()},
		{name: "WebSockets, byte for byte", least: 250, kinds: []string{"frames"}, cases: socketCases()},
		{name: "WebSockets with a library", least: 100, kinds: []string{"echoes"}, cases: libraryCases()},
		{name: "open proxy", least: 30, kinds: []string{"strict"}, cases: errands()},
		{name: "h2spec", least: 140, other: h2spec},
	}
}

// outcome is a case with its verdict.
type outcome struct {
	testCase
	kind string // of back end
	verdict
}

func (o outcome) String() string {
	if o.kind == "" {
		return fmt.Sprintf("%s: %s", o.testCase, o.said)
	}
	return fmt.Sprintf("%s (%s back end): %s", o.testCase, o.kind, o.said)
}

// run tries every case and returns those that are not as they should be, and how many cases there are.
func (u suite) run(ctx context.Context, f *front, s *stage, dir string) (bad []outcome, total int, err error) {
	if u.other != nil {
		return u.other(ctx, f, dir)
	}
	return u.try(f, s), len(u.cases), nil
}

// try tries every case on every kind of back end, several at the same time.
func (u suite) try(f *front, s *stage) (bad []outcome) {
	var mu sync.Mutex
	var all sync.WaitGroup
	work := func(kind, host string, queue <-chan testCase) {
		l := newLane(f, s, host)
		defer l.close()
		for c := range queue {
			if v := c.try(l); v.grade != ok {
				mu.Lock()
				bad = append(bad, outcome{c, kind, v})
				mu.Unlock()
			}
		}
	}
	for _, kind := range u.kinds {
		queue := u.queue()
		for i := range width {
			all.Go(func() { work(kind, hostOf(kind, i), queue) })
		}
	}
	if len(u.kinds) == 0 {
		work("", shopHost, u.queue())
	}
	all.Wait()
	return bad
}

// queue has every case in it.
func (u suite) queue() <-chan testCase {
	queue := make(chan testCase, len(u.cases))
	for _, c := range u.cases {
		queue <- c
	}
	close(queue)
	return queue
}

// score is what a suite came to on a proxy.
type score struct {
	total, differ, broken int
	bad                   []outcome
}

// count counts every case once, by the worst that came of it on any kind of back end.
func count(bad []outcome, total int) score {
	worst := map[string]grade{}
	for _, o := range bad {
		worst[o.testCase.String()] = max(worst[o.testCase.String()], o.grade)
	}
	c := score{total: total, bad: bad}
	for _, g := range worst {
		switch g {
		case differs:
			c.differ++
		case broken:
			c.broken++
		case ok:
		}
	}
	return c
}

func (c score) String() string {
	text := fmt.Sprintf("%d of %d", c.total-c.differ-c.broken, c.total)
	if c.broken > 0 {
		text += fmt.Sprintf(", **%d deceive**", c.broken)
	}
	return text
}
