package system

import (
	"cmp"
	"context"
	"fmt"
	"strings"

	"github.com/c93d5bcb/sslwizard/assets"
	"github.com/c93d5bcb/sslwizard/steps"
	"github.com/c93d5bcb/sslwizard/system/host"
)

// fallen are the services that sites need and that ended by themselves: a proxy that ends whenever it is started (N18), an nginx that does not start (N14).
// One that was stopped is no fault of its own; the list of units shows it.
func (i *Installer) fallen(ctx context.Context, units []steps.UnitStatus) ([]steps.Finding, error) {
	var all []steps.Finding
	for _, u := range units {
		if u.Active || !strings.HasSuffix(u.Name, ".service") {
			continue
		}
		out, err := i.host.Query(ctx, host.Command{Argv: []string{"systemctl", "show", "-p", "Result,NRestarts", "--", u.Name}})
		if err != nil {
			return nil, err
		}
		is := host.Properties(string(out.Stdout))
		result, restarts := steps.CleanLine(is["Result"]), cmp.Or(steps.CleanLine(is["NRestarts"]), "0")
		if result == "success" && restarts != "0" {
			result = "it is about to be tried again"
		}
		if result == "" || result == "success" {
			continue
		}
		code := "N14"
		if u.Name == assets.ProxyService {
			code = "N18"
		}
		all = append(all, steps.Finding{Step: steps.IDInstall, Code: code, Severity: steps.Warning, Text: fmt.Sprintf("%s does not run: it ended by itself (%s), and was started again %s times", u.Name, result, restarts),
			Fix: []string{"journalctl -u " + u.Name + " -n 50    says why", "sudo systemctl restart " + u.Name + "    when that is mended"}})
	}
	return all, nil
}

// services is what the doctor says of what has to run.
func (i *Installer) services(ctx context.Context, sites []steps.Site) ([]steps.Check, error) {
	units, err := i.units(ctx, sites)
	if err != nil || len(units) == 0 {
		return nil, err
	}
	found, err := i.fallen(ctx, units)
	if err != nil {
		return nil, err
	}
	var all []steps.Check
	for _, f := range found {
		all = append(all, steps.Check{Step: f.Step, Name: "services", Verdict: steps.Fail, Code: f.Code, Detail: f.Text, Fix: f.Fix})
	}
	if len(all) == 0 {
		all = append(all, steps.Check{Step: steps.IDInstall, Name: "services", Verdict: steps.OK, Detail: "what the sites need runs, or runs when it is needed"})
	}
	return all, nil
}
