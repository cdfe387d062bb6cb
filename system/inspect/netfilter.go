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

// iptables reads the INPUT chains that drop. It is asked only when that loads nothing into the kernel: iptables-nft
// when nft shows its table or nft is not there to show it, iptables-legacy only when its table is loaded already.
func (in *inspector) iptables(rules nftRuleset, known bool) steps.Firewall {
	f := steps.Firewall{}
	var open [][]steps.Port
	for _, family := range []struct{ command, nft, loaded string }{
		{"iptables", "ip", "/proc/net/ip_tables_names"}, {"ip6tables", "ip6", "/proc/net/ip6_tables_names"},
	} {
		legacy := slices.Contains(lines(in.read(family.loaded)), "filter")
		if !in.has(family.command) || known && !legacy && !rules.iptables(family.nft) || !in.mayList(family.command, legacy) {
			continue
		}
		out, ok := in.query(family.command, "-w", "5", "-S", "INPUT")
		if chain := parseIPTables(out); ok && chain.blocks() {
			f = steps.Firewall{Kind: "iptables", Detail: strings.TrimPrefix(f.Detail+", "+family.command+" drops in INPUT", ", ")}
			open = append(open, which(chain.accepts))
		}
	}
	if f.Kind != "" {
		f.Open = which(func(p steps.Port) bool {
			return !slices.ContainsFunc(open, func(o []steps.Port) bool { return !slices.Contains(o, p) })
		})
	}
	return f
}

// mayList reports whether listing changes nothing: the legacy tool loads its tables into the kernel when it lists.
func (in *inspector) mayList(command string, loaded bool) bool {
	out, ok := in.query(command, "-V")
	return ok && (loaded || strings.Contains(out, "(nf_tables)"))
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

func parseIPTables(out string) ipChain {
	var c ipChain
	for _, line := range lines(out) {
		words := strings.Fields(line)
		if len(words) < 3 {
			continue
		}
		switch words[0] {
		case "-P":
			c.policy = words[2]
		case "-A":
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
