package apply

import (
	"context"
	"fmt"
	"strings"

	"github.com/c93d5bcb/sslwizard/steps"
	"github.com/c93d5bcb/sslwizard/system/host"
)

// firewalld is told everything twice: what it stores is not what runs until it is loaded again.
type firewalld struct{}

func (firewalld) missing(ctx context.Context, r host.Reader, p steps.Port) ([]rule, error) {
	zone, err := firewalldZone(ctx, r)
	if err != nil {
		return nil, err
	}
	var missing []rule
	for _, where := range [][]string{{"--permanent", "--zone=" + zone}, {"--zone=" + zone}} {
		open, err := firewalldOpen(ctx, r, where, p)
		if err != nil {
			return nil, err
		}
		if !open {
			missing = append(missing, firewalldRule(where, firewalldThing(p)))
		}
	}
	return missing, nil
}

func (firewalld) files() []string { return nil }

func (firewalld) persist(context.Context, host.Reader, steps.Port) (persistence, error) {
	return persistence{}, nil
}

// firewalldZone is the zone of the interface with the default route, or else the default zone.
func firewalldZone(ctx context.Context, r host.Reader) (string, error) {
	if out, err := r.Query(ctx, host.Command{Argv: []string{"ip", "route", "show", "default"}}); err == nil {
		if _, rest, ok := strings.Cut(string(out.Stdout), " dev "); ok {
			dev, _, _ := strings.Cut(rest, " ")
			zone, err := r.Query(ctx, host.Command{Argv: []string{"firewall-cmd", "--get-zone-of-interface=" + strings.TrimSpace(dev)}})
			if name := strings.TrimSpace(string(zone.Stdout)); err == nil && zone.Status == 0 && zoneName(name) {
				return name, nil
			}
		}
	}
	out, err := r.Query(ctx, host.Command{Argv: []string{"firewall-cmd", "--get-default-zone"}})
	name := strings.TrimSpace(string(out.Stdout))
	if err != nil || !zoneName(name) {
		return "", failf("cannot ask firewalld for its zone: it answered %q", name)
	}
	return name, nil
}

func zoneName(s string) bool {
	return s != "" && !strings.ContainsFunc(s, func(r rune) bool {
		return (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') && r != '_' && r != '-'
	})
}

// firewalldThing is the service of the usual ports and the port itself of others ("service=https", "port=443/udp").
func firewalldThing(p steps.Port) string {
	switch p {
	case steps.Port{Number: 80, Proto: "tcp"}:
		return "service=http"
	case steps.Port{Number: 443, Proto: "tcp"}:
		return "service=https"
	}
	return fmt.Sprintf("port=%d/%s", p.Number, p.Proto)
}

func firewalldOpen(ctx context.Context, r host.Reader, where []string, p steps.Port) (bool, error) {
	for _, thing := range []string{firewalldThing(p), fmt.Sprintf("port=%d/%s", p.Number, p.Proto)} {
		out, err := r.Query(ctx, host.Command{Argv: firewalldRule(where, thing).Has})
		if err != nil {
			return false, fmt.Errorf("cannot ask firewalld for its rules: %w", err)
		}
		if out.Status == 0 {
			return true, nil
		}
	}
	return false, nil
}

func firewalldRule(where []string, thing string) rule {
	argv := func(verb string) []string {
		return append(append([]string{"firewall-cmd"}, where...), "--"+verb+"-"+thing)
	}
	return rule{Has: argv("query"), Add: argv("add"), Take: argv("remove")}
}
