package apply

import (
	"context"
	"fmt"

	"github.com/c93d5bcb/sslwizard/steps"
	"github.com/c93d5bcb/sslwizard/system/host"
)

// persistentTool is in the package netfilter-persistent, which loads /etc/iptables/rules.v4 and v6 at boot.
const persistentTool = "/usr/sbin/netfilter-persistent"

// iptables has a program for each family. A rule is put first: after a final REJECT it would be useless.
type iptables struct{}

func (iptables) missing(ctx context.Context, r host.Reader, p steps.Port) ([]rule, error) {
	var missing []rule
	for _, program := range []string{"iptables", "ip6tables"} {
		chain, err := r.Query(ctx, host.Command{Argv: []string{program, "-w", "5", "-S", "INPUT"}})
		if program == "ip6tables" && (err != nil || chain.Status != 0) {
			continue // no IPv6 here
		}
		if err != nil {
			return nil, fmt.Errorf("cannot ask iptables for its rules: %w", err)
		}
		match := []string{"INPUT", "-p", p.Proto, "--dport", fmt.Sprint(p.Number)}
		ours := append(append([]string{}, match...), "-m", "comment", "--comment", "sslwizard", "-j", "ACCEPT")
		open, err := iptablesHas(ctx, r, program, append(match, "-j", "ACCEPT"), ours)
		if err != nil {
			return nil, err
		}
		if !open {
			missing = append(missing, iptablesRule(program, ours))
		}
	}
	return missing, nil
}

func iptablesHas(ctx context.Context, r host.Reader, program string, rules ...[]string) (bool, error) {
	for _, spec := range rules {
		out, err := r.Query(ctx, host.Command{Argv: iptablesRule(program, spec).Has})
		if err != nil {
			return false, fmt.Errorf("cannot ask %s for its rules: %w", program, err)
		}
		if out.Status == 0 {
			return true, nil
		}
	}
	return false, nil
}

func iptablesRule(program string, spec []string) rule {
	argv := func(verb string) []string { return append([]string{program, "-w", "5", verb}, spec...) }
	return rule{Has: argv("-C"), Add: argv("-I"), Take: argv("-D")}
}

func (iptables) files() []string { return []string{"/etc/iptables/rules.v4", "/etc/iptables/rules.v6"} }

func (iptables) persist(_ context.Context, r host.Reader, p steps.Port) (persistence, error) {
	if exists(r, persistentTool) {
		return persistence{command: []string{"netfilter-persistent", "save"}}, nil
	}
	return persistence{warning: fmt.Sprintf(
		"add to what sets your rules at boot, for iptables and ip6tables: -I INPUT -p %s --dport %d -j ACCEPT", p.Proto, p.Number)}, nil
}
