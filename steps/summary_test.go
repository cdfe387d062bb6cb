package steps

import (
	"reflect"
	"strings"
	"testing"
	"unicode"
)

func TestEveryChangeHasASummaryForOneLine(t *testing.T) {
	t.Parallel()
	seen := map[string]string{}
	for name, kind := range changeTypes {
		s := reflect.Zero(kind).Interface().(Change).Summary()
		if s == "" || strings.Contains(s, "\n") || unicode.IsUpper([]rune(s)[0]) {
			t.Errorf("%s: summary %q", name, s)
		}
		if other, ok := seen[s]; ok {
			t.Errorf("%s and %s have the same summary %q", name, other, s)
		}
		seen[s] = name
	}
}

func TestSummaries(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		change Change
		want   string
	}{
		{InstallPackages{Names: []string{"nginx"}}, "install the package nginx"},
		{InstallPackages{Names: []string{"nginx", "ufw"}}, "install the packages nginx, ufw"},
		{WriteFile{Path: "/etc/x", Mode: 0o640, Group: "www-data"}, "write /etc/x (root:www-data, 0640)"},
		{OpenPort{Firewall: "ufw", Port: Port{443, "tcp"}}, "open port 443/tcp in ufw"},
		{Verify{Sites: []Site{{Name: "a"}, {Name: "b"}, {Name: "c"}, {Name: "d"}, {Name: "e"}}, Trusted: true},
			"verify a, b, c and 2 more as a browser would"},
		{PublishCA{Wanted: true, Name: "nas.home.arpa"}, "show this server's own CA on http://nas.home.arpa/.well-known/sslwizard-ca/"},
		{PublishCA{}, "take the page of this server's own CA away"},
	} {
		if got := c.change.Summary(); got != c.want {
			t.Errorf("got %q, want %q", got, c.want)
		}
	}
}
