package proxy

import (
	"net/http"
	"slices"
	"time"

	"github.com/c93d5bcb/sslwizard/system/proxy/h1"
	"github.com/c93d5bcb/sslwizard/system/proxy/h2"
	"github.com/c93d5bcb/sslwizard/system/proxy/loop"
)

// member is a request of HTTP/2 on a loop, from its head to the end of its stream. A job answers it, or, what the loops do
// not do, net/http's way of it by way of an aside.
type member struct {
	party  *party
	stream *h2.Stream // nil: over
	job    *job
	aside  *aside
	joined *half // the client's half of a WebSocket

	in     []byte // of the body: for a job that does not take it yet
	inEnds bool   // and nothing more comes

	out     []byte // of the answer: what the client does not take yet
	room    []byte // that it is in; nil: of its own
	outEnds bool
	trailer []h1.Field
	limit   time.Duration // that the site has for it
	slow    loop.Timer    // the client's time to take that
	waits   bool          // with the head
	paused  bool          // the other side of the WebSocket takes nothing
	talks   bool          // it is a WebSocket, which has a time of its own
}

var _ asker = (*member)(nil)

// member is one for a request.
func (w *worker) member(p *party, s *h2.Stream) *member {
	var m *member
	if n := len(w.members); n > 0 {
		m = w.members[n-1]
		w.members = w.members[:n-1]
	} else {
		m = new(member)
		m.slow = w.loop.Timer(m.late)
	}
	m.party, m.stream = p, s
	m.slow.Give(p.arrival.stream)
	return m
}

// freeMember keeps it for another request.
func (w *worker) freeMember(m *member) {
	m.slow.Free()
	*m = member{slow: m.slow}
	if len(w.members) < maxSpareJobs {
		w.members = append(w.members, m)
	}
}

// ask decides who answers.
func (m *member) ask(r *h2.Request) {
	p := m.party
	m.talks = string(r.Method) == http.MethodConnect
	j := p.worker.job(m, &p.arrival)
	if !j.readStream(r) {
		p.worker.freeJob(j)
		if m.aside = newAside(m, r); m.aside == nil {
			m.stream.Reset(h2.ProtocolError)
		}
		return
	}
	m.job = j
	m.limit = j.x.patience()
	j.begin()
}

// came takes a piece of the body.
func (m *member) came(piece []byte) {
	switch {
	case m.aside != nil:
		m.aside.came(piece)
	case m.joined != nil:
		m.cameOfSocket(piece)
	case m.job == nil: // nobody wants it any more
		m.stream.Consumed(len(piece))
	case len(m.in) > 0 || !m.job.takesBody() || m.job.back.stream.Full():
		m.in = append(m.in, piece...)
	default:
		m.pass(piece, false)
	}
}

// ended is told that the request is whole. Its trailers were announced to an aside, or nobody gets them.
func (m *member) ended(trailer []h1.Field) {
	switch {
	case m.aside != nil:
		m.aside.ended(trailer)
	case m.joined != nil:
		m.endedOfSocket()
	case m.job == nil:
	case len(m.in) > 0 || !m.job.takesBody():
		m.inEnds = true
	default:
		m.pass(nil, true)
	}
}

// pass gives the job a piece of the body.
func (m *member) pass(piece []byte, end bool) {
	j, s := m.job, m.stream
	if j.passBody(piece, end) {
		s.Consumed(len(piece))
		m.party.touch()
		j.cameOfBody(len(piece))
	}
}

// resume implements asker.
func (m *member) resume() {
	if m.talks {
		return // it is for the WebSocket, if there will be one
	}
	if len(m.in) > 0 || m.inEnds {
		in, end := m.in, m.inEnds
		m.in, m.inEnds = nil, false
		m.pass(in, end)
	}
}

// takesHead implements answerer.
func (m *member) takesHead() bool {
	if m.party.takesHead() {
		return true
	}
	m.waits = true
	m.party.heads = append(m.party.heads, m)
	return false
}

// interim implements answerer.
func (m *member) interim(status int, fields []h1.Field) {
	m.party.touch()
	m.stream.Interim(status, fields)
}

