//go:build e2e

package main

import (
	"crypto/rand"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// TestClients has programs that others wrote ask the proxy of this tree, as hard as they can: no request fails, and none
// reaches the application that was not asked.
func TestClients(t *testing.T) {
	d, dir := drivers[0], t.TempDir()
	program, err := d.find(t.Context(), dir)
	if err != nil {
		t.Fatal(err)
	}
	s, err := newStage(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer s.close()
	f, err := d.start(t.Context(), s, program)
	if err != nil {
		t.Fatal(err)
	}
	defer f.stop()
	body := filepath.Join(dir, "body")
	content := make([]byte, 300<<10)
	_, _ = rand.Read(content)
	if err := os.WriteFile(body, content, 0o644); err != nil {
		t.Fatal(err)
	}
	c := clients{t, s.behind("localhost"), "https://localhost:" + port(f.https), body, string(content)}
	t.Run("h2load", c.h2load)
	t.Run("wrk", c.wrk)
	t.Run("nghttp", c.nghttp)
	t.Run("curl", c.curl)
	if t.Failed() {
		t.Logf("the proxy said:\n%.4000s", f.process.said.String())
	}
}

// clients are the programs with what they ask.
type clients struct {
	*testing.T
	back          *back
	url           string
	body, content string // a file to send, and what is in it
}

// says runs a program to its end and returns what it says.
func says(t *testing.T, argv ...string) string {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), argv[0], argv[1:]...).CombinedOutput()
	if err != nil {
		t.Fatalf("%s: %v\n%s", strings.Join(argv, " "), err, out)
	}
	return string(out)
}

// saw wants so many requests of this kind, whole, to have reached the application.
func (c clients) saw(t *testing.T, many int, line, body string) {
	t.Helper()
	seen, dirt := c.back.take()
	if len(dirt) > 0 {
		t.Errorf("the application got %v", dirt)
	}
	// wrk leaves in the middle when its time is over: a last request of its may arrive after it.
	seen = slices.DeleteFunc(seen, func(r request) bool { return r.target == "/wrk" })
	if len(seen) != many {
		t.Errorf("%d requests reached the application, %d were asked", len(seen), many)
	}
	for _, r := range seen {
		if r.line() != line || r.body != body {
			t.Fatalf("the application saw %s with %d bytes; it should be %s with %d", r.line(), len(r.body), line, len(body))
		}
	}
}

func (c clients) h2load(t *testing.T) {
	for name, one := range map[string]struct {
		flags []string
		many  int
		line  string
		body  string
	}{
		"one stream after the other":    {[]string{"-c", "10", "-m", "1"}, 1000, "GET /h2load", ""},
		"a hundred streams at a time":   {[]string{"-c", "5", "-m", "100"}, 5000, "GET /h2load", ""},
		"more streams than are allowed": {[]string{"-c", "2", "-m", "400"}, 2000, "GET /h2load", ""},
		"uploads":                       {[]string{"-c", "5", "-m", "20", "-d", c.body}, 200, "POST /h2load", c.content},
		"small windows":                 {[]string{"-c", "3", "-m", "20", "-w", "10", "-W", "12", "-d", c.body}, 60, "POST /h2load", c.content},
		"HTTP/1.1":                      {[]string{"-c", "10", "--h1"}, 1000, "GET /h2load", ""},
	} {
		t.Run(name, func(t *testing.T) {
			out := says(t, append(append([]string{"h2load", "-n", fmt.Sprint(one.many)}, one.flags...), c.url+"/h2load")...)
			want := fmt.Sprintf("%d done, %d succeeded, 0 failed, 0 errored, 0 timeout\n", one.many, one.many)
			if !strings.Contains(out, want) || !strings.Contains(out, fmt.Sprintf("status codes: %d 2xx,", one.many)) {
				t.Errorf("it says\n%s", out)
			}
			c.saw(t, one.many, one.line, one.body)
		})
	}
}

