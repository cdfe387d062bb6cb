package main

import (
	"context"
	"fmt"

	"github.com/c93d5bcb/sslwizard/assets"
	"github.com/c93d5bcb/sslwizard/steps"
	"github.com/c93d5bcb/sslwizard/system/cert"
	"github.com/c93d5bcb/sslwizard/system/host"
)

// executor acts as the real ones do, without looking at what goes over the wire.
type executor struct{ name string }

func (x executor) Name() string { return x.name }

func (x executor) Test(ctx context.Context, h host.Host) error {
	_, err := h.Run(ctx, host.Command{Argv: []string{"nginx", "-t"}})
	return err
}

func (executor) Rehearse(context.Context, host.Host, []steps.Site) (steps.Report, error) {
	return steps.Report{}, nil
}

func (executor) Reload(ctx context.Context, h host.Host, unit string) error {
	_, err := h.Run(ctx, host.Command{Argv: []string{"systemctl", "reload", unit}})
	return err
}

// prober finds a site served when its unit runs and there is a certificate whose key fits.
type prober struct{ h host.Host }

func (p prober) Probe(_ context.Context, site steps.Site, _ bool, seen func(steps.Check)) (steps.Report, error) {
	unit := assets.ProxyService
	if site.Install.Executor == steps.ExecutorNginx {
		unit = "nginx.service"
	}
	check := steps.Check{Step: steps.IDSSL, Name: "served", Verdict: steps.OK}
	if _, err := cert.Current(p.h, site.Name); err != nil {
		check.Verdict, check.Detail = steps.Fail, err.Error()
	}
	if !(&machine{h: p.h}).runs(unit) {
		check.Verdict, check.Detail = steps.Fail, fmt.Sprintf("%s does not run", unit)
	}
	seen(check)
	return steps.Report{Target: "https://" + site.Name, Checks: []steps.Check{check}}, nil
}

func (prober) HTTP3(context.Context, steps.Site) (bool, string) { return false, "there is no network" }

// runs reports a unit that the stand-in of systemctl has started.
func (m *machine) runs(unit string) bool {
	_, err := m.h.ReadFile("/run/standin/" + unit)
	return err == nil
}
