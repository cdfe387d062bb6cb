package inspect

import (
	"context"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/c93d5bcb/sslwizard/steps"
	"github.com/c93d5bcb/sslwizard/system/host"
)

// ourPorts are the ports that sites need.
var ourPorts = []steps.Port{{Number: 80, Proto: "tcp"}, {Number: 443, Proto: "tcp"}, {Number: 443, Proto: "udp"}}

// Firewall is which firewall is in charge, as Gather finds it, and nothing else.
func Firewall(ctx context.Context, r host.Reader, opt Options) steps.Firewall {
	if opt.Process == nil {
		opt.Process = ThisProcess("")
	}
	in := &inspector{ctx: ctx, host: r, opt: opt}
	in.units = sync.OnceValue(in.queryUnits)
	return in.firewall()
}

// firewall finds which one is in charge: the first that says so, from the one that owns the whole rule set to the one
// that merely has rules (facts.md 5.3). Kind "" is not known; that is so without root, unless there is none.
func (in *inspector) firewall() steps.Firewall {
	for _, ask := range []func() (steps.Firewall, bool){in.firewalld, in.ufw} {
		if f, ok := ask(); ok {
			return f
		}
	}
	return in.kernelFirewall()
}

// firewalld is in charge when it runs. Its zone of the default route is taken to be the default zone.
func (in *inspector) firewalld() (steps.Firewall, bool) {
	if !in.units()["firewalld.service"].Active || !in.has("firewall-cmd") {
		return steps.Firewall{}, false
	}
	f := steps.Firewall{Kind: "firewalld", Detail: "firewalld runs"}
	out, ok := in.query("firewall-cmd", "--list-all")
	if ok {
		f.Open, f.Detail = parseFirewalld(out)
	}
	return f, true
}

// firewalldServices are the services of firewalld that hold our ports.
var firewalldServices = map[string]steps.Port{"http": ourPorts[0], "https": ourPorts[1], "http3": ourPorts[2]}

// parseFirewalld reads "firewall-cmd --list-all" of one zone.
func parseFirewalld(out string) (open []steps.Port, detail string) {
	all := lines(out)
	if len(all) == 0 {
		return nil, "firewalld runs"
	}
	zone, _, _ := strings.Cut(all[0], " ")
	allowed := func(steps.Port) bool { return false }
	for _, line := range all {
		key, value, _ := strings.Cut(line, ":")
		before := allowed
		for _, item := range strings.Fields(value) {
			item, earlier := item, before
			switch key {
			case "services":
				before = func(p steps.Port) bool { return earlier(p) || firewalldServices[item] == p }
			case "ports":
				before = func(p steps.Port) bool { return earlier(p) || portIn(item, p) }
			case "target":
				before = func(p steps.Port) bool { return earlier(p) || item == "ACCEPT" }
			}
		}
		allowed = before
	}
	return which(allowed), "firewalld runs, zone " + clean(zone)
}

// which are those of our ports that are allowed.
func which(allowed func(steps.Port) bool) []steps.Port {
	var open []steps.Port
	for _, p := range ourPorts {
		if allowed(p) {
			open = append(open, p)
		}
	}
	return open
}

// portIn reports whether "80/tcp" or "8000-9000/tcp" holds the port.
func portIn(item string, p steps.Port) bool {
	span, proto, _ := strings.Cut(item, "/")
	return proto == p.Proto && inSpan(span, "-", p.Number)
}

// inSpan reports whether "80" or "80-90" holds the number.
func inSpan(span, dash string, n int) bool {
	low, high, ranged := strings.Cut(span, dash)
	if !ranged {
		high = low
	}
	from, err1 := strconv.Atoi(low)
	to, err2 := strconv.Atoi(high)
	return err1 == nil && err2 == nil && from <= n && n <= to
}

// ufw is in charge when it is enabled and its rules are loaded, which is what "ufw status" calls active; its unit is
// active even when it is not. ufw itself is not asked: each call of it writes its lock file, and takes longer than all
// else together. What is allowed now is in the kernel.
func (in *inspector) ufw() (steps.Firewall, bool) {
	if !in.has("ufw") || !slices.Contains(lines(strings.ToLower(in.read("/etc/ufw/ufw.conf"))), "enabled=yes") {
		return steps.Firewall{}, false
	}
	if !in.opt.Process.Root {
		return steps.Firewall{Kind: "ufw", Detail: "ufw is enabled; its rules cannot be read without root"}, true
	}
	v4, loaded := in.userChain("iptables", "ufw-user-input")
	if !loaded {
		return steps.Firewall{}, false
	}
	v6, both := in.userChain("ip6tables", "ufw6-user-input")
	open := which(func(p steps.Port) bool { return v4.accepts(p) && (!both || v6.accepts(p)) })
	return steps.Firewall{Kind: "ufw", Open: open, Detail: "ufw is active"}, true
}

// userChain is what a chain of ufw lets in, with the policy of INPUT for the rest; false when it is not loaded.
func (in *inspector) userChain(command, chain string) (ipChain, bool) {
	if !in.has(command) || !in.mayList(command) {
		return ipChain{}, false
	}
	out, ok := in.query(command, "-w", "5", "-S")
	return parseIPTables(out, chain), ok && slices.Contains(lines(out), "-N "+chain)
}
