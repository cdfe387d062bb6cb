package proxy

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"

	"github.com/c93d5bcb/sslwizard/steps"
)

// overheard is what a client of HTTP/2 gets for a request, and what the application was asked: lines that do not depend on
// how bodies were cut.
func overheard(t *testing.T, i *instance, s *scripted, fields, body, trailer string) (got []string) {
	t.Helper()
	a := attack(t, i)
	_ = a.conn.SetDeadline(time.Now().Add(patience))
	a.in.ReadMetaHeaders = hpack.NewDecoder(4096, nil)
	last := body == "" && trailer == ""
	if err := a.open(1, last, pairs(":method=GET :scheme=https :authority=a.test :path=/ "+fields)...); err != nil {
		t.Fatal(err)
	}
	for rest := body; rest != ""; {
		piece := rest[:min(len(rest), maxFrame)]
		rest = rest[len(piece):]
		_ = a.WriteData(1, rest == "" && trailer == "", []byte(piece))
	}
	if trailer != "" {
		_ = a.WriteHeaders(http2.HeadersFrameParam{StreamID: 1, BlockFragment: block(pairs(trailer)...), EndHeaders: true, EndStream: true})
	}
	got = a.hears(t)
	a.conn.Close()
	heard := len(got)
	for {
		select {
		case asked := <-s.seen:
			got = append(got, "asked "+asked)
			continue
		case l := <-i.accesses:
			got = append(got, fmt.Sprintf("logged %s %s %s %s %s: %d, %d bytes", l.Site, l.Proto, l.Method, l.Host, l.Path, l.Status, l.Bytes))
			continue
		case <-time.After(10 * time.Millisecond):
		}
		slices.Sort(got[heard:])
		got = slices.DeleteFunc(got, func(line string) bool { return strings.Contains(line, io.ErrUnexpectedEOF.Error()) })
		return slices.Compact(got)
	}
}

// hears returns what a client gets on its first stream.
func (a *attacker) hears(t *testing.T) (got []string) {
	t.Helper()
	var body []byte
	for {
		frame, err := a.in.ReadFrame()
		var broken http2.StreamError
		switch {
		case errors.As(err, &broken):
			return append(got, "malformed: "+broken.Error())
		case err != nil:
			return append(got, "the connection ends")
		}
		switch f := frame.(type) {
		case *http2.MetaHeadersFrame:
			got = append(got, "head "+strings.Join(metaLines(f), ", "))
		case *http2.DataFrame:
			body = append(body, f.Data()...)
		case *http2.RSTStreamFrame:
			return append(got, "reset")
		case *http2.GoAwayFrame:
			got = append(got, "go away")
		}
		if h := frame.Header(); h.StreamID == 1 && (h.Type == http2.FrameHeaders || h.Type == http2.FrameData) && h.Flags.Has(http2.FlagDataEndStream) {
			return append(got, fmt.Sprintf("body %q", body))
		}
	}
}

// metaLines are fields in an order that does not change; times do. net/http makes up a length for an answer without a body
// and a type for one with it, and tells of its time in front of an answer too.
func metaLines(f *http2.MetaHeadersFrame) (all []string) {
	for _, one := range f.Fields {
		if one.Name != "date" && (one.Name != "content-length" || one.Value != "0") {
			all = append(all, one.Name+": "+one.Value)
		}
	}
	slices.Sort(all)
	return all
}

// pairs are fields, "name=value" with spaces between them, as block takes them. The later pseudo-header counts.
func pairs(text string) (list []string) {
	for one := range strings.FieldsSeq(text) {
		name, value, _ := strings.Cut(strings.TrimPrefix(one, ":"), "=")
		if one[0] == ':' {
			name = ":" + name
			if at := slices.Index(list, name); at >= 0 {
				list[at+1] = value
				continue
			}
		}
		list = append(list, name, value)
	}
	return list
}

