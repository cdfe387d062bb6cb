package inspect

import (
	"path"
	"regexp"
	"strings"

	"github.com/c93d5bcb/sslwizard/steps"
)

// minded are the files and folders in which something of ours goes, or which a firewall of ours is written to.
var minded = []string{"/etc/nginx/nginx.conf", "/etc/nginx/conf.d", "/etc/nginx/sites-enabled", "/etc/nftables.conf",
	"/etc/ufw/user.rules", "/etc/iptables/rules.v4", "/etc/systemd/system"}

// maxMinded is how many files of a folder are looked into.
const maxMinded = 100

// minders are the programs that say in these files that they manage them.
func (in *inspector) minders() []steps.Minder {
	var all []steps.Minder
	for _, name := range minded {
		files := []string{name}
		if names := in.entries(name); len(names) > 0 {
			files = nil
			for _, entry := range names[:min(len(names), maxMinded)] {
				if !strings.HasPrefix(entry, "sslwizard") {
					files = append(files, path.Join(name, entry))
				}
			}
		}
		for _, file := range files {
			if tool := minderIn(in.read(file)); tool != "" {
				all = append(all, steps.Minder{Tool: tool, File: clean(file)})
			}
		}
	}
	return all
}

// minderTools are the programs, as they write themselves.
var minderTools = []string{"Ansible", "Puppet", "Chef", "Salt", "CFEngine", "Rudder", "Terraform", "NixOS"}

var minderLine = regexp.MustCompile(`(?i)^\s*(?:#|//|;)+.*?(?:\b(ansible|puppet|chef|salt|cfengine|rudder|nixos)[ _-]managed\b|` +
	`\b(?:managed|generated|maintained|controlled|created|deployed) (?:by|with|from) (ansible|puppet|chef|salt|cfengine|rudder|terraform|nixos))`)

// minderIn reads the head of a file: a tool that minds it says so before anything else.
func minderIn(text string) string {
	const head = 10
	for n, line := range strings.SplitN(text, "\n", head+1) {
		m := minderLine.FindStringSubmatch(line)
		if m == nil || n == head {
			continue
		}
		for _, tool := range minderTools {
			if strings.EqualFold(tool, m[1]+m[2]) {
				return tool
			}
		}
	}
	return ""
}
