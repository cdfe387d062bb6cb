package main

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"golang.org/x/net/http/httpguts"
)

// reading is a request as net/http reads it.
type reading struct {
	*http.Request
	body string
}

// readByNetHTTP returns the whole requests in the text, and whether the last of them ends the connection: then a server
// that reads it so closes by itself.
func readByNetHTTP(text string) (all []reading, whole bool) {
	in := bufio.NewReader(strings.NewReader(text))
	for {
		r, err := http.ReadRequest(in)
		if err != nil {
			return all, false
		}
		body, err := io.ReadAll(r.Body)
		if err != nil {
			return all, false
		}
		for _, values := range r.Header {
			for i := range values { // of a folded line net/http keeps the space at its end
				values[i] = strings.TrimRight(values[i], " \t")
			}
		}
		all = append(all, reading{r, string(body)})
		if r.Close {
			return all, true
		}
		if r.Method == http.MethodPost { // net/http's server bears with up to four of these behind one
			ahead, _ := in.Peek(4)
			_, _ = in.Discard(len(ahead) - len(bytes.TrimLeft(ahead, "\r\n")))
		}
	}
}

// equals says what the application saw that is not what net/http reads, or did not see that is.
func (r reading) equals(seen request) error {
	host, _, err := net.SplitHostPort(r.Host)
	if err != nil {
		host = r.Host
	}
	switch {
	case r.Method != seen.method:
		return fmt.Errorf("the method is %q", r.Method)
	case !sameTarget(r.RequestURI, seen.target):
		return fmt.Errorf("the target is %q", r.RequestURI)
	case !strings.EqualFold(strings.TrimSuffix(host, "."), shopHost) || seen.host != shopHost:
		return fmt.Errorf("it is for %q, and the application saw %q", r.Host, seen.host)
	case r.body != seen.body:
		return fmt.Errorf("the body is %q, and the application saw %q", r.body, seen.body)
	}
	for name, values := range seen.trailer {
		if !slices.Equal(values, r.Trailer[name]) {
			return fmt.Errorf("the trailer %s is %q, and the application saw %q", name, r.Trailer[name], values)
		}
	}
	return r.sameHeader(seen.header)
}

// sameTarget reports whether both ask for the same, byte for byte. Of an absolute target the application sees path and
// query; a path that begins with two slashes it may see with some bytes encoded.
func sameTarget(sent, seen string) bool {
	if rest, absolute := strings.CutPrefix(sent, "http://"); absolute {
		if sent = rest[min(len(rest), strings.IndexAny(rest+"/", "/?")):]; !strings.HasPrefix(sent, "/") {
			sent = "/" + sent
		}
	}
	if !strings.HasPrefix(sent, "//") {
		return sent == seen
	}
	a, err := url.PathUnescape(sent)
	b, err2 := url.PathUnescape(seen)
	return a == b && (err == nil) == (err2 == nil)
}

// Fields of a connection, and those that the proxy sets itself: what of them the application sees is for the suites to
// judge.
var ofTheConnection = []string{"Connection", "Content-Length", "Keep-Alive", "Te", "Trailer", "Transfer-Encoding", "Upgrade", "Proxy-Connection",
	"Proxy-Authenticate", "Proxy-Authorization", "Host", "Expect"}

func (r reading) sameHeader(seen http.Header) error {
	for name, values := range seen {
		if sent := r.Header[name]; !ours(name) && !slices.Equal(values, sent) && !(name == "User-Agent" && len(sent) > 0 && values[0] == sent[0]) {
			return fmt.Errorf("the field %s is %q, and the application saw %q", name, sent, values)
		}
	}
	for name, values := range r.Header {
		if _, there := seen[name]; !there && !ours(name) && !httpguts.HeaderValuesContainsToken(r.Header["Connection"], name) &&
			!(name == "User-Agent" && values[0] == "") {
			return fmt.Errorf("the field %s is %q, and the application did not see it", name, values)
		}
	}
	return nil
}

// ours reports whether a field, or one that an application could take for it, is no matter of the client's.
func ours(name string) bool {
	plain := http.CanonicalHeaderKey(strings.Map(func(c rune) rune {
		if c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' {
			return c
		}
		return '-'
	}, name))
	return slices.Contains(ofTheConnection, plain) || strings.HasPrefix(plain, "X-Forwarded-") ||
		slices.Contains([]string{"Forwarded", "X-Real-Ip", "Proxy", "Http2-Settings"}, plain)
}

// TestReadingsDiffer: the comparison sees every kind of difference.
func TestReadingsDiffer(t *testing.T) {
	t.Parallel()
	text := "POST /a?b HTTP/1.1\r\nHost: " + shopHost + "\r\nA: 1\r\nA: 2\r\nX-Forwarded-For: 6\r\nContent-Length: 2\r\n\r\nxy"
	all, _ := readByNetHTTP(text)
	if len(all) != 1 {
		t.Fatalf("%d requests", len(all))
	}
	same := func() request {
		return request{method: "POST", target: "/a?b", host: shopHost, body: "xy", header: http.Header{"A": {"1", "2"}, "X-Forwarded-For": {"127.0.0.1"}}}
	}
	if err := all[0].equals(same()); err != nil {
		t.Error(err)
	}
	for name, change := range map[string]func(*request){
		"method":            func(r *request) { r.method = "GET" },
		"target":            func(r *request) { r.target = "/a" },
		"host":              func(r *request) { r.host = "other.test" },
		"body":              func(r *request) { r.body = "x" },
		"a value less":      func(r *request) { r.header["A"] = []string{"1"} },
		"no field":          func(r *request) { delete(r.header, "A") },
		"a field more":      func(r *request) { r.header["B"] = []string{"1"} },
		"a trailer of none": func(r *request) { r.trailer = http.Header{"C": {"1"}} },
	} {
		r := same()
		if change(&r); all[0].equals(r) == nil {
			t.Errorf("it does not see another %s", name)
		}
	}
}
