package proxy

import (
	"errors"
	"net/http"
	"net/textproto"
	"net/url"
	"strings"
	"time"

	"golang.org/x/net/http/httpguts"

	"github.com/c93d5bcb/sslwizard/steps"
	"github.com/c93d5bcb/sslwizard/system/proxy/h1"
	"github.com/c93d5bcb/sslwizard/system/proxy/h2"
	"github.com/c93d5bcb/sslwizard/system/proxy/loop"
)

// job is one request on a loop and its answer. What it may ask for, and what becomes of it, is decided by its exchange, as
// on net/http.
type job struct {
	worker *worker
	by     asker
	on     *arrival // the connection that it came on
	number uint64   // of the request: what comes late for the one before is not for this one
	x      exchange

	raw     []byte // the head as it came
	head    h1.Request
	fields  []fieldText // its fields, in their order
	request http.Request
	url     url.URL
	header  http.Header
	values  []string // what the header's lists are made of

	refusal  int // 0: it is understood
	upgrade  bool
	bodyDone bool
	bodyGot  int64
	began    time.Time // of the wait for more of it
	waits    bool
	pace     pace
	slow     loop.Timer // the client's time for its body

	local    localAnswer
	control  *http.ResponseController
	back     *backend
	leave    func() // uncounts a WebSocket that has no connection of its own; nil: it has, or is none
	carried  []byte // of the request, as it was meant for a connection that took nothing of it
	tried    []*transport
	again    bool       // the one more time that net/http has
	quiet    loop.Timer // the upstream's time to say something
	answered bool       // the head of the answer is written
}

// fieldText is a field with its name as http.Header has it.
type fieldText struct{ name, value string }

func newJob(w *worker, by asker, on *arrival) *job {
	j := &job{worker: w, header: http.Header{}}
	j.local.header = http.Header{}
	j.control = http.NewResponseController(&j.local)
	j.slow = w.loop.Timer(j.clientIsSlow)
	j.quiet = w.loop.Timer(j.upstreamIsSilent)
	j.serve(by, on)
	return j
}

// serve has it be for this one. What goes wrong in its timers ends the connection that it came on.
func (j *job) serve(by asker, on *arrival) {
	j.by, j.on = by, on
	j.slow.Give(on.stream)
	j.quiet.Give(on.stream)
}

// reset forgets a request, and keeps the room that it had.
func (j *job) reset() {
	j.slow.Stop()
	j.quiet.Stop()
	clear(j.header)
	clear(j.fields)
	clear(j.values)
	j.local.reset()
	j.number++
	j.by, j.on, j.back, j.tried = nil, nil, nil, nil
	j.x = exchange{}
	j.request, j.url = http.Request{}, url.URL{}
	j.carried = nil
	j.fields, j.values, j.raw = j.fields[:0], j.values[:0], j.raw[:0]
	j.upgrade = false
	j.bodyDone, j.bodyGot, j.waits, j.again, j.answered = false, 0, false, false, false
}

// read understands the head of a request. It reports false for what net/http shall answer: what is malformed, which it
// tells in its own words, and what a loop does not do.
func (j *job) read(head []byte) bool {
	j.raw = append(j.raw[:0], head...)
	if j.head.Read(j.raw) != nil || j.head.Minor() == 0 || j.head.Target[0] != '/' {
		return false
	}
	if !j.spread() || j.foreign() || !httpguts.ValidHostHeader(j.request.Host) {
		return false
	}
	j.meet()
	j.refusal = j.x.understand()
	if j.refusal != 0 || j.x.site == nil {
		return true
	}
	j.upgrade = j.header["Upgrade"] != nil && j.x.webSocket()
	return j.x.site.upstreams.inTheClear()
}

// spread makes of the head what the policy reads. All texts are parts of one.
func (j *job) spread() bool {
	text := string(j.raw)
	at := func(part []byte) string {
		begin := cap(j.raw) - cap(part)
		return text[begin : begin+len(part)]
	}
	for _, f := range j.head.Fields {
		j.fields = append(j.fields, fieldText{textproto.CanonicalMIMEHeaderKey(at(f.Name)), at(f.Value)})
	}
	for i, f := range j.head.Fields {
		if f.Kind != h1.Host {
			j.note(j.fields[i].name, j.fields[i].value)
		}
	}
	target := at(j.head.Target)
	if !j.parse(target) {
		return false
	}
	j.request = http.Request{
		Method: at(j.head.Method), URL: &j.url, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1, Header: j.header,
		Body: http.NoBody, Host: at(j.head.Host), RequestURI: target, TLS: j.on.state, RemoteAddr: "",
	}
	if j.head.Framing == h1.Measured {
		j.request.ContentLength = int64(j.head.Length) //nolint:gosec // h1 takes no more than 2^62
	}
	if j.head.HasBody() {
		j.request.Body = unreadBody{}
	}
	return true
}

