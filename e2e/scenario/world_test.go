//go:build e2e

package scenario

import (
	"strings"
	"testing"
	"time"

	"github.com/c93d5bcb/sslwizard/e2e/world"
)

// TestWorld shows that the ground on which the scenarios stand is solid: a server boots, is reached by name over both
// address families, installs a package by itself, stays as it is while nobody touches it, and boots again.
func TestWorld(t *testing.T) {
	t.Parallel()
	for _, suite := range world.Suites {
		t.Run(suite, func(t *testing.T) {
			t.Parallel()
			began := time.Now()
			w := world.New(t)
			s := w.Boot(suite)
			t.Logf("booted in %s", time.Since(began))
			before := s.Manifest()
			w.CA.Name("shop.example.com", s.Addr4(), s.Addr6())
			if got := s.Must("getent", "ahosts", "acme.test"); !strings.Contains(got, "203.0.113.2") {
				t.Errorf("the server does not find the CA:\n%s", got)
			}
			if lines := before.Diff(s.Manifest()); len(lines) > 0 {
				t.Errorf("an idle server changed by itself:\n%s", strings.Join(lines, "\n"))
			}
			began = time.Now()
			s.Install("nginx")
			t.Logf("nginx installed in %s", time.Since(began))
			for _, family := range []string{"-4", "-6"} {
				if body := w.Client.Gets(200, family, "http://shop.example.com/"); !strings.Contains(body, "nginx") {
					t.Errorf("curl %s: %s", family, body)
				}
			}
			began = time.Now()
			s.Reboot()
			t.Logf("rebooted in %s", time.Since(began))
			w.Client.Gets(200, "http://shop.example.com/")
		})
	}
}
