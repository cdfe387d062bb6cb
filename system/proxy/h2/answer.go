package h2

import "github.com/c93d5bcb/sslwizard/system/proxy/h1"

// Interim sends the head of an answer that another one follows.
func (s *Stream) Interim(status int, fields []h1.Field) {
	if !s.over && !s.begun {
		s.conn.appendBlock(s.id, status, fields, 0)
	}
}

// Head sends the head of the answer. Fields that are about one connection of HTTP/1.1 are left out.
func (s *Stream) Head(status int, fields []h1.Field, end bool) {
	if s.over || s.begun {
		return
	}
	s.begun = true
	s.tunnel = s.tunnel && status < 300 // one that is refused is as good as answered
	s.conn.appendBlock(s.id, status, fields, endFlag(end))
	s.said(end)
}

// Data sends a piece of the body, and returns how much of it was taken. What was not has to come again when it is the
// turn of the stream. The end is taken with the last byte.
func (s *Stream) Data(p []byte, end bool) (n int) {
	if s.over || !s.begun || s.answered {
		return 0
	}
	if len(p) == 0 && end {
		s.frame(nil, true)
	}
	for n < len(p) {
		room := s.Credit()
		if room == 0 {
			return n
		}
		step := min(room, len(p)-n, maxFrame)
		s.frame(p[n:n+step], end && n+step == len(p))
		n += step
	}
	return n
}

// Trailers ends the answer.
func (s *Stream) Trailers(fields []h1.Field) {
	if s.over || !s.begun || s.answered {
		return
	}
	s.conn.appendBlock(s.id, 0, fields, flagEndStream)
	s.said(true)
}

// frame sends a frame of the body.
func (s *Stream) frame(p []byte, end bool) {
	c := s.conn
	c.out = appendHead(c.out, frame{kind: frameData, flags: endFlag(end), stream: s.id, length: len(p)})
	c.out = append(c.out, p...)
	s.send -= len(p)
	c.send -= len(p)
	if c.turn == s {
		c.allowance -= len(p)
	}
	s.said(end)
}

// said notes a frame of the answer. A request that is not all there yet when it is answered is not wanted any more.
func (s *Stream) said(end bool) {
	c := s.conn
	c.frames.earn(framesOfAnswer)
	if !end {
		return
	}
	s.answered, s.waits = true, false
	c.waiting.remove(s)
	c.requests.earn(1)
	switch {
	case s.ended:
		c.close(s, NoError, nil)
	case !s.tunnel:
		c.reset(s, NoError, nil)
	}
}

func endFlag(end bool) flags {
	if end {
		return flagEndStream
	}
	return 0
}
