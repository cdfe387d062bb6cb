//go:build e2e

package scenario

import (
	"testing"

	"github.com/c93d5bcb/sslwizard/e2e/world"
)

// TestOnlyIPv6 is a server without any IPv4 address, as cheap ones are sold: the doctor, the CA, the proof and the sockets do
// without it.
func TestOnlyIPv6(t *testing.T) {
	withEither(t, func(t *testing.T, suite, executor string) {
		st := begin(t, suite, world.OnlyIPv6())
		for _, name := range []string{shop, www} {
			st.w.CA.Name(name, st.s.Addr6())
		}
		st.answer(executor)
		before := st.s.Manifest()
		done := st.must(st.apply())
		st.ends(done, 0, "https://"+shop+" and wss://"+shop+" are live, trusted until 20")
		st.liveOver("-6")
		st.again()
		st.ends(st.sslwizard("doctor"), 0)
		if r := st.s.Exec("ip", "-4", "route", "show"); r.Stdout != "" {
			t.Errorf("the server has IPv4 after all:\n%s", r.Stdout)
		}
		st.ends(st.sslwizard("undo"), 0, "Undone: ")
		st.restored(before)
	})
}
