package inspect

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/c93d5bcb/sslwizard/steps"
	"github.com/c93d5bcb/sslwizard/system/host"
	"github.com/c93d5bcb/sslwizard/system/systemtest"
)

// inspectorOf is an inspector of a machine in memory, as root.
func inspectorOf(t *testing.T, h host.Reader, root bool) *inspector {
	t.Helper()
	in := &inspector{ctx: t.Context(), host: h, opt: Options{Process: &Process{Root: root}}}
	in.units = in.queryUnits
	return in
}

// ports is a list of ports as one line.
func ports(all []steps.Port) string {
	var text []string
	for _, p := range all {
		text = append(text, fmt.Sprintf("%d/%s", p.Number, p.Proto))
	}
	return strings.Join(text, " ")
}

const firewalldList = `public (active)
  target: default
  icmp-block-inversion: no
  interfaces: eth0
  services: dhcpv6-client http ssh
  ports: 8000-8100/tcp 443/udp
  rich rules:
`

func TestParseFirewalld(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ change, to, want string }{
		{"", "", "80/tcp 443/udp"},
		{"http ", "https ", "443/tcp 443/udp"},
		{"8000-8100/tcp", "400-500/tcp", "80/tcp 443/tcp 443/udp"},
		{"target: default", "target: ACCEPT", "80/tcp 443/tcp 443/udp"},
		{"http ssh\n  ports: 8000-8100/tcp 443/udp", "ssh\n  ports:", ""},
	} {
		open, detail := parseFirewalld(strings.Replace(firewalldList, c.change, c.to, 1))
		if got := ports(open); got != c.want || detail != "firewalld runs, zone public" {
			t.Errorf("%q for %q: %s (%s), want %s", c.to, c.change, got, detail, c.want)
		}
	}
}

// ufwRules is "iptables -S" as ufw 0.36 loads it.
const ufwRules = `-P INPUT DROP
-P FORWARD DROP
-N ufw-before-input
-N ufw-user-input
-A INPUT -j ufw-before-input
-A ufw-before-input -i lo -j ACCEPT
-A ufw-before-input -j ufw-user-input
-A ufw-user-input -p tcp -m tcp --dport 22 -j ACCEPT
%s`

const ufwFull = `-A ufw-user-input -p tcp -m multiport --dports 80,443 -m comment --comment "\'dapp_Nginx%20Full\'" -j ACCEPT`

func TestParseIPTables(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		rules  string
		blocks bool
		want   string
	}{
		{"-P INPUT ACCEPT", false, "80/tcp 443/tcp 443/udp"},
		{"-P INPUT DROP", true, ""},
		{"-P INPUT DROP\n-A INPUT -p tcp -m tcp --dport 80 -j ACCEPT", true, "80/tcp"},
		{"-P INPUT DROP\n-A INPUT -p tcp -m multiport --dports 80,443 -m conntrack --ctstate NEW -j ACCEPT", true, "80/tcp 443/tcp"},
		{"-P INPUT DROP\n-A INPUT -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT", true, ""},
		{"-P INPUT DROP\n-A INPUT -i lo -j ACCEPT\n-A INPUT -s 203.0.113.0/24 -p tcp -m tcp --dport 80 -j ACCEPT", true, ""},
		{"-P INPUT DROP\n-A INPUT ! -s 203.0.113.0/24 -p tcp -m tcp --dport 80 -j ACCEPT", true, ""},
		{"-P INPUT DROP\n-A INPUT -p tcp -m tcp --dport 443 -m comment --comment \"-s a b\" -j ACCEPT", true, "443/tcp"},
		{"-P INPUT DROP\n-A INPUT -p tcp -m tcp --dport 443 -m comment --comment web -j ACCEPT", true, "443/tcp"},
		{"-P INPUT ACCEPT\n-A INPUT -p tcp -m tcp --dport 22 -j ACCEPT\n-A INPUT -j REJECT --reject-with icmp-host-prohibited\n" +
			"-A INPUT -p tcp -m tcp --dport 80 -j ACCEPT", true, ""},
		{"-P INPUT DROP\n-A INPUT -j ACCEPT", false, "80/tcp 443/tcp 443/udp"},
		{"-P INPUT ACCEPT\n-A INPUT -p tcp -m tcp --dport 443 -j DROP", false, "80/tcp 443/udp"},
		{"-P INPUT DROP\n-A INPUT -p tcp -m tcp --dport 1:100 -j ACCEPT", true, "80/tcp"},
		{"-P INPUT DROP\n-A INPUT -p tcp -m tcp --dport 80 -j ufw-user-input", true, ""},
	} {
		chain := parseIPTables(c.rules, "INPUT")
		if got := ports(which(chain.accepts)); got != c.want || chain.blocks() != c.blocks {
			t.Errorf("%s\nblocks %t, is open %q; want %t, %q", c.rules, chain.blocks(), got, c.blocks, c.want)
		}
	}
}

