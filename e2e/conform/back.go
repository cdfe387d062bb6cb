package main

import (
	"io"
	"log"
	"net"
	"net/http"
	"sync"
)

// request is what a back end saw.
type request struct {
	method, target, host string
	header               http.Header
	trailer              http.Header
	body                 string
	whole                bool // its end was seen
}

func (r request) line() string { return r.method + " " + r.target }

// back is an application that records what it saw.
type back struct {
	address string // where the proxy reaches it
	stop    func()
	blind   bool      // what comes is not the proxy's own bytes
	agreed  chan *far // of WebSockets that a case takes over

	mu        sync.Mutex
	seen      []request
	wires     []*wire
	agreement string // how the next handshake is answered
}

// saw records a request.
func (b *back) saw(r request) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.seen = append(b.seen, r)
}

// take returns what was seen since the last time, and what a strict reader has to say of the bytes that came.
func (b *back) take() (seen []request, dirt []string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	seen, b.seen = b.seen, nil
	var open []*wire
	for _, w := range b.wires {
		said, goesOn := w.read()
		if !b.blind {
			dirt = append(dirt, said...)
		}
		if goesOn {
			open = append(open, w)
		}
	}
	b.wires = open
	return seen, dirt
}

// answerFor is what says to the client which request this answers: a field and a body.
func answerFor(r request) (seen, body string) { return r.line(), "seen " + r.line() + "\n" }

// listen opens a port whose connections are recorded.
func (b *back) listen() net.Listener { return tap{b.port(), b} }

// port opens one.
func (b *back) port() net.Listener {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		panic(err) // loopback has no port left
	}
	b.address = l.Addr().String()
	return l
}

type tap struct {
	net.Listener
	back *back
}

func (t tap) Accept() (net.Conn, error) {
	conn, err := t.Listener.Accept()
	if err != nil {
		return nil, err
	}
	w := &wire{Conn: conn}
	t.back.mu.Lock()
	t.back.wires = append(t.back.wires, w)
	t.back.mu.Unlock()
	return w, nil
}

// newStrict is an application on net/http.
func newStrict() *back {
	b := &back{}
	server := &http.Server{Handler: http.HandlerFunc(b.serve), ErrorLog: log.New(io.Discard, "", 0), MaxHeaderBytes: 8 << 20}
	l := b.listen()
	go func() { _ = server.Serve(l) }() // ends with stop
	b.stop = func() { _ = server.Close() }
	return b
}

func (b *back) serve(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	seen := request{method: r.Method, target: r.RequestURI, host: r.Host, header: r.Header, trailer: r.Trailer, body: string(body), whole: err == nil}
	b.saw(seen)
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	line, text := answerFor(seen)
	w.Header().Set("Seen", line)
	_, _ = io.WriteString(w, text)
}
