package main

import (
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync/atomic"
)

// elsewhere is a server that nobody configured. Who connects to it is an open proxy.
type elsewhere struct {
	net.Listener
	visits atomic.Int64
}

func newElsewhere() (*elsewhere, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	e := &elsewhere{Listener: l}
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			e.visits.Add(1)
			_, _ = conn.Write([]byte("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nelsewhere"))
			_ = conn.Close()
		}
	}()
	return e, nil
}

// errand is a request that would have the proxy go somewhere that it was not told to by its operator.
type errand struct {
	plain  bool // by HTTP, else by HTTPS
	text   string
	passes bool // it is right all the same: absolute-form for the site itself (RFC 9112 section 3.2.2)
}

// errands are the ways in which a proxy is asked to be everybody's. In their texts ELSEWHERE is the address of a server
// that nobody configured.
func errands() []testCase {
	var all []testCase
	add := func(class, name string, e errand) { all = append(all, testCase{class, name, e.try}) }
	for _, plain := range []bool{false, true} {
		way := map[bool]string{false: "HTTPS", true: "HTTP"}[plain]
		say := func(class, name, first string, lines ...string) {
			add(class, name+" by "+way, errand{plain: plain, text: first + "\r\n" + fields(lines...)})
		}
		for _, to := range []string{"ELSEWHERE", "backend.test:443", "backend.test:22", "127.0.0.1:22", "[::1]:22", "localhost:80", "", "/", "*", "https://ELSEWHERE", "backend.test", "ELSEWHERE/x"} {
			say("CONNECT", fmt.Sprintf("%q", to), "CONNECT "+to+" HTTP/1.1", "Host: backend.test")
		}
		say("CONNECT", "Host as the target", "CONNECT ELSEWHERE HTTP/1.1", "Host: ELSEWHERE")
		say("CONNECT", "with a body", "CONNECT ELSEWHERE HTTP/1.1", "Host: backend.test", "Content-Length: 0")
		say("CONNECT", "by HTTP/1.0", "CONNECT ELSEWHERE HTTP/1.0", "Host: backend.test")
		say("CONNECT", "in small letters", "connect ELSEWHERE HTTP/1.1", "Host: backend.test")
		for _, scheme := range []string{"http", "https", "HTTP", "ftp", "file", "gopher", "ws", "unix", "x-y"} {
			say("absolute form", scheme, "GET "+scheme+"://ELSEWHERE/ HTTP/1.1", "Host: backend.test")
		}
		for _, target := range []string{"http:ELSEWHERE/", "//ELSEWHERE/", "http:///ELSEWHERE/", "http://backend.test@ELSEWHERE/", "http://ELSEWHERE\\@backend.test/", "http://ELSEWHERE#@backend.test/", "http://ELSEWHERE?@backend.test/", "https://backend.test@ELSEWHERE/", "@ELSEWHERE/", "ELSEWHERE/", ":ELSEWHERE", "/@ELSEWHERE/", "/..//ELSEWHERE/", "/http://ELSEWHERE/", "http://backend.test:80@ELSEWHERE/", "https://backend.test:443:ELSEWHERE/", "/\\ELSEWHERE/"} {
			say("target", fmt.Sprintf("%q", target), "GET "+target+" HTTP/1.1", "Host: backend.test")
		}
		for _, host := range []string{"ELSEWHERE", "backend.test@ELSEWHERE", "ELSEWHERE/backend.test", "backend.test, ELSEWHERE", "127.0.0.1", "[::1]", "169.254.169.254", "0", "backend.test:ELSEWHERE", "other.test"} {
			say("Host", fmt.Sprintf("%q", host), "GET /0000/outer HTTP/1.1", "Host: "+host)
		}
		say("absolute form", "by its side a Host of its own", "GET http://ELSEWHERE/ HTTP/1.1", "Host: ELSEWHERE")
		say("field", "X-Forwarded-Host", "GET /0000/outer HTTP/1.1", "Host: backend.test", "X-Forwarded-Host: ELSEWHERE", "X-Host: ELSEWHERE", "X-Forwarded-Server: ELSEWHERE")
		say("field", "Proxy", "GET /0000/outer HTTP/1.1", "Host: backend.test", "Proxy: http://ELSEWHERE")
		say("field", "X-Original-URL", "GET /0000/outer HTTP/1.1", "Host: backend.test", "X-Original-URL: http://ELSEWHERE/", "X-Rewrite-URL: http://ELSEWHERE/")
		say("field", "X-Accel-Redirect", "GET /0000/outer HTTP/1.1", "Host: backend.test", "X-Accel-Redirect: http://ELSEWHERE/", "X-Sendfile: /etc/passwd")
		say("field", "Max-Forwards", "TRACE /0000/outer HTTP/1.1", "Host: backend.test", "Max-Forwards: 0")
	}
	add("absolute form", "of the site itself", errand{text: "GET https://backend.test/0000/outer HTTP/1.1\r\nHost: backend.test\r\n\r\n", passes: true})
	return all
}

// try sends the request, and looks who was asked and where the client was sent.
func (e errand) try(l *lane) verdict {
	other, err := newElsewhere()
	if err != nil {
		return breach("%v", err)
	}
	defer other.Close()
	l.begin()
	text := strings.ReplaceAll(l.fill().Replace(e.text+end), "ELSEWHERE", other.Addr().String())
	answers, err := e.say(l, text)
	if err != nil {
		return breach("no connection: %v", err)
	}
	seen, dirt := l.back.take()
	own := other.Addr().String()
	switch {
	case other.visits.Load() > 0:
		return breach("the proxy connected elsewhere")
	case len(dirt) > 0:
		return breach("the back end got %s", strings.Join(dirt, "; "))
	case e.passes && len(seen) != 2:
		return odd("not passed on: %v", answers)
	}
	for _, r := range seen {
		if r.method == http.MethodConnect || strings.Contains(r.host, own) {
			return breach("the back end saw %q for %q", r.line(), r.host)
		}
	}
	return sent(answers, l.host)
}

// sent says whether the client was sent somewhere else, or let through by CONNECT.
func sent(answers []answer, host string) verdict {
	for _, a := range answers {
		location := a.header.Get("Location")
		if location == "" {
			continue
		}
		if to, err := url.Parse(location); err != nil || to.Hostname() != host {
			return odd("the client was sent to %q", location)
		}
	}
	return fine()
}

func (e errand) say(l *lane, text string) ([]answer, error) {
	if !e.plain {
		return l.say(text, briefly)
	}
	conn, err := net.DialTimeout("tcp", l.front.http, patience)
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	return exchange(conn.(*net.TCPConn), text, briefly), nil
}
