package inspect

import (
	"slices"
	"strings"

	"github.com/c93d5bcb/sslwizard/steps"
)

// kernelFirewall looks for rules that nobody's service keeps. Native nftables comes before iptables; where both drop,
// a packet has to pass both, and the detail says so.
func (in *inspector) kernelFirewall() steps.Firewall {
	rules, known := in.nftRules()
	tables := in.iptables(rules, known)
	chains := rules.blocking()
	switch {
	case len(chains) > 0:
		table := clean(chains[0].title())
		return steps.Firewall{
			Kind: "nftables", Table: table,
			Open:   which(func(p steps.Port) bool { return rules.accepts(chains[0], p) }),
			Detail: "nftables drops in " + table + beside(chains[1:], tables.Kind == "iptables"),
		}
	case tables.Kind != "":
		return tables
	case !in.opt.Process.Root && (in.has("nft") || in.has("iptables")):
		return steps.Firewall{Detail: "the rules of the kernel cannot be read without root"}
	case !known && in.has("nft"):
		return steps.Firewall{Detail: "the rules of the kernel cannot be read"}
	}
	return steps.Firewall{Kind: "none", Detail: "nothing drops what comes in"}
}

func beside(chains []nftChain, iptables bool) string {
	var also []string
	for _, c := range chains {
		also = append(also, clean(c.title()))
	}
	if iptables {
		also = append(also, "iptables")
	}
	if also == nil {
		return ""
	}
	return ", and so does " + strings.Join(also, ", ")
}

// nftRules reads the rule set; false when it could not be read.
func (in *inspector) nftRules() (nftRuleset, bool) {
	if !in.has("nft") {
		return nftRuleset{}, false
	}
	out, ok := in.query("nft", "-j", "list", "ruleset")
	if !ok {
		return nftRuleset{}, false
	}
	rules, err := parseNFT([]byte(out))
	return rules, err == nil
}

// iptables reads the INPUT chains that drop. It is asked only when nft shows its table, or is not there to show it, or
// when the legacy tables, which nft does not show, are loaded.
func (in *inspector) iptables(rules nftRuleset, known bool) steps.Firewall {
	f := steps.Firewall{}
	allowed := func(steps.Port) bool { return true }
	for _, family := range []struct{ command, nft string }{{"iptables", "ip"}, {"ip6tables", "ip6"}} {
		hidden := !known || in.legacyLoaded(family.command)
		if !in.has(family.command) || !hidden && !rules.iptables(family.nft) || !in.mayList(family.command) {
			continue
		}
		out, ok := in.query(family.command, "-w", "5", "-S", "INPUT")
		chain, others := parseIPTables(out, "INPUT"), allowed
		if !ok || !chain.blocks() {
			continue
		}
		f.Kind, f.Detail = "iptables", strings.TrimPrefix(f.Detail+", "+family.command+" drops in INPUT", ", ")
		allowed = func(p steps.Port) bool { return others(p) && chain.accepts(p) }
	}
	if f.Kind != "" {
		f.Open = which(allowed)
	}
	return f
}

// mayList reports whether listing changes nothing: the legacy tool loads its tables into the kernel when it lists.
func (in *inspector) mayList(command string) bool {
	out, ok := in.query(command, "-V")
	return ok && (strings.Contains(out, "(nf_tables)") || in.legacyLoaded(command))
}

func (in *inspector) legacyLoaded(command string) bool {
	names := map[string]string{"iptables": "/proc/net/ip_tables_names", "ip6tables": "/proc/net/ip6_tables_names"}
	return slices.Contains(lines(in.read(names[command])), "filter")
}

// ipRule is a rule of "iptables -S INPUT", as far as it is about everybody's packets to a port.
type ipRule struct {
	target string
	proto  string   // "" any
	ports  []string // "80", "80:90"; nil any
	other  bool     // it has conditions beside these
}

type ipChain struct {
	policy string
	rules  []ipRule
}

// parseIPTables reads the rules of one chain, and the policy of INPUT.
func parseIPTables(out, chain string) ipChain {
	var c ipChain
	for _, line := range lines(out) {
		words := strings.Fields(line)
		if len(words) < 3 {
			continue
		}
		switch words[0] + " " + words[1] {
		case "-P INPUT":
			c.policy = words[2]
		case "-A " + chain:
			c.rules = append(c.rules, parseIPRule(words[2:]))
		}
	}
	return c
}

func parseIPRule(words []string) ipRule {
	r := ipRule{}
	for i := 0; i < len(words); i++ {
		value := ""
		if i+1 < len(words) {
			value = words[i+1]
		}
		switch words[i] {
		case "-p":
			r.proto = value
		case "--dport", "--dports":
			r.ports = strings.Split(value, ",")
		case "-j", "-g":
			r.target = value
			return r // what follows belongs to the target
		case "--ctstate", "--state":
			r.other = r.other || !slices.Contains(strings.Split(value, ","), "NEW")
		case "-m":
			r.other = r.other || !slices.Contains([]string{"tcp", "udp", "multiport", "conntrack", "state", "comment"}, value)
		case "--comment":
			i += commentLength(words[i+1:]) - 1
		default:
			r.other = true
		}
		i++
	}
	return r
}

// commentLength is how many words a comment has: quotes keep it together.
func commentLength(words []string) int {
	if len(words) == 0 || !strings.HasPrefix(words[0], `"`) {
		return 1
	}
	for i, w := range words {
		if strings.HasSuffix(w, `"`) && (i > 0 || len(w) > 1) {
			return i + 1
		}
	}
	return len(words)
}

func (r ipRule) everything() bool { return !r.other && r.ports == nil && r.proto == "" }

func (r ipRule) refuses() bool { return r.target == "DROP" || r.target == "REJECT" }

func (r ipRule) holds(p steps.Port) bool {
	if r.other || r.proto != "" && r.proto != p.Proto {
		return false
	}
	return r.ports == nil || slices.ContainsFunc(r.ports, func(s string) bool { return inSpan(s, ":", p.Number) })
}

// blocks reports whether a packet that no rule names is dropped.
func (c ipChain) blocks() bool {
	for _, r := range c.rules {
		if r.everything() && (r.refuses() || r.target == "ACCEPT") {
			return r.refuses()
		}
	}
	return c.policy == "DROP"
}

// accepts reports whether the first rule that certainly decides about the port accepts it.
func (c ipChain) accepts(p steps.Port) bool {
	for _, r := range c.rules {
		if r.holds(p) && (r.refuses() || r.target == "ACCEPT") {
			return r.target == "ACCEPT"
		}
	}
	return c.policy == "ACCEPT"
}
