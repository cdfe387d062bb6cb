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
	out, err := i.host.Query(ctx, host.Command{Argv: append([]string{"systemctl", "show", "--property=Id,ActiveState,UnitFileState", "--"}, names...)})
	if err != nil {
		return nil, err
	}
	var all []steps.UnitStatus
	for _, block := range strings.Split(strings.TrimSpace(string(out.Stdout)), "\n\n") {
		all = append(all, unitStatus(block))
	}
	return all, nil
}

// unitStatus reads one block of `systemctl show`.
func unitStatus(block string) steps.UnitStatus {
	var u steps.UnitStatus
	for _, line := range strings.Split(block, "\n") {
		switch name, value, _ := strings.Cut(line, "="); name {
		case "Id":
			u.Name = steps.CleanLine(value)
		case "ActiveState":
			u.Active = value == "active" || value == "reloading"
		case "UnitFileState":
			u.Enabled = value == "enabled"
		}
	}
	return u
}

func neededUnits(sites []steps.Site) []string {
	var names []string
	acme := false
	for n, s := range sites {
		if n == 0 && s.Install.Executor == steps.ExecutorNginx {
			names = append(names, "nginx.service")
		} else if n == 0 {
			names = append(names, "sslwizard-proxy-http.socket", "sslwizard-proxy-https.socket", "sslwizard-proxy.service")
		}
		acme = acme || s.Trusted.Source == steps.SourceACME
	}
	if acme {
		names = append(names, "sslwizard-renew.timer")
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
