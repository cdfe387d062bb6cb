package inspect

import (
	"cmp"
	"encoding/hex"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"github.com/c93d5bcb/sslwizard/steps"
)

// listeners are all listening TCP sockets, by port and address, with who holds them as far as we may see: the open
// files of others are for root only.
func (in *inspector) listeners() []steps.Listener {
	sockets := parseTCP(in.read("/proc/net/tcp"))
	sockets = append(sockets, parseTCP(in.read("/proc/net/tcp6"))...)
	holders := in.holders(sockets)
	units := in.socketUnits(sockets, holders)
	var found []steps.Listener
	for _, s := range sockets {
		l := steps.Listener{Port: steps.Port{Number: s.port, Proto: "tcp"}, Address: s.addr, PID: holders[s.inode]}
		in.describe(&l, units)
		found = append(found, l)
	}
	found = in.contained(found)
	slices.SortFunc(found, func(a, b steps.Listener) int {
		return cmp.Or(cmp.Compare(a.Port.Number, b.Port.Number), a.Address.Compare(b.Address), cmp.Compare(a.PID, b.PID))
	})
	return slices.Compact(found)
}

// describe fills in who it is. The package costs a query, so it is asked for the two ports that we need only.
func (in *inspector) describe(l *steps.Listener, units map[netip.AddrPort]string) {
	pid := strconv.Itoa(l.PID)
	if l.PID > 0 {
		l.Process = in.comm(pid)
		l.Unit = unitOf(in.read("/proc/" + pid + "/cgroup"))
	}
	if unit, ok := units[netip.AddrPortFrom(l.Address, uint16(l.Port.Number))]; ok && l.PID <= 1 {
		l.Unit = unit
	}
	if l.PID > 1 && (l.Port.Number == 80 || l.Port.Number == 443) {
		if f, err := in.host.ReadFile("/proc/" + pid + "/exe"); err == nil {
			l.Package = in.owner(strings.TrimSuffix(f.Link, " (deleted)"))
		}
	}
	l.Ours = strings.HasPrefix(l.Unit, "sslwizard-proxy") && !strings.Contains(l.Unit, steps.OfUser)
}

// socket is a line of /proc/net/tcp that listens.
type socket struct {
	addr  netip.Addr
	port  int
	inode string
}

// parseTCP reads /proc/net/tcp or tcp6 (Linux Documentation/networking/proc_net_tcp.rst).
func parseTCP(text string) []socket {
	const listening = "0A"
	var found []socket
	for _, line := range lines(text) {
		fields := strings.Fields(line)
		if len(fields) < 10 || fields[3] != listening {
			continue
		}
		addr, port, ok := parseAddress(fields[1])
		if ok {
			found = append(found, socket{addr, port, fields[9]})
		}
	}
	return found
}

// parseAddress reads "0100007F:0050": words of 32 bits in the byte order of the machine, which is little-endian on all
// that we build for.
func parseAddress(s string) (netip.Addr, int, bool) {
	words, hexPort, _ := strings.Cut(s, ":")
	raw, err := hex.DecodeString(words)
	if err != nil || len(raw)%4 != 0 {
		return netip.Addr{}, 0, false
	}
	for i := 0; i < len(raw); i += 4 {
		slices.Reverse(raw[i : i+4])
	}
	port, err := strconv.ParseUint(hexPort, 16, 16)
	addr, ok := netip.AddrFromSlice(raw)
	return addr.Unmap(), int(port), ok && err == nil
}

// holders maps the inode of each socket to the process that holds it: the service rather than systemd, which keeps
// the sockets that it passed on, and the oldest (the master) among several. It stops looking when all are found.
func (in *inspector) holders(sockets []socket) map[string]int {
	wanted := map[string]bool{}
	for _, s := range sockets {
		wanted["socket:["+s.inode+"]"] = true
	}
	held := map[string]int{}
	pids := numbers(in.entries("/proc"))
	if len(pids) > 0 && pids[0] == 1 { // systemd last
		pids = append(pids[1:], 1)
	}
	for _, pid := range pids {
		if len(held) == len(wanted) {
			break
		}
		dir := "/proc/" + strconv.Itoa(pid) + "/fd"
		for _, fd := range in.entries(dir) {
			f, err := in.host.ReadFile(dir + "/" + fd)
			if err != nil || !wanted[f.Link] {
				continue
			}
			inode := strings.TrimSuffix(strings.TrimPrefix(f.Link, "socket:["), "]")
			if _, known := held[inode]; !known {
				held[inode] = pid
			}
		}
	}
	return held
}

// numbers are the names that are numbers, in order.
func numbers(names []string) []int {
	var all []int
	for _, name := range names {
		if n, err := strconv.Atoi(name); err == nil {
			all = append(all, n)
		}
	}
	slices.Sort(all)
	return all
}

// unitOf finds the systemd unit in /proc/PID/cgroup, whose lines are "0::/system.slice/nginx.service" (version 2) and
// "1:name=systemd:/…" (version 1). It is the outermost one, for what is below a unit is named by whoever runs in it: a
// container, or a user, to whom any name is free. A unit of a user's own manager is said to be that.
func unitOf(cgroup string) string {
	for _, line := range lines(cgroup) {
		fields := strings.SplitN(line, ":", 3)
		if len(fields) < 3 || fields[0] != "0" && fields[1] != "name=systemd" {
			continue
		}
		names := slices.DeleteFunc(strings.Split(fields[2], "/"), func(name string) bool { return !isUnit(name) })
		if len(names) == 0 {
			continue
		}
		if user, ok := strings.CutPrefix(strings.TrimSuffix(names[0], ".service"), "user@"); ok && len(names) > 1 {
			return names[len(names)-1] + steps.OfUser + user
		}
		return names[0]
	}
	return ""
}

// isUnit reports a name that a service or scope can have (systemd.unit(5)): it is shown as part of a command to type.
func isUnit(name string) bool {
	const most = 255
	return (strings.HasSuffix(name, ".service") || strings.HasSuffix(name, ".scope")) && len(name) <= most &&
		strings.Trim(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789:_.@-\\") == ""
}

// socketUnits asks systemd for its sockets when one of the listeners is its own, or nobody's that we may see.
func (in *inspector) socketUnits(sockets []socket, holders map[string]int) map[netip.AddrPort]string {
	own := func(s socket) bool { return holders[s.inode] <= 1 }
	if in.services() != "systemd" || !slices.ContainsFunc(sockets, own) {
		return nil
	}
	out, _ := in.query("systemctl", "list-sockets", "--no-legend", "--no-pager", "--full")
	return parseSockets(out)
}

// parseSockets reads lines "[::]:80 sslwizard-proxy.socket sslwizard-proxy.service"; other kinds of socket have no
// address and port.
func parseSockets(out string) map[netip.AddrPort]string {
	units := map[netip.AddrPort]string{}
	for _, line := range lines(out) {
		fields := strings.Fields(line)
		if len(fields) < 2 {
			continue
		}
		if at, err := netip.ParseAddrPort(fields[0]); err == nil {
			units[at] = clean(fields[1])
		}
	}
	return units
}
