package command

import (
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	"github.com/c93d5bcb/sslwizard/steps"
)

func (a *App) serveCommand() *cobra.Command {
	var req steps.ServeRequest
	c := &cobra.Command{
		Use:   "serve",
		Short: "serve the stored sites (the unit of the native executor runs this)",
		Args:  maxArgs(0),
		RunE:  func(c *cobra.Command, _ []string) error { return a.machine().Serve(c.Context(), req) },
	}
	c.Flags().StringArrayVar(&req.HTTP, "http", nil, "listen on `ADDRESS:PORT` for HTTP instead of systemd's sockets")
	c.Flags().StringArrayVar(&req.HTTPS, "https", nil, "listen on `ADDRESS:PORT` for HTTPS instead of systemd's sockets")
	c.Flags().StringArrayVar(&req.HTTP3, "http3", nil, "listen on `ADDRESS:PORT` of UDP for HTTP/3, for the sites that have it")
	c.Flags().StringVar(&req.SitesDir, "sites", steps.SitesDir, "`FOLDER` of the stored sites")
	c.Flags().StringVar(&req.CertsDir, "certs", steps.CertsDir, "`FOLDER` of the certificates")
	c.Flags().StringVar(&req.Webroot, "webroot", steps.Webroot, "`FOLDER` of the HTTP-01 tokens")
	c.Flags().StringVar(&req.LogDir, "logs", steps.LogDir, "`FOLDER` of access logs that are files")
	c.Flags().StringVar(&req.Control, "control", "", "control `SOCKET` (default: in systemd's runtime folder)")
	c.Flags().StringVar(&req.Metrics, "metrics", "", "metrics and health on this `SOCKET` or loopback ADDRESS:PORT (default: in systemd's runtime folder)")
	c.Flags().StringVar(&req.Engine, "engine", "std", "what serves HTTP/1: std (net/http), or loop, which is not complete")
	if err := c.Flags().MarkHidden("engine"); err != nil {
		panic(err) // it is defined above
	}
	return c
}

func (a *App) demoCommand() *cobra.Command {
	var once bool
	c := &cobra.Command{
		Use:   "demo",
		Short: "see it work: no root, nothing installed, loopback only",
		Args:  maxArgs(0),
		RunE: func(c *cobra.Command, _ []string) error {
			d := demonstration{out: a.printer(), say: a.Stderr, began: time.Now()}
			err := a.machine().Demo(c.Context(), once, d.said, d.check)
			d.sum()
			if err == nil && len(d.report.Failed()) > 0 {
				return outcome{status: steps.ExitUnverified}
			}
			return err
		},
	}
	c.Flags().BoolVar(&once, "once", false, "end after the probe instead of serving until ctrl+c")
	return c
}

// demonstration tells what the demo does, and sums up its checks as soon as they are done.
type demonstration struct {
	out    printer
	say    io.Writer
	began  time.Time
	report steps.Report
	summed bool
}

func (d *demonstration) said(text string) {
	if len(d.report.Checks) > 0 {
		d.sum()
	}
	_, _ = fmt.Fprintln(d.say, steps.Clean(text))
}

func (d *demonstration) check(c steps.Check) {
	d.report.Checks = append(d.report.Checks, c)
	d.out.check(c)
}

func (d *demonstration) sum() {
	if d.summed || len(d.report.Checks) == 0 {
		return
	}
	d.summed, d.report.Target, d.report.Took = true, "the demo", time.Since(d.began)
	d.out.report(d.report)
}
