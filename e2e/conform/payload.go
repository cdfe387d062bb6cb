package main

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// want is what a proxy has to do with a payload.
type want int

const (
	refuse want = iota // no part of it may reach a back end as a whole request
	pass               // it is right: the back end has to see exactly what is in it
	either             // the standard leaves it to the proxy; but what is passed has to be exactly what is in it
)

// payload is what a client sends over one connection. In its text the turn is "/0000/" and the host backend.test; both
// are replaced by others of the same length.
type payload struct {
	class, name string
	want        want
	text        string
	closes      bool     // nothing after the first request may be answered: its end is in doubt
	mayClose    bool     // nothing after the first request has to be answered
	cut         bool     // it stops in the middle: no end is put behind it
	heads       bool     // the first request is HEAD
	sees        []string // the requests that a right reader finds in it, in order
	body        string   // of the first of them
}

// end is a request behind every payload. Who reads the payload rightly finds it; and it ends the connection.
const end = "GET /0000/end HTTP/1.1\r\nHost: backend.test\r\nConnection: close\r\n\r\n"

// hidden is what must never be read as a request.
const hidden = "GET /0000/hidden HTTP/1.1\r\nHost: backend.test\r\n\r\n"

// zero is the last chunk.
const zero = "0\r\n\r\n"

// head is the head of a request with these field lines.
func head(method string, lines ...string) string {
	return method + " /0000/outer HTTP/1.1\r\nHost: backend.test\r\n" + fields(lines...)
}

// fields are field lines and the end of the head.
func fields(lines ...string) string {
	var b strings.Builder
	for _, line := range lines {
		b.WriteString(line + "\r\n")
	}
	return b.String() + "\r\n"
}

func post(body string, lines ...string) string { return head("POST", lines...) + body }
func get(lines ...string) string               { return head("GET", lines...) }

// length is the right Content-Length of a body.
func length(body string) string { return "Content-Length: " + strconv.Itoa(len(body)) }

// chunk is a body as one chunk.
func chunk(body string) string {
	return strconv.FormatInt(int64(len(body)), 16) + "\r\n" + body + "\r\n"
}

const chunked = "Transfer-Encoding: chunked"

// payloads collects payloads of a class.
type payloads struct {
	class string
	all   []payload
}

func (p *payloads) add(w want, name, text string, change ...func(*payload)) {
	one := payload{class: p.class, name: name, want: w, text: text}
	method, _, _ := strings.Cut(text, " ")
	one.sees = []string{method + " /0000/outer"}
	for _, c := range change {
		c(&one)
	}
	p.all = append(p.all, one)
}

func closing(p *payload) { p.closes = true }
func cut(p *payload)     { p.cut = true }
func heads(p *payload)   { p.heads = true }
func carrying(body string) func(*payload) {
	return func(p *payload) { p.body = body }
}
func seeing(lines ...string) func(*payload) {
	return func(p *payload) { p.sees = lines }
}

// sorted are the payloads in the order of their names: maps have none.
func (p *payloads) sorted() []payload {
	slices.SortStableFunc(p.all, func(a, b payload) int { return cmp.Compare(a.name, b.name) })
	return p.all
}

// try sends the payload down the lane and judges what came of it.
func (p payload) try(l *lane) verdict {
	l.begin()
	fill := l.fill()
	text, sees := p.text, slices.Clone(p.sees)
	if !p.cut {
		text += end
		sees = append(sees, "GET /0000/end")
	}
	for i := range sees {
		sees[i] = fill.Replace(sees[i])
	}
	answers, err := l.say(fill.Replace(text), p.listening())
	if err != nil {
		return breach("no connection: %v", err)
	}
	return l.conclude(judgement{p: p, sees: sees, body: fill.Replace(p.body), answers: answers})
}

// begin begins a case.
func (l *lane) begin() {
	l.turn++
	l.back.take()
}

// fill puts the turn and the lane's own host in the place of those of the texts, which are as long.
func (l *lane) fill() *strings.Replacer {
	return strings.NewReplacer("/0000/", fmt.Sprintf("/%04d/", l.turn), "backend.test", l.host, "BACKEND.TEST", strings.ToUpper(l.host))
}

// conclude has another client ask, looks at what the back end saw, and judges.
func (l *lane) conclude(j judgement) verdict {
	stranger := l.innocent()
	seen, dirt := l.back.take()
	j.seen = slices.DeleteFunc(seen, func(r request) bool { return strings.Contains(r.target, "/canary") || l.late(r) })
	switch {
	case len(dirt) > 0:
		return breach("the back end got %s", strings.Join(dirt, "; "))
	case stranger != nil:
		return breach("%v", stranger)
	}
	return j.verdict()
}

// late reports a request of the case before this one that is none of what it hid.
func (l *lane) late(r request) bool {
	return strings.Contains(r.target, fmt.Sprintf("/%04d/", l.turn-1)) && !strings.Contains(r.target, "hidden")
}

// listening is how the answers are waited for: who has to pass the payload answers it and closes.
func (p payload) listening() listening {
	how := briefly
	if p.want == pass && !p.cut {
		how = toTheEnd
	}
	how.heads = p.heads
	return how
}
