package main

import (
	"fmt"
	"net/http"
	"strings"
)

// upgradeWant is what has to become of a request for an upgrade.
type upgradeWant int

const (
	noTunnel upgradeWant = iota // whatever it is answered with, no tunnel comes of it
	tunnel                      // it is a WebSocket, and has to become one
)

// upgradeCase is a request for an upgrade; the application agrees to all of them.
type upgradeCase struct {
	want upgradeWant
	text string
}

// handshake is a WebSocket handshake on the path, with these lines in place of the usual.
func handshake(path string, lines ...string) string {
	if len(lines) == 0 {
		lines = []string{"Connection: Upgrade", "Upgrade: websocket", "Sec-WebSocket-Version: 13", "Sec-WebSocket-Key: " + wsKey}
	}
	return "GET " + path + " HTTP/1.1\r\nHost: backend.test\r\n" + fields(lines...)
}

// upgrades are requests after which a client could speak with the application past the proxy: by HTTP/2 without TLS
// (2020), by protocols that nobody asked for, and by WebSockets that are none (2019, RFC 9931).
func upgrades() []testCase {
	var all []testCase
	add := func(class, name string, w upgradeWant, text string) {
		all = append(all, testCase{class, name, upgradeCase{w, text}.try})
	}
	const at = socketPath + "/0000/outer"
	key, version := "Sec-WebSocket-Key: "+wsKey, "Sec-WebSocket-Version: 13"
	settings := "HTTP2-Settings: AAMAAABkAAQAoAAAAAIAAAAA"
	for _, protocol := range []string{"h2c", "H2C", "h2", "HTTP/2.0", "HTTP/1.1", "TLS/1.0", "IRC/6.9", "tcp", "connect-udp", "connect-ip", "spdy/3.1", "SPDY", "*", "x", "web socket", "websockets", "websocket/13", "raw", "\"websocket\"", "websocket\v", "webſocket"} {
		add("another protocol", fmt.Sprintf("%q", protocol), noTunnel, handshake(at, "Connection: Upgrade, HTTP2-Settings", "Upgrade: "+protocol, settings))
	}
	for _, protocol := range []string{"h2c", "IRC/6.9", "tcp"} {
		add("another protocol", fmt.Sprintf("%q with the fields of a WebSocket", protocol), noTunnel, handshake(at, "Connection: Upgrade", "Upgrade: "+protocol, key, version))
		add("several protocols", "websocket, "+protocol, noTunnel, handshake(at, "Connection: Upgrade", "Upgrade: websocket, "+protocol, key, version))
		add("several protocols", protocol+", websocket", noTunnel, handshake(at, "Connection: Upgrade", "Upgrade: "+protocol+", websocket", key, version))
		add("several protocols", protocol+" and websocket in two lines", noTunnel, handshake(at, "Connection: Upgrade", "Upgrade: "+protocol, "Upgrade: websocket", key, version))
	}
	for name, lines := range map[string][]string{
		"no key":                     {"Connection: Upgrade", "Upgrade: websocket", version},
		"empty key":                  {"Connection: Upgrade", "Upgrade: websocket", version, "Sec-WebSocket-Key:"},
		"a key that is too short":    {"Connection: Upgrade", "Upgrade: websocket", version, "Sec-WebSocket-Key: eA=="},
		"a key that is no base64":    {"Connection: Upgrade", "Upgrade: websocket", version, "Sec-WebSocket-Key: ************************"},
		"no version":                 {"Connection: Upgrade", "Upgrade: websocket", key},
		"no Connection":              {"Upgrade: websocket", key, version},
		"Connection: close":          {"Connection: close", "Upgrade: websocket", key, version},
		"Connection: upgraded":       {"Connection: upgraded", "Upgrade: websocket", key, version},
		"no Upgrade":                 {"Connection: Upgrade", key, version},
		"Upgrade by another name":    {"Connection: Upgrade", "X-Upgrade: websocket", key, version},
		"Upgrade with an underscore": {"Connection: Upgrade", "Up_grade: websocket", key, version},
	} {
		add("no WebSocket", name, noTunnel, handshake(at, lines...))
	}
	usual := []string{"Connection: Upgrade", "Upgrade: websocket", key, version}
	add("no WebSocket", "POST", noTunnel, "POST "+at+" HTTP/1.1\r\nHost: backend.test\r\n"+fields(append(usual, "Content-Length: 0")...))
	add("no WebSocket", "HEAD", noTunnel, "HEAD "+at+" HTTP/1.1\r\nHost: backend.test\r\n"+fields(usual...))
	add("no WebSocket", "HTTP/1.0", noTunnel, "GET "+at+" HTTP/1.0\r\nHost: backend.test\r\n"+fields(usual...))
	add("no WebSocket", "with a body", noTunnel, handshake(at, append(usual, length(hidden))...)+hidden)
	add("no WebSocket", "with chunks", noTunnel, handshake(at, append(usual, chunked)...)+chunk(hidden)+zero)
	for _, path := range []string{"/0000/outer", "/", "/w", "/%77", "/ws/../0000/outer", "/ws/%2e%2e/0000/outer", "/ws/..%2f0000/outer", "//ws/../0000", "/x/ws", "/WS", "/?/ws", "/ws/x/../../0000/outer"} {
		add("another path", path, noTunnel, handshake(path))
	}
	add("a WebSocket", "as usual", tunnel, handshake(at))
	add("a WebSocket", "the path alone", tunnel, handshake(socketPath))
	add("a WebSocket", "with a query", tunnel, handshake(at+"?a=/../b"))
	add("a WebSocket", "other letters", tunnel, handshake(at, "connection: upgrade", "upgrade: WebSocket", "sec-websocket-version: 13", "sec-websocket-key: "+wsKey))
	add("a WebSocket", "as Firefox writes Connection", tunnel, handshake(at, "Connection: keep-alive, Upgrade", "Upgrade: websocket", key, version))
	add("a WebSocket", "with a subprotocol and extensions", tunnel, handshake(at, append(usual, "Sec-WebSocket-Protocol: chat, superchat", "Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits")...))
	add("a WebSocket", "with an Origin", tunnel, handshake(at, append(usual, "Origin: https://backend.test")...))
	return all
}