// readStream understands a request of HTTP/2, likewise.
func (j *job) readStream(r *h2.Request) bool {
	parsed := j.spreadStream(r)
	empty := r.Length == 0 && !r.Ended // nothing must be passed on before there is nothing more of it
	if !r.TooLong && (empty || j.foreign()) {
		return false
	}
	j.meet()
	switch {
	case r.TooLong:
		j.refusal = http.StatusRequestHeaderFieldsTooLarge
	case !parsed:
		j.refusal = http.StatusBadRequest
	default:
		j.refusal = j.x.understand()
	}
	j.upgrade = j.x.key != ""
	return j.refusal != 0 || j.x.site == nil || j.x.site.upstreams.inTheClear()
}

// spreadStream makes of the head what the policy reads, and reports whether its path has one meaning. All texts are parts
// of one.
func (j *job) spreadStream(r *h2.Request) bool {
	j.raw = append(append(append(j.raw[:0], r.Method...), r.Authority...), r.Path...)
	for _, f := range r.Fields {
		j.raw = append(append(j.raw, f.Name...), f.Value...)
	}
	text := string(j.raw)
	next := func(part []byte) string {
		one := text[:len(part)]
		text = text[len(part):]
		return one
	}
	j.request = http.Request{
		Method: next(r.Method), URL: &j.url, Proto: "HTTP/2.0", ProtoMajor: 2, Header: j.header, Body: unreadBody{},
		Host: next(r.Authority), RequestURI: next(r.Path), TLS: j.on.state, ContentLength: r.Length,
	}
	if r.Protocol != nil {
		j.header[protocolField] = []string{string(r.Protocol)}
	}
	fields := j.head.Fields[:0]
	j.head = h1.Request{}
	j.head.Fields = append(fields, r.Fields...)
	switch {
	case r.Ended:
		j.request.Body, j.request.ContentLength = http.NoBody, 0
	case string(r.Method) == http.MethodConnect: // what follows is no body
	case r.Length < 0:
		j.head.Framing = h1.Chunked
	default:
		j.head.Framing, j.head.Length = h1.Measured, uint64(r.Length)
	}
	for _, f := range r.Fields {
		name := textproto.CanonicalMIMEHeaderKey(next(f.Name))
		value := next(f.Value)
		j.fields = append(j.fields, fieldText{name, value})
		j.note(name, value)
	}
	return j.parse(j.request.RequestURI)
}

// note puts a field where the policy looks for it.
func (j *job) note(name, value string) {
	j.values = append(j.values, value)
	if list, more := j.header[name]; more {
		j.header[name] = append(list, value)
	} else {
		n := len(j.values)
		j.header[name] = j.values[n-1 : n : n]
	}
}

// unreadBody is the body of a request to who asks whether there is one. The loop reads it.
type unreadBody struct{}

func (unreadBody) Read([]byte) (int, error) { return 0, errors.ErrUnsupported }
func (unreadBody) Close() error             { return nil }

// parse finds the path of a target, as net/http does.
func (j *job) parse(target string) bool {
	for i := range len(target) {
		c := target[i]
		if c == '?' {
			j.url.Path = target[:i]
			return true
		}
		if c == '%' || c < '!' || c > '~' || i == 1 && c == '/' {
			parsed, err := url.ParseRequestURI(target)
			if err == nil {
				j.url.Path = parsed.Path
			}
			return err == nil
		}
	}
	j.url.Path = target
	return true
}

// meet begins the exchange.
func (j *job) meet() {
	on, s := j.on, j.worker.server
	j.x = exchange{
		server: s, table: s.table(), w: &j.local, control: j.control, in: &j.request, asked: &j.request,
		began: j.worker.loop.Now(), peer: on.peer, reached: on.local, from: on.from, secure: on.secure != nil,
	}
	j.bodyDone = !j.head.HasBody()
}

// end tells that there is nothing more to do.
func (j *job) end() {
	j.x.attempt.done()
	if j.leave != nil {
		j.leave()
		j.leave = nil
	}
	j.x.end()
}

// foreign reports whether the request asks for something that a loop does not do.
func (j *job) foreign() bool {
	h := j.header
	for _, own := range []string{steps.ChallengePath, steps.CAPath} { // those are files
		if strings.HasPrefix(j.request.RequestURI, own) {
			return true
		}
	}
	return h["Expect"] != nil || h["Trailer"] != nil
}
