package main

import (
	"fmt"
	"strings"
)

// replyWant is what has to become of an application's answer.
type replyWant int

const (
	delivered replyWant = iota // the client gets it as it is
	withheld                   // the client gets an error, or sees that it is broken off
	leftOpen                   // one of both
)

// reply is an answer of an application, right or wrong.
type reply struct {
	class, name string
	want        replyWant
	text        string
	method      string // that it answers; empty: GET
	ends        bool   // the application ends the connection behind it
	status      int
	body        string
	crowd       bool // other clients ask while it is asked for, again and again
}

// hiddenReply is an answer that nobody asked for.
const hiddenReply = "HTTP/1.1 200 OK\r\nSeen: GET /hidden\r\nContent-Length: 6\r\n\r\nhidden"

// replies are right answers in all their forms, and what is known of wrong ones: two lengths, lengths and chunks, more
// bytes than were said and fewer, and heads that are none.
var replies = makeReplies()

func makeReplies() []reply {
	return append(append(rightReplies(), wrongReplies()...), excessiveReplies()...)
}

// ok200 is a right answer with these lines.
func ok200(body string, lines ...string) string {
	return "HTTP/1.1 200 OK\r\n" + fields(lines...) + body
}

func rightReplies() []reply {
	var all []reply
	add := func(name, text string, status int, body string, change ...func(*reply)) {
		r := reply{class: "right", name: name, text: text, status: status, body: body}
		for _, c := range change {
			c(&r)
		}
		all = append(all, r)
	}
	ends := func(r *reply) { r.ends = true }
	toHead := func(r *reply) { r.method = "HEAD" }
	open := func(r *reply) { r.want = leftOpen }
	three := "Content-Length: 3"
	add("length", ok200("x=1", three), 200, "x=1")
	add("length 0", ok200("", "Content-Length: 0"), 200, "")
	add("a megabyte", ok200(strings.Repeat("x", 1<<20), "Content-Length: 1048576"), 200, strings.Repeat("x", 1<<20))
	add("chunks", ok200(chunk("x=")+chunk("1")+zero, chunked), 200, "x=1")
	add("chunks in capitals", ok200("A\r\n0123456789\r\n"+zero, "TRANSFER-ENCODING: CHUNKED"), 200, "0123456789")
	add("no chunk but the last", ok200(zero, chunked), 200, "")
	add("chunks with extensions", ok200("3;a=b\r\nx=1\r\n0;c\r\n\r\n", chunked), 200, "x=1")
	add("chunks with a trailer", ok200(chunk("x=1")+"0\r\nX-Sum: 1\r\n\r\n", chunked, "Trailer: X-Sum"), 200, "x=1")
	add("a megabyte of chunks", ok200(strings.Repeat(chunk(strings.Repeat("x", 1024)), 1024)+zero, chunked), 200, strings.Repeat("x", 1<<20))
	add("until the end", ok200("x=1"), 200, "x=1", ends)
	add("until the end, said", ok200("x=1", "Connection: close"), 200, "x=1", ends)
	add("until the end, HTTP/1.0", "HTTP/1.0 200 OK\r\n\r\nx=1", 200, "x=1", ends)
	add("HTTP/1.0 with a length", "HTTP/1.0 200 OK\r\nContent-Length: 3\r\n\r\nx=1", 200, "x=1", ends)
	add("LF for line ends", "HTTP/1.1 200 OK\nContent-Length: 3\n\nx=1", 200, "x=1", open)
	add("the same length twice", ok200("x=1", three, three), 200, "x=1", open)
	add("the same length in a list", ok200("x=1", three+", 3"), 200, "x=1", open)
	add("a folded line", ok200("x=1", "X: a\r\n b", three), 200, "x=1", open)
	add("no reason", "HTTP/1.1 200\r\nContent-Length: 3\r\n\r\nx=1", 200, "x=1")
	add("an empty reason", "HTTP/1.1 200 \r\nContent-Length: 3\r\n\r\nx=1", 200, "x=1")
	add("a reason of many words", "HTTP/1.1 200 This is: quite fine\r\nContent-Length: 3\r\n\r\nx=1", 200, "x=1")
	for _, status := range []int{201, 206, 299, 400, 404, 418, 499, 500, 503, 599} {
		add(fmt.Sprintf("status %d", status), fmt.Sprintf("HTTP/1.1 %d Some\r\nContent-Length: 3\r\n\r\nx=1", status), status, "x=1")
	}
	add("status 204", "HTTP/1.1 204 No Content\r\n\r\n", 204, "")
	add("status 304", "HTTP/1.1 304 Not Modified\r\n\r\n", 304, "")
	add("status 304 with a length", "HTTP/1.1 304 Not Modified\r\nContent-Length: 300\r\n\r\n", 304, "")
	add("status 304 with chunks", "HTTP/1.1 304 Not Modified\r\nTransfer-Encoding: chunked\r\n\r\n", 304, "")
	add("to HEAD, a length", ok200("", "Content-Length: 300"), 200, "", toHead)
	add("to HEAD, chunks", ok200("", chunked), 200, "", toHead)
	add("to HEAD, nothing", ok200(""), 200, "", toHead)
	add("100 before it", "HTTP/1.1 100 Continue\r\n\r\n"+ok200("x=1", three), 200, "x=1")
	add("103 before it", "HTTP/1.1 103 Early Hints\r\nLink: </x>; rel=preload\r\n\r\n"+ok200("x=1", three), 200, "x=1")
	add("102 before it", "HTTP/1.1 102 Processing\r\n\r\n"+ok200("x=1", three), 200, "x=1")
	add("four before it", strings.Repeat("HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n", 4)+ok200("x=1", three), 200, "x=1")
	add("ten thousand before it", strings.Repeat("HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n", 10_000)+ok200("x=1", three), 200, "x=1", open)
	add("hop-by-hop fields", ok200("x=1", three, "Connection: X-Hop, keep-alive", "X-Hop: y", "Keep-Alive: timeout=9", "Proxy-Authenticate: Basic"), 200, "x=1")
	add("cookies", ok200("x=1", three, "Set-Cookie: a=b", "Set-Cookie: c=d"), 200, "x=1")
	add("an upgrade that is offered", ok200("x=1", three, "Connection: Upgrade", "Upgrade: h2c"), 200, "x=1")
	add("a head of 20 KB", ok200("x=1", "X: "+strings.Repeat("y", 20<<10), three), 200, "x=1", open)
	return all
}