// head implements answerer.
func (m *member) head(h answerHead) {
	m.party.touch()
	m.party.wait = max(m.party.wait, m.limit)
	for i := range h.fields {
		if h.fields[i].Kind == h1.Trailer {
			h.fields[i].Kind = h1.Other // HTTP/2 has it too
		}
	}
	m.talks = m.talks && h.status < http.StatusMultipleChoices
	m.stream.Head(h.status, h.fields, h.none)
	if h.closes && !m.party.told {
		m.party.drain()
	}
}

// body implements answerer. What the client does not take is kept; there is no more than one piece of it, for then full
// says so.
func (m *member) body(piece []byte, end bool, trailer []h1.Field) {
	if len(m.out) == 0 {
		m.party.makeRoom(len(piece))
		n := m.stream.Data(piece, end && len(trailer) == 0)
		piece = piece[n:]
	}
	if len(piece) == 0 && len(m.out) == 0 {
		if end && len(trailer) > 0 {
			m.stream.Trailers(trailer)
		}
		return
	}
	m.hold(piece)
	if m.outEnds = end; end {
		m.trailer = cloneFields(trailer)
	}
}

// hold keeps what the client does not take.
func (m *member) hold(piece []byte) {
	if len(m.out) == 0 {
		m.watch(len(piece))
		if len(piece) > partyRoom/2 { // as a rule it is taken soon
			m.room = m.party.worker.rooms.Take()
			m.out = m.room
		}
	}
	m.out = append(m.out, piece...)
}

// release gives back the room of what is taken.
func (m *member) release() {
	m.out = nil
	if m.room != nil {
		m.party.worker.rooms.Give(m.room)
		m.room = nil
	}
}

func cloneFields(fields []h1.Field) []h1.Field {
	fields = slices.Clone(fields)
	for i, f := range fields {
		fields[i].Name, fields[i].Value = slices.Clone(f.Name), slices.Clone(f.Value)
	}
	return fields
}

// full implements asker.
func (m *member) full() bool { return m.waits || len(m.out) > 0 }

// turn is when the client takes more.
func (m *member) turn() {
	n := m.stream.Data(m.out, m.outEnds && len(m.trailer) == 0)
	if m.out = m.out[n:]; len(m.out) > 0 {
		return
	}
	m.release()
	m.slow.Stop()
	if m.outEnds && len(m.trailer) > 0 {
		m.stream.Trailers(m.trailer)
	}
	m.goOn()
}

// goOn has the answer go on.
func (m *member) goOn() {
	m.waits = false
	switch {
	case m.aside != nil:
		m.aside.pull()
	case m.joined != nil:
		m.joined.Room()
	case m.job != nil:
		m.job.clientHasRoom()
	}
}

// watch has the client take so much before its time has passed. An aside has a clock of its own.
func (m *member) watch(n int) {
	if m.aside == nil && !m.talks {
		w := m.party.worker
		m.slow.Set(w.loop.Now().Add(max(m.limit, w.takeTime(n))))
	}
}

// outlive is called when an aside has ended, and what it said before is not taken yet.
func (m *member) outlive() {
	w := m.party.worker
	m.slow.Set(w.loop.Now().Add(w.takeTime(len(m.out))))
}

// late is called when the client has not taken what it could in time.
func (m *member) late() {
	m.party.worker.server.cuts.count(cutAnswer)
	m.abort()
}

// answered implements asker. What the client has not taken goes on to be sent.
func (m *member) answered(bool) {
	m.party.worker.freeJob(m.job)
	m.job = nil
	m.in = nil
}

// abort implements asker.
func (m *member) abort() {
	m.party.touch()
	if j := m.job; j != nil {
		m.job = nil
		j.abandon()
		m.party.worker.freeJob(j)
	}
	m.stream.Reset(h2.InternalError)
}

// closed is told that the stream is over: all is said, or one of both has had enough.
func (m *member) closed() {
	if m.job != nil {
		m.job.clientEnded(nil)
	}
	if m.aside != nil {
		m.aside.cut()
	}
	if m.joined != nil {
		m.joined.both.cut()
	}
	if at := slices.Index(m.party.heads, m); at >= 0 {
		m.party.heads = slices.Delete(m.party.heads, at, at+1)
	}
	m.release()
	m.party.worker.freeMember(m)
}
