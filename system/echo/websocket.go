package echo

import (
	"bufio"
	"crypto/sha1" //nolint:gosec // RFC 6455 section 4.2.2 prescribes it; nothing depends on its strength
	"encoding/base64"
	"encoding/binary"
	"errors"
	"io"
	"net/http"
	"strings"
	"unicode/utf8"
)

// maxMessage is the longest message that is echoed; a longer one is closed with 1009 (RFC 6455 section 7.4.1).
const maxMessage = 16 << 20

// Opcodes of RFC 6455 section 5.2.
const (
	opContinuation = 0x0
	opText         = 0x1
	opBinary       = 0x2
	opClose        = 0x8
	opPing         = 0x9
	opPong         = 0xA
)

// Close codes of RFC 6455 section 7.4.1.
const (
	closeNormal   = 1000
	closeProtocol = 1002
	closeData     = 1007
	closeTooBig   = 1009
)

// webSocket accepts the handshake of RFC 6455 with the first subprotocol that was offered and without extensions,
// then echoes every text and binary message whole, answers pings, and echoes the close.
func webSocket(w http.ResponseWriter, r *http.Request) {
	if !token(r.Header, "Upgrade", "websocket") || !token(r.Header, "Connection", "upgrade") || r.Method != http.MethodGet {
		describe(w, r) // an upgrade to something else is ignored, RFC 9110 section 7.8
		return
	}
	if r.Header.Get("Sec-WebSocket-Version") != "13" {
		w.Header().Set("Sec-WebSocket-Version", "13")
		http.Error(w, "only version 13 of the WebSocket protocol is spoken here", http.StatusUpgradeRequired)
		return
	}
	key := r.Header.Get("Sec-WebSocket-Key")
	if raw, err := base64.StdEncoding.DecodeString(key); err != nil || len(raw) != 16 {
		http.Error(w, "Sec-WebSocket-Key has to be 16 bytes in base64", http.StatusBadRequest)
		return
	}
	conn, buffered, err := http.NewResponseController(w).Hijack()
	if err != nil {
		http.Error(w, "a WebSocket needs HTTP/1.1", http.StatusHTTPVersionNotSupported)
		return
	}
	defer conn.Close()
	handshake := "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n" +
		"Sec-WebSocket-Accept: " + Accept(key) + "\r\n" + subprotocol(r) + "\r\n"
	if _, err := io.WriteString(conn, handshake); err != nil {
		return
	}
	s := session{in: buffered.Reader, out: conn}
	var closed *closeError
	if errors.As(s.run(), &closed) {
		_ = s.send(opClose, closed.payload())
	}
}

// Accept is the Sec-WebSocket-Accept value for a key (RFC 6455 section 4.2.2).
func Accept(key string) string {
	sum := sha1.Sum([]byte(key + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11")) //nolint:gosec // see above
	return base64.StdEncoding.EncodeToString(sum[:])
}

func subprotocol(r *http.Request) string {
	first, _, _ := strings.Cut(r.Header.Get("Sec-WebSocket-Protocol"), ",")
	if first = strings.TrimSpace(first); first == "" {
		return ""
	}
	return "Sec-WebSocket-Protocol: " + first + "\r\n"
}

// token reports whether a comma-separated header has the token, in any case.
func token(h http.Header, name, want string) bool {
	for _, line := range h.Values(name) {
		for part := range strings.SplitSeq(line, ",") {
			if strings.EqualFold(strings.TrimSpace(part), want) {
				return true
			}
		}
	}
	return false
}

// session is one open socket.
type session struct {
	in  *bufio.Reader
	out io.Writer
}

// closeError ends a session with a close frame. Code 0 is a close without a code.
type closeError struct {
	code   uint16
	reason string
}

func (e *closeError) Error() string { return "websocket closed: " + e.reason }

func (e *closeError) payload() []byte {
	if e.code == 0 {
		return nil
	}
	return append(binary.BigEndian.AppendUint16(nil, e.code), e.reason...)
}

// run echoes until the socket ends.
func (s session) run() error {
	var message []byte
	var kind byte // of the open message; 0 between messages
	for {
		f, err := readFrame(s.in)
		if err != nil {
			return err
		}
		if f.op >= opClose {
			if err := s.control(f); err != nil {
				return err
			}
			continue
		}
		if (f.op == opContinuation) != (kind != 0) {
			return &closeError{closeProtocol, "a continuation frame is out of place"}
		}
		if f.op != opContinuation {
			kind = f.op
		}
		if len(message)+len(f.payload) > maxMessage {
			return &closeError{closeTooBig, "the message is too long"}
		}
		message = append(message, f.payload...)
		if !f.fin {
			continue
		}
		if kind == opText && !utf8.Valid(message) {
			return &closeError{closeData, "the text is not UTF-8"}
		}
		if err := s.send(kind, message); err != nil {
			return err
		}
		message, kind = nil, 0
	}
}

func (s session) control(f frame) error {
	switch f.op {
	case opPing:
		return s.send(opPong, f.payload)
	case opPong:
		return nil
	case opClose:
		return closing(f.payload)
	}
	return &closeError{closeProtocol, "the opcode is not known"}
}

// closing is the answer to a close frame: the same code and reason (RFC 6455 section 5.5.1).
func closing(payload []byte) error {
	if len(payload) == 0 {
		return &closeError{}
	}
	if len(payload) == 1 {
		return &closeError{closeProtocol, "the close frame is broken"}
	}
	code, reason := binary.BigEndian.Uint16(payload), string(payload[2:])
	if !validCode(code) || !utf8.ValidString(reason) {
		return &closeError{closeProtocol, "the close code is not allowed"}
	}
	return &closeError{code, reason}
}

// validCode reports whether the code may be sent (RFC 6455 section 7.4 and the IANA registry).
func validCode(c uint16) bool {
	switch {
	case c == 1004, c == 1005, c == 1006, c == 1015:
		return false
	case c >= closeNormal && c <= 1014:
		return true
	}
	return c >= 3000 && c <= 4999
}

func (s session) send(op byte, payload []byte) error {
	_, err := s.out.Write(appendFrame(nil, op, payload))
	return err
}
