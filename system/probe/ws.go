package probe

import (
	"bufio"
	"bytes"
	"crypto/rand"
	"crypto/sha1" //nolint:gosec // RFC 6455 section 4.2.2 prescribes it; nothing depends on its strength
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"time"

	"github.com/c93d5bcb/sslwizard/steps"
)

// wsGUID is RFC 6455 section 1.3.
const wsGUID = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"

// Opcodes of RFC 6455 section 5.2.
const (
	opContinuation = 0x0
	opText         = 0x1
	opBinary       = 0x2
	opClose        = 0x8
	opPing         = 0x9
	opPong         = 0xa
)

// maxMessage is the longest message that is taken from a server.
const maxMessage = 1 << 20

// wsRequest is a handshake request.
type wsRequest struct {
	host, path, origin string
	subprotocols       []string
	version            string // "13"
	header             []string
	key                string
}

// wsReply is the answer to a handshake.
type wsReply struct {
	line   string // the status line as it came
	proto  string
	status int
	header http.Header
	body   []byte // the beginning, of a refusal
}

// socket is an open WebSocket, seen from the client.
type socket struct {
	net.Conn
	in *bufio.Reader
	// pings counts the server's own pings: they keep a connection alive that would else be cut.
	pings int
}

// accept is the right Sec-WebSocket-Accept for a key.
func accept(key string) string {
	sum := sha1.Sum([]byte(key + wsGUID))
	return base64.StdEncoding.EncodeToString(sum[:])
}

func newKey() string {
	var raw [16]byte
	_, _ = rand.Read(raw[:]) // never fails (crypto/rand)
	return base64.StdEncoding.EncodeToString(raw[:])
}

// upgrade sends the handshake on conn and reads the answer. The socket is only good when the answer is.
func upgrade(conn net.Conn, req wsRequest) (*socket, wsReply, error) {
	if _, err := conn.Write(req.marshal()); err != nil {
		return nil, wsReply{}, err
	}
	source := &limited{r: conn, left: maxReplyHeader}
	in := bufio.NewReader(source)
	line, err := peekLine(in)
	if err != nil {
		return nil, wsReply{}, err
	}
	resp, err := http.ReadResponse(in, nil)
	if errors.Is(err, errLimit) {
		return nil, wsReply{line: line}, errHeaders
	}
	if err != nil {
		return nil, wsReply{line: line}, err
	}
	r := wsReply{line: line, proto: resp.Proto, status: resp.StatusCode, header: resp.Header}
	if r.status != http.StatusSwitchingProtocols {
		r.body, _ = io.ReadAll(io.LimitReader(resp.Body, 4<<10)) // a refusal is judged by its status; the text only helps
		return nil, r, nil
	}
	source.left = -1
	return &socket{Conn: conn, in: in}, r, nil
}

func (q wsRequest) marshal() []byte {
	var b bytes.Buffer
	fmt.Fprintf(&b, "GET %s HTTP/1.1\r\nHost: %s\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n", q.path, q.host)
	fmt.Fprintf(&b, "Sec-WebSocket-Version: %s\r\nSec-WebSocket-Key: %s\r\nOrigin: %s\r\nUser-Agent: %s\r\n", q.version, q.key, q.origin, userAgent)
	if len(q.subprotocols) > 0 {
		fmt.Fprintf(&b, "Sec-WebSocket-Protocol: %s\r\n", strings.Join(q.subprotocols, ", "))
	}
	for _, line := range q.header {
		fmt.Fprintf(&b, "%s\r\n", line)
	}
	b.WriteString("\r\n")
	return b.Bytes()
}

// peekLine returns the first line without taking it; it waits for no more than the line.
func peekLine(in *bufio.Reader) (string, error) {
	for n := 1; n <= 200; n++ {
		b, err := in.Peek(n)
		if err != nil {
			return "", err
		}
		if b[n-1] == '\n' {
			return steps.CleanLine(string(b)), nil
		}
	}
	b, err := in.Peek(200)
	return steps.CleanLine(string(b)), err
}

// errLimit is a reply head that has no end.
var errLimit = errors.New("the reply is too long")

// errHeaders is errLimit in the words that answerFault knows.
var errHeaders = fmt.Errorf("response headers exceeded %d bytes", maxReplyHeader)

// limited reads at most left bytes; a negative left is no limit.
type limited struct {
	r    io.Reader
	left int
}

// Read implements io.Reader.
func (l *limited) Read(b []byte) (int, error) {
	if l.left < 0 {
		return l.r.Read(b)
	}
	if l.left == 0 {
		return 0, errLimit
	}
	n, err := l.r.Read(b[:min(len(b), l.left)])
	l.left -= n
	return n, err
}

// frame is one frame of RFC 6455 section 5.2.
type frame struct {
	final   bool
	opcode  byte
	payload []byte
}

// frameError is a frame that a client has to refuse.
type frameError string

func (e frameError) Error() string { return string(e) }

// closedError is a close frame of the server.
type closedError struct {
	code   int // 1005 when there was none
	reason string
}

func (e closedError) Error() string {
	return strings.TrimSpace(fmt.Sprintf("closed by the server with code %d %s", e.code, e.reason))
}