// nft is a rule set of one inet chain with these rules, as nft 1.0.6 prints it.
func nft(policy string, rules ...string) string {
	text := `{"nftables": [{"metainfo": {"version": "1.0.6"}}, {"table": {"family": "inet", "name": "filter", "handle": 1}},
{"chain": {"family": "inet", "table": "filter", "name": "input", "handle": 1, "type": "filter", "hook": "input", "prio": 0, "policy": "` + policy + `"}},
{"set": {"family": "inet", "name": "web", "table": "filter", "type": "inet_service", "handle": 3, "elem": [80, {"range": [440, 450]}]}}`
	for i, r := range rules {
		text += fmt.Sprintf(`, {"rule": {"family": "inet", "table": "filter", "chain": "input", "handle": %d, "expr": [%s]}}`, i+10, r)
	}
	return text + "]}"
}

const (
	nftSet      = `{"match": {"op": "==", "left": {"payload": {"protocol": "tcp", "field": "dport"}}, "right": {"set": [80, 443]}}}, {"accept": null}`
	nftOne      = `{"match": {"op": "==", "left": {"payload": {"protocol": "tcp", "field": "dport"}}, "right": 80}}, {"counter": {"packets": 0, "bytes": 0}}, {"accept": null}`
	nftNamed    = `{"match": {"op": "==", "left": {"payload": {"protocol": "tcp", "field": "dport"}}, "right": "@web"}}, {"accept": null}`
	nftTH       = `{"match": {"op": "==", "left": {"meta": {"key": "l4proto"}}, "right": "udp"}}, {"match": {"op": "==", "left": {"payload": {"protocol": "th", "field": "dport"}}, "right": 443}}, {"accept": null}`
	nftFrom     = `{"match": {"op": "==", "left": {"payload": {"protocol": "ip", "field": "saddr"}}, "right": "203.0.113.1"}}, ` + nftOne
	nftNot      = `{"match": {"op": "!=", "left": {"payload": {"protocol": "tcp", "field": "dport"}}, "right": 22}}, {"accept": null}`
	nftKnown    = `{"match": {"op": "in", "left": {"ct": {"key": "state"}}, "right": ["established", "related"]}}, {"accept": null}`
	nftNew      = `{"match": {"op": "in", "left": {"ct": {"key": "state"}}, "right": ["new"]}}, ` + nftOne
	nftLoopback = `{"match": {"op": "==", "left": {"meta": {"key": "iifname"}}, "right": "lo"}}, {"accept": null}`
	nftReject   = `{"counter": null}, {"reject": {"type": "icmpx", "expr": "port-unreachable"}}`
	nftJump     = `{"jump": {"target": "other"}}`
)

