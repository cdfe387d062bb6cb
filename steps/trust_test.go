package steps

import (
	"strings"
	"testing"
	"time"
)

const print32 = "AB:CD:EF:01:23:45:67:89:AB:CD:EF:01:23:45:67:89:AB:CD:EF:01:23:45:67:89:AB:CD:EF:01:23:45:67:89"

// TestGuidesLookBeforeTheyTrust: no command of ours makes a machine trust a file without a look at its fingerprint.
func TestGuidesLookBeforeTheyTrust(t *testing.T) {
	t.Parallel()
	for _, page := range []string{"", "http://nas.home.arpa" + CAPath} {
		ca := OwnCA{Fingerprint: print32, Host: "nas", Domains: []Domain{"192.0.2.7", "nas.home.arpa"}, NotAfter: time.Now(), Page: page}
		for _, g := range TrustGuides(ca) {
			all := strings.Join(append(g.Commands, g.Steps...), "\n")
			for _, command := range g.Commands {
				changes := strings.Contains(command, "sudo") || strings.Contains(command, "certutil") || strings.Contains(command, "Import-Certificate")
				if changes && !strings.Contains(command, print32) && !strings.Contains(command, strings.ReplaceAll(print32, ":", "")) {
					t.Errorf("%s trusts without a look: %s", g.System, command)
				}
			}
			if len(g.Steps) > 0 && !strings.Contains(all, "SHA-256") {
				t.Errorf("%s: nobody compares the fingerprint", g.System)
			}
			if page == "" && strings.Contains(all+g.Before, "http://") {
				t.Errorf("%s: there is no page to get it from: %s", g.System, all)
			}
		}
	}
}
