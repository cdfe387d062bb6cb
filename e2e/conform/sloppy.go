package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
)

// newSloppy is an application that makes every mistake in reading that the literature knows: lines may end as they
// like, names have spaces and underscores, a length is whatever digits it begins with and beats chunks, folded lines are
// fields, and what makes no sense is passed over.
// When it agrees, it does so to whatever upgrade it is asked for.
func newSloppy(agree bool) *back {
	b := &back{}
	b.serveRaw(func(conn net.Conn) { b.sloppily(conn, agree) })
	return b
}

// serveRaw has each connection handled in a goroutine of its own.
func (b *back) serveRaw(handle func(net.Conn)) { b.serveOn(b.listen(), handle) }

func (b *back) serveOn(l net.Listener, handle func(net.Conn)) {
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer conn.Close()
				handle(conn)
			}()
		}
	}()
	b.stop = func() { _ = l.Close() }
}

func (b *back) sloppily(conn net.Conn, agree bool) {
	in := bufio.NewReaderSize(conn, 1<<20)
	for {
		r, err := readSloppily(in)
		if err != nil {
			if r.method != "" {
				b.saw(r)
			}
			return
		}
		b.saw(r)
		if upgrade := r.header.Get("Upgrade"); agree && upgrade != "" {
			fmt.Fprintf(conn, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: %s\r\nSec-WebSocket-Accept: %s\r\nSeen: %s\r\n\r\n",
				upgrade, wsAccept, r.line())
			b.tunnel(in)
			return
		}
		line, text := answerFor(r)
		if r.method == http.MethodHead {
			fmt.Fprintf(conn, "HTTP/1.1 200 OK\r\nSeen: %s\r\nContent-Length: %d\r\n\r\n", line, len(text))
		} else {
			fmt.Fprintf(conn, "HTTP/1.1 200 OK\r\nSeen: %s\r\nContent-Length: %d\r\n\r\n%s", line, len(text), text)
		}
	}
}

// tunnel records what comes after an upgrade, as requests of a method that there is not.
func (b *back) tunnel(in *bufio.Reader) {
	buffer := make([]byte, 4096)
	for {
		n, err := in.Read(buffer)
		if n > 0 {
			b.saw(request{method: "TUNNEL", target: string(buffer[:n]), whole: true})
		}
		if err != nil {
			return
		}
	}
}

// readSloppily reads a request. With an error, what it had of it is returned.
func readSloppily(in *bufio.Reader) (request, error) {
	r := request{header: http.Header{}}
	line := ""
	for strings.TrimSpace(line) == "" {
		text, err := in.ReadString('\n')
		if err != nil {
			return r, err
		}
		line = text
	}
	words := append(strings.Fields(line), "", "")
	r.method, r.target = words[0], words[1]
	for {
		line, err := in.ReadString('\n')
		if err != nil {
			return r, err
		}
		line = strings.Trim(line, "\r\n \t\v\f\x00")
		if line == "" {
			break
		}
		name, value, _ := strings.Cut(line, ":")
		name = strings.ReplaceAll(strings.Trim(name, "\r \t\v\f\x00"), "_", "-")
		r.header.Add(name, strings.Trim(value, "\r \t\v\f\x00"))
	}
	r.host = r.header.Get("Host")
	err := r.readBody(in)
	r.whole = err == nil
	return r, err
}

func (r *request) readBody(in *bufio.Reader) error {
	if lengths := r.header.Values("Content-Length"); len(lengths) > 0 {
		return r.readBytes(in, number(lengths[0], 10))
	}
	if !strings.Contains(strings.ToLower(strings.Join(r.header.Values("Transfer-Encoding"), ",")), "chunked") {
		return nil
	}
	for {
		line, err := in.ReadString('\n')
		if err != nil {
			return err
		}
		size := number(line, 16)
		if size == 0 {
			break
		}
		if err := r.readBytes(in, size); err != nil {
			return err
		}
		if _, err := in.ReadString('\n'); err != nil {
			return err
		}
	}
	for { // trailers are fields like any other
		line, err := in.ReadString('\n')
		if err != nil {
			return err
		}
		if line = strings.TrimSpace(line); line == "" {
			return nil
		}
		name, value, _ := strings.Cut(line, ":")
		r.header.Add(strings.TrimSpace(name), strings.TrimSpace(value))
	}
}

// maxSloppy is how much of a body is believed.
const maxSloppy = 64 << 20

func (r *request) readBytes(in *bufio.Reader, n int) error {
	if n > maxSloppy {
		return errors.New("too long")
	}
	body := make([]byte, n)
	got, err := io.ReadFull(in, body)
	r.body += string(body[:got])
	return err
}

// number reads the digits that a text begins with, after spaces and a sign, as strtol does.
func number(text string, base int) int {
	text = strings.TrimLeft(text, " \t\v\f+-")
	n := 0
	for _, c := range strings.ToLower(text) {
		digit := strings.IndexRune("0123456789abcdef"[:base], c)
		if digit < 0 || n > maxSloppy {
			break
		}
		n = n*base + digit
	}
	return n
}
