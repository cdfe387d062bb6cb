package h2

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/textproto"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"

	"github.com/c93d5bcb/sslwizard/system/proxy/h1"
)

// stricter is what is refused here and taken by net/http, by what is wrong with it, and why it is.
var stricter = map[string]string{
	"it is for no host":                     "section 8.3.1 wants one, and it becomes a Host of HTTP/1.1, where net/http wants it too; nobody's name has \"@\" or a space in it",
	"it is for two hosts":                   "section 8.3.1: who believes the other one is somebody else",
	"the path is none":                      "it becomes the target of HTTP/1.1, which begins with \"/\" and has no space and no \"#\"",
	"the method is none":                    "it becomes the method of HTTP/1.1, which is a token",
	"the length is none, or one of several": "net/http takes what is no number for 0, and the first of several",
	"the body is shorter than its length":   "section 8.1.1; net/http does not look at a request that has ended with its head",
	"it connects to what is not offered":    "RFC 8441 section 4: an empty protocol is none that is offered; net/http takes it for no protocol",
	"a connection has a length":             "RFC 9110 section 9.3.6: it would be told to an upgrade of HTTP/1.1, which has no body",
}

// looser is what is taken here and refused by net/http, and why that is right.
var looser = []struct {
	why  string
	what func(*Request) bool
}{
	{"RFC 8441: net/http offers it only when it is told to before it begins", func(r *Request) bool { return r.Protocol != nil }},
	{"it is the application that has to make sense of its escapes", func(r *Request) bool {
		_, err := url.ParseRequestURI(string(r.Path))
		return err != nil
	}},
}

// understood is a request as somebody understands it.
type understood struct {
	method, host, path, body string
	fields                   http.Header
}

// std asks net/http what it makes of a request.
func std(block, body []byte) (understood, bool) {
	client, server := newPipe()
	seen := make(chan understood, 1)
	protocols := new(http.Protocols)
	protocols.SetUnencryptedHTTP2(true)
	s := &http.Server{
		Protocols: protocols, ErrorLog: log.New(io.Discard, "", 0), MaxHeaderBytes: usual.Head,
		DisableGeneralOptionsHandler: true,
		Handler: http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
			got, err := io.ReadAll(r.Body)
			if err == nil {
				seen <- understood{r.Method, r.Host, r.RequestURI, string(got), r.Header}
			}
		}),
	}
	var served sync.WaitGroup
	served.Go(func() { _ = s.Serve(&single{conn: server, over: make(chan struct{})}) })
	_, _ = client.Write(sends(block, body))
	r := http2.NewFramer(nil, client)
	for {
		one, err := r.ReadFrame()
		var broken http2.StreamError
		if errors.As(err, &broken) {
			continue
		}
		if err != nil {
			break
		}
		_, away := one.(*http2.GoAwayFrame)
		_, reset := one.(*http2.RSTStreamFrame)
		if h := one.Header(); away || reset || h.StreamID == 1 && h.Flags.Has(http2.FlagDataEndStream) && h.Type != http2.FrameWindowUpdate {
			break
		}
	}
	client.Close()
	s.Close()
	served.Wait()
	select {
	case u := <-seen:
		return u, true
	default:
		return understood{}, false
	}
}

// sends is all that a client sends: a head, and a body unless it is nil.
func sends(block, body []byte) []byte {
	c := newClient()
	_ = c.WriteHeaders(http2.HeadersFrameParam{StreamID: 1, BlockFragment: block, EndHeaders: true, EndStream: body == nil})
	if body != nil {
		_ = c.WriteData(1, true, body)
	}
	return c.Bytes()
}

