package loop

import "time"

// A wheel has a slot for each tick, and begins again when it is around: who is due in a later round stays in the slot.
const (
	tick  = 20 * time.Millisecond
	slots = 1024
)

// Timer calls a function of its loop once a time has passed. It may be late by a tick. Setting it again costs next to
// nothing as long as that is for later: it only moves when its slot comes around.
type Timer struct {
	next, prev *Timer // in a slot; nil: in none
	wheel      *wheel
	slot       int64 // the tick whose slot it is in
	due        int64 // the tick after which it is to call; 0: it has nothing to do
	call       func()
	of         *Stream // is closed when it panics; nil: nobody is
}

// Give has a stream be the one that is closed when the timer's function panics.
func (t *Timer) Give(s *Stream) { t.of = s }

// Set has it call at a time and not before, whatever was set.
func (t *Timer) Set(at time.Time) {
	t.due = t.wheel.tickOf(at)
	if t.next == nil || t.slot > t.due {
		t.leave()
		t.wheel.put(t)
	}
}

// Stop has it call nothing.
func (t *Timer) Stop() { t.due = 0 }

// Free takes it off its wheel: for who will not set it again.
func (t *Timer) Free() {
	t.due = 0
	t.leave()
}

func (t *Timer) leave() {
	if t.next != nil {
		t.next.prev, t.prev.next = t.prev, t.next
		t.next, t.prev = nil, nil
		t.wheel.count--
	}
}

// wheel are the timers of a loop. It is not safe for concurrent use.
type wheel struct {
	start   time.Time
	now     int64
	first   int64 // no timer is in the slot of a tick before
	count   int
	calling *Stream      // whose timer calls
	slots   [slots]Timer // each the beginning and end of a ring
}

func newWheel(now time.Time) *wheel {
	w := &wheel{start: now, first: never}
	for i := range w.slots {
		w.slots[i].next, w.slots[i].prev = &w.slots[i], &w.slots[i]
	}
	return w
}

const never = int64(1) << 62

func (w *wheel) timer(call func()) Timer { return Timer{wheel: w, call: call} }

// tickOf is the first tick that has passed when a time has.
func (w *wheel) tickOf(at time.Time) int64 { return max(w.now, int64(at.Sub(w.start)/tick)) + 1 }

func (w *wheel) put(t *Timer) {
	// One that is due in a later round is looked at once in each.
	t.slot = min(t.due, w.now+slots)
	ring := &w.slots[t.slot%slots]
	t.next, t.prev = ring, ring.prev
	t.prev.next, ring.prev = t, t
	w.count++
	w.first = min(w.first, t.slot)
}

// advance calls all whose time has passed.
func (w *wheel) advance(now time.Time) {
	until := int64(now.Sub(w.start) / tick)
	if until < w.first {
		w.now = max(w.now, until)
		return
	}
	for at := max(w.first, until-slots+1); at <= until; at++ {
		w.now = max(w.now, at)
		w.turn(&w.slots[at%slots], until)
	}
	w.first = w.search()
}

// turn takes everybody out of a slot, and puts those back whose time is later. Whoever is called may set, stop and free any.
func (w *wheel) turn(ring *Timer, until int64) {
	if ring.next == ring {
		return
	}
	var all Timer // the ring, without its slot: that may get new ones meanwhile
	all.next, all.prev = ring.next, ring.prev
	all.next.prev, all.prev.next = &all, &all
	ring.next, ring.prev = ring, ring
	defer func() { // what panics has cost itself its turn, not the others theirs
		for all.next != &all {
			t := all.next
			t.leave()
			t.due = w.now + 1
			w.put(t)
		}
	}()
	for all.next != &all {
		t := all.next
		t.leave()
		switch due := t.due; {
		case due > until:
			w.put(t)
		case due > 0:
			t.due = 0
			w.calling = t.of
			t.call()
			w.calling = nil
		}
	}
}

// search finds the first tick that has somebody in its slot.
func (w *wheel) search() int64 {
	if w.count == 0 {
		return never
	}
	for at := w.now + 1; at <= w.now+slots; at++ {
		if ring := &w.slots[at%slots]; ring.next != ring {
			return at
		}
	}
	return never
}

// soonest is when advance has something to do; false when there is nothing.
func (w *wheel) soonest() (time.Time, bool) {
	return w.start.Add(time.Duration(w.first) * tick), w.count > 0 && w.first != never
}
