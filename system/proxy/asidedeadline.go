package proxy

import "time"

// deadline is one of an aside's. What it guards goes on until its time has passed, and never again after that.
type deadline struct {
	of     *aside
	pass   func() // with the lock
	at     time.Time
	timer  *time.Timer
	passed bool
}

// set is called without the lock.
func (d *deadline) set(at time.Time) error {
	d.of.mu.Lock()
	defer d.of.mu.Unlock()
	d.at = at
	if at.IsZero() || d.passed {
		return nil
	}
	rest := time.Until(at)
	switch {
	case rest <= 0:
		d.passed = true
		d.pass()
	case d.timer == nil:
		d.timer = time.AfterFunc(rest, d.look)
	default:
		d.timer.Reset(rest)
	}
	return nil
}

func (d *deadline) look() {
	d.of.mu.Lock()
	defer d.of.mu.Unlock()
	if d.at.IsZero() || d.passed {
		return
	}
	if rest := time.Until(d.at); rest > 0 {
		d.timer.Reset(rest)
		return
	}
	d.passed = true
	d.pass()
}

// stop is called with the lock.
func (d *deadline) stop() {
	d.at = time.Time{}
	if d.timer != nil {
		d.timer.Stop()
	}
}
