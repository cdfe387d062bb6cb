package proxy

import (
	"errors"
	"io"
	"net/http"

	"github.com/c93d5bcb/sslwizard/system/proxy/h1"
	"github.com/c93d5bcb/sslwizard/system/proxy/loop"
)

// The way of an answer to the client, on a loop.

// refuse answers with a page of ours.
func (j *job) refuse(status int) {
	j.x.refuse(status)
	j.reply()
}

// reply sends the answer of ours that the policy has written.
func (j *job) reply() {
	a, room := &j.local, &j.worker.room
	room.begin()
	a.header.Set("Date", j.worker.httpDate())
	for _, name := range a.names() {
		for _, value := range a.header[name] {
			if name != "Connection" {
				room.say(name, value)
			}
		}
	}
	j.answered = true
	j.by.head(answerHead{status: a.status, fields: room.fields, none: len(a.body) == 0, closes: a.header.Get("Connection") == "close"})
	if len(a.body) > 0 {
		j.by.body(a.body, true, nil)
	}
	j.finish()
}

// interim passes on an answer that another one follows.
func (j *job) interim(a *h1.Answer) {
	room := &j.worker.room
	room.begin()
	for _, f := range a.Fields {
		if f.Kind == h1.Other && a.Passes(f) {
			room.add(f)
		}
	}
	j.by.interim(a.Status, room.fields)
}

// answer passes on the head of the upstream's answer.
func (j *job) answer(a *h1.Answer) {
	x := &j.x
	if x.key != "" && a.Status < http.StatusMultipleChoices {
		j.fail(http.StatusNotImplemented, errNotOpened)
		return
	}
	x.succeeded()
	x.status = a.Status
	j.answered = true
	toHEAD := x.in.Method == http.MethodHead
	bodiless := a.Bodiless(toHEAD)
	j.back.body = a.Body(toHEAD)
	left, known := j.back.body.Left()
	h := answerHead{status: a.Status, fields: j.fieldsOf(a), unknown: a.Framing != h1.Measured && !bodiless, none: known && left == 0}
	j.by.head(h)
	j.pace.loose = true
	if h.none {
		j.finish()
		return
	}
	j.clock()
}

// fieldsOf are the fields of the answer as the client gets them, ours behind those of the upstream.
func (j *job) fieldsOf(a *h1.Answer) []h1.Field {
	x, room := &j.x, &j.worker.room
	own := j.worker.own[:0]
	if x.secure {
		x.site.promises(func(name, value string) { own = append(own, fieldText{name, value}) })
	}
	room.begin()
	dated := false
	for _, f := range a.Fields {
		if !a.Passes(f) && f.Kind != h1.Trailer || f.Kind == h1.ContentLength || f.Kind == h1.Trailer && a.Framing != h1.Chunked || proxyLine(f.Name) || named(own, f.Name) {
			continue
		}
		dated = dated || len(f.Name) == len("Date") && isDate(f.Name)
		room.add(f)
	}
	if !dated {
		room.say("Date", j.worker.httpDate())
	}
	for _, f := range own {
		room.say(f.name, f.value)
	}
	j.worker.own = own[:0]
	for _, cookie := range j.stickyCookies(a) {
		room.say("Set-Cookie", cookie)
	}
	if a.Framing == h1.Measured && a.Status != http.StatusNoContent && !a.Switches() {
		room.sayNumber("Content-Length", a.Length)
	}
	return room.fields
}

// stickyCookies have the visitor come back to the upstream, where the site wants that.
func (j *job) stickyCookies(a *h1.Answer) []string {
	if j.x.site.upstreams.sticky == nil {
		return nil
	}
	h := http.Header{}
	for _, f := range a.Fields {
		if len(f.Name) == len("Cache-Control") {
			h.Add(string(f.Name), string(f.Value))
		}
	}
	j.x.stick(h)
	return h["Set-Cookie"]
}

// The names of an answer are compared in any case.

func isDate(name []byte) bool { return string(h1.AppendName(make([]byte, 0, 8), name)) == "Date" }

func proxyLine(name []byte) bool {
	return len(name) > 6 && (name[0] == 'P' || name[0] == 'p') && proxyField(string(h1.AppendName(make([]byte, 0, 32), name)))
}

func named(own []fieldText, name []byte) bool {
	for _, f := range own {
		if len(f.name) == len(name) && string(h1.AppendName(make([]byte, 0, 32), name)) == f.name {
			return true
		}
	}
	return false
}

// cameOfAnswer passes on what has come of the answer's body, and returns how much that was.
func (j *job) cameOfAnswer(p []byte) int {
	b := j.back
	piece, n, end, err := b.body.Next(p)
	if err != nil {
		j.x.attempt.to.health.count()
		j.fail(http.StatusBadGateway, err)
		return len(p)
	}
	j.x.bytes.Add(int64(len(piece)))
	if end {
		j.by.body(piece, true, b.body.Trailer())
		j.finish()
		return n
	}
	j.by.body(piece, false, nil)
	if j.by.full() {
		b.stream.Pause()
	}
	j.waits = false // a talk in both directions: with each piece of the answer the client's time begins anew
	j.clock()
	return n
}

// backEnded is told that the upstream's connection has ended.
func (j *job) backEnded(err error) {
	switch {
	case errors.Is(err, loop.ErrFault):
		j.fail(http.StatusInternalServerError, nil)
	case !j.answered:
		j.fell(errorOfEnd(err))
	case j.back.body.UntilEnd() && errors.Is(err, io.EOF):
		j.back.ended = true
		j.by.body(nil, true, nil)
		j.finish()
	default:
		j.x.attempt.to.health.count()
		j.fail(http.StatusBadGateway, err)
	}
}

// errorOfEnd says of a connection that was closed in the place of an answer what net/http says.
func errorOfEnd(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}

// clientHasRoom has the upstream go on.
func (j *job) clientHasRoom() {
	if j.back != nil {
		j.back.stream.Resume()
		j.clock()
	}
}

// backHasRoom has the client's body go on.
func (j *job) backHasRoom() {
	j.by.resume()
	j.clock()
}

// finish ends a request whose answer is written.
func (j *job) finish() {
	if b := j.back; b != nil {
		j.back = nil
		b.release(j.bodyDone)
	}
	j.end()
	j.by.answered(!j.bodyDone)
}
