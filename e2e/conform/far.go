package main

import (
	"bufio"
	"net"
	"net/http"
)

// far is the application's end of a WebSocket, in the hands of a case.
type far struct {
	net.Conn
	in     *bufio.Reader
	header http.Header // of the handshake
	ended  chan struct{}
}

// newFar is an application that agrees to every handshake, in the words that a case has for it, and leaves the rest to
// the case.
func newFar() *back {
	b := &back{agreed: make(chan *far, 1)}
	b.serveOn(b.port(), func(conn net.Conn) {
		in := bufio.NewReader(conn)
		r, err := http.ReadRequest(in)
		if err != nil {
			return
		}
		b.mu.Lock()
		answer := b.agreement
		b.mu.Unlock()
		if _, err := conn.Write([]byte(answer)); err != nil {
			return
		}
		f := &far{Conn: conn, in: in, header: r.Header, ended: make(chan struct{})}
		b.agreed <- f
		<-f.ended
	})
	return b
}

// Read reads behind the handshake.
func (f *far) Read(p []byte) (int, error) { return f.in.Read(p) }

// CloseWrite implements halfCloser.
func (f *far) CloseWrite() error { return f.Conn.(halfCloser).CloseWrite() }

// agree has the application answer the next handshake with these lines besides the usual, and say this right behind.
func (b *back) agree(lines []string, behind []byte) {
	usual := []string{"Connection: Upgrade", "Upgrade: websocket", "Sec-WebSocket-Accept: " + wsAccept}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.agreement = "HTTP/1.1 101 Switching Protocols\r\n" + fields(append(usual, lines...)...) + string(behind)
}
