package command

import (
	"fmt"

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
	c.Flags().StringVar(&req.SitesDir, "sites", steps.SitesDir, "`FOLDER` of the stored sites")
	c.Flags().StringVar(&req.CertsDir, "certs", steps.CertsDir, "`FOLDER` of the certificates")
	c.Flags().StringVar(&req.Webroot, "webroot", steps.Webroot, "`FOLDER` of the HTTP-01 tokens")
	c.Flags().StringVar(&req.Control, "control", "", "control `SOCKET` (default: in systemd's runtime folder)")
	return c
}

func (a *App) demoCommand() *cobra.Command {
	var once bool
	c := &cobra.Command{
		Use:   "demo",
		Short: "see it work: no root, nothing installed, loopback only",
		Args:  maxArgs(0),
		RunE: func(c *cobra.Command, _ []string) error {
			out := a.printer()
			var report steps.Report
			err := a.machine().Demo(c.Context(), once,
				func(s string) { _, _ = fmt.Fprintln(a.Stderr, steps.Clean(s)) },
				func(check steps.Check) {
					report.Checks = append(report.Checks, check)
					out.check(check)
				})
			if err == nil && len(report.Failed()) > 0 {
				return outcome{status: steps.ExitUnverified}
			}
			return err
		},
	}
	c.Flags().BoolVar(&once, "once", false, "end after the probe instead of serving until ctrl+c")
	return c
}