func wrongReplies() []reply {
	var all []reply
	add := func(name, text string) {
		all = append(all, reply{class: "wrong", name: name, text: text, want: withheld, ends: true})
	}
	three := "Content-Length: 3"
	add("nothing", "")
	add("half a head", "HTTP/1.1 200 OK\r\nContent-Le")
	add("no head", "hello, this is no HTTP\r\n\r\n")
	add("a greeting", "220 mail.test ESMTP\r\n")
	add("HTTP/0.9", "<html>x=1</html>")
	for _, first := range []string{"HTTP/1.1 20 OK", "HTTP/1.1 2000 OK", "HTTP/1.1 abc OK", "HTTP/1.1", "HTTP/1.1 OK", "HTTP/2.0 200 OK", "HTTP/1 200 OK", "http/1.1 200 OK", "200 OK", "HTTP/1.1 -20 OK", "HTTP/1.1 +20 OK", "HTTP/1.1 099 OK", "ICY 200 OK", "HTTP/1.1 0x2 OK"} {
		add(fmt.Sprintf("%q", first), first+"\r\nContent-Length: 3\r\n\r\nx=1")
	}
	for _, value := range []string{"+3", "-3", "0x3", "3x", "a", "3, 4", "3 4", "99999999999999999999", "\"3\"", "3.0", "3;"} {
		add(fmt.Sprintf("length %q", value), ok200("x=1", "Content-Length: "+value))
	}
	add("two lengths", ok200("x=1", three, "Content-Length: 4"))
	add("two lengths, the first is 0", ok200("x=1", "Content-Length: 0", three))
	add("a length and chunks", ok200(chunk("x=1")+zero, three, chunked))
	add("chunks and a length", ok200(chunk("x=1")+zero, chunked, three))
	add("chunks in HTTP/1.0", "HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"+chunk("x=1")+zero)
	for _, value := range []string{"xchunked", "identity", "chunked, identity", "identity, chunked", "chunked, chunked", "\"chunked\"", "chunked\x00", "\vchunked", ""} {
		add(fmt.Sprintf("coding %q", value), ok200(chunk("x=1")+zero, "Transfer-Encoding: "+value))
	}
	add("two codings", ok200(chunk("x=1")+zero, chunked, chunked))
	add("space before the colon of a length", ok200("x=1", "Content-Length : 3", "Content-Length: 0"))
	add("space before the colon of chunks", ok200(zero, "Transfer-Encoding : chunked", three))
	for _, size := range []string{"+3", "0x3", "3x", "", " 3", "-3", "3\n", "10000000000000003", "3;a\rb"} {
		add(fmt.Sprintf("chunk size %q", size), ok200(size+"\r\nx=1\r\n"+zero, chunked))
	}
	add("more in a chunk than said", ok200("3\r\nx=12\r\n"+zero, chunked))
	add("no line end behind a chunk", ok200("3\r\nx=1"+zero, chunked))
	add("LF behind a chunk", ok200("3\r\nx=1\n"+zero, chunked))
	add("no last chunk", ok200(chunk("x=1"), chunked))
	add("half a chunk", ok200("3\r\nx", chunked))
	add("no end behind the last chunk", ok200(chunk("x=1")+"0\r\n", chunked))
	add("fewer bytes than said", ok200("x", three))
	add("no bytes where some were said", ok200("", three))
	add("101 that nobody asked for", "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\nhello")
	add("101 to a WebSocket that nobody asked for", "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\nhello")
	add("a line without a colon", ok200("x=1", "X-Nothing", three))
	add("a NUL in a field", ok200("x=1", "X: a\x00b", three))
	add("a CR in a field", ok200("x=1", "X: a\rContent-Length: 0", three))
	add("a first line that is folded", "HTTP/1.1 200 OK\r\n X: y\r\nContent-Length: 3\r\n\r\nx=1")
	add("a head of a megabyte", ok200("x=1", "X: "+strings.Repeat("y", 1<<20), three))
	add("a head without an end", "HTTP/1.1 200 OK\r\n"+strings.Repeat("X: y\r\n", 100_000))
	return all
}

