//go:build e2e

package scenario

import (
	"strings"
	"testing"

	"github.com/c93d5bcb/sslwizard/e2e/world"
)

// TestSecondCAServes has the first CA be down when a site is set up: the second one, which the answers name, gives the
// certificate at once, and the status says so. When the first is back the next renewal is its own again.
func TestSecondCAServes(t *testing.T) {
	withEither(t, func(t *testing.T, suite, executor string) {
		st := begin(t, suite)
		other := st.w.CA.Second()
		st.trust(other, "/root/other.pem")
		st.answer(executor, "  email:", "  fallback: {directory: \""+world.SecondDirectory+"\", caRoots: /root/other.pem}\n  email:")
		st.w.CA.Stop()
		st.ends(st.apply(), 0, "acme.test cannot issue now", "asking other.test in its place")
		st.ends(st.sslwizard("status"), 0, "trusted (other.test, because acme.test could not issue)")
		if r := st.c.Exec("curl", "-sS", "--max-time", "10", "--cacert", other.Root(), "https://"+shop+"/a"); r.Status != 0 || other.Orders() != 1 {
			t.Errorf("the second CA's certificate is not served (%d orders): %s", other.Orders(), r)
		}
		second := st.serial()
		st.ends(st.apply(), 0, "nothing")

		st.w.CA.Start()
		st.trustPebble()
		st.ends(st.sslwizard("renew", "--force", shop), 0, "a new certificate")
		if st.serial() == second || other.Orders() != 1 {
			t.Errorf("the first CA did not renew it; the second has %d orders", other.Orders())
		}
		if r := st.must(st.sslwizard("status")); !strings.Contains(r.Text(), "trusted (acme.test)") {
			t.Errorf("%s", r)
		}
		st.live()
	})
}
