package h1

import (
	"bufio"
	"errors"
	"io"
	"maps"
	"net/http"
	"net/textproto"
	"slices"
	"strings"
	"testing"
)

// requestTexts are requests, and the status that each is refused with; 0: it is taken.
var requestTexts = map[string]int{
	"GET / HTTP/1.1\r\nHost: a.test\r\n\r\n":                                                                 0,
	"GET / HTTP/1.0\r\n\r\n":                                                                                 0,
	"OPTIONS * HTTP/1.1\r\nHost: a.test\r\n\r\n":                                                             0,
	"GET /\xc3\xa4?b#c HTTP/1.1\r\nHost: a.test\r\n\r\n":                                                     400,
	"GET /\xc3\xa4?b HTTP/1.1\r\nHost:a.test \t\r\nX:\t \r\nCookie: a\r\nCookie: b\r\n\r\n":                  0,
	"POST / HTTP/1.1\r\nHost: a.test\r\nContent-Length: 3\r\n\r\nabc":                                        0,
	"POST / HTTP/1.1\r\nHost: a.test\r\nTransfer-Encoding: Chunked\r\n\r\n3;x=y\r\nabc\r\n0\r\nT: u\r\n\r\n": 0,
	"PUT / HTTP/1.1\r\nHost: a.test\r\nExpect: 100-Continue\r\nContent-Length: 1\r\n\r\nx":                   0,

	"GET / HTTP/1.1\r\n\r\n":                                                                 400,
	"GET / HTTP/1.1\r\nHost: a.test\r\nHost: a.test\r\n\r\n":                                 400,
	"GET / HTTP/1.1\nHost: a.test\n\n":                                                       400,
	"GET / HTTP/1.1\r\nHost: a.test\n\r\n":                                                   400,
	"\r\nGET / HTTP/1.1\r\nHost: a.test\r\n\r\n":                                             400,
	"GET  / HTTP/1.1\r\nHost: a.test\r\n\r\n":                                                400,
	"GET / HTTP/1.1 \r\nHost: a.test\r\n\r\n":                                                400,
	"GET /a b HTTP/1.1\r\nHost: a.test\r\n\r\n":                                              400,
	"G(T / HTTP/1.1\r\nHost: a.test\r\n\r\n":                                                 400,
	"GET /\r\nHost: a.test\r\n\r\n":                                                          400,
	"GET / HTTP/2.0\r\nHost: a.test\r\n\r\n":                                                 505,
	"GET / HTTP/1.2\r\nHost: a.test\r\n\r\n":                                                 505,
	"GET / http/1.1\r\nHost: a.test\r\n\r\n":                                                 400,
	"GET / HTTP/1.1\r\nHost: a.test\r\n X: y\r\n\r\n":                                        400,
	"GET / HTTP/1.1\r\nHost: a.test\r\nX : y\r\n\r\n":                                        400,
	"GET / HTTP/1.1\r\nHost: a.test\r\nX\r\n\r\n":                                            400,
	"GET / HTTP/1.1\r\nHost: a.test\r\n: y\r\n\r\n":                                          400,
	"GET / HTTP/1.1\r\nHost: a.test\r\nX: a\rb\r\n\r\n":                                      400,
	"GET / HTTP/1.1\r\nHost: a.test\r\nX: a\x00b\r\n\r\n":                                    400,
	"GET / HTTP/1.1\r\nHost: a.test\r\nX: a\x7fb\r\n\r\n":                                    400,
	"GET / HTTP/1.1\r\nHost: a.test\r\nExpect: 200-ok\r\n\r\n":                               417,
	"GET / HTTP/1.1\r\nHost: a.test\r\nExpect: 100-continue\r\nExpect: 100-continue\r\n\r\n": 417,

	"POST / HTTP/1.1\r\nHost: a.test\r\nContent-Length: 3\r\nContent-Length: 3\r\n\r\nabc":                         400,
	"POST / HTTP/1.1\r\nHost: a.test\r\nContent-Length: 3, 3\r\n\r\nabc":                                           400,
	"POST / HTTP/1.1\r\nHost: a.test\r\nContent-Length: +3\r\n\r\nabc":                                             400,
	"POST / HTTP/1.1\r\nHost: a.test\r\nContent-Length: 0x3\r\n\r\nabc":                                            400,
	"POST / HTTP/1.1\r\nHost: a.test\r\nContent-Length:\r\n\r\nabc":                                                400,
	"POST / HTTP/1.1\r\nHost: a.test\r\nContent-Length: 99999999999999999999\r\n\r\n":                              400,
	"POST / HTTP/1.1\r\nHost: a.test\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n":          400,
	"POST / HTTP/1.1\r\nHost: a.test\r\nTransfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n":          400,
	"POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n":                                               400,
	"POST / HTTP/1.1\r\nHost: a.test\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n":                         501,
	"POST / HTTP/1.1\r\nHost: a.test\r\nTransfer-Encoding: \x0bchunked\r\n\r\n0\r\n\r\n":                           400,
	"POST / HTTP/1.1\r\nHost: a.test\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n": 400,
}

