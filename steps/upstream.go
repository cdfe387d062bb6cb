package steps

import (
	"net"
	"net/netip"
	"strconv"
	"strings"
)

// schemes are the ways to say how an application is spoken to, and what is meant.
var schemes = map[string]string{
	"http": "http", "ws": "http", "https": "https", "wss": "https",
	"h2c": "h2c", "grpc": "h2c", "h2": "h2", "grpcs": "h2",
}

// What begins an upstream that is a socket.
const (
	socketPrefix    = "unix:"
	h2cSocketPrefix = "h2c+unix:"
)

// ParseUpstream reads where requests go: "3000", "127.0.0.1:3000", "http://…", "https://…", "ws://…" (as http),
// "wss://…" (as https), "h2c://…" and "grpc://…" (HTTP/2 without TLS), "h2://…" and "grpcs://…" (HTTP/2 with TLS),
// "unix:/path" or "h2c+unix:/path". It refuses addresses that are no application: the unspecified one, link-local ones
// (cloud metadata among them) and, on this host, our own ports.
func ParseUpstream(text string) (Upstream, error) {
	switch {
	case text == "":
		return Upstream{}, bad("it is empty; give the port or address of the application")
	case strings.HasPrefix(text, socketPrefix):
		return parseSocket("unix", strings.TrimPrefix(text, socketPrefix))
	case strings.HasPrefix(text, h2cSocketPrefix):
		return parseSocket("h2c", strings.TrimPrefix(text, h2cSocketPrefix))
	case isDigits(text):
		return parseTCP(text, "http", "127.0.0.1:"+text)
	}
	scheme, rest, ok := strings.Cut(text, "://")
	if !ok {
		return parseTCP(text, "", text)
	}
	meant := schemes[strings.ToLower(scheme)]
	if socket, ok := strings.CutPrefix(rest, socketPrefix); ok && (meant == "http" || meant == "h2c") {
		prefix := map[string]string{"http": socketPrefix, "h2c": h2cSocketPrefix}[meant]
		return Upstream{}, bad("%s is nginx's way to write a socket", quote(text)).meant(prefix + strings.TrimSuffix(socket, ":"))
	}
	if meant != "" {
		return parseTCP(text, meant, rest)
	}
	wrong := bad("%s has the scheme %s; an upstream is http, https, h2c or unix:/path", quote(text), quote(scheme))
	if s := nearest(scheme, []string{"http", "https"}); s != "" {
		return Upstream{}, wrong.meant(s + "://" + rest)
	}
	return Upstream{}, wrong
}

func parseSocket(scheme, path string) (Upstream, error) {
	path = strings.TrimPrefix(path, "//")
	if err := checkFilePath(path); err != nil {
		return Upstream{}, err
	}
	const most = 107 // sun_path of unix(7), with its final zero
	if len(path) > most {
		return Upstream{}, bad("the path of a socket has at most %d characters", most)
	}
	return Upstream{Scheme: scheme, Path: path}, nil
}

// parseTCP reads host and port. Without a scheme the port is needed.
func parseTCP(text, scheme, rest string) (Upstream, error) {
	rest = strings.TrimSuffix(rest, "/")
	switch {
	case strings.Contains(rest, "@"):
		return Upstream{}, bad("%s has a user name or password in it; an upstream cannot", quote(text))
	case strings.ContainsAny(rest, "/?#"):
		return Upstream{}, bad("%s has a path; requests keep the path that they came with, so give the address only", quote(text))
	}
	host, port, err := splitHostPort(text, rest)
	if err != nil {
		return Upstream{}, err
	}
	u := Upstream{Scheme: scheme, Port: 80}
	switch {
	case port != "":
		if u.Port, err = parsePort(port); err != nil {
			return Upstream{}, err
		}
	case scheme == "":
		return Upstream{}, bad("%s has no port", quote(text)).meant(host + ":3000")
	case u.TLS():
		u.Port = 443
	}
	if scheme == "" {
		u.Scheme = "http"
	}
	if u.Host, err = parseUpstreamHost(host, u.Port); err != nil {
		return Upstream{}, err
	}
	u.Verify = u.TLS() && !u.Loopback()
	return u, nil
}

