package inspect

import (
	"net/netip"
	"slices"
	"strings"

	"github.com/c93d5bcb/sslwizard/steps"
	"github.com/c93d5bcb/sslwizard/system/host"
)

// SiteNames are the names of the stored sites. It is the cheapest question that there is about a host with many.
func SiteNames(r host.Reader) []string {
	dir, err := r.ReadFile(steps.SitesDir)
	if err != nil {
		return nil
	}
	var names []string
	for _, entry := range dir.Entries {
		if name, isSite := strings.CutSuffix(entry, ".yaml"); isSite && !strings.HasPrefix(name, ".") {
			names = append(names, name)
		}
	}
	return names
}

// StoredSites reads one stored site; a file may have several.
func StoredSites(r host.Reader, name string) ([]steps.Site, error) {
	return (&inspector{host: r}).storedSites(steps.SiteFile(name))
}

// Listening are the addresses that a TCP port is listened on. The unspecified ones stand for all of their family.
func Listening(r host.Reader, port int) []netip.Addr {
	in := &inspector{host: r}
	var all []netip.Addr
	for _, s := range append(parseTCP(in.read("/proc/net/tcp")), parseTCP(in.read("/proc/net/tcp6"))...) {
		if s.port == port && !slices.Contains(all, s.addr) {
			all = append(all, s.addr)
		}
	}
	return all
}