func (c clients) wrk(t *testing.T) {
	for name, flags := range map[string][]string{"kept connections": nil, "a connection for each": {"-H", "Connection: close"}} {
		t.Run(name, func(t *testing.T) {
			out := says(t, append(append([]string{"wrk", "-t", "2", "-c", "20", "-d", "3s", "--timeout", "20s"}, flags...), c.url+"/wrk")...)
			if strings.Contains(out, "Non-2xx") || strings.Contains(out, "Socket errors") || !regexp.MustCompile(`\n +[1-9][0-9]* requests in `).MatchString(out) {
				t.Errorf("it says\n%s", out)
			}
			seen, dirt := c.back.take() // the last ones were cut off by the end of the time
			if len(dirt) > 0 || len(seen) == 0 {
				t.Errorf("%d requests reached the application, %v", len(seen), dirt)
			}
		})
	}
}

func (c clients) nghttp(t *testing.T) {
	for name, one := range map[string]struct {
		flags []string
		many  int
		line  string
		body  string
	}{
		"fifty at a time":     {[]string{"-m", "50"}, 50, "GET /nghttp", ""},
		"an upload":           {[]string{"-d", c.body}, 1, "POST /nghttp", c.content},
		"an upload, trailers": {[]string{"-d", c.body, "--trailer", "x-sum: 1"}, 1, "POST /nghttp", c.content},
		"padding":             {[]string{"-m", "5", "-b", "200", "-d", c.body}, 5, "POST /nghttp", c.content},
		"upon HTTP Expect":    {[]string{"--expect-continue", "-d", c.body}, 1, "POST /nghttp", c.content},
	} {
		t.Run(name, func(t *testing.T) {
			out := says(t, append(append([]string{"nghttp", "-n", "-s", "-y"}, one.flags...), c.url+"/nghttp")...)
			if got := strings.Count(out, " 200 "); got != one.many || strings.Contains(out, "ERROR") {
				t.Errorf("%d of %d went well:\n%s", got, one.many, out)
			}
			c.saw(t, one.many, one.line, one.body)
		})
	}
}

func (c clients) curl(t *testing.T) {
	const path = "/curl"
	for name, one := range map[string]struct {
		flags []string
		many  int
		line  string
		body  string
	}{
		"HTTP/1.0":                   {[]string{"--http1.0"}, 1, "GET " + path, ""},
		"HTTP/1.1":                   {[]string{"--http1.1"}, 1, "GET " + path, ""},
		"HTTP/2":                     {[]string{"--http2"}, 1, "GET " + path, ""},
		"HEAD":                       {[]string{"--head"}, 1, "HEAD " + path, ""},
		"upload over HTTP/1.1":       {[]string{"--http1.1", "-T", c.body}, 1, "PUT " + path, c.content},
		"upload over HTTP/2":         {[]string{"--http2", "-T", c.body}, 1, "PUT " + path, c.content},
		"upload in chunks":           {[]string{"--http1.1", "-T", c.body, "-H", "Transfer-Encoding: chunked"}, 1, "PUT " + path, c.content},
		"upload that asks before":    {[]string{"--http1.1", "-T", c.body, "-H", "Expect: 100-continue", "--expect100-timeout", "20"}, 1, "PUT " + path, c.content},
		"form":                       {[]string{"-d", "a=b&c=d"}, 1, "POST " + path, "a=b&c=d"},
		"slow upload":                {[]string{"--limit-rate", "300K", "-T", c.body}, 1, "PUT " + path, c.content},
		"TLS 1.2":                    {[]string{"--tls-max", "1.2"}, 1, "GET " + path, ""},
		"compressed, with a range":   {[]string{"--compressed", "-r", "0-3"}, 1, "GET " + path, ""},
		"a hundred at a time, HTTP2": {[]string{"--http2", "-Z", "--parallel-max", "50"}, 100, "GET " + path, ""},
		"a hundred at a time, HTTP1": {[]string{"--http1.1", "-Z", "--parallel-max", "20"}, 100, "GET " + path, ""},
	} {
		t.Run(name, func(t *testing.T) {
			argv := append([]string{"curl", "-k", "-sS", "--fail", "--max-time", "60", "-w", "%{http_code}\\n"}, one.flags...)
			for range one.many {
				argv = append(argv, "-o", filepath.Join(t.TempDir(), "out"), c.url+path)
			}
			if out := says(t, argv...); strings.Count(out, "200\n") != one.many {
				t.Errorf("it says\n%s", out)
			}
			c.saw(t, one.many, one.line, one.body)
		})
	}
}
