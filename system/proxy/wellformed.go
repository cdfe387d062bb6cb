package proxy

import (
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// misformed returns the status to refuse a request with that net/http lets by and that something behind us could
// understand in another way, or 0.
func (x *exchange) misformed() int {
	if expect, asked := x.in.Header["Expect"]; asked && (len(expect) != 1 || !strings.EqualFold(expect[0], "100-continue")) {
		return http.StatusExpectationFailed // net/http looks for the token anywhere in it
	}
	if fieldsOf(x.in.Header) > x.server.options.limits.fields {
		return http.StatusRequestHeaderFieldsTooLarge
	}
	if x.in.ProtoMajor >= 2 && (!x.oneHost() || !strings.HasPrefix(x.in.RequestURI, "/") || !x.trueLength()) {
		return http.StatusBadRequest
	}
	return 0
}

// fieldsOf counts them. net/http limits their size alone, and what is behind us may count too: an application that has
// room for a hundred answers for the hundred and first as it likes.
func fieldsOf(h http.Header) int {
	n := 0
	for _, values := range h {
		n += len(values)
	}
	return n
}

// oneHost reports whether Host, where HTTP/2 has it beside :authority, says the same (RFC 9113 section 8.3.1).
func (x *exchange) oneHost() bool {
	for _, host := range x.in.Header["Host"] {
		if host != x.in.Host {
			return false
		}
	}
	return true
}

// trueLength reports whether the Content-Length of a request of HTTP/2 can be that of its body (RFC 9113 section 8.1.1).
// net/http takes what is no number for 0, and compares only as the body comes; a request that says 0 is passed on as one
// without a body before that.
func (x *exchange) trueLength() bool {
	lengths := x.in.Header["Content-Length"]
	if len(lengths) == 0 {
		return true
	}
	n, err := strconv.ParseUint(lengths[0], 10, 63)
	if err != nil || len(lengths) > 1 || x.in.ContentLength != int64(n) { // 0 when the stream has ended already
		return false
	}
	if n > 0 {
		return true
	}
	_ = x.control.SetReadDeadline(time.Now().Add(x.patience()))
	got, err := io.ReadFull(x.in.Body, make([]byte, 1))
	_ = x.control.SetReadDeadline(time.Time{})
	return got == 0 && err == io.EOF
}
