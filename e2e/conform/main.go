// Command conform tries on proxies what the literature knows against HTTP proxies: on sslwizard's own, on nginx as
// sslwizard sets it up, and on Caddy and HAProxy beside them. Behind each stand applications that record what reaches
// them; a verdict is about what those saw and what the client got.
//
//	go run ./e2e/conform                    every suite on every proxy, as a table
//	go run ./e2e/conform --write            and docs/conformance.md anew
//	go run ./e2e/conform --proxy native     one of them
//	go run ./e2e/conform --only upgrade     the suites whose names contain this
//	go run ./e2e/conform --engine loop      with our own on event loops
//	go run ./e2e/conform --verbose          with what was seen in each case that is not as it should be
//	go run ./e2e/conform --at HTTP,HTTPS    another proxy at these addresses, which its operator sets up by the sites
//	                                        that are printed; it has a minute for that
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"strings"
)

func main() {
	var o options
	flag.StringVar(&o.proxy, "proxy", "", "only this `PROXY`")
	flag.StringVar(&o.only, "only", "", "only the suites whose names contain `TEXT`")
	flag.StringVar(&o.at, "at", "", "a proxy that listens at `HTTP,HTTPS`")
	flag.StringVar(&engine, "engine", engine, "the `ENGINE` of our own: std or loop")
	flag.BoolVar(&o.verbose, "verbose", false, "say what was seen in each case that is not as it should be")
	flag.BoolVar(&o.write, "write", false, "write docs/conformance.md")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	err := o.main(ctx)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "conform:", err)
		os.Exit(1)
	}
}

type options struct {
	proxy, only, at string
	verbose, write  bool
}

func (o options) main(ctx context.Context) error {
	dir, err := os.MkdirTemp("", "sslwizard-conform-programs-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	var t table
	for _, d := range o.drivers() {
		c, err := o.column(ctx, d, dir)
		if err != nil {
			return fmt.Errorf("%s: %w", d.name, err)
		}
		t.columns = append(t.columns, c)
	}
	fmt.Print(t.rows())
	if o.write {
		return t.write(ctx)
	}
	return nil
}

func (o options) drivers() []driver {
	if o.at != "" {
		return []driver{remote(o.at)}
	}
	var some []driver
	for _, d := range drivers {
		if o.proxy == "" || strings.EqualFold(o.proxy, d.name) {
			some = append(some, d)
		}
	}
	return some
}

// column is a proxy with what came of the suites.
type column struct {
	name, version string
	missing       error // why it could not be tried
	scores        map[string]score
}

func (o options) column(ctx context.Context, d driver, dir string) (column, error) {
	c := column{name: d.name, scores: map[string]score{}}
	program, err := d.find(ctx, dir)
	if err != nil {
		c.missing = err
		fmt.Fprintf(os.Stderr, "%s is not here: %v\n", d.name, err)
		return c, nil
	}
	s, err := newStage(ctx)
	if err != nil {
		return c, err
	}
	defer s.close()
	f, err := d.start(ctx, s, program)
	if err != nil {
		return c, err
	}
	defer f.stop()
	c.version = f.version
	for _, u := range suites() {
		if err := ctx.Err(); err != nil {
			return c, err
		}
		if strings.Contains(strings.ToLower(u.name), strings.ToLower(o.only)) {
			bad, total, err := u.run(ctx, f, s, dir)
			if err != nil {
				return c, err
			}
			c.scores[u.name] = count(bad, total)
			o.tell(d.name, u.name, c.scores[u.name])
		}
	}
	return c, nil
}

func (o options) tell(proxy, suite string, c score) {
	fmt.Fprintf(os.Stderr, "%s, %s: %s\n", proxy, suite, c)
	if o.verbose {
		for _, b := range c.bad {
			fmt.Fprintf(os.Stderr, "  %s\n", b)
		}
	}
}
