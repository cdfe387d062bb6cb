package h2

import (
	"time"

	"golang.org/x/net/http2/hpack"
)

// Settings are what the connections of a server are like.
type Settings struct {
	Streams   int  // requests at once
	Head      int  // bytes of the head of a request, as RFC 9113 section 6.5.2 counts them
	Window    int  // bytes of the body of a request that may be there and not be used; at least the 65,535 of RFC 9113
	Windows   int  // of all bodies of a connection, likewise
	Output    int  // bytes that may wait in Out before Data takes no more
	WebSocket bool // extended CONNECT is offered (RFC 8441)
}

// Server is what the connections of one goroutine have in common.
type Server struct {
	settings Settings
	free     *Stream // those that nobody uses, linked
	head     head    // that is being read
	request  Request // that it is of
}

// NewServer returns a server.
func NewServer(s Settings) *Server { return &Server{settings: s} }

// Conn is a new connection. Out has what it begins with.
func (s *Server) Conn(now time.Time) *Conn {
	c := &Conn{
		server: s, now: now, receive: s.settings.Windows,
		requests: newBudget(vainRequests, vainRequestsPerSecond, now),
		frames:   newBudget(vainFrames, vainFramesPerSecond, now),
	}
	c.send, c.sendStart = plainStart, plainStart
	c.decoder = hpack.NewDecoder(tableSize, s.head.take)
	return c
}

const tableSize = 4096 // of the fields that a client may refer to: what it may take for granted

// take returns a stream that nobody uses.
func (s *Server) take() *Stream {
	if s.free == nil {
		return new(Stream)
	}
	one := s.free
	s.free = one.next
	return one
}

// put has a stream used for another request.
func (s *Server) put(one *Stream) {
	*one = Stream{next: s.free, over: true}
	s.free = one
}
