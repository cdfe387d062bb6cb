package nginx

import (
	"path"
	"slices"
	"strconv"
	"strings"

	"github.com/c93d5bcb/sslwizard/steps"
)

// layout is the nginx that our files are going to stand in: the one that is there, or the one that the package brings.
type layout struct {
	include string
	version string
	caps    steps.NginxCaps
	servers []steps.NginxServer // not ours
}

// stock is what the packages of Debian and its family bring, so that a plan made before the installation is the plan
// that is found right after it.
var stock = layout{
	include: "/etc/nginx/conf.d",
	servers: []steps.NginxServer{{
		File: "/etc/nginx/sites-enabled/default", Names: []string{"_"}, Stock: true,
		Listens: []string{"80 default_server", "[::]:80 default_server"},
	}},
}

func layoutOf(f steps.Facts) layout {
	if f.Nginx.Installed {
		return layout{f.Nginx.Include, f.Nginx.Version, f.Nginx.Caps, f.Nginx.Servers}
	}
	l := stock
	l.version = expected(f)
	l.caps = CapsOf(l.version)
	return l
}

// listening is one listen directive of somebody else's server.
type listening struct {
	address  string // "" is every IPv4 address, "[::]" every IPv6 address
	port     int    // 0 for a unix socket
	dflt     bool   // default_server
	dualBind bool   // ipv6only=off: takes the IPv4 port as well
	quic     bool   // of UDP
}

// parseListen reads the parameters of a listen directive (ngx_http_core_module, "listen").
func parseListen(s string) listening {
	words := strings.Fields(s)
	if len(words) == 0 {
		words = []string{"80"}
	}
	l := listening{
		dflt:     slices.Contains(words, "default_server") || slices.Contains(words, "default"),
		dualBind: slices.Contains(words, "ipv6only=off"),
		quic:     slices.Contains(words, "quic"),
	}
	if strings.HasPrefix(words[0], "unix:") {
		l.address = words[0]
		return l
	}
	l.address, l.port = splitListen(words[0])
	if l.address == "*" || l.address == "0.0.0.0" {
		l.address = ""
	}
	return l
}

// splitListen splits "80", "[::]:80", "192.0.2.1", "192.0.2.1:80" and "*:80". Without a port it is 80.
func splitListen(s string) (string, int) {
	if n, err := strconv.Atoi(s); err == nil {
		return "", n
	}
	if at := strings.LastIndexByte(s, ':'); at > strings.LastIndexByte(s, ']') {
		if n, err := strconv.Atoi(s[at+1:]); err == nil {
			return s[:at], n
		}
	}
	return s, 80
}

// listens returns what a server listens on; one without a listen directive has *:80.
func listens(s steps.NginxServer) []listening {
	if len(s.Listens) == 0 {
		return []listening{parseListen("80")}
	}
	all := make([]listening, len(s.Listens))
	for i, l := range s.Listens {
		all[i] = parseListen(l)
	}
	return all
}

// wildcards are the two addresses that our servers listen on.
var wildcards = []string{"", "[::]"}

// socket is one of our listen directives, and what we may ask for on it.
type socket struct {
	address string // as written: "80", "[::]:443"
	dflt    bool   // nobody else is the default server there
	// reuse has every worker listen for itself, and lets an executor that is taking over listen before the old one stops.
	// nginx takes the option once per socket, and only if no other file sets options for it.
	reuse bool
}

// sockets returns our sockets on a port, of TCP or, for QUIC, of UDP.
func (l layout) sockets(port int, ipv6, quic bool) []socket {
	var all []socket
	for _, address := range wildcards {
		if address != "" && !ipv6 {
			continue
		}
		all = append(all, l.socket(address, port, quic))
	}
	return all
}

func (l layout) socket(address string, port int, quic bool) socket {
	s := socket{address: strings.TrimPrefix(address+":"+strconv.Itoa(port), ":"), dflt: true, reuse: true}
	for _, o := range l.on(address, port, quic) {
		if o.dflt || !o.server.Stock && l.before(o.server) {
			s.dflt = false
		}
		if !o.server.Stock {
			s.reuse = false
		}
	}
	return s
}

// occupant is somebody else's server on a socket.
type occupant struct {
	server steps.NginxServer
	dflt   bool
}

func (l layout) on(address string, port int, quic bool) []occupant {
	var all []occupant
	for _, s := range l.servers {
		for _, x := range listens(s) {
			if x.address == address && x.port == port && x.quic == quic {
				all = append(all, occupant{s, x.dflt})
			}
		}
	}
	return all
}

// before reports whether nginx reads the server's file before ours: then it stays what answers unknown names.
func (l layout) before(s steps.NginxServer) bool {
	return path.Dir(s.File) == path.Clean(l.include) && s.File < path.Join(l.include, "sslwizard-")
}
