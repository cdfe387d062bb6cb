package echo

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

const upgrade = "GET /ws HTTP/1.1\r\nHost: x\r\nConnection: keep-alive, Upgrade\r\nUpgrade: WebSocket\r\n"

func dial(t *testing.T, request string) (net.Conn, *bufio.Reader, *http.Response) {
	t.Helper()
	server := httptest.NewServer(Handler())
	t.Cleanup(server.Close)
	conn, err := net.Dial("tcp", server.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	_ = conn.SetDeadline(time.Now().Add(10 * time.Second))
	fmt.Fprint(conn, request)
	in := bufio.NewReader(conn)
	response, err := http.ReadResponse(in, nil)
	if err != nil {
		t.Fatal(err)
	}
	return conn, in, response
}

func TestHandshake(t *testing.T) {
	t.Parallel()
	const key = "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
	cases := map[string]struct {
		request string
		status  int
	}{
		"right":         {upgrade + key + "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Protocol: chat, more\r\n\r\n", 101},
		"wrong version": {upgrade + key + "Sec-WebSocket-Version: 12\r\n\r\n", 426},
		"no key":        {upgrade + "Sec-WebSocket-Version: 13\r\n\r\n", 400},
		"other upgrade": {strings.Replace(upgrade, "WebSocket", "h2c", 1) + "\r\n", 200},
	}
	for name, c := range cases {
		_, _, response := dial(t, c.request)
		if response.StatusCode != c.status {
			t.Errorf("%s: status %d, want %d", name, response.StatusCode, c.status)
		}
		if c.status != 101 {
			continue
		}
		// The key and its answer are the example of RFC 6455 section 1.3.
		if got := response.Header.Get("Sec-WebSocket-Accept"); got != "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=" {
			t.Errorf("Sec-WebSocket-Accept is %q", got)
		}
		if got := response.Header.Get("Sec-WebSocket-Protocol"); got != "chat" {
			t.Errorf("Sec-WebSocket-Protocol is %q", got)
		}
	}
}

func TestEchoOfMessages(t *testing.T) {
	t.Parallel()
	long := bytes.Repeat([]byte("é"), 70_000)
	cases := map[string]struct {
		send []byte
		want []byte
	}{
		"empty":      {masked(0x81, nil), appendFrame(nil, opText, nil)},
		"125":        {masked(0x82, long[:125]), appendFrame(nil, opBinary, long[:125])},
		"126":        {masked(0x81, long[:126]), appendFrame(nil, opText, long[:126])},
		"long":       {masked(0x81, long), appendFrame(nil, opText, long)},
		"fragments":  {append(append(masked(0x01, []byte("a")), masked(0x89, []byte("p"))...), masked(0x80, []byte("b"))...), append(appendFrame(nil, opPong, []byte("p")), appendFrame(nil, opText, []byte("ab"))...)},
		"pong":       {append(masked(0x8a, nil), masked(0x81, []byte("x"))...), appendFrame(nil, opText, []byte("x"))},
		"close":      {masked(0x88, []byte("\x0f\xa0bye")), appendFrame(nil, opClose, []byte("\x0f\xa0bye"))},
		"close 1006": {masked(0x88, []byte("\x03\xee")), []byte{0x88}},
		"not UTF-8":  {masked(0x81, []byte{0xff}), []byte{0x88}},
		"unmasked":   {[]byte{0x81, 0x00}, []byte{0x88}},
		"extension":  {masked(0xc1, nil), []byte{0x88}},
		"stray":      {masked(0x80, nil), []byte{0x88}},
		"too long":   {binary.BigEndian.AppendUint64([]byte{0x82, 0xff}, 1<<40), []byte{0x88}},
	}
	for name, c := range cases {
		conn, in, _ := dial(t, upgrade+"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n")
		if _, err := conn.Write(c.send); err != nil {
			t.Fatal(err)
		}
		got := make([]byte, len(c.want))
		if _, err := io.ReadFull(in, got); err != nil || !bytes.Equal(got, c.want) {
			t.Errorf("%s: got % x…, %v", name, got[:min(len(got), 16)], err)
		}
	}
}

// masked is a client frame with the given first byte.
func masked(first byte, payload []byte) []byte {
	b := appendFrame(nil, 0, payload)
	b[0], b[1] = first, b[1]|0x80
	head := len(b) - len(payload)
	mask := []byte{1, 2, 3, 4}
	for i := range payload {
		b[head+i] ^= mask[i%4]
	}
	return append(append(b[:head:head], mask...), b[head:]...)
}
