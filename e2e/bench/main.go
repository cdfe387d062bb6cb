// Command bench prints how long a fresh server takes from nothing to a trusted HTTPS answer at a stranger's client:
// sslwizard with both executors, certbot with nginx, and Caddy, each on the same booted server with the same CA. It
// is not a test: it judges nothing. Run it with e2e/bench/run.
package main

import (
	"flag"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"time"

	"github.com/c93d5bcb/sslwizard/e2e/world"
)

func main() { os.Exit(world.Enter(bench)) }

func bench() int {
	caddy := flag.String("caddy", "", "the Caddy to compare with")
	rounds := flag.Int("rounds", 3, "how often each is measured; the table has the medians")
	suite := flag.String("suite", "trixie", "the Debian release of the servers")
	flag.Parse()
	rows := contenders(*caddy)
	for round := range *rounds { // in turns, so that a busy moment of this machine meets them all
		for i := range rows {
			result, err := measure(rows[i], *suite)
			if err != nil {
				fmt.Fprintf(os.Stderr, "bench: %s: %v\n", rows[i].name, err)
				return 1
			}
			rows[i].results = append(rows[i].results, result)
			fmt.Fprintf(os.Stderr, "bench: round %d: %s: %.2f s\n", round+1, rows[i].name, result.answer.Seconds())
		}
	}
	fmt.Printf("From a fresh Debian server (%s) to a trusted answer at the client, median of %d:\n\n", *suite, *rounds)
	fmt.Println("|  | first trusted answer | command ends |")
	fmt.Println("| --- | --- | --- |")
	for _, row := range rows {
		fmt.Printf("| %s | %.2f s | %.2f s |\n", row.name, row.median(func(r result) time.Duration { return r.answer }),
			row.median(func(r result) time.Duration { return r.end }))
	}
	return small(*suite)
}

// result is one measurement, from the moment that the command was given.
type result struct {
	answer time.Duration // the client had a trusted answer from the application
	end    time.Duration // the command had ended
}

func (c contender) median(of func(result) time.Duration) float64 {
	var all []time.Duration
	for _, r := range c.results {
		all = append(all, of(r))
	}
	slices.Sort(all)
	return all[len(all)/2].Seconds()
}

// measure boots a server, gives the command, and watches from the client.
func measure(c contender, suite string) (r result, err error) {
	t := &errand{}
	defer t.finish(&err)
	w := world.New(t)
	s := fresh(w, suite)
	if c.prepare != nil {
		c.prepare(s)
	}
	began := time.Now()
	answered := make(chan time.Duration, 1)
	go func() {
		defer close(answered)
		if seen := w.Client.Exec(w.Client.Program("until", "--ca", w.CA.Root(), "https://"+name+"/")...); seen.Status == 0 {
			answered <- time.Since(began)
		}
	}()
	for _, argv := range c.commands {
		s.Must(argv...)
	}
	r.end = time.Since(began)
	var ok bool
	if r.answer, ok = <-answered; !ok {
		t.Fatalf("no trusted answer")
	}
	return r, nil
}

// small prints the small figures: the dry run, --version, the size.
func small(suite string) int {
	var dry, version time.Duration
	var err error
	func() {
		t := &errand{}
		defer t.finish(&err)
		s := fresh(world.New(t), suite)
		sslwizard("nginx").prepare(s)
		dry = typical(5, func() { s.Must("/root/sslwizard", "--dry-run", answers) })
		version = typical(20, func() { _ = exec.Command(world.Program("sslwizard"), "--version").Run() })
	}()
	info, statErr := os.Stat(world.Program("sslwizard"))
	if err != nil || statErr != nil {
		fmt.Fprintln(os.Stderr, "bench:", err, statErr)
		return 1
	}
	fmt.Printf("\nDry run (nginx) %d ms, --version %.1f ms, binary %.1f MB.\n",
		dry.Milliseconds(), float64(version.Microseconds())/1000, float64(info.Size())/1e6)
	return 0
}

// typical is the median time of f.
func typical(times int, f func()) time.Duration {
	var all []time.Duration
	for range times {
		began := time.Now()
		f()
		all = append(all, time.Since(began))
	}
	slices.Sort(all)
	return all[len(all)/2]
}