// TestRequests: each is taken, or refused with its status, however it comes.
func TestRequests(t *testing.T) {
	t.Parallel()
	for text, want := range requestTexts {
		var r Request
		err := r.Read([]byte(text[:scanned(t, text)]))
		var fault *Fault
		switch {
		case err == nil && want == 0:
		case !errors.As(err, &fault):
			t.Errorf("%q: %v, want a fault of status %d", text, err, want)
		case fault.Status != want:
			t.Errorf("%q: %v, status %d, want %d", text, err, fault.Status, want)
		}
	}
}

// scanned finds the end of the head byte by byte, and at once: it is the same.
func scanned(t *testing.T, text string) int {
	t.Helper()
	var slow, fast Scan
	end := 0
	for n := 1; n <= len(text) && end == 0; n++ {
		end = slow.End([]byte(text[:n]))
	}
	if at := fast.End([]byte(text)); at != end || at == 0 {
		t.Fatalf("%q: the head ends at %d, and byte by byte at %d", text, at, end)
	}
	return end
}

// TestRequestMeans: what a request says of its connection.
func TestRequestMeans(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]struct{ end, upgrade, waits bool }{
		"GET / HTTP/1.1\r\nHost: a\r\n\r\n":                                                               {},
		"GET / HTTP/1.1\r\nHost: a\r\nConnection: x, Close\r\n\r\n":                                       {end: true},
		"GET / HTTP/1.0\r\n\r\n":                                                                          {end: true},
		"GET / HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n":                                                {},
		"GET / HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: x\r\nConnection: Upgrade\r\n\r\n": {upgrade: true},
		"GET / HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\n\r\n":                                         {},
		"GET / HTTP/1.1\r\nHost: a\r\nUpgrade: a\r\nUpgrade: b\r\nConnection: Upgrade\r\n\r\n":            {},
		"GET / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\n\r\n":                                       {},
		"PUT / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 1\r\n\r\n":                  {waits: true},
		"PUT / HTTP/1.0\r\nExpect: 100-continue\r\nContent-Length: 1\r\n\r\n":                             {end: true},
	} {
		var r Request
		if err := r.Read([]byte(text)); err != nil {
			t.Fatalf("%q: %v", text, err)
		}
		_, upgrade := r.Upgrades()
		if r.Close != want.end || upgrade != want.upgrade || r.Continue != want.waits {
			t.Errorf("%q: the last %t, an upgrade %t, waits %t; want %+v", text, r.Close, upgrade, r.Continue, want)
		}
	}
}

// TestPasses: what is about one connection stays there, and so does what Connection names.
func TestPasses(t *testing.T) {
	t.Parallel()
	const text = "GET / HTTP/1.1\r\nHost: a\r\nConnection: x-secret , close\r\nX-Secret: 1\r\nX-Other: 2\r\nKeep-Alive: 3\r\n" +
		"Proxy-Connection: 4\r\nTE: 5\r\nTrailer: 6\r\nUpgrade: 7\r\nContent-Length: 8\r\n\r\n"
	var r Request
	if err := r.Read([]byte(text)); err != nil {
		t.Fatal(err)
	}
	var passed []string
	for _, f := range r.Fields {
		if r.Passes(f) {
			passed = append(passed, string(f.Name))
		}
	}
	if want := []string{"Host", "X-Other", "Content-Length"}; !slices.Equal(passed, want) {
		t.Errorf("%v are passed, want %v", passed, want)
	}
}

