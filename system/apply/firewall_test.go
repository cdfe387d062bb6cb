package apply

import (
	"slices"
	"strings"
	"testing"

	"github.com/c93d5bcb/sslwizard/steps"
	"github.com/c93d5bcb/sslwizard/system/host"
	"github.com/c93d5bcb/sslwizard/system/systemtest"
)

var https = steps.Port{Number: 443, Proto: "tcp"}

func openPort(kind, table string) steps.Plan {
	return steps.Plan{Changes: []steps.Change{steps.OpenPort{For: steps.For(steps.IDInstall), Firewall: kind, Table: table, Port: https}}}
}

func TestUfwHas(t *testing.T) {
	t.Parallel()
	const head = "Status: active\n\nTo                         Action      From\n--                         ------      ----\n"
	for text, want := range map[string]bool{
		"443/tcp                    ALLOW       Anywhere                   # web\n":                         true,
		"443/tcp                    ALLOW IN    Anywhere\n":                                                 true,
		"80,443/tcp                 ALLOW       Anywhere\n80,443/tcp (v6) ALLOW Anywhere (v6)\n":            true,
		"Nginx Full                 ALLOW       Anywhere\nNginx Full (v6)            ALLOW Anywhere (v6)\n": true,
		"400:500/tcp                ALLOW       Anywhere\n":                                                 true,
		"443                        ALLOW       Anywhere\n":                                                 true,
		"443/udp                    ALLOW       Anywhere\n":                                                 false,
		"443/tcp                    ALLOW       192.0.2.0/24\n":                                             false,
		"443/tcp                    DENY        Anywhere\n":                                                 false,
		"Nginx HTTP                 ALLOW       Anywhere\n":                                                 false,
		"443/tcp                    ALLOW       Anywhere\n22/tcp (v6)                ALLOW Anywhere (v6)\n": false,
		"443/tcp on eth0            ALLOW       Anywhere\n":                                                 false,
		"4430/tcp                   ALLOW       Anywhere\n":                                                 false,
	} {
		if got := ufwHas(head+text, https); got != want {
			t.Errorf("%q: %t", text, got)
		}
	}
}

// A rule of ours that came to one family only is found; one of somebody else's is not taken for ours.
func TestUfwHalf(t *testing.T) {
	t.Parallel()
	const head = "Status: active\n\nTo                         Action      From\n--                         ------      ----\n22/tcp (v6)                ALLOW       Anywhere (v6)\n"
	for text, want := range map[string]bool{
		"443/tcp                    ALLOW       Anywhere                   # sslwizard\n": true,
		"443/tcp (v6)               ALLOW       Anywhere (v6)              # sslwizard\n": true,
		"443/tcp                    ALLOW       Anywhere\n":                               false,
		"443/tcp                    ALLOW       Anywhere                   # mine\n":      false,
		"80/tcp                     ALLOW       Anywhere                   # sslwizard\n": false,
	} {
		if got := ufwHalf(head+text, https); got != want {
			t.Errorf("%q: %t", text, got)
		}
	}
}

// scripted is a firewall whose rules are a set of lines that commands add and take.
type scripted struct {
	rules   []string
	queries map[string]string // command → rule that makes it succeed
	adds    map[string]string
	takes   map[string]string
	said    map[string]string
}

func (s *scripted) answer(c host.Command) (host.Output, bool) {
	argv := strings.Join(c.Argv, " ")
	if out, ok := s.said[argv]; ok {
		return systemtest.Stdout(out), true
	}
	if rule, ok := s.queries[argv]; ok {
		if slices.Contains(s.rules, rule) {
			return host.Output{}, true
		}
		return systemtest.Exit(1, ""), true
	}
	if rule, ok := s.adds[argv]; ok {
		s.rules = append(s.rules, rule)
		return host.Output{}, true
	}
	if rule, ok := s.takes[argv]; ok {
		s.rules = slices.DeleteFunc(s.rules, func(r string) bool { return r == rule })
		return host.Output{}, true
	}
	return host.Output{}, false
}

// opensAndCloses applies, previews and undoes: the firewall has exactly the rules in between that it shall have.
func opensAndCloses(t *testing.T, w *world, s *scripted, plan steps.Plan, want []string) {
	t.Helper()
	w.Answer(s.answer)
	before := slices.Clone(s.rules)
	w.mustApply(t, plan)
	if !slices.Equal(s.rules, want) {
		t.Errorf("rules %q, want %q", s.rules, want)
	}
	if w.preview(t, plan).Pending() {
		t.Error("a second run would do it again")
	}
	if _, err := w.Undo(t.Context(), "", nil); err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(s.rules, before) {
		t.Errorf("after undo %q, before %q", s.rules, before)
	}
}

