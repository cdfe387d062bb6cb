package proxy

import (
	"io"
	"net/http"

	"github.com/c93d5bcb/sslwizard/system/proxy/h1"
)

// A WebSocket over HTTP/2 (RFC 8441) is a member whose CONNECT was answered.

// admit counts it before it is asked for, and returns the status to refuse it with, or 0.
func (j *job) admit() (status int) {
	j.leave, status = j.x.opens()
	return status
}

// accepts reports whether the upstream's answer is for this handshake.
func accepts(a *h1.Answer, key string) bool {
	for _, f := range a.Fields {
		if isAccept(f) {
			return string(f.Value) == acceptOf(key)
		}
	}
	return false
}

const acceptField = "Sec-Websocket-Accept"

func isAccept(f h1.Field) bool {
	return string(h1.AppendName(make([]byte, 0, 32), f.Name)) == acceptField
}

// join has the stream be one side. What there was of a handshake is nothing to the client.
func (m *member) join(one *joined, j *job, a *h1.Answer) {
	all := j.fieldsOf(a)
	fields := all[:0]
	for _, f := range all {
		if !isAccept(f) {
			fields = append(fields, f)
		}
	}
	m.head(answerHead{status: http.StatusOK, fields: fields})
	one.client, one.toClient = memberSide{m}, lane{out: memberSide{m}}
	one.over = func() { m.joined = nil }
	j.back.stream.Done = one.cut
	one.server.tunnels.enter(one)
	m.job, m.paused = nil, true // until Resume
	m.joined = &half{one, memberSide{m}, j.back.stream, &one.toServer}
}

// cameOfSocket takes what the client sends to the other side.
func (m *member) cameOfSocket(piece []byte) {
	if m.paused {
		m.in = append(m.in, piece...)
		return
	}
	m.joined.Came(piece)
	m.party.touch()
	m.stream.Consumed(len(piece))
}

func (m *member) endedOfSocket() {
	if m.paused {
		m.inEnds = true
		return
	}
	m.joined.Ended(io.EOF)
}

// memberSide is the side of a WebSocket that is a member.
type memberSide struct{ m *member }

// Write implements io.Writer.
func (s memberSide) Write(p []byte) (int, error) {
	s.m.body(p, false, nil)
	return len(p), nil
}

// Full implements side.
func (s memberSide) Full() bool { return s.m.full() }

// Pause implements side.
func (s memberSide) Pause() { s.m.paused = true }

// Resume implements side.
func (s memberSide) Resume() {
	m := s.m
	if !m.paused {
		return
	}
	m.paused = false
	in, ends := m.in, m.inEnds
	m.in, m.inEnds = nil, false
	if len(in) > 0 && m.joined != nil {
		m.cameOfSocket(in)
	}
	if ends && m.joined != nil {
		m.endedOfSocket()
	}
}

// CloseWrite implements side: when the upstream has ended, nothing of what the client still says is for anybody.
func (s memberSide) CloseWrite() { s.m.joined.both.cut() }

// Finish implements side. What the client has not taken in a moment it does not get.
func (s memberSide) Finish(bool) {
	m := s.m
	m.party.touch()
	m.stream.Untie()
	if !m.outEnds {
		m.body(nil, true, nil)
	}
	if len(m.out) > 0 {
		m.slow.Set(m.party.worker.loop.Now().Add(closeGrace))
	}
}

var _ side = memberSide{}
