package nginx

import (
	"github.com/c93d5bcb/sslwizard/steps"
)

// target is where a configuration is to run: live, or in a rehearsal. Everything else about a site is the same in both.
type target struct {
	caps      steps.NginxCaps
	http      []socket
	https     []socket
	quic      []socket // of UDP, for HTTP/3
	webroot   string
	ipv6      bool
	groups    string                            // the folder of the DH groups
	root      string                            // before the paths of certificates; empty but in tests
	announced []string                          // the files that say what sites announce
	bundle    string                            // the system's CA certificates
	upstreams func(steps.Site) []steps.Upstream // where requests go
	clientCA  func(steps.Site) string           // the file of the CAs of a site's clients
	strict    bool                              // a site asks its clients for certificates: nothing is resumed
}

func liveTarget(l layout, f steps.Facts) target {
	return target{
		caps:      l.caps,
		http:      l.sockets(80, f.IPv6, false),
		https:     l.sockets(443, f.IPv6, false),
		quic:      l.sockets(443, f.IPv6, true),
		announced: f.Managed.Announced,
		webroot:   steps.Webroot,
		groups:    configDir,
		ipv6:      f.IPv6,
		bundle:    bundleOf(f.Distro),
		upstreams: func(s steps.Site) []steps.Upstream { return s.Proxy.Upstreams() },
		clientCA:  func(s steps.Site) string { return steps.ClientCAFile(s.Name) },
	}
}

// bundleOf is where the distribution keeps the certificates of the CAs that it trusts, in one file.
func bundleOf(d steps.Distro) string {
	for _, id := range append([]string{d.ID}, d.Like...) {
		switch id {
		case "debian", "ubuntu", "arch", "alpine":
			return "/etc/ssl/certs/ca-certificates.crt"
		case "rhel", "fedora", "centos", "amzn":
			return "/etc/pki/tls/certs/ca-bundle.crt"
		case "suse", "opensuse":
			return "/etc/ssl/ca-bundle.pem"
		}
	}
	return "/etc/ssl/certs/ca-certificates.crt"
}
