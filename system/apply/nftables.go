package apply

import (
	"context"
	"encoding/json"
	"fmt"
	"path"
	"strings"

	"github.com/c93d5bcb/sslwizard/steps"
	"github.com/c93d5bcb/sslwizard/system/host"
)

// nftables has no tool that stores single rules. The rule is inserted into the chain that decides, before what ends it;
// it is kept over a restart by a file of our own in a folder that /etc/nftables.conf includes, if it includes one, and
// otherwise the line to add is shown: nobody's ruleset is rewritten.
type nftables struct{ table string } // "inet filter input"

const (
	nftMain    = "/etc/nftables.conf"
	nftComment = "sslwizard"
)

// nftRule is what "nft -j -a list chain" says of a rule, as far as we look.
type nftRule struct {
	Handle  int               `json:"handle"`
	Comment string            `json:"comment"`
	Expr    []json.RawMessage `json:"expr"`
}

// chains are the ones that decide: for a table of one family, that of the other family too, where it is there.
func (n nftables) chains(ctx context.Context, r host.Reader) (map[string][]nftRule, []string, error) {
	names := []string{n.table}
	if rest, ok := strings.CutPrefix(n.table, "ip "); ok {
		names = append(names, "ip6 "+rest)
	}
	found := map[string][]nftRule{}
	var order []string
	for i, name := range names {
		rules, there, err := nftList(ctx, r, name)
		if err != nil {
			return nil, nil, err
		}
		if !there && i == 0 {
			return nil, nil, failf("cannot open a port in nftables: there is no chain %q", name)
		}
		if there {
			found[name], order = rules, append(order, name)
		}
	}
	return found, order, nil
}

func nftList(ctx context.Context, r host.Reader, chain string) ([]nftRule, bool, error) {
	argv := append([]string{"nft", "-j", "-a", "list", "chain"}, strings.Fields(chain)...)
	out, err := r.Query(ctx, host.Command{Argv: argv})
	if err != nil {
		return nil, false, fmt.Errorf("cannot ask nftables for its rules: %w", err)
	}
	if out.Status != 0 {
		return nil, false, nil
	}
	var said struct {
		Nftables []struct{ Rule *nftRule }
	}
	if err := json.Unmarshal(out.Stdout, &said); err != nil {
		return nil, false, failf("cannot read the rules of nftables: %v", err)
	}
	var rules []nftRule
	for _, x := range said.Nftables {
		if x.Rule != nil {
			rules = append(rules, *x.Rule)
		}
	}
	return rules, true, nil
}

func (n nftables) missing(ctx context.Context, r host.Reader, p steps.Port) ([]rule, error) {
	chains, order, err := n.chains(ctx, r)
	if err != nil {
		return nil, err
	}
	var missing []rule
	for _, name := range order {
		if !nftOpen(chains[name], p) {
			missing = append(missing, nftAdd(name, chains[name], p))
		}
	}
	return missing, nil
}

// nftAdd puts the rule before the first one that ends the chain for everybody, or else at its end.
func nftAdd(chain string, rules []nftRule, p steps.Port) rule {
	where := strings.Fields(chain)
	add := append([]string{"nft", "add", "rule"}, where...)
	for _, r := range rules {
		if r.final() {
			add = append(append([]string{"nft", "insert", "rule"}, where...), "handle", fmt.Sprint(r.Handle))
			break
		}
	}
	return rule{
		Has:  []string{chain},
		Add:  append(add, p.Proto, "dport", fmt.Sprint(p.Number), "accept", "comment", `"`+nftComment+`"`),
		Take: append([]string{"nft", "delete", "rule"}, where...),
	}
}

// nftOpen reports whether one of the rules before the end of the chain accepts the port from everywhere.
func nftOpen(rules []nftRule, p steps.Port) bool {
	for _, r := range rules {
		switch {
		case r.accepts(p):
			return true
		case r.final():
			return false
		}
	}
	return false
}

