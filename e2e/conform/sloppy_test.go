package main

import (
	"bufio"
	"strings"
	"testing"
)

// TestReadSloppily: the lenient back end makes the mistakes that it is there for.
func TestReadSloppily(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ text, line, body string }{
		{"GET / HTTP/1.1\nHost: a\n\n", "GET /", ""},
		{"\r\n\r\nGET /x HTTP/1.1\r\nHost: a\r\n\r\n", "GET /x", ""},
		{"POST / HTTP/1.1\r\nContent-Length : +3\r\n\r\nx=1", "POST /", "x=1"},
		{"POST / HTTP/1.1\r\nContent_Length: 3\r\n\r\nx=1", "POST /", "x=1"},
		{"POST / HTTP/1.1\r\nX: y\r\n Content-Length: 3\r\n\r\nx=1", "POST /", "x=1"},
		{"POST / HTTP/1.1\r\nTransfer-Encoding: xchunked\r\n\r\n3\nx=1\n0\n\n", "POST /", "x=1"},
		{"POST / HTTP/1.1\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nx=1\r\n0\r\n\r\n", "POST /", "3"},
	} {
		r, err := readSloppily(bufio.NewReader(strings.NewReader(c.text)))
		if err != nil || r.line() != c.line || r.body != c.body || !r.whole {
			t.Errorf("%q is read as %q with %q (%v)", c.text, r.line(), r.body, err)
		}
	}
}