func (s *socket) readFrame() (frame, error) {
	var head [2]byte
	if _, err := io.ReadFull(s.in, head[:]); err != nil {
		return frame{}, err
	}
	f := frame{final: head[0]&0x80 != 0, opcode: head[0] & 0x0f}
	size, err := s.readSize(head[1])
	switch {
	case err != nil:
		return f, err
	case head[0]&0x70 != 0:
		return f, frameError("reserved bits are set, and no extension was agreed")
	case head[1]&0x80 != 0:
		return f, frameError("a frame of the server is masked")
	case f.opcode >= opClose && (size > 125 || !f.final):
		return f, frameError("a control frame is too long or in pieces")
	case size > maxMessage:
		return f, frameError("a frame is longer than 1 MiB")
	}
	f.payload = make([]byte, size)
	_, err = io.ReadFull(s.in, f.payload)
	return f, err
}

func (s *socket) readSize(b byte) (uint64, error) {
	var long [8]byte
	switch b & 0x7f {
	case 126:
		_, err := io.ReadFull(s.in, long[:2])
		return uint64(binary.BigEndian.Uint16(long[:2])), err
	case 127:
		_, err := io.ReadFull(s.in, long[:])
		return binary.BigEndian.Uint64(long[:]), err
	}
	return uint64(b & 0x7f), nil
}

// writeFrame sends a frame, masked as a client has to.
func (s *socket) writeFrame(f frame) error {
	out := []byte{f.opcode}
	if f.final {
		out[0] |= 0x80
	}
	switch n := len(f.payload); {
	case n < 126:
		out = append(out, 0x80|byte(n))
	case n < 1<<16:
		out = binary.BigEndian.AppendUint16(append(out, 0x80|126), uint16(n))
	default:
		out = binary.BigEndian.AppendUint64(append(out, 0x80|127), uint64(n))
	}
	var mask [4]byte
	_, _ = rand.Read(mask[:]) // never fails (crypto/rand)
	out = append(out, mask[:]...)
	for i, b := range f.payload {
		out = append(out, b^mask[i%4])
	}
	_, err := s.Write(out)
	return err
}

// next returns the next frame that is not the protocol's own: pings are answered, a close is an error.
func (s *socket) next() (frame, error) {
	for {
		f, err := s.readFrame()
		switch {
		case err != nil:
			return f, err
		case f.opcode == opClose:
			return f, closeOf(f.payload)
		case f.opcode == opPing:
			s.pings++
			if err := s.writeFrame(frame{true, opPong, f.payload}); err != nil {
				return f, err
			}
		default:
			return f, nil
		}
	}
}

func closeOf(payload []byte) closedError {
	if len(payload) < 2 {
		return closedError{code: 1005}
	}
	return closedError{int(binary.BigEndian.Uint16(payload)), steps.CleanLine(string(payload[2:]))}
}

// ping sends a ping and waits for its pong; messages that come between are the application's business.
func (s *socket) ping(within time.Duration) error {
	payload := []byte("sslwizard")
	if err := s.SetDeadline(time.Now().Add(within)); err != nil {
		return err
	}
	if err := s.writeFrame(frame{true, opPing, payload}); err != nil {
		return err
	}
	for {
		f, err := s.next()
		if err != nil {
			return err
		}
		if f.opcode == opPong && bytes.Equal(f.payload, payload) {
			return nil
		}
	}
}

// echo sends a message in pieces of at most size bytes and wants the same message back.
func (s *socket) echo(kind byte, message []byte, size int, within time.Duration) error {
	if err := s.SetDeadline(time.Now().Add(within)); err != nil {
		return err
	}
	rest, opcode := message, kind
	for {
		n := min(size, len(rest))
		if err := s.writeFrame(frame{n == len(rest), opcode, rest[:n]}); err != nil {
			return err
		}
		if rest, opcode = rest[n:], opContinuation; len(rest) == 0 {
			break
		}
	}
	got, gotKind, err := s.message()
	if err == nil && (gotKind != kind || !bytes.Equal(got, message)) {
		return frameError(fmt.Sprintf("a message of %d bytes came back changed (%d bytes)", len(message), len(got)))
	}
	return err
}

// message reads a whole message.
func (s *socket) message() ([]byte, byte, error) {
	var all []byte
	var kind byte
	for {
		f, err := s.next()
		switch {
		case err != nil:
			return nil, 0, err
		case f.opcode == opPong:
			continue
		case f.opcode != opContinuation:
			kind = f.opcode
		}
		if all = append(all, f.payload...); len(all) > maxMessage {
			return nil, 0, frameError("a message is longer than 1 MiB")
		}
		if f.final {
			return all, kind, nil
		}
	}
}

// hold leaves the socket silent for a time; it returns how long it lived and what ended it, nil when nothing did.
func (s *socket) hold(idle time.Duration) (time.Duration, error) {
	start := time.Now()
	if err := s.SetDeadline(start.Add(idle)); err != nil {
		return 0, err
	}
	for {
		_, err := s.next()
		if isTimeout(err) {
			return idle, nil
		}
		if err != nil {
			return time.Since(start), err
		}
	}
}

// close says goodbye and wants the same back (RFC 6455 section 5.5.1).
func (s *socket) close(within time.Duration) error {
	if err := s.SetDeadline(time.Now().Add(within)); err != nil {
		return err
	}
	if err := s.writeFrame(frame{true, opClose, binary.BigEndian.AppendUint16(nil, 1000)}); err != nil {
		return err
	}
	for {
		if _, err := s.next(); err != nil {
			return err
		}
	}
}
