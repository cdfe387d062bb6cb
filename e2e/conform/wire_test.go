package main

import (
	"testing"
)

// TestReadStrictly: whole requests are measured, half ones waited for, and what can be read in two ways is told.
func TestReadStrictly(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		text string
		n    int // -1: it is wrong
	}{
		{"GET / HTTP/1.1\r\nHost: a\r\n\r\n", 27},
		{"GET / HTTP/1.1\r\nHost: a\r\n", 0},
		{"GET /%00?a=b#c HTTP/1.1\r\nHost: a\r\n\r\n", -1},
		{"GET /é HTTP/1.1\r\nHost: a\r\n\r\nGET", 29},
		{"GET /\xff HTTP/1.1\r\nHost: a\r\n\r\n", 28},
		{"GET https://a/ HTTP/1.1\r\nHost: a\r\n\r\n", -1},
		{"GET / HTTP/1.1\r\n\r\n", -1},
		{"GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n", -1},
		{"GET / HTTP/1.1\nHost: a\r\n\r\n", -1},
		{"GET / HTTP/1.1\r\nHost: a\r\nX : y\r\n\r\n", -1},
		{"GET / HTTP/1.1\r\nHost: a\r\nX: \x00\r\n\r\n", -1},
		{"GET / HTTP/1.1\r\nHost: a\r\nX: a\r\n b\r\n\r\n", -1},
		{"GET / HTTP/1.1\r\nHost: a\r\nExpect: y 100-continue\r\n\r\n", -1},
		{"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nx=1GET", 50},
		{"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nx=", 0},
		{"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: +3\r\n\r\nx=1", -1},
		{"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", -1},
		{"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", -1},
		{"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nx=1\r\n0\r\n\r\nGET", 69},
		{"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nx=1\r\n0\r\n", 0},
		{"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nx=1XX0\r\n\r\n", -1},
		{"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n+3\r\nx=1\r\n0\r\n\r\n", -1},
		{"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nHost: b\r\n\r\n", -1},
	} {
		n, _, err := readStrictly([]byte(c.text))
		if err != nil {
			n = -1
		}
		if n != c.n {
			t.Errorf("%q: %d (%v), want %d", c.text, n, err, c.n)
		}
	}
}