func TestParseNFT(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		rules  string
		blocks bool
		want   string
	}{
		{nft("accept"), false, "80/tcp 443/tcp 443/udp"},
		{nft("drop"), true, ""},
		{nft("drop", nftLoopback, nftKnown, nftSet), true, "80/tcp 443/tcp"},
		{nft("drop", nftOne), true, "80/tcp"},
		{nft("drop", nftNamed), true, "80/tcp 443/tcp"},
		{nft("drop", nftTH), true, "443/udp"},
		{nft("drop", nftFrom, nftNot), true, ""},
		{nft("drop", nftNew), true, "80/tcp"},
		{nft("accept", nftSet, nftReject), true, "80/tcp 443/tcp"},
		{nft("accept", nftReject, nftSet), true, ""},
		{nft("drop", nftJump, nftOne), true, "80/tcp"},
		{nft("drop", `{"accept": null}`), false, "80/tcp 443/tcp 443/udp"},
	} {
		r, err := parseNFT([]byte(c.rules))
		if err != nil {
			t.Fatalf("%s: %v", c.rules, err)
		}
		got := ports(which(func(p steps.Port) bool { return r.accepts(r.chains[0], p) }))
		if got != c.want || (len(r.blocking()) == 1) != c.blocks {
			t.Errorf("%s\nblocks %d, is open %q; want %t, %q", c.rules, len(r.blocking()), got, c.blocks, c.want)
		}
	}
}

// iptables-nft's own table, as nft 1.0.6 prints it: no chain of ours to edit.
const nftOfIPTables = `{"nftables": [{"table": {"family": "ip", "name": "filter", "handle": 1}}, {"chain": {"family": "ip",
"table": "filter", "name": "INPUT", "handle": 1, "type": "filter", "hook": "input", "prio": 0, "policy": "drop"}}, {"rule":
{"family": "ip", "table": "filter", "chain": "INPUT", "handle": 3, "expr": [{"xt": {"type": "match", "name": "multiport"}}, {"accept": null}]}}]}`

// loadUFW is an active ufw with these rules in the kernel.
func loadUFW(h *systemtest.Host, v4, v6 string) {
	h.File("/usr/sbin/ufw", "")
	h.File("/etc/ufw/ufw.conf", "# comment\nENABLED=yes\nLOGLEVEL=low\n")
	for command, rules := range map[string]string{"iptables": v4, "ip6tables": v6} {
		h.File("/usr/sbin/"+command, "")
		h.Expect(systemtest.Stdout(command+" v1.8.11 (nf_tables)\n"), command, "-V")
		h.Expect(systemtest.Stdout(rules), command, "-w", "5", "-S")
	}
}

func ufw6(rules string) string {
	return strings.ReplaceAll(fmt.Sprintf(ufwRules, rules), "ufw-", "ufw6-")
}

