package proxy

import (
	"bytes"
	"crypto/tls"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"
)

// TestMisformedHTTP2: net/http lets these by; none of them may reach the upstream.
func TestMisformedHTTP2(t *testing.T) {
	t.Parallel()
	seen := make(chan string, 100)
	app := appServer(t, func(_ http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err == nil {
			seen <- r.Method + " " + r.RequestURI + " " + string(body)
		}
	})
	i := serve(t, Config{Sites: []Site{testSite(app, names("a.test", "b.test"))}})
	for _, c := range []struct {
		fields, body, want string
	}{
		{":path=/ok host=a.test", "", "GET /ok "},
		{":path=/host host=b.test", "", ""},
		{":path=/hosts host=a.test host=b.test", "", ""},
		{":path=https://a.test/absolute", "", ""},
		{":path=/ok content-length=0", "", "GET /ok "},
		{":path=/ok content-length=3", "x=1", "GET /ok x=1"},
		{":path=/ok", "x=1", "GET /ok x=1"},
		{":path=/more content-length=0", "x=1", ""},
		{":path=/more content-length=2", "x=1", ""},
		{":path=/less content-length=4", "x=1", ""},
		{":path=/none content-length=3", "", ""},
		{":path=/sign content-length=+3", "x=1", ""},
		{":path=/minus content-length=-3", "x=1", ""},
		{":path=/two content-length=3 content-length=3", "x=1", ""},
		{":path=/ok expect=100-continue", "x=1", "GET /ok x=1"},
	} {
		status := i.ask(t, c.fields, c.body)
		if c.want == "" {
			if len(seen) > 0 || status >= 200 && status < 400 {
				t.Errorf("%s: %d", c.fields, status)
			}
			continue
		}
		if got := <-seen; got != c.want || status != http.StatusOK {
			t.Errorf("%s: the upstream saw %q, want %q; status %d", c.fields, got, c.want, status)
		}
	}
}

// ask sends a request of HTTP/2 to a.test, field by field as it is given, and returns the status of the answer; 0 when
// the stream was reset.
func (i *instance) ask(t *testing.T, fields, body string) (status int) {
	t.Helper()
	conn, err := tls.DialWithDialer(&net.Dialer{Timeout: patience}, "tcp", i.secure, &tls.Config{ServerName: "a.test", RootCAs: i.roots, NextProtos: []string{"h2"}})
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(patience))
	var block bytes.Buffer
	encoder := hpack.NewEncoder(&block)
	for _, field := range strings.Fields(":method=GET :scheme=https :authority=a.test " + fields) {
		name, value, _ := strings.Cut(field, "=")
		_ = encoder.WriteField(hpack.HeaderField{Name: name, Value: value}) // into memory
	}
	_, _ = io.WriteString(conn, http2.ClientPreface)
	framer := http2.NewFramer(conn, conn)
	framer.ReadMetaHeaders = hpack.NewDecoder(4096, nil)
	_ = framer.WriteSettings()
	_ = framer.WriteHeaders(http2.HeadersFrameParam{StreamID: 1, BlockFragment: block.Bytes(), EndHeaders: true, EndStream: body == ""})
	if body != "" {
		_ = framer.WriteData(1, true, []byte(body))
	}
	for {
		frame, err := framer.ReadFrame()
		if err != nil {
			t.Fatalf("%s: %v", fields, err)
		}
		switch f := frame.(type) {
		case *http2.MetaHeadersFrame:
			for _, c := range f.PseudoValue("status") {
				status = status*10 + int(c-'0')
			}
			if status == http.StatusContinue {
				status = 0
			}
		case *http2.RSTStreamFrame:
			return status
		}
		if frame.Header().StreamID == 1 && frame.Header().Flags.Has(http2.FlagDataEndStream) {
			return status
		}
	}
}

// TestExpectations: one that net/http only takes for 100-continue is refused, and the right one is passed on.
func TestExpectations(t *testing.T) {
	t.Parallel()
	app := echoServer(t)
	i := serve(t, Config{Sites: []Site{testSite(app.URL, names("a.test"))}})
	for expect, want := range map[string]int{"100-continue": 200, "100-Continue": 200, "y 100-continue": 417, "100-continue, x": 417, "200-ok": 417} {
		_, answers := i.talk(t, "POST / HTTP/1.1\r\nHost: a.test\r\nConnection: close\r\nContent-Length: 3\r\nExpect: "+expect+"\r\n\r\nx=1")
		if len(answers) < 2 || answers[len(answers)-2] != want { // the last is the end
			t.Errorf("%q: %v, want %d", expect, answers, want)
		}
	}
}

// talk sends bytes over a connection of its own and returns the status of every answer.
func (i *instance) talk(t *testing.T, text string) (net.Conn, []int) {
	t.Helper()
	conn := i.dialTLS(t, "a.test")
	_ = conn.SetDeadline(time.Now().Add(patience))
	_, _ = io.WriteString(conn, text)
	return conn, responses(conn)
}
