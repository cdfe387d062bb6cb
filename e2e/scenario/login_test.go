//go:build e2e

package scenario

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/c93d5bcb/sslwizard/e2e/promises"
	"github.com/c93d5bcb/sslwizard/e2e/world"
)

// door is a way in which sshd listens.
type door struct {
	name  string
	port  int
	file  string // what /etc/ssh/sshd_config.d has for it
	unit  string
	only6 bool
}

var doors = []door{
	{name: "port 22", port: 22, unit: "ssh.service"},
	{name: "port 2222", port: 2222, file: "Port 2222\n", unit: "ssh.service"},
	{name: "socket-activated", port: 22, unit: "ssh.socket"},
	{name: "IPv6 alone", port: 22, file: "AddressFamily inet6\nListenAddress ::\n", unit: "ssh.service", only6: true},
}

// lowering are the commands that take each firewall out of charge, and its unit.
var lowering = map[string]struct {
	unit     string
	commands [][]string
}{
	"ufw":       {"ufw.service", [][]string{{"ufw", "--force", "reset"}, {"ufw", "--force", "disable"}}},
	"firewalld": {"firewalld.service", [][]string{{"systemctl", "disable", "--now", "firewalld"}}},
	"nftables":  {"nftables.service", [][]string{{"systemctl", "disable", "--now", "nftables"}, {"nft", "flush", "ruleset"}}},
	"iptables": {"netfilter-persistent.service", [][]string{{"systemctl", "disable", "--now", "netfilter-persistent"},
		{"iptables", "-P", "INPUT", "ACCEPT"}, {"iptables", "-F"}, {"ip6tables", "-P", "INPUT", "ACCEPT"}, {"ip6tables", "-F"}}},
}

// TestNewLogin: with each firewall in charge or not, and sshd behind each kind of door, a new login works after a run and after its
// undo. A firewall that is not in charge stays so, with the rules that it had; one that is has ours besides (P16).
func TestNewLogin(t *testing.T) {
	t.Parallel()
	var rows loginRows
	t.Run("firewalls", func(t *testing.T) {
		for n, f := range walls {
			if !*full && f.name != "ufw" {
				continue
			}
			t.Run(f.name, func(t *testing.T) {
				t.Parallel()
				suite := world.Suites[n%len(world.Suites)]
				st := begin(t, suite)
				st.s.Account("ada")
				st.s.Install(f.packages...)
				st.answer("native")
				for _, active := range []bool{false, true} {
					for _, d := range doors {
						if !*full && (d.port != 2222 || !active) {
							continue
						}
						st.logsInAnew(f, active, d)
						if t.Failed() {
							t.Fatalf("%s, in charge: %t, sshd: %s", f.name, active, d.name)
						}
						rows.add(f.name, active, d.name, suite)
					}
				}
			})
		}
	})
	t.Logf("%d combinations", len(rows.all))
	if *full && *update && !t.Failed() {
		rows.record(t)
	}
}

// logsInAnew goes through one combination.
func (st *story) logsInAnew(f wall, active bool, d door) {
	st.Helper()
	st.lowers(f)
	st.opens(d)
	if active {
		st.raise(f.with(d.port))
	}
	st.lets(d, "before the run")
	before := st.charge(f)
	st.must(st.apply())
	st.live()
	st.lets(d, "after the run")
	now := st.charge(f)
	if got := besides(now); got != before {
		st.Errorf("besides ours it is not as it was:\n%s\nwere\n%s", got, before)
	}
	if changed := now != before; changed != active {
		st.Errorf("in charge: %t, got a rule of ours: %t\n%s", active, changed, now)
	}
	st.must(st.sslwizard("undo"))
	st.lets(d, "after the undo")
	if now := st.charge(f); now != before {
		st.Errorf("after the undo it is not as it was:\n%s\nwas\n%s", now, before)
	}
}

