package world

import (
	"fmt"
	"net/netip"
	"strings"
)

// host is a network namespace with one leg in the bridge, with a documentation address of each family (RFC 5737,
// RFC 3849).
type host struct {
	netns string
	v4    netip.Addr
	v6    netip.Addr
}

// The addresses of a world; every world has the same, for no packet leaves it.
const (
	caNumber     = 2
	clientNumber = 3
	firstServer  = 10
)

// Addr4 and Addr6 are the addresses of the host with that number.
func Addr4(number int) netip.Addr { return netip.AddrFrom4([4]byte{203, 0, 113, byte(number)}) }

// Addr6 is the IPv6 address of the host with that number.
func Addr6(number int) netip.Addr {
	return netip.MustParseAddr(fmt.Sprintf("2001:db8::%d", number))
}

// internet makes the namespace with the bridge.
func (w *World) internet() {
	w.ip("netns add " + w.bridge)
	w.ip("-n " + w.bridge + " link add br0 type bridge mcast_snooping 0")
	w.ip("-n " + w.bridge + " link set br0 up")
}

// join makes a namespace with that number; name tells it from others of this world.
func (w *World) join(name string, number int) host {
	h := host{netns: w.id + "-" + name, v4: Addr4(number), v6: Addr6(number)}
	w.ip("netns add " + h.netns)
	n := "-n " + h.netns + " "
	// The address is the same after a reboot, as that of a real network card is: neighbours remember it.
	w.ip("link add eth0 netns " + h.netns + fmt.Sprintf(" address 02:00:00:00:00:%02x", number) + " type veth peer name " + name + " netns " + w.bridge)
	w.ip("-n " + w.bridge + " link set " + name + " master br0 up")
	w.ip(n + "link set lo up")
	w.ip(n + "addr add " + h.v4.String() + "/24 dev eth0")
	w.ip(n + "addr add " + h.v6.String() + "/64 dev eth0 nodad")
	w.ip(n + "link set eth0 up")
	return h
}

// part takes a namespace away, and first its leg in the bridge: a namespace may live a little longer than who was in it.
func (w *World) part(h host) {
	w.ip("-n " + w.bridge + " link delete " + strings.TrimPrefix(h.netns, w.id+"-"))
	w.ip("netns delete " + h.netns)
}

func (w *World) ip(words string) {
	w.t.Helper()
	must(w.t, append([]string{"ip"}, strings.Fields(words)...)...)
}

// in is argv to be run in the namespace of a host.
func (h host) in(argv ...string) []string {
	return append([]string{"ip", "netns", "exec", h.netns}, argv...)
}

// Block has the internet drop what goes to this port, as a provider's firewall in front of a server does.
func (w *World) Block(port int) {
	w.t.Helper()
	bridge := host{netns: w.bridge}
	for _, rule := range []string{
		"add table bridge provider",
		"add chain bridge provider forward { type filter hook forward priority 0 ; }",
		fmt.Sprintf("add rule bridge provider forward ether type { ip, ip6 } tcp dport %d drop", port),
	} {
		must(w.t, bridge.in("nft", rule)...)
	}
}

// Unblock takes the provider's firewall away.
func (w *World) Unblock() {
	w.t.Helper()
	must(w.t, host{netns: w.bridge}.in("nft", "delete table bridge provider")...)
}

// Cut takes the whole internet down; Mend brings it back.
func (w *World) Cut() { w.ip("-n " + w.bridge + " link set br0 down") }

// Mend undoes Cut.
func (w *World) Mend() { w.ip("-n " + w.bridge + " link set br0 up") }

// Filter has the network card of this server drop or refuse something, as a firewall around it does: hook is "input" or
// "output", rule what nftables takes. Unfilter takes all of it away.
func (s *Server) Filter(hook, rule string) {
	s.w.t.Helper()
	for _, line := range []string{
		"add table inet around",
		"add chain inet around " + hook + " { type filter hook " + hook + " priority -300 ; }",
		"add rule inet around " + hook + " " + rule,
	} {
		must(s.w.t, s.host.in("nft", line)...)
	}
}

// Unfilter undoes Filter.
func (s *Server) Unfilter() {
	s.w.t.Helper()
	must(s.w.t, s.host.in("nft", "delete table inet around")...)
}
