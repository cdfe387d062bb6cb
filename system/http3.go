package system

import (
	"context"
	"errors"
	"io/fs"
	"slices"

	"github.com/c93d5bcb/sslwizard/steps"
	"github.com/c93d5bcb/sslwizard/system/cert"
	"github.com/c93d5bcb/sslwizard/system/host"
	"github.com/c93d5bcb/sslwizard/system/inspect"
	"github.com/c93d5bcb/sslwizard/system/probe"
)

// HTTP3 implements apply.Prober. What this host sends to itself passes no rule for what comes from outside, so a real
// handshake is not enough: the firewall has to let others in too.
func (i verifier) HTTP3(ctx context.Context, site steps.Site) (reached bool, why string) {
	if closed := i.closedToQUIC(ctx, site); closed != "" {
		return false, closed
	}
	return answersQUIC(ctx, i.Installer, site)
}

// handshakes are how many are tried with nginx: workers of before a reload may get the first ones, and answer none.
const handshakes = 4

func answersQUIC(ctx context.Context, i *Installer, site steps.Site) (bool, string) {
	t := probe.Target{Name: string(site.Certs.Domains[0]), Addresses: loopback()}
	if c, err := cert.CurrentFacts(i.host, site.Name); err == nil {
		t.ExpectLeaf = c.SHA256
	}
	err := probe.HTTP3(ctx, t)
	for again := 1; again < handshakes && err != nil && ctx.Err() == nil && site.Install.Executor == steps.ExecutorNginx; again++ {
		err = probe.HTTP3(ctx, t)
	}
	if err != nil {
		return false, err.Error()
	}
	return true, ""
}

// closedToQUIC says which firewall of this host keeps others out of UDP 443; "" for none, and for a site that does not
// ask.
func (i *Installer) closedToQUIC(ctx context.Context, site steps.Site) string {
	if !site.SSL.HTTP3 {
		return ""
	}
	f := inspect.Firewall(ctx, i.host, inspect.Options{Process: inspect.ThisProcess(i.root)})
	if f.Kind == "" {
		return unreadable
	}
	if !f.InCharge() || slices.Contains(f.Open, steps.Port{Number: 443, Proto: "udp"}) {
		return ""
	}
	return f.Kind + " keeps 443/udp closed"
}

// unreadable is said of a firewall whose rules may not be read: a renewal has no right to.
const unreadable = "it cannot be told whether the firewall lets UDP 443 in"

// prove looks at the sites that have HTTP/3 once more, after a renewal, and takes back or gives what they announce. Where
// the firewall cannot be read nothing is announced that was not before.
func (l live) prove(ctx context.Context, sites []steps.Site, say func(steps.Status, string, ...any)) error {
	var changed []steps.Site
	for _, s := range sites {
		if !s.SSL.HTTP3 {
			continue
		}
		file := steps.AltSvcFile(s.Install.Executor, s.Name)
		before, err := l.host.ReadFile(file)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		told := string(before.Data) == string(steps.AltSvcText(s.Install.Executor, true))
		reached, why := l.reached(ctx, s, told)
		if err := context.Cause(ctx); err != nil {
			return err
		}
		if reached == told {
			continue
		}
		f := host.File{Data: steps.AltSvcText(s.Install.Executor, reached), Mode: 0o644}
		if err := l.host.WriteFile(file, f); err != nil {
			return err
		}
		changed = append(changed, s)
		if reached {
			say(steps.Progress, "%s: reached over HTTP/3, and browsers are told of it", s.Name)
		} else {
			say(steps.Progress, "%s: no longer reached over HTTP/3 (%s); browsers are told so", s.Name, why)
		}
	}
	return l.Reload(ctx, changed)
}

// reached asks over QUIC. What was told before is believed of a firewall that cannot be read.
func (l live) reached(ctx context.Context, s steps.Site, told bool) (bool, string) {
	switch closed := l.closedToQUIC(ctx, s); {
	case closed == unreadable && !told:
		return false, closed
	case closed != "" && closed != unreadable:
		return false, closed
	}
	return answersQUIC(ctx, l.Installer, s)
}

// judgedQUIC adds to the check of HTTP/3 what only this host knows.
func judgedQUIC(c steps.Check, closed string) steps.Check {
	if c.Name == probe.HTTP3Check && closed != "" {
		c.Verdict, c.Code = steps.Warn, probe.CodeHTTP3
		c.Detail = closed + ", so nobody reaches it; " + c.Detail
	}
	return c
}
