package main

import (
	"fmt"
	"slices"
	"strings"
)

// lie is what a client claims; no field that an application believes may carry it.
const lie = "6.6.6.6"

// spoof is a request in which a client says something about itself that only the proxy may say.
type spoof struct {
	text string // of HTTP/1; empty: the stream is sent
	stream
}

// believed are the fields that applications believe, because a proxy is known to set them.
var believed = []string{
	"X-Forwarded-For", "X-Forwarded-Host", "X-Forwarded-Proto", "X-Forwarded-Port", "X-Forwarded-Prefix", "X-Forwarded-Server", "X-Forwarded-Ssl",
	"X-Forwarded-Scheme", "X-Forwarded-By", "X-Forwarded-User", "X-Forwarded-Client-Cert", "X-Forwarded-Path", "Forwarded", "X-Real-IP", "Proxy",
}

// spoofs are lies under every spelling that some application takes for the true one (CVE-2025-64484 and its kin).
func spoofs() []testCase {
	var all []testCase
	add := func(class, name string, s spoof) { all = append(all, testCase{class, name, s.try}) }
	say := func(lines ...string) spoof { return spoof{text: get(lines...)} }
	value := func(name string) string {
		if name == "Forwarded" {
			return "for=" + lie
		}
		return lie
	}
	for _, name := range believed {
		add("as it is", name, say(name+": "+value(name)))
		add("in small letters", name, say(strings.ToLower(name)+": "+value(name)))
		add("over HTTP/2", name, spoof{stream: stream{fields: plainly("GET", field{strings.ToLower(name), value(name)})}})
		add("announced as a trailer", name, spoof{text: post(chunk("x=1")+"0\r\n"+name+": "+value(name)+"\r\n\r\n", chunked, "Trailer: "+name)})
		if strings.Contains(name, "-") {
			underscored := strings.ReplaceAll(name, "-", "_")
			add("underscores", name, say(underscored+": "+value(name)))
			add("one underscore", name, say(strings.Replace(name, "-", "_", 1)+": "+value(name)))
			add("dots", name, say(strings.ReplaceAll(name, "-", ".")+": "+value(name)))
			add("underscores over HTTP/2", name, spoof{stream: stream{fields: plainly("GET", field{strings.ToLower(underscored), value(name)})}})
		}
	}
	const xff = "X-Forwarded-For"
	add("form", "twice", say(xff+": 1.1.1.1", xff+": "+lie))
	add("form", "a list", say(xff+": "+lie+", 127.0.0.1"))
	add("form", "empty, then a lie", say(xff+":", xff+": "+lie))
	add("form", "folded", say(xff+":\r\n "+lie))
	add("form", "in another field's fold", say("X-Other: y\r\n "+xff+": "+lie))
	add("form", "behind a CR", say("X-Other: y\r"+xff+": "+lie))
	add("form", "behind a LF", say("X-Other: y\n"+xff+": "+lie))
	add("form", "space before the colon", say(xff+" : "+lie))
	add("form", "both spellings", say(xff+": "+lie, "X_Forwarded_For: "+lie))
	add("form", "over HTTP/1.0", spoof{text: "GET /0000/outer HTTP/1.0\r\nHost: backend.test\r\n" + xff + ": " + lie + "\r\n\r\n"})
	add("form", "HTTP_ before it", say("HTTP_X_FORWARDED_FOR: "+lie, xff+": "+lie))
	add("form", "Host twin", say("X-Forwarded-Host: "+lie, "X_Forwarded_Host: "+lie, "X-Forwarded_Host: "+lie))
	for _, named := range []string{xff, "X-Real-IP", "X-Forwarded-Proto", "X-Forwarded-Host", "Forwarded", "X-Forwarded-For, X-Real-IP", "close, X-Forwarded-For", "Host"} {
		// Who drops what Connection names has to do so before the true fields are set (CVE-2026-35051 and its kin).
		add("Connection names it", named, say("Connection: "+named, xff+": "+lie))
	}
	add("with an upgrade", xff, say("Connection: Upgrade, "+xff, "Upgrade: websocket", "Sec-WebSocket-Version: 13", "Sec-WebSocket-Key: "+wsKey, xff+": "+lie))
	return all
}

// try sends the request and looks for the lie in what the back end saw.
func (s spoof) try(l *lane) verdict {
	l.begin()
	if s.text != "" {
		if _, err := l.say(l.fill().Replace(s.text+end), briefly); err != nil {
			return breach("no connection: %v", err)
		}
	} else if _, err := s.filled(l.fill()).ask(l, l.host); err != nil {
		return breach("no connection: %v", err)
	}
	if err := l.innocent(); err != nil {
		return breach("%v", err)
	}
	seen, dirt := l.back.take()
	if len(dirt) > 0 {
		return breach("the back end got %s", strings.Join(dirt, "; "))
	}
	for _, r := range seen {
		if v := lied(r); v.grade != ok {
			return v
		}
	}
	return fine()
}

// lied says which field of the request is believed and carries the lie, or is not there at all.
func lied(r request) verdict {
	for _, h := range []map[string][]string{r.header, r.trailer} {
		for name, values := range h {
			if believable(name) && strings.Contains(strings.Join(values, ","), lie) {
				return breach("the back end saw %q", fmt.Sprintf("%s: %s", name, strings.Join(values, ", ")))
			}
		}
	}
	if r.header.Get("X-Forwarded-For") == "" {
		return breach("the back end saw no X-Forwarded-For in %q", r.line())
	}
	return fine()
}

// believable reports whether some application takes this name for one of those that are believed: as CGI does, which
// makes one character of all that are no letters.
func believable(name string) bool {
	plain := strings.ToLower(strings.Map(func(r rune) rune {
		if r >= '0' && r <= '9' || r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' {
			return r
		}
		return '-'
	}, name))
	return slices.ContainsFunc(believed, func(b string) bool { return strings.EqualFold(b, plain) })
}
