package nginx

import (
	"strconv"
	"strings"

	"github.com/c93d5bcb/sslwizard/steps"
)

// oldest is the oldest line that our configuration was run on.
var oldest = version{1, 18, 0}

// perServerProtocols is the first version in which ssl_protocols works in a server that is not the default of its
// socket; before, those of the default server hold for all (CHANGES 1.29.2).
var perServerProtocols = version{1, 29, 2}

type version [3]int

// parseVersion reads "1.22.1", also out of "1.22.1-9+deb12u2", "1:1.26.3-3" and "nginx/1.22.1". What is not there is 0.
func parseVersion(s string) version {
	if at := strings.LastIndexAny(s, "/:"); at >= 0 {
		s = s[at+1:]
	}
	var v version
	for i, part := range strings.SplitN(s, ".", 3) {
		end := 0
		for end < len(part) && '0' <= part[end] && part[end] <= '9' {
			end++
		}
		v[i], _ = strconv.Atoi(part[:end])
		if end < len(part) {
			break
		}
	}
	return v
}

func (v version) atLeast(w version) bool {
	for i := range v {
		if v[i] != w[i] {
			return v[i] > w[i]
		}
	}
	return true
}

func (v version) known() bool { return v != version{} }

// CapsOf is what the upstream release of this version can do, written as nginx or a package manager writes it
// ("1.22.1", "1.22.1-9+deb12u2"). It is a guess for a binary that is there: distributions back-port directives.
func CapsOf(v string) steps.NginxCaps {
	p := parseVersion(v)
	return steps.NginxCaps{
		HTTP2Directive:  p.atLeast(version{1, 25, 1}),
		RejectHandshake: p.atLeast(version{1, 19, 4}),
		TicketRotation:  p.atLeast(version{1, 23, 2}),
		ModernUpstream:  p.atLeast(version{1, 29, 7}),
		QUIC:            p.atLeast(version{1, 25, 0}),
	}
}

// shipped is the nginx of each release, for when the package lists are still empty.
var shipped = map[string]string{
	"debian 11":    "1.18.0",
	"debian 12":    "1.22.1",
	"debian 13":    "1.26.3",
	"ubuntu 20.04": "1.18.0",
	"ubuntu 22.04": "1.18.0",
	"ubuntu 24.04": "1.24.0",
}

// expected is the version that there is or will be.
func expected(f steps.Facts) string {
	switch {
	case f.Nginx.Installed:
		return f.Nginx.Version
	case f.Nginx.Candidate != "":
		return f.Nginx.Candidate
	}
	return shipped[f.Distro.ID+" "+f.Distro.VersionID]
}
