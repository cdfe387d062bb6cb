package main

import (
	"bufio"
	"bytes"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"time"
)

// dialogue is a WebSocket between a client and an application, of which every byte is known beforehand.
type dialogue struct {
	offers, agrees []string // field lines of the handshake and of its answer, besides the usual
	early          []byte   // what the application says in one breath with its answer
	turns          []turn
	end            ending
}

// turn is what one side says; the other has to get it before the next turn begins. Both may say something at once.
type turn struct {
	client, server []byte
	slowly         bool // byte by byte
}

// ending is how a dialogue comes to its end.
type ending int

const (
	clientCloses ending = iota
	serverCloses
	clientHalf // it closes its side; the other says one thing more, then closes too
	serverHalf
	clientResets
)

// try has both speak through the proxy.
func (d dialogue) try(l *lane) verdict {
	l.turn++
	l.back.agree(d.agrees, d.early)
	conn, err := l.dial(l.host, "http/1.1")
	if err != nil {
		return breach("no connection: %v", err)
	}
	defer conn.Close()
	in, v := d.shake(l, conn)
	if v.grade != ok {
		return v
	}
	var f *far
	select {
	case f = <-l.back.agreed:
	case <-time.After(patience):
		return odd("the handshake did not reach the application")
	}
	defer close(f.ended)
	_ = f.SetDeadline(time.Now().Add(patience))
	for _, line := range d.offers {
		if name, value, _ := strings.Cut(line, ": "); !slices.Contains(f.header.Values(name), value) {
			return odd("the application saw %q for %s", f.header.Values(name), line)
		}
	}
	client, server := side{"the client", conn, in}, side{"the application", f, f}
	for i, t := range d.turns {
		if err := t.take(client, server); err != nil {
			return heard(i, err)
		}
	}
	if err := d.end.come(client, server); err != nil {
		return heard(len(d.turns), err)
	}
	return fine()
}

// shake makes the handshake and reads what the client gets.
func (d dialogue) shake(l *lane, conn *tls.Conn) (io.Reader, verdict) {
	usual := []string{"Connection: Upgrade", "Upgrade: websocket", "Sec-WebSocket-Version: 13", "Sec-WebSocket-Key: " + wsKey}
	if _, err := io.WriteString(conn, l.fill().Replace(handshake(socketPath, append(usual, d.offers...)...))); err != nil {
		return nil, odd("the handshake cannot be sent: %v", err)
	}
	in := bufio.NewReader(conn)
	response, err := http.ReadResponse(in, nil)
	if err != nil || response.StatusCode != http.StatusSwitchingProtocols {
		return nil, odd("no WebSocket came of it: %v, %v", response, err)
	}
	for _, line := range append(d.agrees, "Sec-WebSocket-Accept: "+wsAccept) {
		if name, value, _ := strings.Cut(line, ": "); !slices.Contains(response.Header.Values(name), value) {
			return nil, odd("the client saw %q for %s", response.Header.Values(name), line)
		}
	}
	if early := make([]byte, len(d.early)); len(early) > 0 {
		if _, err := io.ReadFull(in, early); err != nil || !bytes.Equal(early, d.early) {
			return nil, odd("what came with the answer arrived as %q, %v", early, err)
		}
	}
	return in, fine()
}

// side is one end of a dialogue.
type side struct {
	name string
	conn halfCloser
	in   io.Reader
}

// altered is something else than what was said.
type altered struct{ error }

func heard(turn int, err error) verdict {
	if _, is := err.(altered); is {
		return breach("turn %d: %v", turn, err)
	}
	return odd("turn %d: %v", turn, err)
}

// take has both say what they have to say, and wants each to get what the other said.
func (t turn) take(client, server side) error {
	errs := make(chan error, 4)
	go func() { errs <- client.say(t.client, t.slowly) }()
	go func() { errs <- server.say(t.server, t.slowly) }()
	go func() { errs <- client.hear(t.server) }()
	go func() { errs <- server.hear(t.client) }()
	var first error
	for range 4 {
		if err := <-errs; err != nil && first == nil {
			first = err
			_ = client.conn.SetDeadline(time.Now()) // no need to wait for the others
			_ = server.conn.SetDeadline(time.Now())
		}
	}
	return first
}

func (s side) say(text []byte, slowly bool) error {
	step := max(len(text), 1)
	if slowly {
		step = 1
	}
	for piece := range slices.Chunk(text, step) {
		if _, err := s.conn.Write(piece); err != nil {
			return fmt.Errorf("%s cannot say its %d bytes: %w", s.name, len(text), err)
		}
	}
	return nil
}

func (s side) hear(want []byte) error {
	got := make([]byte, len(want))
	n, err := io.ReadFull(s.in, got)
	if !bytes.Equal(got[:n], want[:n]) {
		return altered{fmt.Errorf("%s got %.80q for %.80q", s.name, got[:n], want)}
	}
	if err != nil {
		return fmt.Errorf("%s got %d of %d bytes: %w", s.name, n, len(want), err)
	}
	return nil
}

// come brings the end.
func (e ending) come(client, server side) error {
	first, second := client, server
	if e == serverCloses || e == serverHalf {
		first, second = server, client
	}
	switch e {
	case clientHalf, serverHalf:
		if err := first.conn.CloseWrite(); err != nil {
			return err
		}
		if err := second.over(); err != nil {
			return err
		}
		last := whole(opText, "one thing more").encode(e == serverHalf)
		if err := second.say(last, false); err != nil {
			return err
		}
		if err := first.hear(last); err != nil {
			return err
		}
		_ = second.conn.Close()
		return first.over()
	case clientResets:
		if raw, ok := client.conn.(*tls.Conn).NetConn().(*net.TCPConn); ok {
			_ = raw.SetLinger(0)
			_ = raw.Close()
		}
		return server.over()
	default:
		_ = first.conn.Close()
		return second.over()
	}
}

// over wants the end, and not a byte before it.
func (s side) over() error {
	n, err := s.in.Read(make([]byte, 1))
	switch timeout, is := err.(net.Error); {
	case n > 0:
		return altered{fmt.Errorf("%s got a byte that nobody said", s.name)}
	case is && timeout.Timeout():
		return fmt.Errorf("%s does not hear of the end", s.name)
	}
	return nil
}
