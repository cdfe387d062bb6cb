package main

import (
	"fmt"
	"strings"
)

// errand is the world.TB of one measurement: what goes wrong ends it, and its world is taken down.
type errand struct {
	cleanups []func()
	problems []string
}

func (e *errand) Helper()      {}
func (e *errand) Name() string { return "bench" }
func (e *errand) Logf(format string, args ...any) {
	e.problems = append(e.problems, fmt.Sprintf(format, args...))
}
func (e *errand) Cleanup(f func())                  { e.cleanups = append(e.cleanups, f) }
func (e *errand) Failed() bool                      { return len(e.problems) > 0 }
func (e *errand) Errorf(format string, args ...any) { e.Logf(format, args...) }

// stop unwinds to finish; nothing else panics with it.
type stop struct{}

// Fatalf ends the measurement.
func (e *errand) Fatalf(format string, args ...any) {
	e.Logf(format, args...)
	panic(stop{})
}

// finish takes the world down and turns what went wrong into an error. It is to be deferred.
func (e *errand) finish(err *error) {
	if r := recover(); r != nil && r != (stop{}) {
		panic(r)
	}
	for i := len(e.cleanups) - 1; i >= 0; i-- {
		e.cleanups[i]()
	}
	if e.Failed() {
		*err = fmt.Errorf("%s", strings.Join(e.problems, "\n"))
	}
}
