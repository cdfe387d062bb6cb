package proxy

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/c93d5bcb/sslwizard/steps"
)

// FuzzEngines has both engines read the same bytes of a client: what the client gets, and what the application is asked, has
// to be the same. The application answers with what it was asked.
func FuzzEngines(f *testing.F) {
	const host = " HTTP/1.1\r\nHost: a.test\r\n"
	for _, text := range []string{
		"GET /" + host, "POST /x" + host + "Content-Length: 2\r\n\r\nab", "POST /" + host + "Transfer-Encoding: chunked\r\n\r\n2;a=b\r\nab\r\n0\r\n",
		"HEAD /" + host + "Cookie: a=b\r\nConnection: Cookie\r\n", "GET //a/../b?c#d" + host + "X-Forwarded-For: 6.6.6.6\r\nTE: trailers\r\n",
		"GET http://a.test/x" + host, "OPTIONS *" + host, "POST /" + host + "Expect: 100-continue\r\nContent-Length: 1\r\n\r\na",
		"GET / HTTP/1.0\r\nHost: a.test\r\n", "GET / HTTP/1.1\r\nHost : a.test\r\n", "POST /" + host + "Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n",
		"GET /%zz" + host + " folded: x\r\n", "GET /\x00" + host, "PUT /" + host + "Content-Length: 1, 1\r\n\r\na", "G@T /" + host, "GET /" + host + "Upgrade: websocket\r\nConnection: Upgrade\r\n",
		"POST /" + host + "Transfer-Encoding: chunked\r\nTrailer: X-A\r\n\r\n0\r\nX-A: b\r\n", "GET / HTTP/1.1\r\nHost: a.test\xad\xa1\r\n", "GET /a\\b|c" + host + "Content-Length: 0\r\nAccept: x\r\naccept: y\r\n",
	} {
		f.Add([]byte(text))
	}
	app := asked(f)
	var engines [2]*instance
	for n, name := range []string{EngineStd, EngineLoop} {
		engines[n] = &instance{Server: New(Options{Engine: name}), served: make(chan error, 1)}
		engines[n].start(f, Config{Sites: []Site{testSite(app, names("a.test"), func(s *steps.Site) { s.Redirect.Enabled = false; s.Proxy.MaxBody = 100_000 })}})
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		if len(text) > 4<<10 {
			return
		}
		want, ended := told(t, engines[0].plain, text)
		got, alsoEnded := told(t, engines[1].plain, text)
		if ended && alsoEnded && !slices.Equal(got, want) && !stricter(text, got, want) { // else one waits for more, and there is a time-out to tell of
			t.Errorf("%q:\nstd:\n%s\nloop:\n%s", text, strings.Join(want, "\n"), strings.Join(got, "\n"))
		}
	})
}

// stricter reports whether the loop refuses a chunked body that net/http is lenient about; up to there both agree.
func stricter(text []byte, got, want []string) bool {
	last := len(got) - 1
	return last >= 0 && last <= len(want) && strings.HasPrefix(got[last], "400 ") && slices.Equal(got[:last], want[:last]) &&
		bytes.Contains(bytes.ToLower(text), []byte("chunked"))
}

// asked is an application that answers with what it was asked.
func asked(t testing.TB) string {
	l := listen(t)
	server := &http.Server{DisableGeneralOptionsHandler: true, ReadHeaderTimeout: patience, Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		fmt.Fprintf(w, "%s %s %s %v %d %q %v %q", r.Method, r.RequestURI, r.Host, r.TransferEncoding, r.ContentLength, body, err != nil, lines(r.Header))
	})}
	go func() { _ = server.Serve(l) }()
	t.Cleanup(func() { server.Close() })
	return "http://" + l.Addr().String()
}

// moreTime is how long a client waits for more.
const moreTime = 300 * time.Millisecond

// told are the answers to a client that says this, and then asks for the last time, until the connection ends.
func told(t *testing.T, address string, text []byte) (got []string, ended bool) {
	conn, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	_, _ = conn.Write(append(text[:len(text):len(text)], "\r\n\r\nGET /last HTTP/1.1\r\nHost: a.test\r\nConnection: close\r\n\r\n"...))
	in := bufio.NewReader(conn)
	var to *http.Request
	if bytes.HasPrefix(text, []byte("HEAD ")) {
		to = &http.Request{Method: http.MethodHead}
	}
	for {
		_ = conn.SetReadDeadline(time.Now().Add(moreTime))
		response, err := http.ReadResponse(in, to)
		if err != nil {
			return got, !os.IsTimeout(err)
		}
		to = nil
		body, err := io.ReadAll(response.Body)
		if err != nil { // how much there is of what breaks off is a matter of time
			return got, !os.IsTimeout(err)
		}
		if n := len(got); response.StatusCode == http.StatusContinue && n > 0 && strings.HasPrefix(got[n-1], "100 ") {
			continue // the proxy says it, and so does the application: whether that comes in time to be passed on is chance
		}
		got = append(got, fmt.Sprintf("%s %q %v %d close %t, %q", response.Status, lines(response.Header), response.TransferEncoding,
			response.ContentLength, response.Close, body))
	}
}
