package loop

import (
	"math/rand/v2"
	"testing"
	"time"
)

// TestWheel sets, moves and stops timers at random, and lets time pass in steps of all sizes: each calls once, not before
// its time and in the first step behind it.
func TestWheel(t *testing.T) {
	t.Parallel()
	for seed := range uint64(20) {
		random := rand.New(rand.NewPCG(seed, 1)) //nolint:gosec // a test that can be repeated
		now := time.Unix(1_000_000, 0)
		w := newWheel(now)
		const count = 50
		timers, due := make([]Timer, count), make([]time.Time, count)
		for i := range timers {
			timers[i] = w.timer(func() {
				switch {
				case due[i].IsZero():
					t.Fatalf("seed %d: timer %d was not set", seed, i)
				case now.Before(due[i]):
					t.Fatalf("seed %d: timer %d is %v too early", seed, i, due[i].Sub(now))
				}
				due[i] = time.Time{}
				if random.IntN(4) == 0 { // who is called may set it again, and others
					set(random, &timers[i], &due[i], now)
					other := random.IntN(count)
					timers[other].Free()
					due[other] = time.Time{}
				}
			})
		}
		for range 2000 {
			for range random.IntN(4) {
				i := random.IntN(count)
				switch random.IntN(5) {
				case 0:
					timers[i].Stop()
					due[i] = time.Time{}
				case 1:
					timers[i].Free()
					due[i] = time.Time{}
				default:
					set(random, &timers[i], &due[i], now)
				}
			}
			now = now.Add(time.Duration(random.ExpFloat64() * float64(step(random))))
			w.advance(now)
			for i, at := range due {
				if !at.IsZero() && now.Sub(at) > 2*tick {
					t.Fatalf("seed %d: timer %d is %v late", seed, i, now.Sub(at))
				}
			}
			if at, some := w.soonest(); some && !at.After(now.Add(-tick)) {
				t.Fatalf("seed %d: something was due %v ago", seed, now.Sub(at))
			}
		}
	}
}

func set(random *rand.Rand, one *Timer, due *time.Time, now time.Time) {
	*due = now.Add(time.Duration(random.ExpFloat64() * float64(step(random))))
	one.Set(*due)
}

// step is a size of time: below a tick, some ticks, more than the wheel has.
func step(random *rand.Rand) time.Duration {
	return []time.Duration{time.Millisecond, 100 * time.Millisecond, 5 * time.Second, 3 * slots * tick}[random.IntN(4)]
}

// TestWheelSleeps: with nothing to do there is nothing to wake up for.
func TestWheelSleeps(t *testing.T) {
	t.Parallel()
	now := time.Now()
	w := newWheel(now)
	one := w.timer(func() { t.Error("a timer that was stopped calls") })
	one.Set(now.Add(time.Minute))
	one.Stop()
	for range 10 {
		now = now.Add(10 * time.Second)
		w.advance(now)
	}
	if at, some := w.soonest(); some {
		t.Errorf("something is due in %v", at.Sub(now))
	}
}

// TestAFaultInATimer: the others of its moment are called none the less.
func TestAFaultInATimer(t *testing.T) {
	t.Parallel()
	began := time.Now()
	w := newWheel(began)
	called := 0
	timers := make([]Timer, 5)
	for n := range timers {
		timers[n] = w.timer(func() {
			if n == 1 {
				panic("a fault")
			}
			called++
		})
		timers[n].Set(began.Add(time.Second))
	}
	for turn := range 3 {
		func() {
			defer func() { _ = recover() }()
			w.advance(began.Add(time.Second + time.Duration(1+turn)*2*tick))
		}()
	}
	if called != 4 || w.count != 0 {
		t.Errorf("%d of 4 were called, %d wait", called, w.count)
	}
}
