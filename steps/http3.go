package steps

import (
	"fmt"
	"slices"
	"strings"
)

// HTTP/3 is announced to browsers by a header (Alt-Svc, RFC 7838), and they remember it. So a site says it only while it
// is proven that UDP 443 can be reached: a file that an Announce change writes is part of what is served.

// HTTP3Dir has the proofs, by site and executor.
const HTTP3Dir = StateDir + "/http3"

// altSvcClear takes back what was announced.
const altSvcClear = "clear"

// AltSvc is the header by which HTTP/3 is announced, or taken back.
func AltSvc(proven bool) string {
	if proven {
		return `h3=":443"; ma=86400`
	}
	return altSvcClear
}

// AltSvcFile is where an executor finds what a site announces. Each has its own: what one reads is nothing to another.
func AltSvcFile(executor, site string) string {
	if executor == ExecutorNginx {
		return HTTP3Dir + "/" + site + ".conf"
	}
	return HTTP3Dir + "/" + site + ".alt-svc"
}

// AltSvcText is what is in the file.
func AltSvcText(executor string, proven bool) []byte {
	if executor == ExecutorNginx {
		return []byte("add_header Alt-Svc '" + AltSvc(proven) + "' always;\n")
	}
	return []byte(AltSvc(proven) + "\n")
}

// Announced reads the file of the native executor: the header that the site sends, "" for none.
func (s Site) Announced(text []byte) string {
	switch value := strings.TrimSpace(string(text)); {
	case value == altSvcClear, value == AltSvc(true) && s.SSL.HTTP3:
		return value
	}
	return ""
}

// http3Port is what HTTP/3 needs beside the ports that every site needs.
var http3Port = Port{443, "udp"}

// HTTP3 reports whether one of the sites asks for it.
func HTTP3(sites []Site) bool {
	return slices.ContainsFunc(sites, func(s Site) bool { return s.SSL.HTTP3 })
}

// ports are those that the sites are served on.
func ports(sites ...Site) []Port {
	if HTTP3(sites) {
		return append(slices.Clone(servedPorts), http3Port)
	}
	return servedPorts
}

// announcements prove HTTP/3 of the sites that ask for it, and take back what was announced of those that asked before.
func announcements(sites []Site, f Facts) []Change {
	var all []Change
	for _, s := range sites {
		c := Announce{For: For(IDSSL), Executor: s.Install.Executor, Site: s}
		if s.SSL.HTTP3 || slices.Contains(f.Managed.Announced, AltSvcFile(c.Executor, s.Name)) {
			all = append(all, c)
		}
	}
	return all
}

// forgotten takes away the proofs of sites that go.
func forgotten(executor string, sites []Site, f Facts) []Change {
	var all []Change
	for _, s := range sites {
		if file := AltSvcFile(executor, s.Name); slices.Contains(f.Managed.Announced, file) {
			all = append(all, RemoveFile{For: For(IDSSL), Path: file})
		}
	}
	return all
}

// http3Findings tell what stands in its way.
func http3Findings(s Site, f Firewall) []Finding {
	if !s.SSL.HTTP3 || s.Install.Firewall || !f.InCharge() || slices.Contains(f.Open, http3Port) {
		return nil
	}
	return []Finding{{Code: "N16", Severity: Warning,
		Text: fmt.Sprintf("%s keeps 443/udp closed, so nobody reaches HTTP/3 and it is not announced; HTTP/2 is not affected", f.Kind),
		Fix:  append([]string{"install.firewall: true    in the answers file, or by hand:"}, http3Shell(f)...)}}
}

// http3Shell is what opens the port by hand.
func http3Shell(f Firewall) []string {
	switch f.Kind {
	case "ufw":
		return []string{"sudo ufw allow 443/udp"}
	case "firewalld":
		return []string{"sudo firewall-cmd --permanent --add-port=443/udp", "sudo firewall-cmd --add-port=443/udp"}
	case "nftables":
		return []string{"sudo nft insert rule " + firstOf(f.Table, "inet filter input") + " udp dport 443 accept",
			"and the same rule in /etc/nftables.conf"}
	}
	return []string{"sudo iptables -I INPUT -p udp --dport 443 -j ACCEPT", "sudo ip6tables -I INPUT -p udp --dport 443 -j ACCEPT", "sudo netfilter-persistent save"}
}
