package h2

// Stream is a request and its answer. It is good from the event that tells of it until Next is called after it has told
// that it is over; what is done with one that is over has no effect.
type Stream struct {
	Tag any // is whoever serves it

	conn *Conn
	id   uint32

	// The request.
	receive int   // bytes that the client may send
	owed    int   // and those that it has not been told of
	unused  int   // that have come, and count
	left    int64 // bytes of the body that are still to come; -1: nobody knows
	ended   bool  // all of it has come
	tunnel  bool  // it goes on when the answer has ended

	// The answer.
	send     int  // bytes that the client takes
	begun    bool // its head is written
	answered bool // all of it is
	waits    bool // for its turn, or for the client to take more
	queued   bool // it is among those that get turns

	over       bool
	code       Code // why
	fault      *Fault
	prev, next *Stream // among those that get turns; or among those that nobody uses
}

// ID is its number on the connection, for logs.
func (s *Stream) ID() uint32 { return s.id }

// Reset breaks the stream off. Next will tell that it is over.
func (s *Stream) Reset(code Code) {
	if !s.over {
		s.conn.reset(s, code, nil)
	}
}

// Untie has a tunnel end with its answer, as other streams do.
func (s *Stream) Untie() {
	s.tunnel = false
	if !s.over && s.answered {
		s.conn.reset(s, NoError, nil)
	}
}

// Consumed has the client send so much more of the body.
func (s *Stream) Consumed(n int) {
	if n = min(n, s.unused); s.over || n == 0 {
		return
	}
	s.unused -= n
	s.conn.grant(n)
	if s.owed += n; s.owed > s.conn.server.settings.Window/2 && !s.ended {
		s.conn.out = appendWord(s.conn.out, frameWindow, s.id, uint32(s.owed))
		s.receive += s.owed
		s.owed = 0
	}
}

// Credit is how many bytes Data would take now. When that is none, the stream waits, and Next tells when its turn has
// come. Before the head it is how much room there is, for nobody has to allow that.
func (s *Stream) Credit() int {
	c := s.conn
	if s.over || s.answered {
		return 0
	}
	n := c.server.settings.Output - len(c.out)
	if s.begun {
		n = min(n, s.send, c.send)
	}
	if c.waiting.first != nil {
		if c.turn != s {
			n = 0
		}
		n = min(n, c.allowance)
	}
	if n > 0 {
		return n
	}
	s.wait()
	return 0
}

func (s *Stream) wait() {
	s.waits = true
	if s.send > 0 || !s.begun {
		s.conn.waiting.push(s)
	}
}

// widen has it send more. When it waits for that, it gets its turn.
func (s *Stream) widen(more int) {
	if s.send += more; s.waits {
		s.wait()
	}
}