func TestFirewalld(t *testing.T) {
	t.Parallel()
	s := &scripted{
		said: map[string]string{
			"ip route show default":                     "default via 192.0.2.1 dev eth0 proto dhcp\n",
			"firewall-cmd --get-zone-of-interface=eth0": "work\n",
		},
		queries: map[string]string{
			"firewall-cmd --zone=work --query-service=https":             "run",
			"firewall-cmd --permanent --zone=work --query-service=https": "stored",
			"firewall-cmd --zone=work --query-port=443/tcp":              "x",
			"firewall-cmd --permanent --zone=work --query-port=443/tcp":  "x",
		},
		adds: map[string]string{
			"firewall-cmd --zone=work --add-service=https":             "run",
			"firewall-cmd --permanent --zone=work --add-service=https": "stored",
		},
		takes: map[string]string{
			"firewall-cmd --zone=work --remove-service=https":             "run",
			"firewall-cmd --permanent --zone=work --remove-service=https": "stored",
		},
	}
	opensAndCloses(t, newWorld(t), s, openPort("firewalld", ""), []string{"stored", "run"})
}

// What was open before in one of the two stays so.
func TestFirewalldStoredAlready(t *testing.T) {
	t.Parallel()
	s := &scripted{
		rules: []string{"stored"},
		said:  map[string]string{"ip route show default": "", "firewall-cmd --get-default-zone": "public\n"},
		queries: map[string]string{
			"firewall-cmd --zone=public --query-service=https":             "run",
			"firewall-cmd --permanent --zone=public --query-service=https": "stored",
			"firewall-cmd --zone=public --query-port=443/tcp":              "x",
		},
		adds:  map[string]string{"firewall-cmd --zone=public --add-service=https": "run"},
		takes: map[string]string{"firewall-cmd --zone=public --remove-service=https": "run"},
	}
	opensAndCloses(t, newWorld(t), s, openPort("firewalld", ""), []string{"stored", "run"})
}

func iptablesScript() *scripted {
	s := &scripted{said: map[string]string{}, queries: map[string]string{}, adds: map[string]string{}, takes: map[string]string{}}
	for _, p := range []string{"iptables", "ip6tables"} {
		const spec, comment = " INPUT -p tcp --dport 443", " -m comment --comment sslwizard -j ACCEPT"
		s.said[p+" -w 5 -S INPUT"] = "-P INPUT DROP\n"
		s.queries[p+" -w 5 -C"+spec+" -j ACCEPT"] = p + " plain"
		s.queries[p+" -w 5 -C"+spec+comment] = p
		s.adds[p+" -w 5 -I"+spec+comment] = p
		s.takes[p+" -w 5 -D"+spec+comment] = p
	}
	return s
}

func TestIptables(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	opensAndCloses(t, w, iptablesScript(), openPort("iptables", ""), []string{"iptables", "ip6tables"})
	shown := w.preview(t, openPort("iptables", ""))
	if len(shown.Findings) != 1 || shown.Findings[0].Severity != steps.Warning || len(shown.Findings[0].Fix) == 0 {
		t.Errorf("nothing is said about a restart: %+v", shown.Findings)
	}
}

// A family that is open already is left alone; the other one is opened and closed.
func TestIptablesOneFamilyOpen(t *testing.T) {
	t.Parallel()
	s := iptablesScript()
	s.rules = []string{"iptables plain"}
	opensAndCloses(t, newWorld(t), s, openPort("iptables", ""), []string{"iptables plain", "ip6tables"})
}

func TestIptablesPersistent(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.File(persistentTool, "#!/bin/sh\n")
	w.File("/etc/iptables/rules.v4", "# saved on Monday\n")
	before := w.Snapshot()
	s := iptablesScript()
	w.after["netfilter-persistent save"] = func() { w.File("/etc/iptables/rules.v4", "# saved now: "+strings.Join(s.rules, ", ")+"\n") }
	w.Answer(func(c host.Command) (host.Output, bool) { return host.Output{}, c.Argv[0] == "netfilter-persistent" })
	opensAndCloses(t, w, s, openPort("iptables", ""), []string{"iptables", "ip6tables"})
	w.same(t, before)
	if saved := w.ran(0, "run netfilter-persistent save"); len(saved) == 0 {
		t.Error("never saved")
	}
}

// nft is a chain in memory.
type nft struct {
	rules []string // JSON
}

