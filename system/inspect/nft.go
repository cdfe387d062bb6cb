package inspect

import (
	"encoding/json"
	"fmt"
	"slices"

	"github.com/c93d5bcb/sslwizard/steps"
)

// nftRuleset is what "nft -j list ruleset" says (libnftables-json(5)), as far as it is about what comes in.
type nftRuleset struct {
	chains []nftChain
	rules  map[string][]nftRule         // by chain title
	sets   map[string][]json.RawMessage // elements, by "family table name"
}

type nftChain struct {
	Family, Table, Name, Type, Hook, Policy string
}

func (c nftChain) title() string { return c.Family + " " + c.Table + " " + c.Name }

// foreign reports whether iptables-nft keeps the chain: editing it with nft is refused or undone.
func (c nftChain) foreign() bool {
	return c.Name == "INPUT" && c.Table == "filter" && c.Family != "inet"
}

// nftRule is a rule as its statements, each an object with one key.
type nftRule []map[string]json.RawMessage

func parseNFT(data []byte) (nftRuleset, error) {
	var doc struct {
		Nftables []struct {
			Chain *nftChain
			Rule  *struct {
				Family, Table, Chain string
				Expr                 nftRule
			}
			Set *struct {
				Family, Table, Name string
				Elem                []json.RawMessage
			}
		}
	}
	r := nftRuleset{rules: map[string][]nftRule{}, sets: map[string][]json.RawMessage{}}
	if err := json.Unmarshal(data, &doc); err != nil {
		return r, fmt.Errorf("cannot read the nftables rule set: %w", err)
	}
	for _, item := range doc.Nftables {
		switch {
		case item.Chain != nil:
			r.chains = append(r.chains, *item.Chain)
		case item.Rule != nil:
			chain := nftChain{Family: item.Rule.Family, Table: item.Rule.Table, Name: item.Rule.Chain}
			r.rules[chain.title()] = append(r.rules[chain.title()], item.Rule.Expr)
		case item.Set != nil:
			r.sets[item.Set.Family+" "+item.Set.Table+" @"+item.Set.Name] = item.Set.Elem
		}
	}
	return r, nil
}

// iptables reports whether iptables-nft has an INPUT chain of the family.
func (r nftRuleset) iptables(family string) bool {
	return slices.ContainsFunc(r.chains, func(c nftChain) bool { return c.foreign() && c.Family == family })
}

// blocking are the native chains on the way in that drop what no rule names; the one for both IP versions first.
func (r nftRuleset) blocking() []nftChain {
	var found []nftChain
	for _, family := range []string{"inet", "ip", "ip6"} {
		for _, c := range r.chains {
			if c.Family == family && c.Hook == "input" && c.Type == "filter" && !c.foreign() && r.drops(c) {
				found = append(found, c)
			}
		}
	}
	return found
}

// drops reports whether a packet that no rule names is dropped.
func (r nftRuleset) drops(c nftChain) bool {
	for _, rule := range r.rules[c.title()] {
		if m := rule.meaning(r, c); m.everything && m.verdict != "" {
			return m.verdict == "drop"
		}
	}
	return c.Policy == "drop"
}

// accepts reports whether the first rule that certainly decides about the port accepts it.
func (r nftRuleset) accepts(c nftChain, p steps.Port) bool {
	for _, rule := range r.rules[c.title()] {
		if m := rule.meaning(r, c); m.verdict != "" && (m.everything || m.ports != nil && m.ports(p)) {
			return m.verdict == "accept"
		}
	}
	return c.Policy != "drop"
}

// nftMeaning is a rule as far as it is about everybody's packets to a port.
type nftMeaning struct {
	verdict    string // "accept", "drop" (reject too), or ""
	everything bool   // no condition
	ports      func(steps.Port) bool
}

// meaning reads a rule. A condition that is not understood makes it a rule about some packets only, which decides
// nothing for us.
func (rule nftRule) meaning(r nftRuleset, c nftChain) nftMeaning {
	m := nftMeaning{everything: true}
	proto, certain := "", true
	var ports func(int) bool
	for _, statement := range rule {
		for key, value := range statement {
			switch key {
			case "accept":
				m.verdict = "accept"
			case "drop", "reject":
				m.verdict = "drop"
			case "match":
				m.everything = false
				certain = certain && r.match(c, value, &proto, &ports)
			case "counter", "log", "comment":
			default:
				m.everything, certain = false, false
			}
		}
	}
	if certain && ports != nil {
		m.ports = func(p steps.Port) bool { return (proto == "" || proto == p.Proto) && ports(p.Number) }
	}
	return m
}

// match reads one condition into proto or ports; false when it limits the rule in a way that we cannot judge.
func (r nftRuleset) match(c nftChain, raw json.RawMessage, proto *string, ports *func(int) bool) bool {
	var m struct {
		Op   string
		Left struct {
			Payload *struct{ Protocol, Field string }
			Meta    *struct{ Key string }
			CT      *struct{ Key string }
		}
		Right json.RawMessage
	}
	if json.Unmarshal(raw, &m) != nil || m.Op != "==" && m.Op != "in" {
		return false
	}
	switch {
	case m.Left.Payload != nil && m.Left.Payload.Field == "dport":
		if m.Left.Payload.Protocol != "th" {
			*proto = m.Left.Payload.Protocol
		}
		*ports = func(n int) bool { return r.holds(c, m.Right, n) }
		return true
	case m.Left.Meta != nil && m.Left.Meta.Key == "l4proto":
		return json.Unmarshal(m.Right, proto) == nil
	case m.Left.CT != nil && m.Left.CT.Key == "state":
		return slices.Contains(words(m.Right), "new")
	}
	return false
}

// words are the strings of a JSON string, a list of strings, or a {"set": [...]} of strings.
func words(raw json.RawMessage) []string {
	var one string
	if json.Unmarshal(raw, &one) == nil {
		return []string{one}
	}
	var set struct{ Set []string }
	if json.Unmarshal(raw, &set) == nil {
		return set.Set
	}
	var list []string
	_ = json.Unmarshal(raw, &list)
	return list
}

// holds reports whether a number, a {"range": [a, b]}, a {"set": […]} or "@name" holds n.
func (r nftRuleset) holds(c nftChain, raw json.RawMessage, n int) bool {
	var number int
	if json.Unmarshal(raw, &number) == nil {
		return number == n
	}
	var name string
	if json.Unmarshal(raw, &name) == nil {
		return slices.ContainsFunc(r.sets[c.Family+" "+c.Table+" "+name], func(e json.RawMessage) bool { return r.holds(c, e, n) })
	}
	var v struct {
		Range []int
		Set   []json.RawMessage
	}
	if json.Unmarshal(raw, &v) != nil {
		return false
	}
	if len(v.Range) == 2 {
		return v.Range[0] <= n && n <= v.Range[1]
	}
	return slices.ContainsFunc(v.Set, func(e json.RawMessage) bool { return r.holds(c, e, n) })
}
