package host

import (
	"bytes"
	"io"
	"sync"
)

const (
	maxLine  = 400  // bytes of a line that somebody who listens gets
	maxLines = 2000 // lines of one command that somebody who listens gets
)

// listener tells somebody line by line what a command writes, on either of its streams.
type listener struct {
	mu      sync.Mutex
	said    func(string)
	lines   int
	streams []*stream
	closed  bool
}

// stream is one of the two, with the line that has not ended yet.
type stream struct {
	*listener
	kept io.Writer
	rest []byte
}

func newListener(said func(string)) *listener { return &listener{said: said} }

// beside writes to kept and tells. Without anybody who listens it is kept itself.
func (l *listener) beside(kept io.Writer) io.Writer {
	if l.said == nil {
		return kept
	}
	s := &stream{listener: l, kept: kept}
	l.streams = append(l.streams, s)
	return s
}

// Write implements io.Writer.
func (s *stream) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for more := p; len(more) > 0; {
		n := bytes.IndexAny(more, "\r\n")
		if n < 0 {
			s.hold(more)
			break
		}
		s.hold(more[:n])
		s.tell()
		more = more[n+1:]
	}
	return s.kept.Write(p)
}

// hold keeps as much of a line as is told.
func (s *stream) hold(part []byte) {
	s.rest = append(s.rest, part[:min(len(part), maxLine-len(s.rest))]...)
}

func (s *stream) tell() {
	line := cleanLine(string(s.rest))
	s.rest = s.rest[:0]
	if line == "" || s.closed || s.lines == maxLines {
		return
	}
	s.lines++
	s.said(line)
}

// end tells the lines that the command left without an end. A child that it has left behind is not heard any more.
func (l *listener) end() {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, s := range l.streams {
		s.tell()
	}
	l.closed = true
}
