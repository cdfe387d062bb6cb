//go:build e2e

package main

import (
	"testing"

	"github.com/c93d5bcb/sslwizard/system/proxy"
)

// TestNative has every suite try the proxy of this tree: nothing but what is known may deviate, and what is known has to.
func TestNative(t *testing.T) {
	left := map[string]bool{}
	for name := range known {
		left[name] = true
	}
	tryNative(t, suites(), left)
	for name := range left {
		t.Errorf("%s goes as it should now: take it out of known", name)
	}
}

// TestNativeOnLoops has every suite try it on event loops: nothing may deviate.
func TestNativeOnLoops(t *testing.T) {
	defer func(before string) { engine = before }(engine)
	engine = proxy.EngineLoop
	tryNative(t, suites(), map[string]bool{})
}

// tryNative tries it, and takes off left what deviates as it is known to.
func tryNative(t *testing.T, those []suite, left map[string]bool) {
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
	for _, u := range those {
		t.Run(u.name, func(t *testing.T) {
			bad, total, err := u.run(t.Context(), f, s, dir)
			if err != nil {
				t.Fatal(err)
			}
			if total < u.least {
				t.Errorf("%d cases, want at least %d", total, u.least)
			}
			for _, b := range bad {
				if !left[b.testCase.String()] {
					t.Error(b)
				}
				delete(left, b.testCase.String())
			}
			t.Logf("%s", count(bad, total))
		})
	}
	if t.Failed() {
		t.Logf("the proxy said:\n%.4000s", f.process.said.String())
	}
}
