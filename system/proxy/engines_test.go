package proxy

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/c93d5bcb/sslwizard/steps"
)

// scripted is an application that answers each path byte for byte as it is told, and keeps what it was asked.
type scripted struct {
	address string
	answers map[string]string
	seen    chan string
}

func newScripted(t *testing.T, answers map[string]string) *scripted {
	t.Helper()
	l := listen(t)
	t.Cleanup(func() { l.Close() })
	s := &scripted{address: "http://" + l.Addr().String(), answers: answers, seen: make(chan string, 100)}
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go s.serve(conn)
		}
	}()
	return s
}

func (s *scripted) serve(conn net.Conn) {
	defer conn.Close()
	in := bufio.NewReader(conn)
	for {
		r, err := http.ReadRequest(in)
		if err != nil {
			return
		}
		body, err := io.ReadAll(r.Body)
		s.seen <- fmt.Sprintf("%s %s %s %v %d bytes %v %v %v", r.Method, r.RequestURI, r.Host, r.TransferEncoding, len(body), err, lines(r.Header), r.ContentLength)
		answer, known := s.answers[r.URL.Path]
		if !known {
			answer = "HTTP/1.1 200 OK\r\nContent-Type: a/b\r\nContent-Length: 4\r\n\r\nfine"
		}
		_, _ = io.WriteString(conn, answer)
		if strings.HasSuffix(r.URL.Path, "-end") {
			return
		}
	}
}

// lines are the fields in an order that does not change; times do.
func lines(h http.Header) (all []string) {
	for name, values := range h {
		for _, value := range values {
			if name != "Date" {
				all = append(all, name+": "+value)
			}
		}
	}
	slices.Sort(all)
	return all
}

// conversationWith says what a client gets for its bytes until the connection ends, and what the application was asked.
func conversationWith(t *testing.T, i *instance, s *scripted, secure bool, text string) (got []string) {
	t.Helper()
	conn := net.Conn(nil)
	if secure {
		conn = i.dialTLS(t, "a.test")
	} else {
		conn = i.dialPlain(t)
	}
	_ = conn.SetDeadline(time.Now().Add(patience))
	_, _ = io.WriteString(conn, text)
	in := bufio.NewReader(conn)
	toHEAD := strings.HasPrefix(text, "HEAD ")
	for {
		var asked *http.Request
		if toHEAD {
			asked = &http.Request{Method: http.MethodHead}
		}
		toHEAD = false
		response, err := http.ReadResponse(in, asked)
		if err != nil {
			break
		}
		body, err := io.ReadAll(response.Body)
		got = append(got, fmt.Sprintf("got %s %v %v %d close %t, %q %v trailers %v", response.Status, lines(response.Header), response.TransferEncoding,
			response.ContentLength, response.Close, body, err, response.Trailer))
	}
	for {
		select {
		case asked := <-s.seen:
			got = append(got, "asked "+asked)
			continue
		case <-time.After(10 * time.Millisecond):
		}
		// How much there is of what breaks off is a matter of time. And net/http asks once more after an answer that it does
		// not understand.
		got = slices.DeleteFunc(got, func(line string) bool { return strings.Contains(line, io.ErrUnexpectedEOF.Error()) })
		return slices.Compact(got)
	}
}

