package proxy

import (
	"bytes"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
)

// answers follows the answers of an upstream in a byte stream, only as far as it takes to know where one ends. What comes
// behind the end was asked for by nobody; net/http can take it for the answer to the next request on the connection,
// which is somebody else's.
type answers struct {
	state    answerState
	bodiless bool   // it is the answer to HEAD
	head     []byte // of an answer, as far as it has come
	left     uint64 // bytes of a body still to come
	chunks   chunks
}

type answerState int

const (
	unasked  answerState = iota // nothing may come
	inHead                      // the head of an answer comes
	inBody                      // a body of known length
	inChunks                    // a chunked body
	untilEnd                    // whatever comes until the connection ends
)

var errUnasked = errors.New("the upstream sends what nobody asked for")

// expect says that a request is about to be sent.
func (a *answers) expect(head bool) { a.state, a.bodiless = inHead, head }

// follow returns how many of the bytes belong to answers that were asked for. The error says what is wrong behind them:
// then the connection cannot be used any more.
func (a *answers) follow(p []byte) (n int, err error) {
	for n < len(p) && err == nil {
		var step int
		switch a.state {
		case unasked:
			return n, errUnasked
		case inHead:
			step, err = a.followHead(p[n:])
		case inBody:
			step = int(min(a.left, uint64(len(p)-n)))
			if a.left -= uint64(step); a.left == 0 {
				a.state = unasked
			}
		case inChunks:
			var end bool
			if step, end, err = a.chunks.follow(p[n:]); end {
				a.state = unasked
			}
		case untilEnd:
			return len(p), nil
		}
		n += step
	}
	return n, err
}

// followHead takes the head, and decides what comes behind it.
func (a *answers) followHead(p []byte) (int, error) {
	had := len(a.head)
	a.head = append(a.head, p...)
	size := headSize(a.head)
	if size == 0 {
		if len(a.head) > maxUpstreamHeader {
			return 0, errors.New("the head of the upstream's answer is too long")
		}
		return len(p), nil
	}
	h, err := readAnswerHead(a.head[:size])
	a.head = a.head[:0]
	if err != nil {
		return 0, err
	}
	switch {
	case h.status == http.StatusSwitchingProtocols:
		a.state = untilEnd
	case h.status < http.StatusOK: // another one follows
	case a.bodiless || h.status == http.StatusNoContent || h.status == http.StatusNotModified:
		a.state = unasked
	case h.chunked:
		a.state, a.chunks = inChunks, chunks{}
	case !h.measured:
		a.state = untilEnd
	case h.length == 0:
		a.state = unasked
	default:
		a.state, a.left = inBody, h.length
	}
	return size - had, nil
}

// headSize is the length of a head with the empty line that ends it; 0 when that has not come yet.
func headSize(b []byte) int {
	for at := 0; ; {
		i := bytes.IndexByte(b[at:], '\n')
		if i < 0 {
			return 0
		}
		if line := b[at : at+i]; at > 0 && (len(line) == 0 || string(line) == "\r") {
			return at + i + 1
		}
		at += i + 1
	}
}

// answerHead is what the head of an answer says of its end.
type answerHead struct {
	status   int
	measured bool // there is a Content-Length
	length   uint64
	chunked  bool
}

// readAnswerHead reads a head. What two readers could understand differently is an error (RFC 9112 section 6.3); what is
// wrong otherwise is left to net/http, which reads it too.
func readAnswerHead(head []byte) (answerHead, error) {
	var h answerHead
	first, rest, _ := strings.Cut(string(head), "\n")
	proto, words, _ := strings.Cut(strings.TrimSuffix(first, "\r"), " ")
	code, _, _ := strings.Cut(words, " ")
	status, err := strconv.ParseUint(code, 10, 16)
	if err != nil || len(code) != 3 || status < 100 || proto != "HTTP/1.1" && proto != "HTTP/1.0" {
		return h, fmt.Errorf("the upstream's status line is none: %.60q", first)
	}
	h.status = int(status)
	for line := range strings.SplitSeq(rest, "\n") {
		line = strings.TrimSuffix(line, "\r")
		if strings.ContainsAny(line, "\r\x00") || line != "" && (line[0] == ' ' || line[0] == '\t') {
			return h, fmt.Errorf("a line of the upstream's answer can be read in two ways: %.60q", line)
		}
		name, value, _ := strings.Cut(line, ":")
		if err := h.take(name, strings.Trim(value, " \t")); err != nil {
			return h, err
		}
	}
	if h.chunked && (h.measured || proto == "HTTP/1.0") {
		return h, errors.New("the upstream's answer has chunks where it has a length, or may have none")
	}
	return h, nil
}

// take looks at a field.
func (h *answerHead) take(name, value string) error {
	trimmed := strings.TrimSpace(name)
	if len(trimmed) != len("Content-Length") && len(trimmed) != len("Transfer-Encoding") {
		return nil // the usual case
	}
	switch plainName(trimmed) {
	case "Transfer-Encoding":
		if h.chunked || !strings.EqualFold(name, "Transfer-Encoding") || !strings.EqualFold(value, "chunked") {
			return fmt.Errorf("the upstream's answer has the %.40q %.40q", name, value)
		}
		h.chunked = true
	case "Content-Length":
		n, err := strconv.ParseUint(value, 10, 63)
		if err != nil || !strings.EqualFold(name, "Content-Length") || h.measured && n != h.length {
			return fmt.Errorf("the upstream's answer has the %.40q %.40q", name, value)
		}
		h.measured, h.length = true, n
	}
	return nil
}
