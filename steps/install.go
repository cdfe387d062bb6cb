package steps

import (
	"fmt"
	"slices"
	"strings"
)

func (b *siteBuilder) install() SiteInstall {
	a := b.answers.Install
	return SiteInstall{
		Executor: b.choice("install.executor", a.Executor, ExecutorNative, ExecutorNginx),
		Firewall: a.Firewall,
	}
}

func installQuestions(f Facts) []Question {
	return []Question{
		{
			Key: "install.executor", Kind: KindChoice, Label: "Which server speaks HTTPS?",
			Help:    "native is sslwizard itself, as a systemd service with no rights beyond its ports. nginx installs nginx, or works beside the sites of the one that is there.",
			Why:     whyExecutor(f),
			Shell:   []string{"sudo apt-get install --no-install-recommends nginx", "sudo systemctl enable --now nginx", "systemctl status nginx"},
			Options: []Option{{Value: ExecutorNative, Label: "sslwizard itself, no package needed"}, {Value: ExecutorNginx, Label: "nginx " + firstOf(f.Nginx.Version, f.Nginx.Candidate)}},
			Default: defaultExecutor(f),
		},
		{
			Key: "install.firewall", Kind: KindBool, Label: "Open ports 80 and 443 in the firewall?",
			Help:    "In the firewall that is in charge here, for IPv4 and IPv6, in a way that outlives a restart. A firewall that is off stays off.",
			Why:     "Without both ports neither browsers nor the certificate authority reach this server.",
			Shell:   firewallShell(f.Firewall),
			Default: "yes",
			When:    func(Answers) bool { return f.Firewall.Kind != "none" },
		},
	}
}

// defaultExecutor is that of the sites that are served here already: all of a server have the same. A default that
// cannot work is none: where nginx has the ports it is nginx.
func defaultExecutor(f Facts) string {
	if len(f.Managed.Sites) > 0 {
		return f.Managed.Sites[0].Install.Executor
	}
	if f.Nginx.Active && (nginxServes(f) || slices.ContainsFunc(holders(f.Listeners), holder.isNginx)) {
		return ExecutorNginx
	}
	return ExecutorNative
}

// nginxServes reports sites that are not the distribution's own page.
func nginxServes(f Facts) bool {
	return slices.ContainsFunc(f.Nginx.Servers, func(s NginxServer) bool { return !s.Stock })
}

func whyExecutor(f Facts) string {
	if len(f.Managed.Sites) > 0 {
		return f.Managed.Sites[0].Name + " is served by it already, and two programs cannot have the same ports."
	}
	switch {
	case defaultExecutor(f) == ExecutorNative:
	case nginxServes(f):
		return "nginx already serves other sites here, and two programs cannot have the same ports."
	default:
		return "nginx runs here already, and two programs cannot have the same ports."
	}
	return "It needs no package, and renewed certificates and new settings go live without dropping a connection."
}

// firewallShell is what opens the ports by hand. "iptables -I" alone would be lost at the next boot, and would leave
// IPv6 as it is.
func firewallShell(f Firewall) []string {
	switch f.Kind {
	case "ufw":
		return []string{"sudo ufw allow 80/tcp", "sudo ufw allow 443/tcp"}
	case "firewalld":
		return []string{"sudo firewall-cmd --permanent --add-service=http --add-service=https",
			"sudo firewall-cmd --add-service=http --add-service=https"}
	case "nftables":
		return []string{"sudo nft insert rule " + firstOf(f.Table, "inet filter input") + " tcp dport '{ 80, 443 }' accept",
			"and the same rule in /etc/nftables.conf"}
	}
	return []string{"sudo iptables -I INPUT -p tcp -m multiport --dports 80,443 -j ACCEPT",
		"sudo ip6tables -I INPUT -p tcp -m multiport --dports 80,443 -j ACCEPT", "sudo netfilter-persistent save"}
}

// installFindings leaves what only concerns one executor (a broken nginx, a name that it serves already) to that
// executor's Fit.
func installFindings(s Site, f Facts) []Finding {
	found := hostFindings(f)
	found = append(found, panelFindings(f)...)
	found = append(found, minderFindings(f)...)
	found = append(found, portFindings(s, f)...)
	found = append(found, firewallFindings(s, f.Firewall)...)
	return append(found, http3Findings(s, f.Firewall)...)
}

