package main

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"time"
)

// Messages are of one size, so that nobody has to look for their ends.
const (
	messageSize = 64
	frameHead   = 2
	maskSize    = 4
	socketKey   = "c3Nsd2l6YXJkIHBsYW5lIQ=="
)

// socket is a WebSocket through a contender.
type socket struct {
	*tls.Conn
	frame, back []byte
}

// openSocket opens one from an address of this machine.
func openSocket(ctx context.Context, at string, from net.IP) (*socket, error) {
	conn, err := dial(ctx, at, clientConfig(site), from)
	if err != nil {
		return nil, err
	}
	if _, err = fmt.Fprintf(conn, "GET /socket HTTP/1.1\r\nHost: %s\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"+
		"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: %s\r\n\r\n", site, socketKey); err == nil {
		var answer *http.Response
		answer, err = http.ReadResponse(bufio.NewReaderSize(conn, 512), nil) // nothing comes behind it before we say something
		if err == nil && answer.StatusCode != http.StatusSwitchingProtocols {
			err = fmt.Errorf("no WebSocket, but %s", answer.Status)
		}
	}
	if err != nil {
		conn.Close()
		return nil, err
	}
	s := &socket{Conn: conn, frame: make([]byte, frameHead+maskSize+messageSize), back: make([]byte, frameHead+messageSize)}
	copy(s.frame, []byte{0x82, 0x80 | messageSize, 1, 2, 3, 4})
	return s, conn.SetDeadline(time.Time{})
}

// talk says something, and hears it again.
func (s *socket) talk() error {
	if _, err := s.Write(s.frame); err != nil {
		return err
	}
	if _, err := io.ReadFull(s, s.back); err != nil {
		return err
	}
	if !bytes.Equal(s.back[:frameHead+maskSize], []byte{0x82, messageSize, 1, 2, 3, 4}) { // zeros, under the mask
		return fmt.Errorf("the echo is %x", s.back)
	}
	return nil
}

// echoes are messages and their echoes, one after the other on each WebSocket.
func echoes(ctx context.Context, _ *stage, at string, load time.Duration) (int, error) {
	return together(ctx, 32, load, func(ctx context.Context) (func() error, func(), error) {
		s, err := openSocket(ctx, at, nil)
		if err != nil {
			return nil, nil, err
		}
		_ = s.SetDeadline(time.Now().Add(load + patience))
		return s.talk, func() { s.Close() }, nil
	})
}
