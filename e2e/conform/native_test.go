//go:build e2e

package main

import (
	"testing"
)

// TestNative has every suite try the proxy of this tree: nothing but what is known may deviate, and what is known has to.
func TestNative(t *testing.T) {
	d, dir := drivers[0], t.TempDir()
	program, err := d.find(t.Context(), dir)
	if err != nil {
		t.Fatal(err)
	}
	s, err := newStage(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer s.close()
	f, err := d.start(t.Context(), s, program)
	if err != nil {
		t.Fatal(err)
	}
	defer f.stop()
	left := map[string]bool{}
	for name := range known {
		left[name] = true
	}
	for _, u := range suites() {
		t.Run(u.name, func(t *testing.T) {
			bad, total, err := u.run(t.Context(), f, s, dir)
			if err != nil {
				t.Fatal(err)
			}
			if total < u.least {
				t.Errorf("%d cases, want at least %d", total, u.least)
			}
			for _, b := range bad {
				if _, expected := known[b.testCase.String()]; !expected {
					t.Error(b)
				}
				delete(left, b.testCase.String())
			}
			t.Logf("%s", count(bad, total))
		})
	}
	for name := range left {
		t.Errorf("%s goes as it should now: take it out of known", name)
	}
	if t.Failed() {
		t.Logf("the proxy said:\n%.4000s", f.process.said.String())
	}
}
