//go:build e2e

package scenario

import (
	"net/netip"
	"strings"
	"testing"
)

// TestAddress has a CA give a certificate for an address of the server, of either family, with no name at all. (Pebble
// cannot compare a request for addresses of both families with its order.)
func TestAddress(t *testing.T) {
	t.Parallel()
	for executor, of := range map[string]func(*story) netip.Addr{
		"native": func(st *story) netip.Addr { return st.s.Addr4() },
		"nginx":  func(st *story) netip.Addr { return st.s.Addr6() },
	} {
		t.Run(executor, func(t *testing.T) {
			t.Parallel()
			st := begin(t, "trixie")
			address := of(st)
			st.answer(executor, "[shop.example.com, www.shop.example.com]", `["`+address.String()+`"]`)
			st.must(st.apply())
			if body := st.c.Gets(200, "https://"+netip.AddrPortFrom(address, 443).String()+"/a?b=1"); !strings.Contains(body, `"uri":"/a?b=1"`) {
				t.Errorf("the application was asked for something else:\n%s", body)
			}
			st.ends(st.apply(), 0, "Nothing to do")
			st.ends(st.sslwizard("renew", "--force"), 0, "a new certificate")
		})
	}
}
