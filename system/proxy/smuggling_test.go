package proxy

import (
	"bufio"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"
)

// TestADoubtfulRequestIsTheLastOfItsConnection: see doubtful.
func TestADoubtfulRequestIsTheLastOfItsConnection(t *testing.T) {
	t.Parallel()
	app := echoServer(t)
	i := serve(t, Config{Sites: []Site{testSite(app.URL, names("a.test"))}})
	for _, one := range []string{
		"POST / HTTP/1.1\r\nHost: a.test\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\n\r\n",
		"POST / HTTP/1.0\r\nHost: a.test\r\nConnection: keep-alive\r\nTransfer-Encoding: chunked\r\n\r\n",
		"GET / HTTP/1.0\r\nHost: a.test\r\nConnection: keep-alive\r\n\r\n",
	} {
		for _, conn := range []net.Conn{i.dialPlain(t), i.dialTLS(t, "a.test")} {
			_ = conn.SetDeadline(time.Now().Add(patience))
			_, _ = io.WriteString(conn, one+one)
			if answers := responses(conn); len(answers) != 2 || answers[1] != 0 {
				t.Errorf("%q: answers %v", one, answers)
			}
		}
	}
}

// TestSmuggling sends requests that two parsers could read differently. Whatever comes out, the upstream must never
// see the request that is hidden in the body of another.
func TestSmuggling(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	var seen []string
	app := appServer(t, func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		mu.Lock()
		seen = append(seen, r.Method+" "+r.RequestURI)
		mu.Unlock()
	})
	i := serve(t, Config{Sites: []Site{testSite(app, names("a.test"))}})
	const hidden = "GET /hidden HTTP/1.1\r\nHost: a.test\r\n\r\n"
	const zero = "0\r\n\r\n"
	cases := map[string]string{
		"CL.TE":               "Content-Length: 45\r\nTransfer-Encoding: chunked\r\n\r\n" + zero + hidden,
		"TE.CL":               "Transfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\n2c\r\n" + hidden + "\r\n" + zero,
		"two lengths":         "Content-Length: 0\r\nContent-Length: 40\r\n\r\n" + hidden,
		"length list":         "Content-Length: 0, 40\r\n\r\n" + hidden,
		"length sign":         "Content-Length: +40\r\n\r\n" + hidden,
		"length hex":          "Content-Length: 0x28\r\n\r\n" + hidden,
		"length minus":        "Content-Length: -1\r\n\r\n" + hidden,
		"TE twice":            "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n" + zero + hidden,
		"TE list":             "Transfer-Encoding: identity, chunked\r\n\r\n" + zero + hidden,
		"TE tab":              "Transfer-Encoding:\tchunked\r\nContent-Length: 45\r\n\r\n" + zero + hidden,
		"TE space":            "Transfer-Encoding : chunked\r\nContent-Length: 45\r\n\r\n" + zero + hidden,
		"TE x":                "Transfer-Encoding: xchunked\r\nContent-Length: 0\r\n\r\n" + zero + hidden,
		"TE vertical tab":     "Transfer-Encoding: \x0bchunked\r\n\r\n" + zero + hidden,
		"folded":              "X: y\r\n Transfer-Encoding: chunked\r\nContent-Length: 45\r\n\r\n" + zero + hidden,
		"bare LF chunk":       "Transfer-Encoding: chunked\r\n\r\n0\n\r\n" + hidden,
		"bare CR":             "X: y\rTransfer-Encoding: chunked\r\nContent-Length: 45\r\n\r\n" + zero + hidden,
		"chunk size sign":     "Transfer-Encoding: chunked\r\n\r\n+0\r\n\r\n" + hidden,
		"chunk size overflow": "Transfer-Encoding: chunked\r\n\r\n10000000000000000\r\n\r\n" + hidden,
		"NUL":                 "X: a\x00b\r\nContent-Length: 45\r\n\r\n" + zero + hidden,
		"two hosts":           "Host: b.test\r\nContent-Length: 45\r\n\r\n" + zero + hidden,
		"upgrade and body":    "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: " + wsKey + "\r\nContent-Length: 45\r\n\r\n" + zero + hidden,
	}
	for name, rest := range cases {
		mu.Lock()
		seen = nil
		mu.Unlock()
		conn := i.dialTLS(t, "a.test")
		_ = conn.SetDeadline(time.Now().Add(patience))
		// The second request ends the connection, so that reading to the end does not have to wait.
		_, _ = io.WriteString(conn, "POST /outer HTTP/1.1\r\nHost: a.test\r\n"+rest+"GET /end HTTP/1.1\r\nHost: a.test\r\nConnection: close\r\n\r\n")
		_ = conn.CloseWrite()
		answers := responses(conn)
		mu.Lock()
		for _, request := range seen {
			if strings.Contains(request, "hidden") {
				t.Errorf("%s: the upstream saw %v, the client %v", name, seen, answers)
			}
		}
		mu.Unlock()
	}
}

// responses reads the status of every response until the end.
func responses(conn net.Conn) []int {
	var all []int
	in := bufio.NewReader(conn)
	for {
		response, err := http.ReadResponse(in, nil)
		if err != nil {
			return append(all, 0)
		}
		_, _ = io.Copy(io.Discard, response.Body)
		response.Body.Close()
		all = append(all, response.StatusCode)
	}
}
