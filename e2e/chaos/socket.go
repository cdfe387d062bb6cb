package main

import (
	"bufio"
	"bytes"
	"context"
	"crypto/rand"
	"crypto/tls"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net/http"
	"sync"
	"time"
)

// socket is a WebSocket of a client, as small as it can be: there are thousands.
type socket struct{ conn *tls.Conn }

// socket opens one to the steady site.
func (s *service) socket(target string) (*socket, error) {
	conn, err := s.dial(context.Background(), steady, "http/1.1")
	if err != nil {
		return nil, err
	}
	_ = conn.SetDeadline(time.Now().Add(patience))
	_, err = io.WriteString(conn, "GET "+target+" HTTP/1.1\r\nHost: "+steady+"\r\nOrigin: https://"+steady+"\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"+
		"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n")
	if err == nil {
		var response *http.Response
		response, err = http.ReadResponse(bufio.NewReader(oneByOne{conn}), nil)
		if err == nil && response.Header.Get("Sec-WebSocket-Accept") != "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=" {
			err = fmt.Errorf("no WebSocket: %s", response.Status)
		}
	}
	if err != nil {
		_ = conn.Close()
		return nil, err
	}
	return &socket{conn}, nil
}

// oneByOne gives one byte at a time, so that nothing behind the head is read with it.
type oneByOne struct{ io.Reader }

func (o oneByOne) Read(p []byte) (int, error) { return o.Reader.Read(p[:1]) }

// echo sends a message of so many bytes and wants it back.
func (s *socket) echo(size int) error {
	_ = s.conn.SetDeadline(time.Now().Add(patience))
	message := make([]byte, size)
	_, _ = rand.Read(message)
	sent := make(chan error, 1)
	go func() { // beside the reading: it may be more than fits into what is between
		_, err := s.conn.Write(frame(0x82, message))
		sent <- err
	}()
	got, err := s.message()
	if err := errors.Join(err, <-sent); err != nil {
		return fmt.Errorf("no echo of %d bytes: %w", size, err)
	}
	if !bytes.Equal(got, message) {
		return fmt.Errorf("the echo of %d bytes is %d others", size, len(got))
	}
	return nil
}

// bye closes in good order: a close frame for a close frame.
func (s *socket) bye() error {
	_ = s.conn.SetDeadline(time.Now().Add(patience))
	if _, err := s.conn.Write(frame(0x88, []byte{0x03, 0xe8})); err != nil {
		return err
	}
	_, err := s.message()
	if !errors.Is(err, io.EOF) {
		return fmt.Errorf("closing ended with %w", err)
	}
	return nil
}

// frame is a whole frame of a client, masked with a key of zeros.
func frame(first byte, payload []byte) []byte {
	f := []byte{first}
	switch n := len(payload); {
	case n < 126:
		f = append(f, 0x80|byte(n))
	case n < 1<<16:
		f = binary.BigEndian.AppendUint16(append(f, 0x80|126), uint16(n))
	default:
		f = binary.BigEndian.AppendUint64(append(f, 0x80|127), uint64(n))
	}
	return append(append(f, 0, 0, 0, 0), payload...)
}

// message reads frames until a message is whole; a close frame is io.EOF.
func (s *socket) message() ([]byte, error) {
	var all []byte
	for {
		var head [2]byte
		if _, err := io.ReadFull(s.conn, head[:]); err != nil {
			return nil, err
		}
		if head[0]&0x0f == 8 {
			return nil, io.EOF
		}
		size := uint64(head[1])
		if more := map[byte]int{126: 2, 127: 8}[head[1]]; more > 0 {
			var length [8]byte
			if _, err := io.ReadFull(s.conn, length[8-more:]); err != nil {
				return nil, err
			}
			size = binary.BigEndian.Uint64(length[:])
		}
		part := make([]byte, size)
		if _, err := io.ReadFull(s.conn, part); err != nil {
			return nil, err
		}
		if all = append(all, part...); head[0]&0x80 != 0 {
			return all, nil
		}
	}
}

// crowd is the WebSockets that lie there.
type crowd struct {
	wanted int
	done   chan struct{} // closed when all that could be opened are
	mu     sync.Mutex
	open   []*socket
}

// openers is how many are opened at the same time.
const openers = 8

// lie opens so many: one half in one program, one in the next, for the open files of one may not suffice.
func (s *service) lie(ctx context.Context, t *tally, many int) *crowd {
	c := &crowd{wanted: many, done: make(chan struct{})}
	go func() {
		defer close(c.done)
		began := time.Now()
		c.openMore(ctx, s, t, many/2)
		t.done("programs followed", s.handOver())
		c.openMore(ctx, s, t, many-many/2)
		fmt.Printf("%d WebSockets lie there, after %s\n", len(c.open), time.Since(began).Round(time.Second))
	}()
	return c
}

func (c *crowd) openMore(ctx context.Context, s *service, t *tally, many int) {
	turns := make(chan int, many)
	for n := range many {
		turns <- n
	}
	close(turns)
	var all sync.WaitGroup
	for range openers {
		all.Go(func() {
			for range turns {
				if ctx.Err() != nil {
					return
				}
				ws, err := s.socket("/ws")
				if err != nil {
					t.done("idle WebSockets that lived", err)
					continue
				}
				c.mu.Lock()
				c.open = append(c.open, ws)
				c.mu.Unlock()
			}
		})
	}
	all.Wait()
}

// wake wants an echo from each.
func (c *crowd) wake(t *tally) {
	const kind = "idle WebSockets that lived"
	<-c.done
	if missing := c.wanted - len(c.open); missing > 0 {
		t.done(kind, fmt.Errorf("%d of %d were never opened", missing, c.wanted))
	}
	var all sync.WaitGroup
	for part := range openers {
		all.Go(func() {
			for n := part; n < len(c.open); n += openers {
				t.done(kind, c.open[n].echo(10))
			}
		})
	}
	all.Wait()
}

func (c *crowd) close() {
	for _, ws := range c.open {
		_ = ws.conn.Close()
	}
}
