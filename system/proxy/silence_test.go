package proxy

import (
	"testing"
	"time"
)

// TestSilenceEndsOnce: either the limit was reached or the measuring was stopped, and who stops it knows which. A WebSocket that
// came with the last moment would otherwise be opened, and cut.
func TestSilenceEndsOnce(t *testing.T) {
	t.Parallel()
	for range 2000 {
		cut := make(chan bool, 1)
		s := watchSilence(50*time.Microsecond, func() { cut <- true })
		for began := time.Now(); time.Since(began) < 50*time.Microsecond; {
		}
		if s.stop() {
			select {
			case <-cut:
				t.Fatal("it was stopped, and cut all the same")
			case <-time.After(time.Millisecond):
			}
			continue
		}
		<-cut
	}
}

// TestSilencePaused: while it is not the upstream's turn the limit is not reached.
func TestSilencePaused(t *testing.T) {
	t.Parallel()
	s := watchSilence(time.Hour, func() { t.Error("it was cut") })
	s.pause()
	s.timer.Reset(0) // as a timer that had fired before it could be stopped
	time.Sleep(20 * time.Millisecond)
	if s.resume(); !s.stop() {
		t.Error("it counts as cut")
	}
}
