// Command chaos keeps the native proxy, as the process that is released, busy with clients of every kind: requests of
// HTTP/1.1 and HTTP/2, uploads and downloads, event streams, WebSockets, clients that leave in the middle, an application
// that is killed. Meanwhile each second brings a new configuration and a new certificate, now and then one that is wrong,
// and every half a minute a new program that takes over. Thousands of WebSockets only lie there. It fails when a single
// answer is wrong, a socket falls, or anything is left of it all afterwards.
//
//	go run ./e2e/chaos                       five minutes, as CI has it
//	go run ./e2e/chaos --last 30m            as long as is wanted
//	go run ./e2e/chaos --last 1m --idle 500  on a small machine
//	go run ./e2e/chaos --race                a program that tells of data races, which is many times as slow
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
	"time"
)

// patience bounds every wait for something that has to come. It is long: the machine may be busy with something else too.
const patience = time.Minute

func main() {
	if len(os.Args) == 3 && os.Args[1] == "app" {
		fail(serveApp(os.Args[2]))
	}
	last := flag.Duration("last", 5*time.Minute, "how long it `LASTS`")
	engine := flag.String("engine", "std", "the `ENGINE` that serves: std or loop")
	idle := flag.Int("idle", bearable(10_000), "how many WebSockets lie there meanwhile")
	race := flag.Bool("race", false, "with the race detector in the program")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	fail(chaos(ctx, building{*engine, *race}, *last, *idle))
}

func fail(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, "chaos:", err)
		os.Exit(1)
	}
}

func chaos(ctx context.Context, what building, last time.Duration, idle int) error {
	dir, err := os.MkdirTemp("", "sslwizard-chaos-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	s, err := newService(ctx, dir, what)
	if err != nil {
		return err
	}
	defer s.end()
	if err := s.handOver(); err != nil { // the baseline is that of a program that followed another, as the last one is
		return err
	}
	base, err := s.left()
	if err != nil {
		return err
	}
	began := time.Now()
	t := newTally()
	ctx, cancel := context.WithTimeout(ctx, last)
	defer cancel()
	load := t.start(ctx, s)
	sockets := s.lie(ctx, t, idle)
	watch := s.watchMemory(ctx, sockets.done)
	s.trouble(ctx, t)
	load.Wait()
	sockets.wake(t)
	sockets.close()
	leaks := s.leaks(base)
	memory := watch()
	fmt.Printf("%s of chaos, in %s\n\n%s%s", last, time.Since(began).Round(time.Second), t, memory)
	return errors.Join(t.verdict(), leaks, memory.verdict(), s.complaints())
}

// bearable is so many, or as many as the open files suffice for that one process may have here: all of them are open at
// the client, at the application, and each of half of them twice in one process of the proxy.
func bearable(wanted int) int {
	const others = 1500
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil || limit.Max > uint64(wanted+others) {
		return wanted
	}
	return max(int(limit.Max)-others, 0)
}

// logFile is where the processes under test say what goes wrong.
func logFile(dir string) string { return filepath.Join(dir, "log") }
