package main

import (
	"testing"
)

// TestCasesAreDistinct: every case has a name of its own, and no text is sent under two names.
func TestCasesAreDistinct(t *testing.T) {
	t.Parallel()
	for _, u := range suites() {
		if u.other != nil {
			continue
		}
		if len(u.cases) < u.least {
			t.Errorf("%s has %d cases, want at least %d", u.name, len(u.cases), u.least)
		}
		names := map[string]bool{}
		for _, c := range u.cases {
			if names[c.String()] {
				t.Errorf("%s: two cases are called %q", u.name, c)
			}
			names[c.String()] = true
		}
	}
	texts := map[string]string{}
	for _, p := range http1Payloads() {
		if other, sent := texts[p.text]; sent {
			t.Errorf("%q is sent as %q and as %q", p.text, other, p.name)
		}
		texts[p.text] = p.name
	}
}
