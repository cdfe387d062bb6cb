package proxy

import (
	"io"
	"net/http"
	"testing"

	"github.com/c93d5bcb/sslwizard/steps"
)

// TestRequestTrailers: those that are announced and allowed are passed on, all others are not, and one that is no field
// makes the request invalid.
func TestRequestTrailers(t *testing.T) {
	t.Parallel()
	seen := make(chan http.Header, 1)
	app := appServer(t, func(_ http.ResponseWriter, r *http.Request) {
		if _, err := io.Copy(io.Discard, r.Body); err == nil {
			seen <- r.Trailer
		}
	})
	i := serve(t, Config{Sites: []Site{testSite(app, names("a.test"), func(s *steps.Site) {
		s.Proxy.Headers = []steps.Header{{Name: "X-Secret", Value: "ours"}}
	})}})
	const head = "POST / HTTP/1.1\r\nHost: a.test\r\nTransfer-Encoding: chunked\r\n"
	for _, c := range []struct{ announced, sent, want string }{
		{"X-Sum", "X-Sum: 1", "1"},
		{"X-Sum, X-Real-IP", "X-Real-IP: 6.6.6.6\r\nX-Sum: 1", "1"},
		{"X-Sum, X_Forwarded_For", "X_Forwarded_For: 6.6.6.6\r\nX-Sum: 1", "1"},
		{"X-Sum, X-Secret", "X-Secret: theirs\r\nX-Sum: 1", "1"},
		{"X-Sum, Host, Content_Length", "Host: b.test\r\nContent_Length: 5\r\nX-Sum: 1", "1"},
		{"X-Other", "X-Sum: 1", ""},
		{"X-Sum", "X-Other: 1", ""},
	} {
		_, answers := i.talk(t, head+"Trailer: "+c.announced+"\r\n\r\n1\r\nx\r\n0\r\n"+c.sent+"\r\n\r\n")
		if answers[0] != http.StatusOK {
			t.Errorf("%q: %v", c.sent, answers)
			continue
		}
		got := <-seen
		if got.Get("X-Sum") != c.want {
			t.Errorf("%q: X-Sum is %q, want %q", c.sent, got.Get("X-Sum"), c.want)
		}
		for name := range got {
			if name != "X-Sum" && name != "X-Other" {
				t.Errorf("%q: the upstream got %s", c.sent, name)
			}
		}
	}
	for _, sent := range []string{"X-Sum : 1", "X Sum: 1"} {
		if _, answers := i.talk(t, head+"\r\n1\r\nx\r\n0\r\n"+sent+"\r\n\r\n"); answers[0] != http.StatusBadRequest || len(seen) > 0 {
			t.Errorf("%q: %v", sent, answers)
		}
	}
}

// TestTrailersOverHTTP2: as over HTTP/1.
func TestTrailersOverHTTP2(t *testing.T) {
	t.Parallel()
	seen := make(chan http.Header, 1)
	app := appServer(t, func(_ http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		seen <- r.Trailer
	})
	i := serve(t, Config{Sites: []Site{testSite(app, names("a.test"))}})
	body, in := io.Pipe()
	r, err := http.NewRequest(http.MethodPost, "https://a.test/", body)
	if err != nil {
		t.Fatal(err)
	}
	r.Trailer = http.Header{"X-Sum": {"1"}, "X-Real-Ip": {"6.6.6.6"}}
	go func() {
		_, _ = io.WriteString(in, "x")
		_ = in.Close()
	}()
	response, err := i.client(t, true).Do(r)
	if err != nil {
		t.Fatal(err)
	}
	_ = response.Body.Close()
	if got := <-seen; response.ProtoMajor != 2 || got.Get("X-Sum") != "1" || len(got) != 1 {
		t.Errorf("%s: the upstream got %v", response.Proto, got)
	}
}