// try asks for the upgrade and says something behind it, which must not reach the application outside of a WebSocket.
func (u upgradeCase) try(l *lane) verdict {
	l.begin()
	how := listening{first: quiet, next: quiet, heads: strings.HasPrefix(u.text, "HEAD")}
	if u.want == tunnel {
		how.first = patience
	}
	answers, err := l.say(l.fill().Replace(u.text+end), how)
	if err != nil {
		return breach("no connection: %v", err)
	}
	stranger := l.innocent()
	seen, dirt := l.back.take()
	switch {
	case stranger != nil:
		return breach("%v", stranger)
	case len(dirt) > 0:
		return breach("the back end got %s", strings.Join(dirt, "; "))
	}
	return u.verdict(answers, seen)
}

func (u upgradeCase) verdict(answers []answer, seen []request) verdict {
	tunnelled := len(answers) > 0 && answers[0].status == http.StatusSwitchingProtocols
	if tunnelled && !strings.EqualFold(answers[0].header.Get("Upgrade"), "websocket") {
		return breach("the client got a tunnel of %q", answers[0].header.Get("Upgrade"))
	}
	for _, r := range seen {
		switch {
		case r.method == "TUNNEL" && u.want == noTunnel:
			return odd("the application got %.40q through a tunnel", r.target)
		case r.header.Get("Http2-Settings") != "":
			return odd("the application got HTTP2-Settings")
		}
	}
	switch {
	case tunnelled && u.want == noTunnel:
		return odd("the client got a tunnel")
	case !tunnelled && u.want == tunnel:
		return odd("no WebSocket came of it: %v", answers)
	}
	return fine()
}
