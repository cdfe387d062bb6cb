package system

import (
	"context"
	"fmt"
	"time"

	"github.com/c93d5bcb/sslwizard/steps"
	"github.com/c93d5bcb/sslwizard/system/host"
	"github.com/c93d5bcb/sslwizard/system/renew"
)

// rehearsalTime is how long the timer's service may take for a round in which nothing is due. With the DNS the staging CA is
// asked, and some providers take minutes to show a record.
func rehearsalTime(sites []steps.Site) time.Duration {
	for _, s := range sites {
		if s.Trusted.Challenge == steps.DNS01 {
			return 10 * time.Minute
		}
	}
	return time.Minute
}

// rehearseRenewal starts the service that will renew, as its timer does: in its sandbox, with what it will find there. It asks the
// CA when to renew, has the server take the certificate, and sees it served; no certificate is ordered for that. What it cannot do
// then would show in months.
func (i *Installer) rehearseRenewal(ctx context.Context, sites []steps.Site, began time.Time) steps.Check {
	c := steps.Check{Step: steps.IDTrusted, Name: "trusted.renewal", Verdict: steps.OK}
	for _, s := range sites {
		if err := renew.Wake(i.host, s.Name); err != nil { // the run may have changed nothing about the certificate, and all that a renewal needs
			return unrehearsed(c, err)
		}
	}
	_, err := i.host.Run(ctx, host.Command{Argv: []string{"systemctl", "start", "--", steps.RenewService}, Timeout: rehearsalTime(sites)})
	var first time.Time
	for _, s := range sites {
		facts, _ := i.certificate(s.Name)
		st := renew.StandingOf(i.host, s.Name, facts, time.Now())
		if err == nil && st.Proven.Before(began) {
			err = fmt.Errorf("it did not look at %s", s.Name)
		}
		if !st.At.IsZero() && (first.IsZero() || st.At.Before(first)) {
			first = st.At
		}
	}
	c.Elapsed = time.Since(began)
	switch {
	case err != nil:
		return unrehearsed(c, err)
	case first.IsZero():
		c.Detail = "rehearsed in its own service; you will be told in time when your files have to be replaced"
	default:
		c.Detail = "rehearsed in its own service; it renews from " + first.UTC().Format(time.DateOnly) + " on"
	}
	return c
}

func unrehearsed(c steps.Check, err error) steps.Check {
	c.Verdict, c.Code = steps.Warn, "R01"
	c.Detail = steps.CleanLine(fmt.Sprintf("cannot rehearse the renewal in its own service: %v", err))
	c.Fix = []string{"journalctl -u " + steps.RenewService + "    says why", "sudo systemctl start " + steps.RenewService + "    tries it again"}
	return c
}

// addCheck adds a check to the last report of each site.
func addCheck(res *steps.Result, c steps.Check) {
	seen := map[string]bool{}
	for n := len(res.Reports) - 1; n >= 0; n-- {
		if r := &res.Reports[n]; !seen[r.Target] {
			seen[r.Target] = true
			r.Checks = append(r.Checks, c)
		}
	}
}
