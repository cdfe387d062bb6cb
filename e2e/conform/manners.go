package main

import (
	"fmt"
	"strings"
)

// expectations are about Expect, with which a proxy and an application can lose count of answers ("0.CL", 2025).
func expectations() []payload {
	p := payloads{class: "Expect"}
	for _, value := range []string{"100-continue", "100-Continue", "100-CONTINUE"} {
		p.add(pass, fmt.Sprintf("%q", value), post("x=1", "Content-Length: 3", "Expect: "+value), carrying("x=1"), closesPerhaps)
		p.add(pass, fmt.Sprintf("%q with chunks", value), post(chunk("x=1")+zero, chunked, "Expect: "+value), carrying("x=1"), closesPerhaps)
	}
	for _, value := range []string{"y 100-continue", "100-continue, x", "100-continue;q=1", "200-ok", "100", "", "100-continue 100-continue", "x-100-continue", "\"100-continue\"", "100-continue\x00", "100continue"} {
		p.add(either, fmt.Sprintf("%q", value), post("x=1", "Content-Length: 3", "Expect: "+value), carrying("x=1"))
	}
	p.add(either, "twice", post("x=1", "Content-Length: 3", "Expect: 100-continue", "Expect: 100-continue"), carrying("x=1"))
	p.add(either, "folded", post("x=1", "Content-Length: 3", "Expect:\r\n 100-continue"), carrying("x=1"))
	p.add(either, "without a body", get("Expect: 100-continue"))
	p.add(either, "with HEAD", head("HEAD", "Expect: 100-continue"), heads)
	p.add(either, "with a body of a GET", get("Content-Length: 3", "Expect: 100-continue")+"x=1", carrying("x=1"))
	p.add(either, "with a body of length 0", post("", "Content-Length: 0", "Expect: 100-continue"))
	p.add(refuse, "and a length that is none", post(hidden, "Content-Length: x", "Expect: 100-continue"))
	p.add(refuse, "and a body that never comes", post("", "Content-Length: 3", "Expect: 100-continue"), cut)
	return p.all
}

// pipelines are several right requests behind each other.
func pipelines() []payload {
	p := payloads{class: "pipeline"}
	one := func(n int) string { return fmt.Sprintf("GET /0000/n%d HTTP/1.1\r\nHost: backend.test\r\n\r\n", n) }
	p.add(pass, "two", get()+one(1), seeing("GET /0000/outer", "GET /0000/n1"))
	var many strings.Builder
	sees := []string{}
	for i := range 20 {
		many.WriteString(one(i))
		sees = append(sees, fmt.Sprintf("GET /0000/n%d", i))
	}
	p.add(pass, "twenty", many.String(), seeing(sees...))
	p.add(pass, "behind a body", post("x=1", "Content-Length: 3")+one(1), seeing("POST /0000/outer", "GET /0000/n1"), carrying("x=1"))
	p.add(pass, "behind a POST without a length", post("")+one(1), seeing("POST /0000/outer", "GET /0000/n1"))
	p.add(pass, "behind HEAD", head("HEAD")+one(1), seeing("HEAD /0000/outer", "GET /0000/n1"), heads)
	p.add(pass, "behind chunks", post(chunk("x=1")+zero, chunked)+one(1), seeing("POST /0000/outer", "GET /0000/n1"), carrying("x=1"), closesPerhaps)
	p.add(either, "behind a body and an empty line", post("x=1\r\n", "Content-Length: 3")+one(1), seeing("POST /0000/outer", "GET /0000/n1"), carrying("x=1"))
	p.add(either, "behind a body that is longer than said", post("x=1y", "Content-Length: 3")+one(1), seeing("POST /0000/outer", "yGET /0000/n1"), carrying("x=1"))
	p.add(pass, "close in the first", get("Connection: close")+one(1), seeing("GET /0000/outer"), closing)
	p.add(pass, "close in capitals", get("connection: CLOSE")+one(1), seeing("GET /0000/outer"), closing)
	p.add(pass, "close among others", get("Connection: X-Some, close")+one(1), seeing("GET /0000/outer"), closing)
	for _, named := range []string{"Host", "Content-Length", "X-Forwarded-For, X-Real-IP", "Cookie", "keep-alive, Transfer-Encoding", "Date, , ,", "Connection", "*"} {
		p.add(either, "Connection names "+named, post("x=1", "Content-Length: 3", "Connection: "+named), carrying("x=1"))
	}
	p.add(either, "Connection names the chunks", post(chunk("x=1")+zero, chunked, "Connection: Transfer-Encoding"), carrying("x=1"))
	for _, field := range []string{"Keep-Alive: timeout=9, max=9", "Proxy-Connection: keep-alive", "TE: trailers", "TE: chunked", "TE: gzip;q=1, chunked", "Upgrade: h2c", "HTTP2-Settings: AAMAAABkAAQAoAAAAAIAAAAA", "Proxy-Authorization: Basic eDp5"} {
		p.add(pass, field, get(field))
	}
	return p.all
}

// withoutBody are requests of methods that have no body as a rule: here they have one, and it belongs to them.
func withoutBody() []payload {
	p := payloads{class: "body where none is expected"}
	for _, method := range []string{"GET", "HEAD", "OPTIONS", "DELETE", "PATCH", "PUT", "REPORT"} {
		changes := []func(*payload){carrying(hidden)}
		if method == "HEAD" {
			changes = append(changes, heads)
		}
		p.add(either, method+" with a length", head(method, length(hidden))+hidden, changes...)
		p.add(either, method+" with chunks", head(method, chunked)+chunk(hidden)+zero, changes...)
	}
	p.add(either, "TRACE", head("TRACE", length(hidden))+hidden, carrying(hidden))
	p.add(either, "an unknown method", head("FOO", length(hidden))+hidden, carrying(hidden))
	p.add(either, "an upgrade", get("Connection: Upgrade", "Upgrade: websocket", "Sec-WebSocket-Version: 13", "Sec-WebSocket-Key: "+wsKey, length(hidden))+hidden, carrying(hidden))
	p.add(either, "OPTIONS * with a length", "OPTIONS * HTTP/1.1\r\nHost: backend.test\r\n"+length(hidden)+"\r\n\r\n"+hidden, seeing("OPTIONS *"), carrying(hidden))
	return p.all
}