// ours returns the handles of the rules that we added for the port.
func (n nftables) ours(ctx context.Context, r host.Reader, chain []string, p steps.Port) ([]int, error) {
	if len(chain) != 1 {
		return nil, failf("cannot read the journal: it names no chain of nftables")
	}
	rules, _, err := nftList(ctx, r, chain[0])
	if absent(err) {
		return nil, nil
	}
	var handles []int
	for _, x := range rules {
		if x.Comment == nftComment && x.accepts(p) {
			handles = append(handles, x.Handle)
		}
	}
	return handles, err
}

// final reports a drop or reject without a condition.
func (r nftRule) final() bool {
	verdict := ""
	for _, raw := range r.Expr {
		switch name := exprName(raw); name {
		case "counter", "log":
		case "drop", "reject":
			verdict = name
		default:
			return false
		}
	}
	return verdict != ""
}

// accepts reports a rule whose only condition is a port that is ours, and whose verdict is accept.
func (r nftRule) accepts(p steps.Port) bool {
	var port, accept bool
	for _, raw := range r.Expr {
		switch exprName(raw) {
		case "counter":
		case "accept":
			accept = true
		case "match":
			if port || !matchesPort(raw, p) {
				return false
			}
			port = true
		default:
			return false
		}
	}
	return port && accept
}

func exprName(raw json.RawMessage) string {
	var e map[string]json.RawMessage
	if json.Unmarshal(raw, &e) != nil {
		return ""
	}
	for name := range e {
		return name
	}
	return ""
}

// matchesPort reads {"match": {"op": "==", "left": {"payload": {"protocol": "tcp", "field": "dport"}}, "right": …}},
// where right is a port, a range or a set of both.
func matchesPort(raw json.RawMessage, p steps.Port) bool {
	var e struct {
		Match struct {
			Op   string
			Left struct {
				Payload struct{ Protocol, Field string }
			}
			Right json.RawMessage
		}
	}
	if json.Unmarshal(raw, &e) != nil || e.Match.Op != "==" && e.Match.Op != "in" {
		return false
	}
	left := e.Match.Left.Payload
	return left.Protocol == p.Proto && left.Field == "dport" && covers(e.Match.Right, p.Number)
}

func covers(raw json.RawMessage, port int) bool {
	var n int
	if json.Unmarshal(raw, &n) == nil {
		return n == port
	}
	var e struct {
		Set   []json.RawMessage
		Range []int
	}
	if json.Unmarshal(raw, &e) != nil {
		return false
	}
	if len(e.Range) == 2 {
		return e.Range[0] <= port && port <= e.Range[1]
	}
	for _, x := range e.Set {
		if covers(x, port) {
			return true
		}
	}
	return false
}

func (nftables) files() []string { return nil }

func (n nftables) persist(ctx context.Context, r host.Reader, p steps.Port) (persistence, error) {
	_, order, err := n.chains(ctx, r)
	if err != nil {
		return persistence{}, err
	}
	var lines []string
	for _, chain := range order {
		lines = append(lines, fmt.Sprintf("insert rule %s %s dport %d accept comment %q", chain, p.Proto, p.Number, nftComment))
	}
	f, err := r.ReadFile(nftMain)
	if absent(err) {
		return persistence{warning: "have what sets your rules at boot run: nft " + strings.Join(lines, "; nft ")}, nil
	}
	if err != nil {
		return persistence{}, err
	}
	dir := nftInclude(string(f.Data))
	if dir == "" {
		return persistence{warning: "add at the end of " + nftMain + ": " + strings.Join(lines, "; ")}, nil
	}
	return persistence{
		snippet: path.Join(dir, fmt.Sprintf("sslwizard-%d-%s.nft", p.Number, p.Proto)),
		content: []byte("# sslwizard\n" + strings.Join(lines, "\n") + "\n"),
		check:   []string{"nft", "-c", "-f", nftMain},
	}, nil
}

// nftInclude returns the folder of the last include "DIR/*.nft".
func nftInclude(text string) string {
	dir := ""
	for line := range strings.Lines(text) {
		rest, ok := strings.CutPrefix(strings.TrimSpace(line), "include ")
		name := strings.Trim(strings.TrimSpace(rest), `"'`)
		if ok && path.IsAbs(name) && path.Base(name) == "*.nft" && path.Clean(name) == name {
			dir = path.Dir(name)
		}
	}
	return dir
}
