package main

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

// libraryBacks are the same application for each lane: a WebSocket library that many use, which sends all messages back.
// It is a program of its own.
func libraryBacks(ctx context.Context, dir string) ([]*back, error) {
	root, err := exec.CommandContext(ctx, "go", "list", "-m", "-f", "{{.Dir}}").Output()
	if err != nil {
		return nil, fmt.Errorf("cannot find the tree: %w", err)
	}
	program := filepath.Join(dir, "library")
	source := filepath.Join(strings.TrimSpace(string(root)), "e2e", "conform", "library")
	if err := command(ctx, source, []string{"CGO_ENABLED=0"}, "go", "build", "-o", program, "."); err != nil {
		return nil, err
	}
	address, err := freePort()
	if err != nil {
		return nil, err
	}
	p, err := run(dir, program, address)
	if err != nil {
		return nil, err
	}
	var all []*back
	for range width {
		all = append(all, &back{address: address, blind: true, stop: func() {}})
	}
	all[0].stop = p.stop
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	if err := p.answers(ctx, address); err != nil {
		return all, fmt.Errorf("the library: %w\n%s", err, p.said.String())
	}
	return all, nil
}

// libraryCases have a client speak with a library, directly and through the proxy: it has to get the same bytes.
func libraryCases() []testCase {
	var all []testCase
	for _, s := range speeches() {
		all = append(all, testCase{s.class, s.name, comparison{text: s.said(), compressed: strings.HasPrefix(s.name, "compressed")}.try})
	}
	return all
}

// said is the speech with a close frame behind it, after which a library closes; behind one at which it closes by itself
// nothing is said, for it would be lost.
func (s speech) said() []byte {
	text := s.encode(true)
	if !s.ends {
		text = append(text, whole(opClose, "\x03\xe8").encode(true)...)
	}
	return text
}

type comparison struct {
	text       []byte
	compressed bool // it is agreed that messages are
}

func (c comparison) try(l *lane) verdict {
	conn, err := net.DialTimeout("tcp", l.back.address, patience)
	if err != nil {
		return breach("no connection to the library: %v", err)
	}
	want, err := c.talk(conn.(*net.TCPConn), l.host)
	if err != nil {
		return breach("the library itself: %v", err)
	}
	var secure *tls.Conn
	if secure, err = l.dial(l.host, "http/1.1"); err != nil {
		return breach("no connection: %v", err)
	}
	got, err := c.talk(secure, l.host)
	switch {
	case err != nil:
		return odd("%v", err)
	case !bytes.HasPrefix(want, got):
		return breach("the client got %.100q where the library says %.100q", got, want)
	case len(got) < len(want):
		return odd("the client got %d of %d bytes", len(got), len(want))
	}
	return fine()
}

// talk says it, and returns all that comes until the other side closes.
func (c comparison) talk(conn halfCloser, host string) ([]byte, error) {
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(patience))
	lines := []string{"Connection: Upgrade", "Upgrade: websocket", "Sec-WebSocket-Version: 13", "Sec-WebSocket-Key: " + wsKey, "Sec-WebSocket-Protocol: chat"}
	if c.compressed {
		lines = append(lines, "Sec-WebSocket-Extensions: permessage-deflate; server_no_context_takeover; client_no_context_takeover")
	}
	if _, err := io.WriteString(conn, strings.Replace(handshake(socketPath, lines...), "backend.test", host, 1)); err != nil {
		return nil, err
	}
	in := bufio.NewReader(conn)
	response, err := http.ReadResponse(in, nil)
	if err != nil {
		return nil, err
	}
	if response.StatusCode != http.StatusSwitchingProtocols || response.Header.Get("Sec-WebSocket-Protocol") != "chat" {
		return nil, fmt.Errorf("no WebSocket came of it: %s %v", response.Status, response.Header)
	}
	if agreed := response.Header.Get("Sec-WebSocket-Extensions") != ""; agreed != c.compressed {
		return nil, fmt.Errorf("compression is agreed: %t", agreed)
	}
	said := make(chan error, 1)
	go func() { // beside the reading: both would wait for each other
		_, err := conn.Write(c.text)
		said <- err
	}()
	got, err := io.ReadAll(in)
	if err != nil && !errors.Is(err, io.ErrUnexpectedEOF) { // an end of TLS without its alert is an end too
		return got, err
	}
	return got, <-said
}