// TestRequestIsReused: nothing of a request is left for the next.
func TestRequestIsReused(t *testing.T) {
	t.Parallel()
	var r Request
	first := "PUT /x HTTP/1.1\r\nHost: a\r\nConnection: close, upgrade, x\r\nUpgrade: y\r\nExpect: 100-continue\r\nContent-Length: 1\r\n\r\n"
	second := "GET / HTTP/1.1\r\nHost: b\r\nX: y\r\nUpgrade: y\r\n\r\n"
	if err := errors.Join(r.Read([]byte(first)), r.Read([]byte(second))); err != nil {
		t.Fatal(err)
	}
	if _, upgrades := r.Upgrades(); upgrades || r.Close || r.Continue || r.HasBody() || len(r.Fields) != 3 || !r.Passes(r.Fields[1]) || string(r.Host) != "b" {
		t.Errorf("%+v", r)
	}
}

// FuzzRequest: net/http takes every request that is taken here, and understands it the same way to its last byte.
func FuzzRequest(f *testing.F) {
	for text := range requestTexts {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		var scan Scan
		end := scan.End([]byte(text))
		var r Request
		if end == 0 || r.Read([]byte(text[:end])) != nil {
			return
		}
		in := bufio.NewReaderSize(strings.NewReader(text), 1<<20)
		theirs, err := http.ReadRequest(in)
		if err != nil {
			return // it looks at more than the grammar: the target as a URL, the methods
		}
		compareFields(t, text, &r, theirs)
		body, n, whole := readAll(r.Body(), []byte(text[end:]))
		if !whole {
			return
		}
		got, err := io.ReadAll(theirs.Body)
		rest, _ := io.ReadAll(in)
		if err == nil && (string(got) != string(body) || len(text)-len(rest) != end+n) {
			t.Errorf("%q: the body %q ends at %d, for net/http %q at %d", text, body, end+n, got, len(text)-len(rest))
		}
	})
}

func compareFields(t *testing.T, text string, r *Request, theirs *http.Request) {
	t.Helper()
	ours := http.Header{}
	for _, f := range r.Fields {
		switch f.Kind {
		case Host, ContentLength, TransferEncoding, Trailer:
		default:
			key := textproto.CanonicalMIMEHeaderKey(string(f.Name))
			ours[key] = append(ours[key], string(f.Value))
		}
	}
	for _, name := range []string{"Content-Length", "Trailer"} {
		theirs.Header.Del(name)
	}
	if theirs.Header.Get("Pragma") == "no-cache" && len(ours["Cache-Control"]) == 0 {
		theirs.Header.Del("Cache-Control") // it adds that by itself
	}
	if string(r.Method) != theirs.Method || string(r.Target) != theirs.RequestURI || !maps.EqualFunc(ours, theirs.Header, slices.Equal) {
		t.Errorf("%q: %s %s %v, for net/http %s %s %v", text, r.Method, r.Target, ours, theirs.Method, theirs.RequestURI, theirs.Header)
	}
	if chunked := len(theirs.TransferEncoding) > 0; chunked != (r.Framing == Chunked) || !chunked && theirs.ContentLength != int64(r.Length) {
		t.Errorf("%q: framing %d of %d bytes, for net/http %v of %d", text, r.Framing, r.Length, theirs.TransferEncoding, theirs.ContentLength)
	}
}

// readAll returns the body, how many bytes it took, and whether it has ended.
func readAll(b Body, p []byte) (body []byte, n int, whole bool) {
	if left, known := b.Left(); known && left == 0 {
		return nil, 0, true
	}
	for n < len(p) {
		piece, step, end, err := b.Next(p[n:])
		if err != nil {
			return nil, n, false
		}
		body, n = append(body, piece...), n+step
		if end {
			return body, n, true
		}
	}
	return body, n, false
}