// TestEnginesAgree: what the loop does is what net/http does, for the client and for the application.
func TestEnginesAgree(t *testing.T) {
	t.Parallel()
	const typed = "Content-Type: a/b\r\n"
	answers := map[string]string{
		"/chunks":       "HTTP/1.1 200 OK\r\n" + typed + "Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2;x=y\r\nde\r\n0\r\n\r\n",
		"/trailers":     "HTTP/1.1 200 OK\r\n" + typed + "Transfer-Encoding: chunked\r\nTrailer: X-Sum\r\n\r\n1\r\na\r\n0\r\nX-Sum: 1\r\n\r\n",
		"/until-end":    "HTTP/1.1 200 OK\r\n" + typed + "\r\nabc",
		"/http10-end":   "HTTP/1.0 200 OK\r\n" + typed + "\r\nabc",
		"/short-end":    "HTTP/1.1 200 OK\r\n" + typed + "Content-Length: 10\r\n\r\nabc",
		"/broken-end":   "HTTP/1.1 200 OK\r\n" + typed + "Transfer-Encoding: chunked\r\n\r\n9\r\nabc",
		"/none-end":     "",
		"/half-end":     "HTTP/1.1 200 OK\r\nContent-",
		"/garbage-end":  "SSH-2.0-OpenSSH\r\n\r\n",
		"/two-end":      "HTTP/1.1 200 OK\r\n" + typed + "Content-Length: 1\r\nContent-Length: 2\r\n\r\nab",
		"/early":        "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 200 OK\r\n" + typed + "Content-Length: 1\r\n\r\na",
		"/nothing":      "HTTP/1.1 204 No Content\r\nX-A: b\r\n\r\n",
		"/unmodified":   "HTTP/1.1 304 Not Modified\r\nEtag: \"x\"\r\n\r\n",
		"/hop":          "HTTP/1.1 200 OK\r\n" + typed + "Connection: X-Hop\r\nX-Hop: a\r\nKeep-Alive: b\r\nProxy-Authenticate: c\r\nX-End: d\r\nContent-Length: 1\r\n\r\na",
		"/hsts":         "HTTP/1.1 200 OK\r\n" + typed + "strict-transport-security: max-age=1\r\nContent-Length: 1\r\n\r\na",
		"/close-end":    "HTTP/1.1 200 OK\r\n" + typed + "Connection: close\r\nContent-Length: 1\r\n\r\na",
		"/switches-end": "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n",
		"/cookies":      "HTTP/1.1 200 OK\r\n" + typed + "Set-Cookie: a=b\r\nSet-Cookie: c=d\r\nContent-Length: 1\r\n\r\na",
		"/empty":        "HTTP/1.1 200 OK\r\n" + typed + "Content-Length: 0\r\n\r\n",
		"/error":        "HTTP/1.1 500 Internal Server Error\r\n" + typed + "Content-Length: 1\r\n\r\na",
	}
	const host = " HTTP/1.1\r\nHost: a.test\r\n"
	const last = "GET /last" + host + "Connection: close\r\n\r\n"
	var texts []string
	for path := range answers {
		texts = append(texts, "GET "+path+host+"\r\n"+last, "HEAD "+path+host+"\r\n"+last, "POST "+path+host+"Content-Length: 2\r\n\r\nab"+last,
			"POST "+path+host+"Transfer-Encoding: chunked\r\n\r\n2\r\nab\r\n0\r\n\r\n")
	}
	texts = append(texts,
		"GET /"+host+"Connection: close\r\n\r\n"+last,
		"GET /"+host+"connection: X-A, CLOSE\r\nX-A: b\r\n\r\n"+last,
		"GET /"+host+"X-Forwarded-For: 6.6.6.6\r\nx_forwarded_proto: x\r\nForwarded: for=x\r\nX-Real-IP: 6.6.6.6\r\nUser-Agent: a\r\nTE: trailers\r\n\r\n"+last,
		"GET /"+host+"Cookie: a=b\r\nCookie: c=d\r\nAccept: x, y\r\nProxy-Authorization: z\r\nKeep-Alive: 1\r\n\r\n"+last,
		"POST /"+host+"\r\n"+last, "DELETE /"+host+"\r\n"+last, "PUT /"+host+"Content-Length: 0\r\n\r\n"+last, "BREW /x%20y?z"+host+"\r\n"+last,
		"GET /%zz"+host+"\r\n"+last, "GET http://a.test/x"+host+"\r\n"+last, "GET https://a.test/x"+host+"\r\n"+last, "OPTIONS *"+host+"\r\n"+last,
		"GET / HTTP/1.1\r\n\r\n", "GET / HTTP/1.1\r\nHost: b.test\r\n\r\n"+last, "GET / HTTP/1.1\r\nHost: a.test\r\nHost: a.test\r\n\r\n",
		"GET / HTTP/1.0\r\nHost: a.test\r\n\r\n", "GET / HTTP/1.0\r\nHost: a.test\r\nConnection: keep-alive\r\n\r\n"+last,
		"TRACE /"+host+"\r\n"+last, "CONNECT a.test:443"+host+"\r\n"+last, "GET /a b"+host+"\r\n", "GET /"+host+"X : y\r\n\r\n",
		"POST /"+host+"Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", "POST /"+host+"Content-Length: +2\r\n\r\nab"+last,
		"POST /"+host+"Content-Length: 200000\r\n\r\n", "GET /.well-known/acme-challenge/x"+host+"\r\n"+last,
		"POST /"+host+"Expect: 100-continue\r\nContent-Length: 2\r\n\r\nab"+last, "POST /"+host+"Expect: x\r\nContent-Length: 2\r\n\r\nab"+last,
		"POST /"+host+"Transfer-Encoding: chunked\r\n\r\nzz\r\n", "POST /"+host+"Transfer-Encoding: chunked\r\n\r\n2\r\nabc\r\n0\r\n\r\n",
	)
	var apps [2]*scripted
	var engines [2]*instance
	for n, name := range []string{EngineStd, EngineLoop} {
		apps[n] = newScripted(t, answers)
		engines[n] = serveOn(t, name, Config{Sites: []Site{testSite(apps[n].address, names("a.test"), func(s *steps.Site) {
			s.Redirect.Enabled = false
			s.SSL.HSTS.MaxAge = time.Hour
			s.Proxy.MaxBody = 100_000
		})}}, nil, ordinary)
	}
	slices.Sort(texts)
	for _, text := range texts {
		for _, secure := range []bool{false, true} {
			want := conversationWith(t, engines[0], apps[0], secure, text)
			got := conversationWith(t, engines[1], apps[1], secure, text)
			if !slices.Equal(got, want) {
				t.Errorf("TLS %t, %q:\nstd:  %s\nloop: %s", secure, text, strings.Join(want, "\n      "), strings.Join(got, "\n      "))
			}
		}
	}
}