// hostFindings is what concerns the host whatever is asked.
func hostFindings(f Facts) []Finding {
	var found []Finding
	if !f.Root {
		found = append(found, Finding{Code: "H01", Severity: Blocker, Text: "cannot change this server without root",
			Fix: []string{"run the same command with sudo in front; --dry-run works without"}})
	}
	if f.Services == "" || f.Packages.Kind == "" || !f.Distro.Debian() {
		found = append(found, Finding{Code: "H10", Severity: Blocker,
			Text: fmt.Sprintf("cannot set up %s: so far this needs Debian or Ubuntu with systemd", firstOf(f.Distro.Pretty, "this system")),
			Fix:  byHand(f.Distro)})
	}
	const least = 64 << 20
	if f.FreeBytes >= 0 && f.FreeBytes < least {
		found = append(found, Finding{Code: "H06", Severity: Blocker,
			Text: fmt.Sprintf("cannot work safely with only %d MiB free on the file system of %s; 64 MiB are needed", f.FreeBytes>>20, StateDir),
			Fix:  []string{"make room, for instance: sudo apt-get clean", "df -h " + parentDir(StateDir) + "    shows how much is free"}})
	}
	if f.NoFiles {
		found = append(found, Finding{Code: "D32", Severity: Blocker,
			Text: "cannot work safely: hardly any file can be made on the file system of " + StateDir + " any more (its inodes are used up)",
			Fix:  []string{"df -i " + parentDir(StateDir) + "    shows it; delete what is not needed, often old sessions or caches"}})
	}
	if f.ReadOnly {
		found = append(found, Finding{Code: "H07", Severity: Blocker, Text: "cannot write: the file system of " + StateDir + " can only be read",
			Fix: []string{"sudo dmesg | tail    shows whether the disk has a fault", "sudo mount -o remount,rw /    when it has none"}})
	}
	if f.Packages.LockedBy != "" {
		found = append(found, Finding{Code: "H11", Severity: Info,
			Text: fmt.Sprintf("the package manager is busy (%s); a run that needs it waits for it", f.Packages.LockedBy)})
	}
	return found
}

// byHand is the way on where nothing can be changed by us.
func byHand(d Distro) []string {
	fix := []string{"sslwizard --non-interactive --answers FILE --dry-run -o diff    prints the files to install by hand"}
	if d.ID == "nixos" { // /etc is made from it, and whatever else is written there is gone at the next switch
		fix = append(fix, "in configuration.nix: services.nginx.virtualHosts.\"NAME\" with enableACME, forceSSL and locations.\"/\".proxyPass")
	}
	return fix
}

func firewallFindings(s Site, f Firewall) []Finding {
	var closed []string
	asked := servedPorts
	if s.Install.Firewall {
		asked = ports(s)
	}
	for _, p := range asked {
		if !slices.Contains(f.Open, p) {
			closed = append(closed, fmt.Sprintf("%d/%s", p.Number, p.Proto))
		}
	}
	if !f.InCharge() || len(closed) == 0 {
		return nil
	}
	list := strings.Join(closed, " and ")
	if s.Install.Firewall {
		return []Finding{{Code: "N16", Severity: Info, Text: fmt.Sprintf("%s keeps %s closed; that will be opened", f.Kind, list)}}
	}
	return []Finding{{Code: "N16", Severity: Warning, Text: fmt.Sprintf("%s keeps %s closed, so nobody reaches this site from outside", f.Kind, list),
		Fix: append([]string{"install.firewall: true    in the answers file, or by hand:"}, firewallShell(f)...)}}
}

// servedPorts are the ports that both executors serve.
var servedPorts = []Port{{80, "tcp"}, {443, "tcp"}}

// InCharge reports whether there is a firewall that decides what comes in.
func (f Firewall) InCharge() bool { return f.Kind != "" && f.Kind != "none" }

func firstOf(texts ...string) string {
	for _, t := range texts {
		if t != "" {
			return t
		}
	}
	return ""
}

func parentDir(path string) string { return path[:strings.LastIndex(path, "/")] }