// excessiveReplies have another answer behind them. It belongs to nobody.
func excessiveReplies() []reply {
	var all []reply
	add := func(name, method, text string, status int, body string) {
		all = append(all, reply{class: "excessive", name: name, method: method, text: text + hiddenReply, status: status, body: body, want: leftOpen, crowd: true})
	}
	add("behind a length", "GET", ok200("x=1", "Content-Length: 3"), 200, "x=1")
	add("behind length 0", "GET", ok200("", "Content-Length: 0"), 200, "")
	add("behind chunks", "GET", ok200(chunk("x=1")+zero, chunked), 200, "x=1")
	add("behind 204", "GET", "HTTP/1.1 204 No Content\r\n\r\n", 204, "")
	add("behind 304", "GET", "HTTP/1.1 304 Not Modified\r\n\r\n", 304, "")
	add("as the body of 204", "GET", fmt.Sprintf("HTTP/1.1 204 No Content\r\nContent-Length: %d\r\n\r\n", len(hiddenReply)), 204, "")
	add("as the body of 304", "GET", fmt.Sprintf("HTTP/1.1 304 Not Modified\r\nContent-Length: %d\r\n\r\n", len(hiddenReply)), 304, "")
	add("as the body to HEAD", "HEAD", ok200("", fmt.Sprintf("Content-Length: %d", len(hiddenReply))), 200, "")
	add("behind an answer to HEAD", "HEAD", ok200("", "Content-Length: 0"), 200, "")
	return all
}
