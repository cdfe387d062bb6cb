package main

import (
	"slices"
	"strings"
)

// socketCases are what passes over a WebSocket, byte for byte both ways, after a handshake whose every word is passed.
func socketCases() []testCase {
	var all []testCase
	add := func(class, name string, d dialogue) { all = append(all, testCase{class, name, d.try}) }
	for _, s := range speeches() {
		client, server := s.encode(true), s.encode(false)
		if s.class == "close" { // the other side says the same back, and the server ends the connection
			add(s.class, s.name+", from the client", dialogue{turns: []turn{{client: client}, {server: server}}, end: serverCloses})
			add(s.class, s.name+", from the application", dialogue{turns: []turn{{server: server}, {client: client}}, end: serverCloses})
			continue
		}
		add(s.class, s.name+", from the client", dialogue{turns: []turn{{client: client}}})
		add(s.class, s.name+", from the application", dialogue{turns: []turn{{server: server}}, end: serverCloses})
	}
	return append(append(all, handshakeCases()...), mannerCases()...)
}

// handshakeCases are about the words of the handshake.
func handshakeCases() []testCase {
	var all []testCase
	add := func(name string, offers, agrees []string) {
		compressed := whole(opText, "")
		compressed.first, compressed.payload = fin|rsv1|opText, deflated("sslwizard sslwizard")
		all = append(all, testCase{"handshake", name, dialogue{offers: offers, agrees: agrees,
			turns: []turn{{client: compressed.encode(true), server: compressed.encode(false)}}}.try})
	}
	const extensions, protocol = "Sec-WebSocket-Extensions: ", "Sec-WebSocket-Protocol: "
	for _, agreed := range []string{"permessage-deflate", "permessage-deflate; server_no_context_takeover", "permessage-deflate; client_no_context_takeover",
		"permessage-deflate; server_max_window_bits=10", "permessage-deflate; client_max_window_bits=9; server_no_context_takeover", "permessage-deflate;client_max_window_bits=\"12\""} {
		add("agreed: "+agreed, []string{extensions + "permessage-deflate; client_max_window_bits; server_max_window_bits=10"}, []string{extensions + agreed})
	}
	add("extension offered and refused", []string{extensions + "permessage-deflate"}, nil)
	add("two offers", []string{extensions + "permessage-deflate; client_max_window_bits, permessage-deflate"}, []string{extensions + "permessage-deflate"})
	add("unknown extension", []string{extensions + `x-own; a="b, c"; d`}, []string{extensions + `x-own; a="b, c"`})
	add("subprotocol", []string{protocol + "chat"}, []string{protocol + "chat"})
	add("one of three subprotocols", []string{protocol + "superchat, chat, v12.stomp"}, []string{protocol + "v12.stomp"})
	add("subprotocols in two lines", []string{protocol + "superchat", protocol + "chat"}, []string{protocol + "chat"})
	add("subprotocol of odd letters", []string{protocol + "!#$%&'*+-.^_`|~"}, []string{protocol + "!#$%&'*+-.^_`|~"})
	add("subprotocol refused", []string{protocol + "chat"}, nil)
	add("subprotocol that was not offered", nil, []string{protocol + "other"})
	add("origin and cookie", []string{"Origin: https://elsewhere.test", "Cookie: a=b; c=d"}, []string{"Set-Cookie: e=f; Path=/"})
	add("authorization", []string{"Authorization: Bearer abc.def"}, nil)
	add("a field of the application's own", []string{"X-Own: a, b"}, []string{"X-Own: c, d"})
	return all
}

// mannerCases are about when and how it is said, and how it ends.
func mannerCases() []testCase {
	var all []testCase
	add := func(class, name string, d dialogue) { all = append(all, testCase{class, name, d.try}) }
	text, ping := whole(opText, "héllo"), whole(opPing, "x")
	big := whole(opBinary, strings.Repeat("0123456789abcdef", 1<<18))
	for name, frames := range map[string][]wsFrame{"a text": {text}, "fragments": split(opText, "héllo", 2), "a ping of 125 bytes": {whole(opPing, strings.Repeat("p", 125))}, "a length of two bytes": {whole(opBinary, strings.Repeat("b", 300))}} {
		s := speech{frames: frames}
		add("byte by byte", name, dialogue{turns: []turn{{client: s.encode(true), server: s.encode(false), slowly: true}}})
	}
	add("with the answer", "a text", dialogue{early: text.encode(false), turns: []turn{{client: text.encode(true)}}})
	add("with the answer", "a ping and a text", dialogue{early: slices.Concat(ping.encode(false), text.encode(false)), turns: []turn{{client: whole(opPong, "x").encode(true)}}})
	add("with the answer", "a close frame", dialogue{early: whole(opClose, "\x03\xe9").encode(false), end: serverCloses})
	add("both at once", "4 MiB", dialogue{turns: []turn{{client: big.encode(true), server: big.encode(false)}}})
	add("both at once", "a close frame", dialogue{turns: []turn{{client: whole(opClose, "\x03\xe8").encode(true), server: whole(opClose, "\x03\xe9").encode(false)}}, end: serverCloses})
	add("in turns", "a hundred times", dialogue{turns: slices.Repeat([]turn{{client: text.encode(true)}, {server: text.encode(false)}}, 100)})
	add("in turns", "half a frame each", dialogue{turns: []turn{{client: text.encode(true)[:3]}, {server: text.encode(false)[:1]}, {client: text.encode(true)[3:]}, {server: text.encode(false)[1:]}}})
	add("no WebSocket any more", "bytes that are no frames", dialogue{turns: []turn{{client: []byte("GET / HTTP/1.1\r\n\r\n"), server: []byte("HTTP/1.1 200 OK\r\n\r\n")}}})
	add("no WebSocket any more", "a length beyond all", dialogue{turns: []turn{{client: []byte("\x82\xff\xff\xff\xff\xff\xff\xff\xff\xff1234beyond"), server: []byte("\x82\x7f\xff\xff\xff\xff\xff\xff\xff\xffbeyond")}}})
	for name, end := range map[string]ending{"the client closes": clientCloses, "the application closes": serverCloses, "the client closes its side": clientHalf,
		"the application closes its side": serverHalf, "the client resets": clientResets} {
		add("end", name, dialogue{turns: []turn{{client: text.encode(true), server: text.encode(false)}}, end: end})
		add("end", name+", in the middle of a frame", dialogue{turns: []turn{{client: text.encode(true)[:4], server: text.encode(false)[:2]}}, end: end})
	}
	return all
}
