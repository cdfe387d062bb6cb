package proxy

import (
	"errors"
	"io"
	"sync"
	"time"
)

// errSilent is the cause of an exchange that ended because its upstream said nothing.
var errSilent = errors.New("the upstream was silent for too long")

// silence measures how long an upstream says nothing while it is its turn: not while the client's body or the client's
// taking of the answer is waited for.
type silence struct {
	mu      sync.Mutex
	limit   time.Duration
	timer   *time.Timer
	paused  int
	stopped bool
	cut     bool // the limit was reached
}

// watchSilence calls cut when the upstream is silent for the limit. It is the upstream's turn at once.
func watchSilence(limit time.Duration, cut func()) *silence {
	s := &silence{limit: limit}
	if limit <= 0 {
		s.stopped = true
		return s
	}
	s.timer = time.AfterFunc(limit, func() {
		s.mu.Lock()
		ends := !s.stopped && s.paused == 0
		s.cut = s.cut || ends
		s.mu.Unlock()
		if ends {
			cut()
		}
	})
	return s
}

// pause begins a time in which it is not the upstream's turn; pauses nest.
func (s *silence) pause() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.paused++
	if !s.stopped {
		s.timer.Stop()
	}
}

// resume ends a pause; the measure begins anew.
func (s *silence) resume() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.paused--; s.paused == 0 && !s.stopped {
		s.timer.Reset(s.limit)
	}
}

// stop ends the measuring for good. It reports false when the limit had been reached: then the exchange is cut.
func (s *silence) stop() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.stopped {
		s.stopped = true
		s.timer.Stop()
	}
	return !s.cut
}

// body is the upstream's answer: its turn is while it is read. The end of it is told, whatever it is.
func (s *silence) body(b io.ReadCloser, ended func()) io.ReadCloser {
	s.pause()
	return &answerBody{b, s, ended}
}

type answerBody struct {
	io.ReadCloser
	silence *silence
	ended   func()
}

func (b *answerBody) Read(p []byte) (int, error) {
	b.silence.resume()
	defer b.silence.pause()
	n, err := b.ReadCloser.Read(p)
	if err != nil {
		b.ended()
	}
	return n, err
}
