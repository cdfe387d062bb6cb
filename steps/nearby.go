package steps

import "net/netip"

// Nearby is what was found around the host before anything was asked: the applications that listen on it and the names
// that lead to it. It is slower to find than the rest of Facts, so it may come late, or never; all of it comes from
// outside and has been cleaned of control characters.
type Nearby struct {
	Apps  []App      // the likeliest first
	Names []NameHere // the likeliest first
}

// App is an application that listens here and could be put behind HTTPS.
type App struct {
	Upstream   string // in the form of proxy.upstream: "http://127.0.0.1:3000"
	Process    string // name of the program
	PID        int
	Unit       string   // systemd unit, "" if none
	Server     string   // how it calls itself: the Server or X-Powered-By header
	Status     int      // of its answer to GET /; 0: it does not speak HTTP or HTTPS
	WebSockets []string // paths on which it took a WebSocket handshake
	Exposed    bool     // it listens on all addresses: it can be reached past the proxy
}

// NameHere is a domain that may be meant for this host.
type NameHere struct {
	Domain    Domain
	Source    string       // where it was seen: "reverse DNS of 203.0.113.7", "/etc/nginx/sites-enabled/shop:4"
	Addresses []netip.Addr // what its A and AAAA records say
	Here      bool         // all of them are addresses of this host
}
