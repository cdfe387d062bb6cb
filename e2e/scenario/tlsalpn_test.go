//go:build e2e

package scenario

import (
	"net/netip"
	"strings"
	"testing"
)

// TestTLSALPN has a provider that closes port 80 for good: the first certificate and its renewal are proved on port 443,
// beside the visitors who are there, and nginx, which cannot do that, says so before anything is changed.
func TestTLSALPN(t *testing.T) {
	t.Parallel()
	const http, alpn = "  acceptTerms: true\n", "  acceptTerms: true\n  challenge: tls-alpn-01\n"
	st := begin(t, "trixie")
	st.w.Block(80)
	if st.c.Through(st.s.Addr4().String(), 80) {
		t.Fatal("the story is wrong: port 80 is not closed")
	}
	st.answer("nginx", http, alpn)
	st.refuses(1, "A25", "tls-alpn-01", "install.executor: native")

	st.answer("native", http, alpn)
	st.must(st.apply())
	st.proved()
	load := st.c.Load("https://"+shop+"/", "wss://"+shop+"/chat")
	first := st.serial()
	st.ends(st.sslwizard("renew", "--force", shop), 0, "a new certificate")
	if st.serial() == first {
		t.Error("the renewed certificate is not served")
	}
	st.proved()
	load.StopClean()
	st.ends(st.apply(), 0, "Nothing to do")

	// A name that leads elsewhere is seen at port 443 too, and the CA is not asked.
	orders := st.w.CA.Orders()
	st.w.CA.Name(www, netip.MustParseAddr("203.0.113.3"))
	st.ends(st.sslwizard("renew", "--force", shop), 3, "A02", www)
	if st.w.CA.Orders() != orders {
		t.Error("the CA was asked for what could not be proved")
	}
}

// proved checks that the site is there with the certificate that the CA gave, and that the proof of it is gone.
func (st *story) proved() {
	st.Helper()
	for _, name := range []string{shop, www} {
		if !strings.Contains(st.c.Gets(200, "https://"+name+"/a?b=1"), `"uri":"/a?b=1"`) {
			st.Errorf("%s does not answer", name)
		}
	}
	r := st.c.Exec("openssl", "s_client", "-connect", st.s.Addr4().String()+":443", "-servername", shop, "-alpn", "acme-tls/1")
	if !strings.Contains(r.Text(), "no application protocol") {
		st.Errorf("a check is answered while no challenge is open: %s", r)
	}
}
