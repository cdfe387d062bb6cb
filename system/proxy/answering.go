package proxy

import (
	"errors"
	"io"
	"net/http"
	"strconv"

	"github.com/c93d5bcb/sslwizard/system/proxy/h1"
)

// The way of an answer to the client, on a loop.

// refuse answers with a page of ours.
func (j *job) refuse(status int) {
	j.x.refuse(status)
	j.reply()
}

// doubtful is what it is on net/http: chunked bodies are read strictly here, but what stands before us may not have.
func (j *job) doubtful() bool { return j.head.Framing == h1.Chunked }

// reply sends the answer of ours that the policy has written.
func (j *job) reply() {
	a, to := &j.local, j.guest.stream
	if j.guest.last || a.header.Get("Connection") == "close" || j.doubtful() || !j.bodyDone || j.worker.plane.draining.Load() {
		a.header.Set("Connection", "close")
		j.guest.last = true
	}
	a.header.Set("Date", j.worker.httpDate())
	b := h1.AppendStatus(to.Buffer(), a.status)
	for _, name := range a.names() {
		for _, value := range a.header[name] {
			b = h1.AppendText(b, name, value)
		}
	}
	b = append(b, "\r\n"...)
	to.Put(append(b, a.body...))
	j.answered = true
	j.finish()
}

// interim passes on an answer that another one follows.
func (j *job) interim(a *h1.Answer) {
	to := j.guest.stream
	b := h1.AppendStatus(to.Buffer(), a.Status)
	for _, f := range a.Fields {
		if f.Kind == h1.Other && a.Passes(f) {
			b = h1.AppendField(b, f.Name, f.Value)
		}
	}
	to.Put(append(b, "\r\n"...))
}

// answer passes on the head of the upstream's answer.
func (j *job) answer(a *h1.Answer) {
	x, g := &j.x, j.guest
	x.succeeded()
	x.status = a.Status
	j.answered = true
	g.last = g.last || j.doubtful() || !j.bodyDone || j.worker.plane.draining.Load()
	toHEAD := x.in.Method == http.MethodHead
	j.chunked = a.Framing != h1.Measured && !a.Bodiless(toHEAD)
	b := h1.AppendStatus(g.stream.Buffer(), a.Status)
	g.stream.Put(j.appendFields(b, a))
	j.back.body = a.Body(toHEAD)
	j.pace.loose = true
	if left, known := j.back.body.Left(); known && left == 0 {
		j.finish()
		return
	}
	j.clock()
}

// appendFields appends the fields of the answer, ours behind them, and the end of the head.
func (j *job) appendFields(b []byte, a *h1.Answer) []byte {
	x := &j.x
	own := j.worker.own[:0]
	if x.secure {
		x.site.promises(func(name, value string) { own = append(own, fieldText{name, value}) })
	}
	dated := false
	for _, f := range a.Fields {
		if !a.Passes(f) && f.Kind != h1.Trailer || f.Kind == h1.ContentLength || f.Kind == h1.Trailer && a.Framing != h1.Chunked || proxyLine(f.Name) || named(own, f.Name) {
			continue
		}
		dated = dated || len(f.Name) == len("Date") && isDate(f.Name)
		b = h1.AppendField(b, f.Name, f.Value)
	}
	if !dated {
		b = h1.AppendText(b, "Date", j.worker.httpDate())
	}
	for _, f := range own {
		b = h1.AppendText(b, f.name, f.value)
	}
	j.worker.own = own[:0]
	b = j.appendSticky(b, a)
	switch {
	case j.chunked:
		b = append(b, "Transfer-Encoding: chunked\r\n"...)
	case a.Framing == h1.Measured && a.Status != http.StatusNoContent:
		b = append(b, "Content-Length: "...)
		b = strconv.AppendUint(b, a.Length, 10)
		b = append(b, "\r\n"...)
	}
	if j.guest.last {
		b = append(b, "Connection: close\r\n"...)
	}
	return append(b, "\r\n"...)
}

// appendSticky has the visitor come back to the upstream, where the site wants that.
func (j *job) appendSticky(b []byte, a *h1.Answer) []byte {
	if j.x.site.upstreams.sticky == nil {
		return b
	}
	h := http.Header{}
	for _, f := range a.Fields {
		if len(f.Name) == len("Cache-Control") {
			h.Add(string(f.Name), string(f.Value))
		}
	}
	j.x.stick(h)
	for _, cookie := range h["Set-Cookie"] {
		b = h1.AppendText(b, "Set-Cookie", cookie)
	}
	return b
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
	b, to := j.back, j.guest.stream
	piece, n, end, err := b.body.Next(p)
	if err != nil {
		j.x.attempt.to.health.count()
		j.fail(http.StatusBadGateway, err)
		return len(p)
	}
	j.x.bytes.Add(int64(len(piece)))
	if !j.chunked {
		to.Write(piece)
	} else if len(piece) > 0 {
		to.Put(h1.AppendChunk(to.Buffer(), piece))
	}
	if end {
		j.endChunks(b.body.Trailer())
		j.finish()
		return n
	}
	if to.Full() {
		b.stream.Pause()
	}
	j.waits = false // a talk in both directions: with each piece of the answer the client's time begins anew
	j.clock()
	return n
}

func (j *job) endChunks(trailer []h1.Field) {
	if j.chunked {
		to := j.guest.stream
		to.Put(h1.AppendEnd(to.Buffer(), trailer))
	}
}

// backEnded is told that the upstream's connection has ended.
func (j *job) backEnded(err error) {
	switch {
	case !j.answered:
		j.fell(errorOfEnd(err))
	case j.back.body.UntilEnd() && errors.Is(err, io.EOF):
		j.back.ended = true
		j.endChunks(nil)
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
	j.guest.stream.Resume()
	j.clock()
}

// finish ends a request whose answer is written.
func (j *job) finish() {
	g, b := j.guest, j.back
	if b != nil {
		j.back = nil
		b.release(j.bodyDone)
	}
	j.x.attempt.done()
	j.x.end()
	g.answered(!j.bodyDone)
}