const (
	dropRule = `{"rule": {"family": "inet", "table": "filter", "chain": "input", "handle": 9, "expr": [{"counter": {"packets": 1, "bytes": 2}}, {"drop": null}]}}`
	sshRule  = `{"rule": {"handle": 4, "expr": [{"match": {"op": "==", "left": {"payload": {"protocol": "tcp", "field": "dport"}}, "right": 22}}, {"accept": null}]}}`
	ourRule  = `{"rule": {"handle": 12, "comment": "sslwizard", "expr": [{"match": {"op": "==", "left": {"payload": {"protocol": "tcp", "field": "dport"}}, "right": 443}}, {"accept": null}]}}`
)

func (n *nft) answer(c host.Command) (host.Output, bool) {
	switch strings.Join(c.Argv, " ") {
	case "nft -j -a list chain inet filter input":
		return systemtest.Stdout(`{"nftables": [{"metainfo": {}}, {"chain": {}}, ` + strings.Join(n.rules, ", ") + `]}`), true
	case `nft insert rule inet filter input handle 9 tcp dport 443 accept comment "sslwizard"`:
		n.rules = slices.Insert(n.rules, len(n.rules)-1, ourRule)
		return host.Output{}, true
	case "nft delete rule inet filter input handle 12":
		n.rules = slices.DeleteFunc(n.rules, func(r string) bool { return r == ourRule })
		return host.Output{}, true
	case "nft -c -f /etc/nftables.conf":
		return host.Output{}, true
	}
	return host.Output{}, false
}

func TestNftables(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	n := &nft{rules: []string{sshRule, dropRule}}
	w.Answer(n.answer)
	w.File("/etc/nftables.conf", "flush ruleset\ninclude \"/etc/nftables.d/*.nft\"\n")
	w.Dir("/etc/nftables.d", 0o755)
	before := w.Snapshot()
	plan := openPort("nftables", "inet filter input")
	w.mustApply(t, plan)
	if !slices.Equal(n.rules, []string{sshRule, ourRule, dropRule}) {
		t.Errorf("rules %q", n.rules)
	}
	if text := w.Content("/etc/nftables.d/sslwizard-443-tcp.nft"); !strings.Contains(text, `insert rule inet filter input tcp dport 443 accept comment "sslwizard"`) {
		t.Errorf("snippet %q", text)
	}
	if w.preview(t, plan).Pending() {
		t.Error("a second run would do it again")
	}
	if _, err := w.Undo(t.Context(), "", nil); err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(n.rules, []string{sshRule, dropRule}) {
		t.Errorf("rules after undo %q", n.rules)
	}
	w.same(t, before)
}

func TestNftablesWithoutInclude(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.Answer((&nft{rules: []string{dropRule}}).answer)
	w.File("/etc/nftables.conf", "flush ruleset\n")
	shown := w.preview(t, openPort("nftables", "inet filter input"))
	if len(shown.Findings) != 1 || !strings.Contains(shown.Findings[0].Fix[0], "insert rule inet filter input tcp dport 443 accept") {
		t.Errorf("%+v", shown.Findings)
	}
}

func TestNftOpen(t *testing.T) {
	t.Parallel()
	match := func(right string) string {
		return `{"rule": {"handle": 1, "expr": [{"match": {"op": "==", "left": {"payload": {"protocol": "tcp", "field": "dport"}}, "right": ` + right + `}}, {"accept": null}]}}`
	}
	limited := `{"rule": {"handle": 1, "expr": [{"match": {"op": "==", "left": {"payload": {"protocol": "ip", "field": "saddr"}}, "right": "192.0.2.1"}}, {"match": {"op": "==", "left": {"payload": {"protocol": "tcp", "field": "dport"}}, "right": 443}}, {"accept": null}]}}`
	for rules, want := range map[string]bool{
		match("443"):                                   true,
		match(`{"set": [80, 443]}`):                    true,
		match(`{"set": [{"range": [400, 500]}]}`):      true,
		match(`{"range": [1, 1024]}`):                  true,
		match("80"):                                    false,
		match(`{"set": [80, 8443]}`):                   false,
		limited:                                        false,
		dropRule + ", " + match("443"):                 false,
		strings.ReplaceAll(match("443"), "tcp", "udp"): false,
	} {
		w := newWorld(t)
		w.Answer((&nft{rules: []string{rules}}).answer)
		list, there, err := nftList(t.Context(), w, "inet filter input")
		if err != nil || !there || nftOpen(list, https) != want {
			t.Errorf("%s: want %t (%v)", rules, want, err)
		}
	}
}
