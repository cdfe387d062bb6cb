package inspect

import (
	"slices"
	"strconv"
	"strings"

	"github.com/c93d5bcb/sslwizard/steps"
	"github.com/c93d5bcb/sslwizard/system/host"
)

// ourPorts are the ports that sites need.
var ourPorts = []steps.Port{{Number: 80, Proto: "tcp"}, {Number: 443, Proto: "tcp"}, {Number: 443, Proto: "udp"}}

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

// ufw is in charge when its own status says active; its unit is active even when it is not. The slow question is asked
// only when its settings have it enabled, since without that it always answers inactive.
func (in *inspector) ufw() (steps.Firewall, bool) {
	if !in.has("ufw") || !slices.Contains(lines(strings.ToLower(in.read("/etc/ufw/ufw.conf"))), "enabled=yes") {
		return steps.Firewall{}, false
	}
	out, ok := in.ask(host.Command{Argv: []string{"ufw", "status", "verbose"}, Env: []string{"LC_ALL=C"}})
	status := string(out.Stdout)
	switch {
	case !ok || out.Status != 0: // not root
		return steps.Firewall{Kind: "ufw", Detail: "ufw is enabled; its rules cannot be read without root"}, true
	case !strings.HasPrefix(status, "Status: active"):
		return steps.Firewall{}, false
	}
	return steps.Firewall{Kind: "ufw", Open: parseUFW(status), Detail: "ufw is active"}, true
}

// ufwProfiles are the application profiles that hold our ports.
var ufwProfiles = map[string][]steps.Port{
	"Nginx HTTP": ourPorts[:1], "Nginx HTTPS": ourPorts[1:2], "Nginx Full": ourPorts[:2], "Nginx QUIC": ourPorts[2:],
	"Apache": ourPorts[:1], "Apache Secure": ourPorts[1:2], "Apache Full": ourPorts[:2],
	"WWW": ourPorts[:1], "WWW Secure": ourPorts[1:2], "WWW Full": ourPorts[:2], "WWW Cache": nil,
}

// ufwRule is one line of "ufw status verbose" that is for everybody.
type ufwRule struct {
	to    string // "80/tcp", "80,443/tcp", "Nginx Full"
	allow bool
	v6    bool
}

// parseUFW finds which ports are allowed from anywhere: the first rule for a port decides, then the default. Where
// rules for version 6 are shown at all, both versions have to allow it.
func parseUFW(status string) []steps.Port {
	rules, allowed := ufwRules(status)
	decide := func(p steps.Port, v6 bool) bool {
		for _, r := range rules {
			if r.v6 == v6 && ufwHolds(r.to, p) {
				return r.allow
			}
		}
		return allowed
	}
	v6 := slices.ContainsFunc(rules, func(r ufwRule) bool { return r.v6 })
	return which(func(p steps.Port) bool { return decide(p, false) && (!v6 || decide(p, true)) })
}

func ufwRules(status string) (rules []ufwRule, allowed bool) {
	for _, line := range lines(status) {
		if strings.HasPrefix(line, "Default:") {
			allowed = strings.Contains(line, "allow (incoming)")
			continue
		}
		for _, action := range []string{"ALLOW IN", "DENY IN", "REJECT IN", "LIMIT IN"} {
			to, from, ok := strings.Cut(line, " "+action+" ")
			from, _, _ = strings.Cut(from, "#")
			if from = strings.TrimSpace(from); !ok || from != "Anywhere" && from != "Anywhere (v6)" {
				continue
			}
			rules = append(rules, ufwRule{ufwTarget(to), strings.HasPrefix(action, "ALLOW"), from != "Anywhere"})
		}
	}
	return rules, allowed
}

// ufwTarget takes what is in brackets off "80,443/tcp (Nginx Full)" and "80/tcp (v6)".
func ufwTarget(to string) string {
	target, _, _ := strings.Cut(strings.TrimSpace(to), " (")
	return target
}

func ufwHolds(to string, p steps.Port) bool {
	if ports, ok := ufwProfiles[to]; ok {
		return slices.Contains(ports, p)
	}
	if to == "Anywhere" {
		return true
	}
	list, proto, limited := strings.Cut(to, "/")
	if limited && proto != p.Proto {
		return false
	}
	for span := range strings.SplitSeq(list, ",") {
		if inSpan(span, ":", p.Number) {
			return true
		}
	}
	return false
}
