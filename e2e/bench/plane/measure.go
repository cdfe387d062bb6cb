package main

import (
	"context"
	"errors"
	"fmt"
	"math"
	"net"
	"os/exec"
	"regexp"
	"strconv"
	"sync"
	"syscall"
	"time"
)

// measure is something else than the cost of a request. What is measured is of each contender alone, while the others rest.
type measure struct {
	figures []figure
	of      func(ctx context.Context, s *stage, c *contender) ([]float64, error) // in the order of the figures
}

// figure is what a measure says.
type figure struct {
	name, unit string
	goal, hold float64 // of the loop, in the unit; or, with relative, its ratio to nginx. A hold of 0 is what nginx has, a goal of 0 none
	relative   bool
}

// running are measured while all contenders run, starting when none does: each starts its own.
var (
	running = []measure{
		{[]figure{{"p99 of h1 1 KiB, beside downloads and handshakes", "ms", 1, 1, true}}, mixed},
	}
	starting = []measure{
		{[]figure{{"idle WebSocket over TLS", "KiB", 12, 19, false}}, idleSockets(2000)},
		{[]figure{{"start until the first answer", "ms", 40, 80, false}, {"memory a second later", "MiB", 15, 17, false}}, fresh},
		{[]figure{{"1,000 sites: start until the last answers", "s", 0.3, 0, false}, {"1,000 sites: reload until the last has its new certificate", "s", 0.2, 0, false},
			{"1,000 sites: memory", "MiB", 30, 0, false}}, sites(1000)},
	}
	// large is about growth, once: what is ten times as much may cost ten times as much.
	large = []measure{
		{[]figure{{fmt.Sprintf("idle WebSocket over TLS, one of %d", mostSockets()), "KiB", 0, 0, false}}, idleSockets(mostSockets())},
		{[]figure{{"10,000 sites: start until the last answers", "s", 0, 0, false}, {"10,000 sites: reload until the last has its new certificate", "s", 0, 0, false},
			{"10,000 sites: memory", "MiB", 0, 0, false}}, sites(10_000)},
	}
)

const (
	warmSockets = 50              // come and go before
	ofAddress   = 1000            // come from one address: a proxy may not bear more of one
	restTime    = 5 * time.Second // for a garbage collector, too
)

// mostSockets is 20,000, or as many as a proxy, an application and a client can have with the files that a process may open here: two for each.
func mostSockets() int {
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
		return 2000
	}
	return min(20_000, (int(limit.Cur)-1000)/2)
}

// idleSockets is what one of so many WebSockets costs of memory on which nothing is said.
func idleSockets(n int) func(context.Context, *stage, *contender) ([]float64, error) {
	return func(ctx context.Context, s *stage, c *contender) ([]float64, error) { return c.idleSocket(ctx, s, n) }
}

func (c *contender) idleSocket(ctx context.Context, s *stage, n int) ([]float64, error) {
	one := c.another(c.command)
	if n > 2000 && c.name == reference {
		one.command = nginx(3 * n) // two for each, if one worker should have them all
	}
	if _, err := one.start(ctx, s, site); err != nil {
		return nil, err
	}
	defer one.stop()
	if err := one.sockets(ctx, warmSockets, func() {}); err != nil {
		return nil, err
	}
	time.Sleep(restTime)
	before, after := resident(one.process.Process.Pid), 0
	err := one.sockets(ctx, n, func() {
		time.Sleep(restTime)
		after = resident(one.process.Process.Pid)
	})
	return []float64{float64(after-before) / float64(n)}, err
}

// sockets opens so many, has something be done, and closes them.
func (c *contender) sockets(ctx context.Context, n int, do func()) error {
	open := make([]*socket, n)
	defer func() {
		for _, one := range open {
			if one != nil {
				one.Close()
			}
		}
	}()
	var all sync.WaitGroup
	var mu sync.Mutex
	var failed error
	turn := make(chan struct{}, 16)
	for i := range open {
		turn <- struct{}{}
		all.Go(func() {
			defer func() { <-turn }()
			one, err := openSocket(ctx, c.at, net.IPv4(127, 0, 0, byte(2+i/ofAddress)))
			if err == nil {
				err = one.talk()
			}
			mu.Lock()
			defer mu.Unlock()
			open[i], failed = one, errors.Join(failed, err)
		})
	}
	if all.Wait(); failed == nil {
		do()
	}
	return failed
}

var ninetyNine = regexp.MustCompile(`\s99%\s+([0-9.]+)(us|ms|s)`)

// mixed is how long one of a hundred small requests takes or longer, while others download and come anew.
func mixed(ctx context.Context, s *stage, c *contender) ([]float64, error) {
	const load = 6 * time.Second
	ended := make(chan error, 2)
	go func() { _, err := wrk("/large", "-c", "4")(ctx, s, c.at, load+2*time.Second); ended <- err }()
	go func() {
		_, err := wrk("/small", "-c", "4", "-H", "Connection: close")(ctx, s, c.at, load+2*time.Second)
		ended <- err
	}()
	time.Sleep(time.Second)
	out, err := exec.CommandContext(ctx, "wrk", "-t", "1", "-c", "32", "-d", strconv.Itoa(seconds(load)), "--latency", urlOf(c.at, "/small")).CombinedOutput()
	if err = errors.Join(err, <-ended, <-ended); err != nil {
		return nil, err
	}
	found := ninetyNine.FindStringSubmatch(string(out))
	if found == nil || failures.Match(out) {
		return nil, fmt.Errorf("wrk does not say: %s", out)
	}
	n, err := strconv.ParseFloat(found[1], 64)
	return []float64{n * map[string]float64{"us": 1e-3, "ms": 1, "s": 1e3}[found[2]]}, err
}

// fresh starts the contender once more, and ends it again: how long it takes until it answers, and what it has of memory then.
func fresh(ctx context.Context, s *stage, c *contender) ([]float64, error) {
	one := c.another(c.command)
	took, err := one.start(ctx, s, site)
	if err != nil {
		return nil, err
	}
	defer one.stop()
	time.Sleep(time.Second)
	return []float64{float64(took) / float64(time.Millisecond), float64(resident(one.process.Process.Pid)) / 1024}, nil
}

// answers waits until a request for a name is answered over TLS.
func (c *contender) answers(ctx context.Context, name string) error {
	config := clientConfig(name)
	for deadline := time.Now().Add(patience); ; time.Sleep(time.Millisecond) {
		conn, err := dial(ctx, c.at, config, nil)
		if err == nil {
			err = ask(conn, name, "/small")
			conn.Close()
		}
		if err == nil || time.Now().After(deadline) {
			return err
		}
	}
}

// none is where something cannot be measured of a contender.
var none = math.NaN()
