package proxy

import (
	"net"
	"net/netip"
	"strconv"
	"strings"
)

// hostName is the one function that says which name an authority means ("Shop.Example.com.:443" → "shop.example.com",
// "[::1]:443" → "::1"). SNI, Host, :authority and absolute-form targets all go through it, so that no two of them can
// be read differently.
func hostName(authority string) (string, bool) {
	if rest, ok := strings.CutPrefix(authority, "["); ok {
		literal, port, ok := strings.Cut(rest, "]")
		addr, err := netip.ParseAddr(literal)
		if !ok || err != nil || !addr.Is6() || addr.Zone() != "" || !validPort(port) {
			return "", false
		}
		return addr.Unmap().String(), true
	}
	name, _, hasPort := strings.Cut(authority, ":")
	if hasPort && !validPort(authority[len(name):]) {
		return "", false
	}
	name = strings.ToLower(strings.TrimSuffix(name, "."))
	return name, validName(name)
}

// validPort accepts "" and ":" followed by a port number.
func validPort(s string) bool {
	if s == "" {
		return true
	}
	if s[0] != ':' || len(s) < 2 || len(s) > 6 {
		return false
	}
	for _, c := range s[1:] {
		if c < '0' || c > '9' {
			return false
		}
	}
	return true
}

func validName(s string) bool {
	if s == "" || len(s) > 253 || s[0] == '.' || s[len(s)-1] == '.' || strings.Contains(s, "..") {
		return false
	}
	for i := range len(s) {
		c := s[i]
		if c != '-' && c != '.' && c != '_' && (c < '0' || c > '9') && (c < 'a' || c > 'z') {
			return false
		}
	}
	return true
}

// authority is the name as it is written into a URL or a Host header; the standard port of the scheme is left out.
func authority(name string, port, standard int) string {
	if port != standard {
		return net.JoinHostPort(name, strconv.Itoa(port))
	}
	if strings.Contains(name, ":") {
		return "[" + name + "]"
	}
	return name
}