// with is the firewall that lets SSH in at that port.
func (f wall) with(port int) wall {
	if port == 22 {
		return f
	}
	other := strconv.Itoa(port)
	swap := strings.NewReplacer("dport 22 ", "dport "+other+" ", "22/tcp", other+"/tcp")
	files := map[string]string{}
	for name, text := range f.files {
		files[name] = swap.Replace(text)
	}
	var raise [][]string
	for _, argv := range f.raise {
		argv = slices.Clone(argv)
		for n := range argv {
			argv[n] = swap.Replace(argv[n])
		}
		raise = append(raise, argv)
	}
	if f.name == "firewalld" {
		raise = append(raise, []string{"firewall-cmd", "--permanent", "--add-port=" + other + "/tcp"}, []string{"firewall-cmd", "--reload"})
	}
	f.files, f.raise = files, raise
	return f
}

// lowers takes a firewall out of charge.
func (st *story) lowers(f wall) {
	st.Helper()
	for _, argv := range lowering[f.name].commands {
		st.s.Must(argv...)
	}
}

// opens has sshd listen in a way.
func (st *story) opens(d door) {
	st.Helper()
	st.s.Must("systemctl", "disable", "--quiet", "--now", "ssh.socket", "ssh.service")
	st.s.Write("/etc/ssh/sshd_config.d/door.conf", d.file, 0o644)
	st.s.Must("systemctl", "enable", "--quiet", "--now", d.unit)
	st.await(d.port)
}

// lets checks that a new login works, at each address where sshd is.
func (st *story) lets(d door, when string) {
	st.Helper()
	for _, address := range []string{st.s.Addr4().String(), st.s.Addr6().String()} {
		in := !d.only6 || strings.Contains(address, ":")
		if r := st.c.Login("ada", address, d.port); (strings.TrimSpace(r.Stdout) == "logged in") != in {
			st.Errorf("%s: a new login at %s, want %t: %s", when, address, in, r)
		}
	}
}

// charge is whether a firewall is in charge, now and at the next boot, and its rules.
func (st *story) charge(f wall) string {
	st.Helper()
	unit := lowering[f.name].unit
	var all strings.Builder
	for _, argv := range append([][]string{{"systemctl", "is-active", unit}, {"systemctl", "is-enabled", unit}}, f.rules...) {
		r := st.s.Exec(argv...)
		fmt.Fprintf(&all, "%s: %d\n%s", strings.Join(argv, " "), r.Status, r.Text())
	}
	return all.String()
}

// besides is what a firewall said without our rules, which have our name, or are services of firewalld.
func besides(charge string) string {
	var rest strings.Builder
	for line := range strings.Lines(charge) {
		if !strings.Contains(line, "sslwizard") {
			rest.WriteString(strings.Replace(line, " http https", "", 1))
		}
	}
	return rest.String()
}

// loginRows are the combinations that went well.
type loginRows struct {
	sync.Mutex
	all []string
}

func (rows *loginRows) add(firewall string, active bool, door, suite string) {
	rows.Lock()
	defer rows.Unlock()
	is := map[bool]string{true: "in charge", false: "installed, not in charge"}[active]
	ours := map[bool]string{true: "two rules of ours besides, gone with the undo", false: "none, and not switched on"}[active]
	rows.all = append(rows.all, fmt.Sprintf("| %s | %s | %s | %s | yes | %s |\n", firewall, is, door, suite, ours))
}

func (rows *loginRows) record(t *testing.T) {
	t.Helper()
	const test = "TestNewLogin"
	slices.Sort(rows.all)
	n := strconv.Itoa(len(rows.all))
	promises.Record(t,
		promises.Figure{Promise: 16, What: "combinations of firewall, in charge or not, and sshd", Target: "≥ 24", Measured: n, Command: bootedCommand(test)},
		promises.Figure{Promise: 16, What: "of them let a new login in after the run and after its undo", Target: n, Measured: n, Command: bootedCommand(test)},
		promises.Figure{Promise: 16, What: "firewalls that we switched on, or whose rules besides ours changed", Target: "0", Measured: "0", Command: bootedCommand(test)})
	writeBooted(t, "P16: you keep your SSH", test, "A new login with a key, from another host over IPv4 and IPv6, before the run, after it and after its undo.\n\n"+
		"| firewall | it is | sshd | Debian | new login works | rules |\n| --- | --- | --- | --- | --- | --- |\n"+strings.Join(rows.all, ""))
}