// TestEnginesAgreeOverHTTP2: as over HTTP/1, for the client and for the application.
func TestEnginesAgreeOverHTTP2(t *testing.T) {
	t.Parallel()
	const typed = "Content-Type: a/b\r\n"
	const ok = "HTTP/1.1 200 OK\r\n" + typed
	answers := map[string]string{
		"/chunks":       ok + "Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2;x=y\r\nde\r\n0\r\n\r\n",
		"/trailers":     ok + "Transfer-Encoding: chunked\r\nTrailer: X-Sum\r\n\r\n1\r\na\r\n0\r\nX-Sum: 1\r\n\r\n",
		"/until-end":    ok + "\r\nabc",
		"/http10-end":   "HTTP/1.0 200 OK\r\n" + typed + "\r\nabc",
		"/none-end":     "",
		"/garbage-end":  "SSH-2.0-OpenSSH\r\n\r\n",
		"/two-end":      ok + "Content-Length: 1\r\nContent-Length: 2\r\n\r\nab",
		"/early":        "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\nConnection: X-Hop\r\nX-Hop: a\r\n\r\n" + ok + "Content-Length: 1\r\n\r\na",
		"/nothing":      "HTTP/1.1 204 No Content\r\nX-A: b\r\n\r\n",
		"/unmodified":   "HTTP/1.1 304 Not Modified\r\nEtag: \"x\"\r\n\r\n",
		"/hop":          ok + "Connection: X-Hop\r\nX-Hop: a\r\nKeep-Alive: b\r\nUpgrade: z\r\nProxy-Authenticate: c\r\nX-End: d\r\nContent-Length: 1\r\n\r\na",
		"/hsts":         ok + "strict-transport-security: max-age=1\r\nContent-Length: 1\r\n\r\na",
		"/close-end":    ok + "Connection: close\r\nContent-Length: 1\r\n\r\na",
		"/switches-end": "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n",
		"/cookies":      ok + "Set-Cookie: a=b\r\nSet-Cookie: c=d\r\nContent-Length: 1\r\n\r\na",
		"/odd":          ok + "X-Tab: a\tb\r\nX-High: a\xffb\r\nContent-Length: 1\r\n\r\na",
		"/empty":        ok + "Content-Length: 0\r\n\r\n",
		"/error":        "HTTP/1.1 500 Internal Server Error\r\n" + typed + "Content-Length: 1\r\n\r\na",
		"/large":        ok + "Content-Length: 50000\r\n\r\n" + strings.Repeat("x", 50_000),
	}
	type ask struct{ fields, body, trailer string }
	const malformed = "malformed" // RFC 9113 section 8.1.1 wants the stream reset, and allows an answer before that
	asks := []ask{
		{"x-forwarded-for=6.6.6.6 x_forwarded_proto=x forwarded=for=x x-real-ip=6.6.6.6 user-agent=a te=trailers", "", ""},
		{"cookie=a=b accept=x,y cookie=c=d proxy-authorization=z", "", ""},
		{":method=POST", "", ""}, {":method=DELETE", "", ""}, {":method=PUT content-length=0", "", ""}, {":method=BREW :path=/x%20y?z", "", ""},
		{":method=TRACE", "", ""}, {":method=OPTIONS :path=*", "", ""}, {":path=//x/../y?q=%zz", "", ""}, {":path=/%c3%a4", "", ""},
		{":authority=b.test", "", ""}, {":authority=a.test:443", "", ""}, {":authority=A.TEST host=A.TEST", "", ""}, {":authority=nobody.test", "", ""},
		{":path=/.well-known/acme-challenge/x", "", ""}, {":path=/.well-known/acme-challenge/x :method=POST", "ab", ""},
		{":method=POST content-length=2", "ab", ""}, {":method=POST", "ab", ""}, {":method=POST", strings.Repeat("ab", 40_000), ""},
		{":method=POST content-length=2 expect=100-continue", "ab", ""}, {":method=POST expect=x", "ab", ""},
		{":method=POST content-length=200000", "ab", ""}, {":method=POST", strings.Repeat("ab", 60_000), ""},
		{":method=POST content-length=0", "ab", malformed}, {":method=POST content-length=3", "ab", malformed},
		{":method=POST content-length=1", "ab", malformed}, {"connection=close", "", malformed}, {"te=gzip", "", malformed},
		{":method=POST trailer=x-sum,x-real-ip", "ab", "x-sum=1 x-real-ip=6.6.6.6 x-more=2"}, {":method=POST", "ab", "x-sum=1"},
		{"content-type=application/grpc :authority=b.test", "", ""}, {":path=/none-end content-type=application/grpc :method=POST", "ab", ""},
		{"x=" + strings.Repeat("y", 2000), "", ""},
	}
	for path := range answers {
		asks = append(asks, ask{":path=" + path, "", ""}, ask{":method=HEAD :path=" + path, "", ""}, ask{":method=POST content-length=2 :path=" + path, "ab", ""},
			ask{":method=POST :path=" + path, "ab", ""}, ask{":method=POST trailer=x :path=" + path, "ab", "x=y"}) // the last one goes aside
	}
	slices.SortFunc(asks, func(a, b ask) int { return strings.Compare(a.fields, b.fields) })
	var apps [2]*scripted
	var engines [2]*instance
	for n, name := range []string{EngineStd, EngineLoop} {
		apps[n] = newScripted(t, answers)
		site := func(name steps.Domain) Site {
			return testSite(apps[n].address, []steps.Domain{name}, func(s *steps.Site) {
				s.SSL.HSTS.MaxAge = time.Hour
				s.Proxy.MaxBody = 100_000
			})
		}
		engines[n] = serveOn(t, name, Config{Sites: []Site{site("a.test"), site("b.test")}}, nil, ordinary)
	}
	for _, one := range asks {
		if one.trailer == malformed {
			for n := range engines {
				got := overheard(t, engines[n], apps[n], one.fields, one.body, "")
				if got[0] != "reset" && !strings.HasPrefix(got[0], "head :status: 400") || strings.HasPrefix(got[len(got)-1], "asked") {
					t.Errorf("%s: %s", one.fields, strings.Join(got, "\n      "))
				}
			}
			continue
		}
		want := overheard(t, engines[0], apps[0], one.fields, one.body, one.trailer)
		got := overheard(t, engines[1], apps[1], one.fields, one.body, one.trailer)
		if !slices.Equal(got, want) {
			t.Errorf("%s, %.20q, %s:\nstd:  %.900s\nloop: %.900s", one.fields, one.body, one.trailer, strings.Join(want, "\n      "), strings.Join(got, "\n      "))
		}
	}
}
