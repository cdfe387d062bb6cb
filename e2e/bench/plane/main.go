// Command plane measures what a request costs: the processor time of sslwizard's own proxy on each engine, of nginx, HAProxy
// and Caddy, as far as they are here, on the same machine, before the same application, in turns. What counts is the ratio
// to nginx in the same round: other work on the machine meets both.
//
//	go run ./e2e/bench/plane                   all workloads, as a table
//	go run ./e2e/bench/plane -write            and docs/dataplane.md anew
//	go run ./e2e/bench/plane -only h1          the workloads whose names contain this
//	go run ./e2e/bench/plane -caddy PROGRAM    with Caddy
//
// It needs nginx, wrk and h2load. It is not a test: it judges nothing.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"slices"
	"strings"
	"time"
)

type options struct {
	caddy, only string
	rounds      int
	load        time.Duration
	write       bool
}

func main() {
	var o options
	flag.StringVar(&o.caddy, "caddy", "", "the `PROGRAM` Caddy")
	flag.StringVar(&o.only, "only", "", "only the workloads whose names contain `TEXT`")
	flag.IntVar(&o.rounds, "rounds", 3, "how often each is measured")
	flag.DurationVar(&o.load, "load", 4*time.Second, "how long each load lasts")
	flag.BoolVar(&o.write, "write", false, "write docs/dataplane.md")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	err := o.main(ctx)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "plane:", err)
		os.Exit(1)
	}
}

func (o options) main(ctx context.Context) error {
	s, err := newStage(ctx)
	if err != nil {
		return err
	}
	defer s.close()
	var those []*contender
	for _, c := range contenders(o.caddy) {
		if _, err := c.start(ctx, s, site); err != nil {
			return fmt.Errorf("cannot start a contender: %w", err)
		}
		defer c.stop()
		those = append(those, c)
	}
	r := &results{names: namesOf(those), measured: map[string]map[string][]float64{}}
	for _, w := range workloads {
		if strings.Contains(w.name, o.only) {
			r.workloads = append(r.workloads, w)
		}
	}
	for round := range o.rounds {
		for _, w := range r.workloads {
			for _, c := range turned(those, round) {
				cost, err := c.measure(ctx, s, w, o.load)
				if err != nil {
					return fmt.Errorf("%s, %s: %w", w.name, c.name, err)
				}
				r.add(w.name, c.name, cost)
				fmt.Fprintf(os.Stderr, "round %d, %s, %s: %.1f us\n", round+1, w.name, c.name, cost)
			}
		}
	}
	r.memory(those)
	fmt.Print(r.table(), "\n")
	if err := o.others(ctx, s, those, running, r); err != nil {
		return err
	}
	for _, c := range those {
		c.stop()
	}
	if err := o.others(ctx, s, those, starting, r); err != nil {
		return err
	}
	once := o
	once.rounds = 1
	if err := once.others(ctx, s, those, large, r); err != nil {
		return err
	}
	fmt.Print(r.figureTable())
	if o.write {
		return r.page(o)
	}
	return nil
}

// others makes the measures that are no loads.
func (o options) others(ctx context.Context, s *stage, those []*contender, measures []measure, r *results) error {
	for round := range o.rounds {
		for _, m := range measures {
			if !strings.Contains(m.figures[0].name, o.only) {
				continue
			}
			if round == 0 {
				r.figures = append(r.figures, m.figures...)
			}
			for _, c := range turned(those, round) {
				values, err := m.of(ctx, s, c)
				if err != nil {
					return fmt.Errorf("%s, %s: %w", m.figures[0].name, c.name, err)
				}
				for i, f := range m.figures {
					r.add(f.name, c.name, values[i])
					fmt.Fprintf(os.Stderr, "round %d, %s, %s: %.2f %s\n", round+1, f.name, c.name, values[i], f.unit)
				}
			}
		}
	}
	return nil
}

// turned begins with another one in each round.
func turned(those []*contender, round int) []*contender {
	at := round % len(those)
	return slices.Concat(those[at:], those[:at])
}

func namesOf(those []*contender) (names []string) {
	for _, c := range those {
		names = append(names, c.name)
	}
	return names
}