func TestFirewallInCharge(t *testing.T) {
	t.Parallel()
	const dropping = "-P INPUT DROP\n-A INPUT -p tcp -m tcp --dport 80 -j ACCEPT\n"
	nftables := func(h *systemtest.Host, rules string) {
		h.File("/usr/sbin/nft", "")
		h.Expect(systemtest.Stdout(rules), "nft", "-j", "list", "ruleset")
	}
	for _, c := range []struct {
		name   string
		host   func(*systemtest.Host, *systemtest.Debian)
		user   bool
		kind   string
		open   string
		table  string
		detail string
	}{
		{name: "no tools", host: func(*systemtest.Host, *systemtest.Debian) {}, kind: "none", detail: "nothing drops what comes in"},
		{name: "firewalld runs", host: func(h *systemtest.Host, d *systemtest.Debian) {
			h.File("/usr/bin/firewall-cmd", "")
			h.File("/etc/ufw/ufw.conf", "ENABLED=yes\n")
			d.Units["firewalld.service"] = &systemtest.Unit{Active: true}
			h.Expect(systemtest.Stdout(firewalldList), "firewall-cmd", "--list-all")
		}, kind: "firewalld", open: "80/tcp 443/udp", detail: "firewalld runs, zone public"},
		{name: "firewalld stopped, ufw active", host: func(h *systemtest.Host, d *systemtest.Debian) {
			h.File("/usr/bin/firewall-cmd", "")
			d.Units["firewalld.service"] = &systemtest.Unit{Enabled: true}
			loadUFW(h, fmt.Sprintf(ufwRules, ufwFull), ufw6(ufwFull))
		}, kind: "ufw", open: "80/tcp 443/tcp", detail: "ufw is active"},
		{name: "ufw, open in one version only", host: func(h *systemtest.Host, d *systemtest.Debian) {
			loadUFW(h, fmt.Sprintf(ufwRules, ufwFull), ufw6(""))
		}, kind: "ufw", detail: "ufw is active"},
		{name: "ufw without version 6", host: func(h *systemtest.Host, d *systemtest.Debian) {
			loadUFW(h, fmt.Sprintf(ufwRules, ufwFull), "-P INPUT ACCEPT\n")
		}, kind: "ufw", open: "80/tcp 443/tcp", detail: "ufw is active"},
		{name: "ufw that denies one port and allows the rest", host: func(h *systemtest.Host, d *systemtest.Debian) {
			rules := fmt.Sprintf(ufwRules, "-A ufw-user-input -p tcp -m tcp --dport 80 -j DROP\n"+ufwFull)
			loadUFW(h, strings.Replace(rules, "-P INPUT DROP", "-P INPUT ACCEPT", 1), "-P INPUT ACCEPT\n")
		}, kind: "ufw", open: "443/tcp 443/udp", detail: "ufw is active"},
		{name: "ufw enabled but not loaded", host: func(h *systemtest.Host, d *systemtest.Debian) {
			h.File("/usr/sbin/ufw", "")
			h.File("/usr/sbin/iptables", "")
			h.File("/etc/ufw/ufw.conf", "ENABLED=yes\n")
			h.Tool(systemtest.Stdout("iptables v1.8.11 (nf_tables)\n"), "iptables", "-V")
			h.Expect(systemtest.Stdout("-P INPUT ACCEPT\n"), "iptables", "-w", "5", "-S")
			h.Expect(systemtest.Stdout("-P INPUT ACCEPT\n"), "iptables", "-w", "5", "-S", "INPUT")
		}, kind: "none", detail: "nothing drops what comes in"},
		{name: "ufw without root", host: func(h *systemtest.Host, d *systemtest.Debian) {
			h.File("/usr/sbin/ufw", "")
			h.File("/etc/ufw/ufw.conf", "ENABLED=yes\n")
		}, user: true, kind: "ufw", detail: "ufw is enabled; its rules cannot be read without root"},
		{name: "ufw installed, its unit active, not enabled", host: func(h *systemtest.Host, d *systemtest.Debian) {
			h.File("/usr/sbin/ufw", "")
			h.File("/etc/ufw/ufw.conf", "ENABLED=no\n")
			d.Units["ufw.service"] = &systemtest.Unit{Active: true, Enabled: true}
			nftables(h, nft("accept"))
		}, kind: "none", detail: "nothing drops what comes in"},
		{name: "nftables", host: func(h *systemtest.Host, _ *systemtest.Debian) { nftables(h, nft("drop", nftOne)) },
			kind: "nftables", open: "80/tcp", table: "inet filter input", detail: "nftables drops in inet filter input"},
		{name: "iptables-nft", host: func(h *systemtest.Host, _ *systemtest.Debian) {
			nftables(h, nftOfIPTables)
			h.File("/usr/sbin/iptables", "")
			h.File("/usr/sbin/ip6tables", "") // not asked: nft shows no table of it
			h.Expect(systemtest.Stdout("iptables v1.8.9 (nf_tables)\n"), "iptables", "-V")
			h.Expect(systemtest.Stdout(dropping), "iptables", "-w", "5", "-S", "INPUT")
		}, kind: "iptables", open: "80/tcp", detail: "iptables drops in INPUT"},
		{name: "iptables for both versions, open in one", host: func(h *systemtest.Host, _ *systemtest.Debian) {
			for _, command := range []string{"iptables", "ip6tables"} {
				h.File("/usr/sbin/"+command, "")
				h.Expect(systemtest.Stdout(command+" v1.8.9 (nf_tables)\n"), command, "-V")
			}
			h.Expect(systemtest.Stdout(dropping), "iptables", "-w", "5", "-S", "INPUT")
			h.Expect(systemtest.Stdout("-P INPUT DROP"), "ip6tables", "-w", "5", "-S", "INPUT")
		}, kind: "iptables", detail: "iptables drops in INPUT, ip6tables drops in INPUT"},
		{name: "iptables-legacy that is not loaded is never listed", host: func(h *systemtest.Host, _ *systemtest.Debian) {
			h.File("/usr/sbin/iptables", "")
			h.Expect(systemtest.Stdout("iptables v1.8.9 (legacy)\n"), "iptables", "-V")
		}, kind: "none", detail: "nothing drops what comes in"},
		{name: "iptables-legacy that is loaded, beside nftables", host: func(h *systemtest.Host, _ *systemtest.Debian) {
			nftables(h, nft("drop"))
			h.File("/usr/sbin/iptables", "")
			h.File("/proc/net/ip_tables_names", "filter\n")
			h.Expect(systemtest.Stdout("iptables v1.8.9 (legacy)\n"), "iptables", "-V")
			h.Expect(systemtest.Stdout(dropping), "iptables", "-w", "5", "-S", "INPUT")
		}, kind: "nftables", table: "inet filter input", detail: "nftables drops in inet filter input, and so does iptables"},
		{name: "a kernel without nftables", host: func(h *systemtest.Host, _ *systemtest.Debian) {
			h.File("/usr/sbin/nft", "")
			h.Expect(systemtest.Exit(1, "Unable to initialize Netlink socket: Protocol not supported"), "nft", "-j", "list", "ruleset")
		}, kind: "", detail: "the rules of the kernel cannot be read"},
		{name: "iptables without root", host: func(h *systemtest.Host, _ *systemtest.Debian) {
			h.File("/usr/sbin/iptables", "")
			h.Expect(systemtest.Stdout("iptables v1.8.9 (nf_tables)\n"), "iptables", "-V")
			h.Expect(systemtest.Exit(4, "Permission denied (you must be root)"), "iptables", "-w", "5", "-S", "INPUT")
		}, user: true, kind: "", detail: "the rules of the kernel cannot be read without root"},
		{name: "without root", host: func(h *systemtest.Host, _ *systemtest.Debian) {
			h.File("/usr/sbin/nft", "")
			h.Expect(systemtest.Exit(1, "Operation not permitted (you must be root)"), "nft", "-j", "list", "ruleset")
		}, user: true, kind: "", detail: "the rules of the kernel cannot be read without root"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			h := systemtest.New(t)
			c.host(h, h.Debian())
			f := inspectorOf(t, h, !c.user).firewall()
			if f.Kind != c.kind || ports(f.Open) != c.open || f.Table != c.table || f.Detail != c.detail {
				t.Errorf("got %+v", f)
			}
			if len(h.Mutations()) != 0 {
				t.Errorf("something was changed: %q", h.Mutations())
			}
		})
	}
}

func TestBrokenNFTIsNotKnown(t *testing.T) {
	t.Parallel()
	if _, err := parseNFT([]byte("Error: JSON support not compiled-in")); err == nil || !strings.HasPrefix(err.Error(), "cannot") {
		t.Errorf("got %v", err)
	}
	if !slices.Equal(ourPorts[:1], []steps.Port{{Number: 80, Proto: "tcp"}}) {
		t.Error("the services of firewalld count on the order of our ports")
	}
}
