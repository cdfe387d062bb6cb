package proxy

import (
	"testing"
	"time"
)

// TestPausesDouble: an upstream that fails is left alone for longer each time that it is tried in vain, by one request,
// and what fails beside that changes nothing.
func TestPausesDouble(t *testing.T) {
	t.Parallel()
	var h health
	now := time.Now()
	if !h.open(now) || h.begin(now) {
		t.Fatal("it is down before anything failed")
	}
	if !h.fail(now, false) {
		t.Fatal("it is not down since the first failure")
	}
	for _, want := range []time.Duration{1, 2, 4, 8, 16, 30, 30} {
		want *= time.Second
		for range 50 {
			if h.fail(now, false) { // requests that were on their way
				t.Fatal("it is down anew")
			}
		}
		if h.open(now.Add(want - 1)) {
			t.Fatalf("it is tried before %v have passed", want)
		}
		if now = now.Add(want); !h.open(now) || !h.begin(now) {
			t.Fatalf("it is not tried after %v", want)
		}
		if h.open(now) || h.begin(now) {
			t.Fatal("two requests try it")
		}
		h.end() // the first one has shown nothing: its client left
		if !h.begin(now) {
			t.Fatal("nobody else may try it")
		}
		if h.fail(now, true) {
			t.Fatal("it is down anew")
		}
	}
	if !h.succeed() || h.succeed() || !h.open(now) || h.begin(now) {
		t.Fatal("it is not up after an answer")
	}
	h.fail(now, false)
	if !h.open(now.Add(firstPause)) {
		t.Error("what was before the answer counts still")
	}
}
