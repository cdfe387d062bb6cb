//go:build e2e

package scenario

import (
	"strings"
	"testing"

	"github.com/c93d5bcb/sslwizard/e2e/world"
)

// wall is a firewall that is in charge of a server, drops what it does not know, and lets SSH in.
type wall struct {
	name     string
	packages []string
	files    map[string]string
	raise    [][]string // the commands that put it in charge
	rules    [][]string // the commands that show its rules
}

// nftables as an administrator writes it by hand. Neighbours have to be found (RFC 4890) for anything to work at all.
const nftConf = `#!/usr/sbin/nft -f
flush ruleset
table inet filter {
	chain input {
		type filter hook input priority filter; policy drop;
		iif lo accept
		ct state established,related accept
		meta l4proto ipv6-icmp accept
		tcp dport 22 accept
	}
}
`

// nftFolder is what makes a place for rules of others; without it we may only say what to add.
const nftFolder = `include "/etc/nftables.d/*.nft"` + "\n"

const iptablesRules = `*filter
:INPUT DROP [0:0]
:FORWARD ACCEPT [0:0]
:OUTPUT ACCEPT [0:0]
-A INPUT -i lo -j ACCEPT
-A INPUT -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
-A INPUT -p ICMP -j ACCEPT
-A INPUT -p tcp -m tcp --dport 22 -j ACCEPT
COMMIT
`

var walls = []wall{
	{
		name: "ufw", packages: []string{"ufw"},
		raise: [][]string{{"ufw", "default", "deny", "incoming"}, {"ufw", "allow", "22/tcp"}, {"ufw", "--force", "enable"}},
		rules: [][]string{{"ufw", "status", "verbose"}},
	}, {
		name: "firewalld", packages: []string{"firewalld"},
		raise: [][]string{{"systemctl", "enable", "--now", "firewalld"}},
		rules: [][]string{{"firewall-cmd", "--list-all"}, {"firewall-cmd", "--permanent", "--list-all"}},
	}, {
		name: "nftables", packages: []string{"nftables"},
		files: map[string]string{"/etc/nftables.conf": nftConf + nftFolder, "/etc/nftables.d/local.nft": "# mine\n"},
		raise: [][]string{{"systemctl", "enable", "--now", "nftables"}},
		rules: [][]string{{"nft", "--stateless", "list", "ruleset"}},
	}, {
		name: "iptables", packages: []string{"iptables", "iptables-persistent"},
		files: map[string]string{"/etc/iptables/rules.v4": iptablesRules,
			"/etc/iptables/rules.v6": strings.Replace(iptablesRules, "-p ICMP", "-p ipv6-icmp", 1)},
		raise: [][]string{{"systemctl", "enable", "--now", "netfilter-persistent"}, {"systemctl", "restart", "netfilter-persistent"}},
		rules: [][]string{{"iptables", "-S"}, {"ip6tables", "-S"}},
	},
}

// TestFirewall has each firewall in charge in turn: the two ports are opened in it, also after a restart; SSH stays
// open throughout; an undo closes them again and nothing else.
func TestFirewall(t *testing.T) {
	t.Parallel()
	for _, f := range walls {
		for _, suite := range world.Suites {
			t.Run(f.name+"/"+suite, func(t *testing.T) {
				t.Parallel()
				st := begin(t, suite, world.With(application("stand-in-for-ssh", "--listen :22")))
				st.raise(f)
				st.reachable(true, 22)
				st.reachable(false, 80, 443)
				before, rules := st.s.Manifest(), st.rules(f)

				st.answer("native")
				written := st.s.Manifest()
				st.ends(st.sslwizard("--dry-run", answers), 0, "N16", f.name)
				st.untouched(written)
				st.must(st.apply())
				st.live()
				st.reachable(true, 22)
				st.again()

				st.s.Reboot()
				st.await(443)
				st.live()
				st.reachable(true, 22)
				if t.Failed() {
					return
				}

				st.ends(st.sslwizard("undo"), 0)
				if now := st.rules(f); now != rules {
					t.Errorf("the rules are not as they were:\n%s\nwere\n%s", now, rules)
				}
				st.reachable(true, 22)
				// firewalld writes the zone down for good at the first permanent change; its rules were compared above.
				st.same("not as it was before", before.Restored(st.s.Manifest(), kept, answers, "/etc/firewalld/zones"))
			})
		}
	}
}

// raise puts a firewall in charge.
func (st *story) raise(f wall) {
	st.Helper()
	st.s.Install(f.packages...)
	for name, content := range f.files {
		st.s.Write(name, content, 0o644)
	}
	for _, argv := range f.raise {
		st.s.Must(argv...)
	}
}

func (st *story) rules(f wall) string {
	st.Helper()
	var all strings.Builder
	for _, argv := range f.rules {
		all.WriteString(st.s.Must(argv...))
	}
	return all.String()
}

// reachable checks from the client whether a firewall lets a connection through; refused is through.
func (st *story) reachable(want bool, ports ...int) {
	st.Helper()
	for _, port := range ports {
		for _, address := range []string{st.s.Addr4().String(), "[" + st.s.Addr6().String() + "]"} {
			if got := st.c.Through(address, port); got != want {
				st.Errorf("port %d of %s: through is %t, want %t", port, address, got, want)
			}
		}
	}
}

// TestHandWrittenRuleset has an /etc/nftables.conf that reads no folder. It is the user's, so it is not edited: the ports
// are open now, and what to add for the next restart is said.
func TestHandWrittenRuleset(t *testing.T) {
	t.Parallel()
	st := begin(t, "bookworm")
	f := walls[2]
	f.files = map[string]string{"/etc/nftables.conf": nftConf}
	st.raise(f)
	st.answer("native")
	r := st.apply()
	st.ends(r, 0, "add at the end of /etc/nftables.conf", "tcp dport 443 accept")
	st.live()
	if st.s.Read("/etc/nftables.conf") != nftConf {
		t.Error("/etc/nftables.conf was edited")
	}
}

// TestFirewallLeftAlone says no to the firewall in the answers: the run warns, and changes no rule.
func TestFirewallLeftAlone(t *testing.T) {
	t.Parallel()
	st := begin(t, "trixie")
	st.raise(walls[0])
	rules := st.rules(walls[0])
	st.answer("native", "firewall: true", "firewall: false")
	st.ends(st.sslwizard("--dry-run", answers), 0, "N16", "ufw keeps", "80", "443")
	// The CA cannot get in either, so the trusted certificate has to wait; the site is up for those who are inside.
	st.ends(st.apply(), 3, "N16", "A05")
	if now := st.rules(walls[0]); now != rules {
		t.Errorf("the rules changed:\n%s\nwere\n%s", now, rules)
	}
}
