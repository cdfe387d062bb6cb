package system

import (
	"context"
	"net"
	"strings"

	"github.com/c93d5bcb/sslwizard/steps"
	"github.com/c93d5bcb/sslwizard/system/host"
)

// units asks systemd about what the sites need.
func (i *Installer) units(ctx context.Context, sites []steps.Site) ([]steps.UnitStatus, error) {
	names := neededUnits(sites)
	if len(names) == 0 {
		return nil, nil
	}
	active, err := i.words(ctx, "is-active", names)
	if err != nil {
		return nil, err
	}
	enabled, err := i.words(ctx, "is-enabled", names)
	if err != nil {
		return nil, err
	}
	all := make([]steps.UnitStatus, len(names))
	for n, name := range names {
		all[n] = steps.UnitStatus{Name: name, Active: active[n] == "active" || active[n] == "reloading", Enabled: enabled[n] == "enabled"}
	}
	return all, nil
}

// unrenewed is what becomes of certificates while nothing starts the renewal (R01).
func unrenewed(units []steps.UnitStatus) []steps.Finding {
	var all []steps.Finding
	for _, u := range units {
		why := ""
		switch {
		case u.Name != steps.RenewTimer:
			continue
		case !u.Active:
			why = "does not run"
		case !u.Enabled:
			why = "does not start at the next boot"
		default:
			continue
		}
		all = append(all, steps.Finding{Step: steps.IDTrusted, Code: "R01", Severity: steps.Warning, Text: "certificates are not renewed: " + u.Name + " " + why,
			Fix: []string{"sudo systemctl unmask " + u.Name + "    if somebody masked it", "sudo systemctl enable --now " + u.Name}})
	}
	return all
}

// words has systemctl say one word of each unit. What it leaves out about units that are not there is empty.
func (i *Installer) words(ctx context.Context, verb string, units []string) ([]string, error) {
	words := make([]string, len(units))
	for n, unit := range units {
		out, err := i.host.Query(ctx, host.Command{Argv: []string{"systemctl", verb, "--", unit}})
		if err != nil {
			return nil, err
		}
		words[n] = strings.TrimSpace(string(out.Stdout))
	}
	return words, nil
}

func neededUnits(sites []steps.Site) []string {
	var names []string
	for n, s := range sites {
		if n == 0 && s.Install.Executor == steps.ExecutorNginx {
			names = append(names, "nginx.service")
		} else if n == 0 {
			names = append(names, "sslwizard-proxy-http.socket", "sslwizard-proxy-https.socket", "sslwizard-proxy.service")
		}
	}
	if len(sites) > 0 {
		names = append(names, steps.RenewTimer)
	}
	return names
}

// haveIPv6 reports whether this process can use IPv6 at all: a container or a kernel may refuse it.
func haveIPv6() bool {
	l, err := net.ListenPacket("udp6", "[::1]:0")
	if err != nil {
		return false
	}
	_ = l.Close()
	return true
}