// core asks the same of the core, and says what it thinks is wrong.
func core(block, body []byte) (u understood, r Request, wrong string) {
	conn := NewServer(usual).Conn(epoch)
	sent := sends(block, body)
	wrong = reason(block, body == nil)
	for e, n := conn.Next(sent, epoch); e.Kind != Nothing; e, n = conn.Next(sent, epoch) {
		sent = sent[n:]
		switch e.Kind {
		case Asked:
			r = *e.Request
			if r.TooLong {
				return u, r, "it is too long"
			}
			r.Path, r.Method = bytes.Clone(r.Path), bytes.Clone(r.Method)
			u = understood{method: string(r.Method), host: string(r.Authority), path: string(r.Path), fields: http.Header{}}
			for _, f := range r.Fields {
				name := textproto.CanonicalMIMEHeaderKey(string(f.Name))
				u.fields[name] = append(u.fields[name], string(f.Value))
			}
			if !r.Ended {
				wrong = "it is not whole"
			}
		case Data:
			u.body += string(e.Data)
		case Ended:
			wrong = ""
		case Closed, Over:
			return u, r, e.Fault.Text
		}
	}
	return u, r, wrong
}

// reason is why a head is refused, which the core says to nobody.
func reason(block []byte, ended bool) string {
	var h head
	h.reset(usual.Head)
	if _, err := hpack.NewDecoder(tableSize, h.take).Write(block); err != nil {
		return err.Error()
	}
	return new(Request).read(&h, ended, true)
}

// compare says what is different, or nothing; why has the differences that are known.
func compare(head, body string, ended bool) (different, why string) {
	var list []string
	for one := range strings.SplitSeq(head, "\n") {
		if len(one) < 2 || !strings.Contains(one[1:], "=") {
			return "", ""
		}
		list = append(list, one)
	}
	content := []byte(body)
	if ended {
		content = nil
	}
	block := bareClient().fields(list...)
	if len(block) > maxFrame || len(content) > maxFrame {
		return "", ""
	}
	ours, r, wrong := core(block, content)
	theirs, taken := std(block, content)
	switch {
	case wrong == "" && taken:
		return unlike(ours, theirs), ""
	case wrong == "":
		for _, one := range looser {
			if one.what(&r) {
				return "", one.why
			}
		}
		return "net/http refuses it", ""
	case taken && stricter[wrong] == "":
		return "net/http takes it, and here it is refused: " + wrong, ""
	case taken:
		return "", stricter[wrong]
	}
	return "", ""
}

// unlike says in what two understand a request differently. Some of it net/http takes out of the fields.
func unlike(ours, theirs understood) string {
	for name, values := range theirs.fields {
		for i := range values {
			values[i] = strings.Trim(values[i], " \t")
		}
		if name == "Cookie" {
			theirs.fields[name] = []string{strings.Join(values, "; ")}
		}
	}
	for _, fields := range []http.Header{ours.fields, theirs.fields} {
		for i, value := range fields["Cookie"] { // space around a cookie means nothing, and goes here
			crumbs := strings.Split(value, ";")
			for n := range crumbs {
				crumbs[n] = strings.Trim(crumbs[n], " \t")
			}
			fields["Cookie"][i] = strings.Join(crumbs, "; ")
		}
	}
	for _, name := range []string{"Host", "Trailer", "Expect", ":protocol", "Pragma", "Cache-Control"} {
		delete(ours.fields, name)
		delete(theirs.fields, name)
	}
	if ours.method == http.MethodConnect {
		ours.path, theirs.path = "", ""
	}
	same := func(a, b []string) bool { return slices.Equal(a, b) }
	if ours.method != theirs.method || ours.host != theirs.host || ours.path != theirs.path || ours.body != theirs.body ||
		len(ours.fields) != len(theirs.fields) {
		return fmt.Sprintf("%q, for net/http %q", ours, theirs)
	}
	for name, values := range ours.fields {
		if !same(values, theirs.fields[name]) {
			return fmt.Sprintf("%s: %q, for net/http %q", name, values, theirs.fields[name])
		}
	}
	return ""
}

// heads are requests of all kinds, as text.
func heads() (out []string) {
	for _, r := range requestRules() {
		c := new(recorder)
		c.client = newClient()
		r.send(c.client)
		out = append(out, c.heads()...)
	}
	return out
}

// recorder reads what a client has written back into text.
type recorder struct{ *client }

