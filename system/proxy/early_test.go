package proxy

import (
	"bufio"
	"bytes"
	"io"
	"net"
	"net/http"
	"testing"
	"time"

	"github.com/c93d5bcb/sslwizard/steps"
)

// TestAnAnswerBeforeTheBodyEnds: an upstream that answers without reading is heard at once, though the client waits in
// the middle of its body; nothing of the rest is taken for a request.
func TestAnAnswerBeforeTheBodyEnds(t *testing.T) {
	t.Parallel()
	app := appServer(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/read" { // the proxy is in the middle of the body too
			_, _ = io.ReadFull(r.Body, make([]byte, 4))
		}
		_ = http.NewResponseController(w).EnableFullDuplex() // net/http would wait for the body itself
		w.Header().Set("Connection", "close")
		w.Header().Set("Content-Length", "7")
		w.WriteHeader(http.StatusForbidden)
		_, _ = io.WriteString(w, "refused")
	})
	i := serve(t, Config{Sites: []Site{testSite(app, names("a.test"), func(s *steps.Site) { s.Proxy.Timeout = time.Hour })}})
	for _, path := range []string{"/", "/read"} {
		for _, head := range []string{"Content-Length: 1000000\r\n\r\nhalf", "Content-Length: 100\r\n\r\nhalf", "Transfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n"} {
			conn := i.dialTLS(t, "a.test")
			response, body := raw(t, conn, "POST "+path+" HTTP/1.1\r\nHost: a.test\r\n"+head)
			if response.StatusCode != 403 || string(body) != "refused" || !response.Close {
				t.Errorf("%s %.30q: %d %q, the connection goes on: %t", path, head, response.StatusCode, body, !response.Close)
			}
			_, _ = io.WriteString(conn, "GET /smuggled HTTP/1.1\r\nHost: a.test\r\n\r\n")
			if rest, _ := io.ReadAll(conn); len(rest) != 0 {
				t.Errorf("%s %.30q: more was answered: %q", path, head, rest)
			}
		}
	}
}

// TestBothWaysAtOnce: an application that answers while it reads is heard while it reads.
func TestBothWaysAtOnce(t *testing.T) {
	t.Parallel()
	app := appServer(t, func(w http.ResponseWriter, r *http.Request) {
		control := http.NewResponseController(w)
		_ = control.EnableFullDuplex()
		_ = control.Flush()
		for line := bufio.NewReader(r.Body); ; {
			text, err := line.ReadString('\n')
			if err != nil {
				return
			}
			_, _ = io.WriteString(w, text)
			_ = control.Flush()
		}
	})
	i := serve(t, Config{Sites: []Site{testSite(app, names("a.test"))}})
	for _, http2 := range []bool{false, true} {
		reader, writer := io.Pipe()
		response, err := i.client(t, http2).Post("https://a.test/", "text/plain", reader)
		if err != nil {
			t.Fatal(err)
		}
		lines := bufio.NewReader(response.Body)
		for _, text := range []string{"one\n", "two\n", "three\n"} {
			_, _ = io.WriteString(writer, text)
			if got, err := lines.ReadString('\n'); got != text {
				t.Fatalf("http2 %t: %q, %v", http2, got, err)
			}
		}
		writer.Close()
		if _, err := lines.ReadByte(); err != io.EOF {
			t.Errorf("http2 %t: the end is %v", http2, err)
		}
		response.Body.Close()
	}
}

// TestAClientThatSendsAllBeforeItReads still gets the answer of an upstream that has not read all of it.
func TestAClientThatSendsAllBeforeItReads(t *testing.T) {
	t.Parallel()
	app := appServer(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Connection", "close")
		w.WriteHeader(http.StatusForbidden)
	})
	i := serve(t, Config{Sites: []Site{testSite(app, names("a.test"))}})
	conn := i.dialTLS(t, "a.test")
	body := append([]byte("POST / HTTP/1.1\r\nHost: a.test\r\nContent-Length: 200000\r\n\r\n"), bytes.Repeat([]byte("x"), 200_000)...)
	if response, _ := raw(t, conn, string(body)); response.StatusCode != 403 {
		t.Errorf("%d", response.StatusCode)
	}
}

// TestHalfClosedClient: net/http takes a client that closes its side for one that leaves. It must never be told that all
// is well with an answer that the upstream did not give.
func TestHalfClosedClient(t *testing.T) {
	t.Parallel()
	app := appServer(t, func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() })
	i := serve(t, Config{Sites: []Site{testSite(app, names("a.test"), func(s *steps.Site) { s.Redirect.Enabled = false })}})
	conn := i.dialPlain(t)
	_ = conn.SetDeadline(time.Now().Add(patience))
	_, _ = io.WriteString(conn, "GET / HTTP/1.1\r\nHost: a.test\r\n\r\n")
	_ = conn.(*net.TCPConn).CloseWrite()
	if got, err := io.ReadAll(conn); len(got) != 0 || err != nil {
		t.Errorf("got %q, %v", got, err)
	}
}