func splitHostPort(text, rest string) (host, port string, err error) {
	if strings.HasPrefix(rest, "[") {
		inside, after, ok := strings.Cut(rest[1:], "]")
		if !ok || after != "" && after[0] != ':' || after == ":" || !strings.Contains(inside, ":") {
			return "", "", bad("%s is not an address", quote(text))
		}
		return inside, strings.TrimPrefix(after, ":"), nil
	}
	if strings.Count(rest, ":") > 1 {
		wrong := bad("an IPv6 address stands in brackets here")
		if _, e := netip.ParseAddr(rest); e == nil {
			return "", "", wrong.meant("[" + rest + "]:3000")
		}
		return "", "", wrong
	}
	host, port, found := strings.Cut(rest, ":")
	if found && port == "" {
		return "", "", bad("%s has no port after the colon", quote(text))
	}
	return host, port, nil
}

func parsePort(text string) (int, error) {
	n, err := strconv.ParseUint(text, 10, 16)
	if err != nil || n == 0 || !isDigits(text) {
		return 0, bad("the port %s is not a number from 1 to 65535", quote(text))
	}
	return int(n), nil
}

// parseUpstreamHost returns an IP literal or a host name. "localhost" is 127.0.0.1: the name may resolve to ::1 too,
// where an application that listens on IPv4 only refuses.
func parseUpstreamHost(text string, port int) (string, error) {
	if strings.EqualFold(strings.TrimSuffix(text, "."), "localhost") {
		text = "127.0.0.1"
	}
	a, err := netip.ParseAddr(text)
	if err != nil {
		return parseHostName(text)
	}
	a = a.Unmap()
	switch {
	case a.Zone() != "":
		return "", bad("%s has a zone; that cannot be used here", quote(text))
	case a.IsUnspecified():
		return "", bad("%s is where an application listens, not where it can be reached", quote(text)).meant("127.0.0.1:" + strconv.Itoa(port))
	case a.IsLinkLocalUnicast() || a == netip.MustParseAddr("fd00:ec2::254"):
		return "", bad("%s is a link-local address (cloud metadata lives there); it cannot be an upstream", quote(text))
	case a.IsMulticast() || a == netip.AddrFrom4([4]byte{255, 255, 255, 255}):
		return "", bad("%s is not the address of one server", quote(text))
	case a.IsLoopback() && ownPort(port):
		return "", bad("port %d of this server is where the proxy itself listens; give the port of the application", port)
	}
	return a.String(), nil
}

func ownPort(port int) bool { return port == 80 || port == 443 }

// Socket reports whether the upstream is a socket of the file system.
func (u Upstream) Socket() bool { return u.Path != "" }

// TLS reports whether the upstream is spoken to over TLS.
func (u Upstream) TLS() bool { return u.Scheme == "https" || u.Scheme == "h2" }

// HTTP2 reports whether the upstream is spoken to in HTTP/2 and in nothing else, as gRPC needs it.
func (u Upstream) HTTP2() bool { return u.Scheme == "h2c" || u.Scheme == "h2" }

// twins are the schemes of HTTP/1.1 and of HTTP/2 that differ in nothing else.
var twins = map[string]string{"http": "h2c", "https": "h2", "unix": "h2c", "h2c": "http", "h2": "https"}

// Twin is the same place spoken to in the other version of HTTP.
func (u Upstream) Twin() Upstream {
	if u.Scheme = twins[u.Scheme]; u.Socket() && !u.HTTP2() {
		u.Scheme = "unix"
	}
	return u
}

// Loopback reports whether the upstream is reached without leaving this host.
func (u Upstream) Loopback() bool {
	a, err := netip.ParseAddr(u.Host)
	return u.Socket() || err == nil && a.IsLoopback()
}

// Address is host:port, or the path of the socket.
func (u Upstream) Address() string {
	if u.Socket() {
		return u.Path
	}
	return net.JoinHostPort(u.Host, strconv.Itoa(u.Port))
}

// String is the form that ParseUpstream reads.
func (u Upstream) String() string {
	switch {
	case u.Socket() && u.HTTP2():
		return h2cSocketPrefix + u.Path
	case u.Socket():
		return socketPrefix + u.Path
	}
	return u.Scheme + "://" + u.Address()
}