func (r *recorder) heads() (out []string) {
	f := http2.NewFramer(nil, bytes.NewReader(r.Bytes()[len(http2.ClientPreface):]))
	d := hpack.NewDecoder(tableSize, nil)
	for {
		one, err := f.ReadFrame()
		if err != nil {
			return out
		}
		if h, ok := one.(*http2.HeadersFrame); ok && h.HeadersEnded() {
			fields, _ := d.DecodeFull(h.HeaderBlockFragment())
			var lines []string
			for _, f := range fields {
				lines = append(lines, f.Name+"="+f.Value)
			}
			out = append(out, strings.Join(lines, "\n"))
		}
	}
}

// TestLikeNetHTTP: what net/http takes for a request is taken, and the other way round, and both understand the same, but
// for the differences that are listed.
func TestLikeNetHTTP(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	for _, head := range heads() {
		for _, body := range []string{"", "abc"} {
			for _, ended := range []bool{true, false} {
				different, why := compare(head, body, ended)
				if seen[why] = true; different != "" {
					t.Errorf("%q, %q: %s", head, body, different)
				}
			}
		}
	}
	for wrong, why := range stricter {
		if !seen[why] {
			t.Errorf("net/http refuses too: %s", wrong)
		}
	}
	for _, one := range looser {
		if !seen[one.why] {
			t.Errorf("net/http takes too: %s", one.why)
		}
	}
}

// FuzzRequest is the same of any request.
func FuzzRequest(f *testing.F) {
	for _, head := range heads() {
		f.Add(head, "abc", false)
		f.Add(head, "", true)
	}
	f.Fuzz(func(t *testing.T, head, body string, ended bool) {
		if different, _ := compare(head, body, ended); different != "" {
			t.Errorf("%q, %q: %s", head, body, different)
		}
	})
}

// FuzzConn: whatever a client sends, it means the same however it is cut, what is said can be read, and every stream that
// was asked is told of when it is over, once.
func FuzzConn(f *testing.F) {
	for _, r := range rules() {
		c := newClient()
		if r.send(c); c.Len() < 4096 {
			f.Add(c.Bytes()[len(http2.ClientPreface):], uint8(3))
		}
	}
	f.Fuzz(func(t *testing.T, sent []byte, piece uint8) {
		sent = append([]byte(http2.ClientPreface), sent...)
		whole, told := answered(t, sent, len(sent))
		pieces, toldToo := answered(t, sent, 1+int(piece))
		if !slices.Equal(whole, pieces) || !slices.Equal(told, toldToo) {
			t.Errorf("in pieces:\n%q\n%q\nand whole:\n%q\n%q", pieces, toldToo, whole, told)
		}
	})
}

// answered serves what was sent, and answers all that has ended. Windows are left out of what the client is told: when
// they are widened depends on the pieces.
func answered(t *testing.T, sent []byte, piece int) (log, told []string) {
	t.Helper()
	conn := NewServer(usual).Conn(epoch)
	open := map[*Stream]bool{}
	do := func(e Event) {
		switch e.Kind {
		case Asked:
			open[e.Stream] = true
			if e.Request.Ended {
				e.Stream.Head(200, []h1.Field{{Name: []byte("X-Path"), Value: e.Request.Path}}, false)
				e.Stream.Data([]byte("hello"), true)
			}
		case Ended:
			e.Stream.Head(200, e.Trailer, true)
		case Closed:
			if !open[e.Stream] {
				t.Error("a stream is over twice, or was never asked")
			}
			delete(open, e.Stream)
		}
	}
	log = serve(conn, sent, piece, do)
	conn.End()
	log = append(log, serve(conn, nil, 1, do)...)
	if len(open) > 0 || conn.Open() > 0 || conn.waiting.first != nil {
		t.Errorf("%d streams are left", len(open))
	}
	for _, one := range said(t, conn.Out()) {
		if !strings.Contains(one, " window ") {
			told = append(told, one)
		}
	}
	return log, told
}
