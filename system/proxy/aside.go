package proxy

import (
	"context"
	"errors"
	"net/http"
	"net/textproto"
	"net/url"
	"os"
	"strings"
	"sync"

	"github.com/c93d5bcb/sslwizard/system/proxy/h1"
	"github.com/c93d5bcb/sslwizard/system/proxy/h2"
	"github.com/c93d5bcb/sslwizard/system/proxy/loop"
)

const (
	asideOut  = 32 << 10 // how much of an answer waits for the loop before its handler does
	asideKept = 1 << 10  // room for the next piece that is kept
)

// aside is a request on a loop that is answered as on net/http: by a handler on a goroutine of its own. Both meet in what the
// lock guards. The loop calls came, ended, cut and pull; the handler has asideBody and asideWriter.
type aside struct {
	member *member // the loop's
	loop   *loop.Loop
	cancel context.CancelFunc

	mu     sync.Mutex
	change sync.Cond
	posted bool // pull is going to be called

	in     []byte // of the body
	inEnds bool
	used   int // of it, that the client has not been told of
	onto   *http.Request
	extra  []h1.Field // the trailers that came
	readBy deadline

	interims []answerHead
	first    *answerHead // the head of the answer, as long as the loop has not taken it
	out      []byte
	done     bool // the handler has said all
	trailer  []h1.Field
	broken   bool  // or what it has said is not all
	failed   error // nobody hears it any more
	writeBy  deadline
}

// newAside begins with a request; nil when that is none to net/http.
func newAside(m *member, r *h2.Request) *aside {
	p := m.party
	request := asideRequest(r, &p.arrival)
	if request == nil {
		return nil
	}
	ctx := context.WithValue(context.Background(), http.ServerContextKey, p.worker.plane.http2) // or ReverseProxy breaks off nothing
	ctx, cancel := context.WithCancel(context.WithValue(ctx, http.LocalAddrContextKey, p.local))
	a := &aside{member: m, loop: p.worker.loop, cancel: cancel}
	a.change.L = &a.mu
	a.readBy = deadline{of: a, pass: a.stopReading}
	a.writeBy = deadline{of: a, pass: a.stopWriting}
	w := &asideWriter{aside: a, header: http.Header{}, head: string(r.Method) == http.MethodHead}
	request = request.WithContext(ctx)
	if !r.Ended {
		request.Body = &asideBody{aside: a, expected: takeExpectation(request.Header)}
	}
	a.onto = request
	go w.serve(p.worker.plane.aside, request, p.worker.plane)
	return a
}

// asideRequest is a request as net/http has it; nil when its path has no meaning.
func asideRequest(r *h2.Request, on *arrival) *http.Request {
	out := &http.Request{
		Method: string(r.Method), Proto: "HTTP/2.0", ProtoMajor: 2, Header: http.Header{}, Body: http.NoBody, Host: string(r.Authority),
		RequestURI: string(r.Path), TLS: on.state, RemoteAddr: on.remote.String(), ContentLength: r.Length,
	}
	for _, f := range r.Fields {
		name := textproto.CanonicalMIMEHeaderKey(string(f.Name))
		if f.Kind == h1.Trailer {
			out.Trailer = announced(out.Trailer, string(f.Value))
		} else {
			out.Header[name] = append(out.Header[name], string(f.Value))
		}
	}
	if r.Ended {
		out.ContentLength = 0
	}
	if r.Protocol != nil {
		out.Header[protocolField] = []string{string(r.Protocol)}
	}
	if r.Path == nil { // of CONNECT
		out.URL, out.RequestURI = &url.URL{Host: out.Host}, out.Host
		return out
	}
	var err error
	if out.URL, err = url.ParseRequestURI(out.RequestURI); err != nil {
		return nil
	}
	return out
}

// announced adds the trailers that a field announces.
func announced(all http.Header, list string) http.Header {
	for name := range strings.SplitSeq(list, ",") {
		name = textproto.CanonicalMIMEHeaderKey(textproto.TrimString(name))
		switch name {
		case "", "Transfer-Encoding", "Trailer", "Content-Length": // frame a message
			continue
		}
		if all == nil {
			all = http.Header{}
		}
		all[name] = nil
	}
	return all
}

// takeExpectation takes out what whoever reads the body has to answer.
func takeExpectation(h http.Header) bool {
	expect := h["Expect"]
	if len(expect) != 1 || !strings.EqualFold(expect[0], "100-continue") {
		return false
	}
	delete(h, "Expect")
	return true
}

// came takes a piece of the body: no more than the window that was granted for it.
func (a *aside) came(piece []byte) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.done || a.failed != nil || a.readBy.passed {
		a.used += len(piece)
		a.post()
		return
	}
	a.in = append(a.in, piece...)
	a.change.Broadcast()
}

// ended notes that the body is whole.
func (a *aside) ended(trailer []h1.Field) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.inEnds, a.extra = true, cloneFields(trailer)
	a.change.Broadcast()
}

// cut has the handler end: the stream is over.
func (a *aside) cut() {
	a.cancel()
	a.mu.Lock()
	defer a.mu.Unlock()
	a.fail(errGone)
}

var errGone = errors.New("the client has left")

func (a *aside) fail(err error) {
	if a.failed == nil {
		a.failed = err
	}
	a.out, a.first, a.interims = nil, nil, nil
	a.change.Broadcast()
}

// post has the loop call pull, once for all that there is until then.
func (a *aside) post() {
	if !a.posted {
		a.posted = true
		a.loop.Post(func() {
			if a.member.aside == a { // else its stream is over
				a.pull()
			}
		})
	}
}

// pull has the client get what it takes of what the handler has said.
func (a *aside) pull() {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.posted = false
	m := a.member
	if a.used > 0 {
		m.party.touch()
		m.stream.Consumed(a.used)
		a.used = 0
	}
	switch {
	case a.failed != nil:
		a.breakOff()
		return
	case m.full():
		if a.done || a.broken {
			m.outlive()
		}
		return
	case a.first != nil && !m.takesHead():
		return
	}
	for _, one := range a.interims {
		m.interim(one.status, one.fields)
	}
	a.interims = nil
	a.pullAnswer()
	if a.broken {
		a.breakOff() // behind what was said before
	}
}

func (a *aside) breakOff() {
	m := a.member
	m.aside = nil
	m.abort()
}

func (a *aside) pullAnswer() {
	m := a.member
	if a.first != nil {
		h := *a.first
		a.first = nil
		h.none = a.done && len(a.out) == 0 && len(a.trailer) == 0
		m.head(h)
		if h.none {
			m.aside = nil
			return
		}
	} else if len(a.out) == 0 && !a.done {
		return
	}
	if a.done {
		m.aside, m.talks = nil, false // what is left is the member's, and its clock's
	}
	m.body(a.out, a.done, a.trailer)
	if a.out = a.out[:0]; cap(a.out) > asideKept {
		a.out = nil
	}
	a.change.Broadcast()
}

// stopReading is called when the body was waited for too long.
func (a *aside) stopReading() { a.change.Broadcast() }

// stopWriting is called when the client has not taken what it could in time.
func (a *aside) stopWriting() {
	a.fail(os.ErrDeadlineExceeded)
	a.post()
}
