package h2

import (
	"bytes"
	"io"
	"net"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/c93d5bcb/sslwizard/system/proxy/h1"
)

// driver serves one connection from one goroutine, which never waits for the client: what comes and what has been sent
// are told to it. So a loop will.
type driver struct {
	conn *Conn
	max  int // bytes that are given at once
}

// answering is what a stream has still to say: what was echoed and not taken, or so many bytes.
type answering struct {
	rest []byte
	size int
	done bool // nothing is added any more
	echo bool
	sum  int
}

// listen serves every connection until the test ends, and returns where.
func listen(t testing.TB, s Settings, most int) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	over := make(chan struct{})
	t.Cleanup(func() { l.Close(); close(over) })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() { <-over; c.Close() }()
			d := &driver{conn: NewServer(s).Conn(time.Now()), max: most}
			go d.run(c)
		}
	}()
	return l.Addr().String()
}

func (d *driver) run(c net.Conn) {
	defer c.Close()
	read, wrote := make(chan []byte), make(chan int)
	over := make(chan struct{})
	defer close(over)
	go func() {
		defer close(read)
		for {
			p := make([]byte, 1<<16)
			n, err := c.Read(p)
			select {
			case read <- p[:n]:
			case <-over:
				return
			}
			if err != nil {
				return
			}
		}
	}()
	writing := false
	for {
		if d.conn.over && len(d.conn.Out()) == 0 && !writing {
			return
		}
		if out := d.conn.Out(); !writing && len(out) > 0 {
			writing = true
			go func(p []byte) {
				n, _ := c.Write(p)
				select {
				case wrote <- n:
				case <-over:
				}
			}(bytes.Clone(out))
		}
		select {
		case p, ok := <-read:
			if !ok {
				d.conn.End()
				d.feed(nil)
				return
			}
			for piece := range slices.Chunk(p, d.max) {
				d.feed(piece)
			}
		case n := <-wrote:
			writing = false
			d.conn.Sent(n)
			d.feed(nil)
			if n == 0 {
				return
			}
		}
	}
}

// feed gives what has come, and does all that can be done.
func (d *driver) feed(p []byte) {
	now := time.Now()
	for {
		e, n := d.conn.Next(p, now)
		p = p[n:]
		switch e.Kind {
		case Nothing, Over:
			return
		case Asked:
			d.answer(e.Stream, e.Request)
		case Data:
			a, _ := e.Stream.Tag.(*answering)
			a.sum += len(e.Data)
			if a.echo {
				a.rest = append(a.rest, e.Data...)
				a.send(e.Stream)
			} else {
				e.Stream.Consumed(len(e.Data))
			}
		case Ended:
			a, _ := e.Stream.Tag.(*answering)
			a.done = true
			a.ended(e.Stream, e.Trailer)
		case Writable:
			a, _ := e.Stream.Tag.(*answering)
			a.send(e.Stream)
		}
	}
}

// answer begins an answer: "/bytes/N" has so many, "/echo" what comes, "/sum" or a body how much that was, "/host" says who is asked.
func (d *driver) answer(s *Stream, r *Request) {
	a := &answering{done: r.Ended}
	s.Tag = a
	path := string(r.Path)
	if r.TooLong {
		s.Head(431, nil, true)
		return
	}
	for _, f := range r.Fields {
		if f.Kind == h1.Expect {
			s.Interim(100, nil)
		}
	}
	size, sized := strings.CutPrefix(path, "/bytes/")
	switch {
	case sized:
		a.size, _ = strconv.Atoi(size)
		s.Head(200, fields("Content-Length="+size), a.size == 0)
		a.done = true
		a.send(s)
	case path == "/echo":
		a.echo = true
		s.Head(200, fields("Content-Type=application/octet-stream"), false)
		a.send(s)
	case path == "/refuse":
		s.Head(413, nil, true)
	case path == "/reset":
		s.Reset(InternalError)
	case path == "/sum", !a.done && string(r.Method) != "CONNECT":
		if a.done {
			a.ended(s, nil)
		}
	case string(r.Method) == "CONNECT":
		a.echo = true
		s.Head(200, nil, false)
	default:
		s.Head(200, append(fields("X-Host="+string(r.Authority), "X-Path="+path), r.Fields...), string(r.Method) == "HEAD")
		a.rest, a.done = []byte("hello"), true
		a.send(s)
	}
}

func (a *answering) ended(s *Stream, trailer []h1.Field) {
	switch {
	case a.echo && len(a.rest) == 0 && len(trailer) > 0:
		s.Trailers(trailer)
		return
	case !a.echo:
		s.Head(200, nil, false)
		a.rest = []byte(strconv.Itoa(a.sum))
	}
	a.send(s)
}

var zeros [maxFrame]byte

// send sends as much as is taken.
func (a *answering) send(s *Stream) {
	for a.size > 0 {
		n := s.Data(zeros[:min(a.size, len(zeros))], a.size <= len(zeros))
		if a.size -= n; n == 0 {
			return
		}
	}
	if a.echo || len(a.rest) > 0 {
		n := s.Data(a.rest, a.done)
		a.rest = a.rest[n:]
		s.Consumed(n)
	}
}

// pipe is a connection in memory whose writes never wait.
type pipe struct {
	net.Conn // nil: nobody asks for what is not below
	in, out  *stream
}

func newPipe() (one, other *pipe) {
	a, b := newStream(), newStream()
	return &pipe{in: a, out: b}, &pipe{in: b, out: a}
}

func (p *pipe) Read(b []byte) (int, error)       { return p.in.read(b) }
func (p *pipe) Write(b []byte) (int, error)      { return p.out.write(b) }
func (p *pipe) Close() error                     { p.in.close(); p.out.close(); return nil }
func (p *pipe) SetDeadline(time.Time) error      { return nil }
func (p *pipe) SetReadDeadline(time.Time) error  { return nil }
func (p *pipe) SetWriteDeadline(time.Time) error { return nil }
func (p *pipe) LocalAddr() net.Addr              { return &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1)} }
func (p *pipe) RemoteAddr() net.Addr             { return &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1)} }

// stream is one direction of it.
type stream struct {
	more   chan struct{} // has one when there is something
	lock   chan struct{}
	buffer bytes.Buffer
	closed bool
}

func newStream() *stream { return &stream{more: make(chan struct{}, 1), lock: make(chan struct{}, 1)} }

func (s *stream) do(f func()) {
	s.lock <- struct{}{}
	f()
	<-s.lock
	select {
	case s.more <- struct{}{}:
	default:
	}
}

func (s *stream) write(b []byte) (n int, err error) {
	s.do(func() {
		if err = io.ErrClosedPipe; !s.closed {
			n, err = s.buffer.Write(b)
		}
	})
	return n, err
}

func (s *stream) read(b []byte) (n int, err error) {
	for {
		s.lock <- struct{}{}
		n, _ = s.buffer.Read(b)
		closed := s.closed
		<-s.lock
		if n > 0 {
			return n, nil
		}
		if closed {
			return 0, io.EOF
		}
		<-s.more
	}
}

func (s *stream) close() { s.do(func() { s.closed = true }) }
