package main

import (
	"bytes"
	"crypto/tls"
	"fmt"
	"strings"
	"time"

	"golang.org/x/net/websocket"
)

func dial(url string, trust *tls.Config) (*websocket.Conn, error) {
	origin := "https://" + strings.SplitN(strings.TrimPrefix(url, "wss://"), "/", 2)[0]
	config, err := websocket.NewConfig(url, origin)
	if err != nil {
		return nil, err
	}
	config.TlsConfig = trust.Clone()
	return websocket.DialConfig(config)
}

// converse sends text and binary messages of very different sizes and wants each back as it was.
func converse(url string, trust *tls.Config, hold time.Duration) error {
	conn, err := dial(url, trust)
	if err != nil {
		return err
	}
	defer conn.Close()
	for _, size := range []int{1, 125, 126, 4096, 1 << 16, 1 << 20} {
		if err := echoed(conn, bytes.Repeat([]byte{'a' + byte(size%26)}, size)); err != nil {
			return err
		}
	}
	if hold > 0 {
		time.Sleep(hold) // being silent for so long is what is tested
		return echoed(conn, []byte("still there"))
	}
	return nil
}

func echoed(conn *websocket.Conn, message []byte) error {
	if err := conn.SetDeadline(time.Now().Add(patience)); err != nil {
		return err
	}
	if err := websocket.Message.Send(conn, message); err != nil {
		return fmt.Errorf("cannot send %d bytes: %w", len(message), err)
	}
	var back []byte
	if err := websocket.Message.Receive(conn, &back); err != nil {
		return fmt.Errorf("no echo of %d bytes: %w", len(message), err)
	}
	if !bytes.Equal(back, message) {
		return fmt.Errorf("sent %d bytes, another %d came back", len(message), len(back))
	}
	return nil
}
