package main

import (
	"bytes"
	"fmt"
	"net"
	"regexp"
	"strconv"
	"strings"
	"sync"
)

// wire is a connection from a proxy to a back end. It keeps the bytes, for a strict reader: whatever this one has to say
// against them, some other application could have understood otherwise.
type wire struct {
	net.Conn
	mu     sync.Mutex
	bytes  []byte
	ended  bool
	silent bool // nothing more is said of it: it has become something else, or was wrong already
}

func (w *wire) Read(p []byte) (int, error) {
	n, err := w.Conn.Read(p)
	w.mu.Lock()
	defer w.mu.Unlock()
	w.bytes = append(w.bytes, p[:n]...)
	w.ended = w.ended || err != nil
	return n, err
}

func (w *wire) Close() error {
	w.mu.Lock()
	w.ended = true
	w.mu.Unlock()
	return w.Conn.Close()
}

// read says what is wrong in the whole requests that have come, and whether more can come.
func (w *wire) read() (dirt []string, goesOn bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for !w.silent {
		n, upgrade, err := readStrictly(w.bytes)
		if err != nil {
			dirt = append(dirt, err.Error())
			w.silent = true
			break
		}
		if n == 0 {
			break
		}
		w.bytes, w.silent = w.bytes[n:], upgrade
	}
	if w.silent {
		w.bytes = nil
	}
	return dirt, !w.ended
}

// Go's expressions take bytes that are no UTF-8 for one character that is above all others.
const token = "[!#$%&'*+.^_`|~0-9A-Za-z-]+"

var (
	requestLine = regexp.MustCompile("^" + token + ` (/[^\x00-\x20\x7f#]*|\*) HTTP/1\.[01]$`)
	fieldLine   = regexp.MustCompile("^(" + token + `):[ \t]*([^\x00\r\n]*)$`)
	chunkLine   = regexp.MustCompile(`^([0-9A-Fa-f]{1,15})(;[^\x00\r\n]*)?$`)
	digits      = regexp.MustCompile(`^[0-9]+$`)
)

// readStrictly reads one request as RFC 9112 writes it, without any of the liberties that it leaves to a reader. It
// returns how long the request is, 0 when more has to come.
func readStrictly(b []byte) (n int, upgrade bool, err error) {
	head, rest, ok := bytes.Cut(b, []byte("\r\n\r\n"))
	if !ok {
		return 0, false, nil
	}
	lines := strings.Split(string(head), "\r\n")
	if !requestLine.MatchString(lines[0]) {
		return 0, false, fmt.Errorf("the request line %.100q", lines[0])
	}
	fields, err := readFields(lines[1:])
	if err != nil {
		return 0, false, err
	}
	upgrade = len(fields["upgrade"]) > 0
	size, chunked, err := framing(fields)
	if err != nil {
		return 0, false, err
	}
	start := len(b) - len(rest)
	if chunked {
		n, err := chunks(rest)
		if n == 0 || err != nil {
			return 0, upgrade, err
		}
		return start + n, upgrade, nil
	}
	if len(rest) < size {
		return 0, upgrade, nil
	}
	return start + size, upgrade, nil
}

func readFields(lines []string) (map[string][]string, error) {
	fields := map[string][]string{}
	for _, line := range lines {
		m := fieldLine.FindStringSubmatch(line)
		if m == nil {
			return nil, fmt.Errorf("the field line %.100q", line)
		}
		name := strings.ToLower(m[1])
		fields[name] = append(fields[name], strings.TrimRight(m[2], " \t"))
	}
	return fields, nil
}

// framing is how long the body is, and whether it is chunked instead.
func framing(fields map[string][]string) (size int, chunked bool, err error) {
	lengths, codings := fields["content-length"], fields["transfer-encoding"]
	switch expect := fields["expect"]; {
	case len(expect) > 1 || len(expect) == 1 && !strings.EqualFold(expect[0], "100-continue"):
		return 0, false, fmt.Errorf("an Expect of %q", expect)
	case len(fields["host"]) != 1:
		return 0, false, fmt.Errorf("%d Host fields", len(fields["host"]))
	case len(lengths) > 0 && len(codings) > 0:
		return 0, false, fmt.Errorf("a Content-Length beside a Transfer-Encoding")
	case len(lengths) > 1:
		return 0, false, fmt.Errorf("Content-Length %q", lengths)
	case len(lengths) == 1 && !digits.MatchString(lengths[0]):
		return 0, false, fmt.Errorf("Content-Length %q", lengths)
	case len(codings) > 0 && (len(codings) > 1 || !strings.EqualFold(codings[0], "chunked")):
		return 0, false, fmt.Errorf("Transfer-Encoding %q", codings)
	}
	if len(lengths) == 1 {
		size, err = strconv.Atoi(lengths[0])
	}
	return size, len(codings) == 1, err
}

// chunks is how long a chunked body is, 0 when more has to come.
func chunks(b []byte) (int, error) {
	n := 0
	for {
		line, rest, ok := bytes.Cut(b[n:], []byte("\r\n"))
		if !ok {
			return 0, nil
		}
		m := chunkLine.FindSubmatch(line)
		if m == nil {
			return 0, fmt.Errorf("the chunk line %.100q", line)
		}
		size, err := strconv.ParseInt(string(m[1]), 16, 64)
		if err != nil {
			return 0, err
		}
		n += len(line) + 2
		if size == 0 {
			return trailers(b, n)
		}
		if int64(len(rest)) < size+2 {
			return 0, nil
		}
		n += int(size)
		if string(b[n:n+2]) != "\r\n" {
			return 0, fmt.Errorf("%q after a chunk", b[n:n+2])
		}
		n += 2
	}
}

// forbiddenTrailers could change what was understood before (RFC 9110 section 6.5.1).
var forbiddenTrailers = []string{"content-length", "transfer-encoding", "host", "x-forwarded-for", "x-real-ip", "forwarded"}

func trailers(b []byte, n int) (int, error) {
	for {
		line, _, ok := bytes.Cut(b[n:], []byte("\r\n"))
		if !ok {
			return 0, nil
		}
		n += len(line) + 2
		if len(line) == 0 {
			return n, nil
		}
		fields, err := readFields([]string{string(line)})
		if err != nil {
			return 0, err
		}
		for _, name := range forbiddenTrailers {
			if len(fields[name]) > 0 {
				return 0, fmt.Errorf("the trailer %.100q", line)
			}
		}
	}
}
