package main

import (
	"bytes"
	"compress/flate"
	"encoding/binary"
	"fmt"
	"slices"
	"strings"
)

// The kinds of frames (RFC 6455 section 11.8).
const (
	opContinue = 0x0
	opText     = 0x1
	opBinary   = 0x2
	opClose    = 0x8
	opPing     = 0x9
	opPong     = 0xa
)

// The bits of a first byte.
const (
	fin  = 0x80
	rsv1 = 0x40
	rsv2 = 0x20
	rsv3 = 0x10
)

// wsFrame is a frame of a WebSocket, right or wrong.
type wsFrame struct {
	first   byte // bits and kind
	payload []byte
	// form is what is odd about how it is written; "" is as it should be.
	form string
}

func whole(kind byte, payload string) wsFrame {
	return wsFrame{first: fin | kind, payload: []byte(payload)}
}
func part(kind byte, payload string) wsFrame { return wsFrame{first: kind, payload: []byte(payload)} }

// encode writes the frame as a client does, masked, or as a server does. The mask is not random: one run is like another.
func (f wsFrame) encode(client bool) []byte {
	masked, key := client, [4]byte{0x37, 0xfa, 0x21, 0x3d}
	switch f.form {
	case "masked the wrong way round":
		masked = !masked
	case "masked with zeros":
		key = [4]byte{}
	}
	bit := byte(0)
	if masked {
		bit = 0x80
	}
	b := []byte{f.first}
	switch n := len(f.payload); {
	case f.form == "length in eight bytes" || n > 1<<16-1:
		b = binary.BigEndian.AppendUint64(append(b, bit|127), uint64(n))
	case f.form == "length in two bytes" || n > 125:
		b = binary.BigEndian.AppendUint16(append(b, bit|126), uint16(n))
	default:
		b = append(b, bit|byte(n))
	}
	if !masked {
		return append(b, f.payload...)
	}
	b = append(b, key[:]...)
	for i, c := range f.payload {
		b = append(b, c^key[i%4])
	}
	return b
}

// speech is what one side says over a WebSocket.
type speech struct {
	class, name string
	frames      []wsFrame
	ends        bool // who reads by the standard closes, or waits for more, when it has got this
	large       bool // many bytes: not said one by one
}

func (s speech) encode(client bool) []byte {
	var b []byte
	for _, f := range s.frames {
		b = append(b, f.encode(client)...)
	}
	return b
}

// speeches are what the cases of Autobahn's kind are made of, and what nobody says who is right.
func speeches() []speech {
	return slices.Concat(messages(), fragments(), pings(), texts(), oddities(), closes())
}

func messages() []speech {
	var all []speech
	for _, size := range []int{0, 1, 125, 126, 127, 128, 4096, 1<<16 - 1, 1 << 16, 1<<16 + 1, 1 << 20, 16 << 20} {
		for name, kind := range map[string]byte{"text": opText, "binary": opBinary} {
			all = append(all, speech{class: "message", name: fmt.Sprintf("%s of %d bytes", name, size), large: size > 4096,
				frames: []wsFrame{whole(kind, strings.Repeat("sslwizard*", size/10+1)[:size])}})
		}
	}
	many := slices.Repeat([]wsFrame{whole(opText, "one of many")}, 500)
	return append(all, speech{class: "message", name: "500 at once", frames: many, large: true},
		speech{class: "message", name: "masked with zeros", frames: []wsFrame{{fin | opText, []byte("plain"), "masked with zeros"}}},
		speech{class: "message", name: "length of 5 in two bytes", frames: []wsFrame{{fin | opText, []byte("plain"), "length in two bytes"}}},
		speech{class: "message", name: "length of 5 in eight bytes", frames: []wsFrame{{fin | opText, []byte("plain"), "length in eight bytes"}}},
		speech{class: "message", name: "compressed, one frame", frames: []wsFrame{{fin | rsv1 | opText, deflated("sslwizard, sslwizard, sslwizard"), ""}}},
		speech{class: "message", name: "compressed, three frames", frames: split(rsv1|opText, string(deflated(strings.Repeat("sslwizard", 99))), 20)})
}

// deflated is a message as permessage-deflate sends it (RFC 7692 section 7.2.1).
func deflated(text string) []byte {
	var b bytes.Buffer
	w, _ := flate.NewWriter(&b, flate.BestCompression) // the level is right
	_, _ = w.Write([]byte(text))
	_ = w.Flush()
	return bytes.TrimSuffix(b.Bytes(), []byte{0, 0, 0xff, 0xff})
}

// split is a message in frames of so many bytes.
func split(first byte, text string, size int) []wsFrame {
	var all []wsFrame
	for part := range slices.Chunk([]byte(text), size) {
		all = append(all, wsFrame{first: first, payload: part})
		first = opContinue
	}
	all[len(all)-1].first |= fin
	return all
}

func fragments() []speech {
	ping := whole(opPing, "between")
	one := func(name string, ends bool, frames ...wsFrame) speech {
		return speech{class: "fragments", name: name, frames: frames, ends: ends}
	}
	return []speech{
		one("two", false, part(opText, "first"), whole(opContinue, "second")),
		one("the last is empty", false, part(opText, "first"), whole(opContinue, "")),
		one("all are empty", false, part(opText, ""), part(opContinue, ""), whole(opContinue, "")),
		one("one byte each, through characters", false, split(opText, "héllo, wörld 𝄞", 1)...),
		one("binary", false, split(opBinary, "\x00\xff\xfe\x00", 1)...),
		one("a thousand", false, split(opBinary, strings.Repeat("x", 1000), 1)...),
		one("a ping between", false, part(opText, "first"), ping, whole(opContinue, "second")),
		one("pings and pongs between", false, part(opText, "first"), ping, part(opContinue, "and"), whole(opPong, ""), ping, whole(opContinue, "second")),
		one("two messages behind each other", false, part(opText, "a"), whole(opContinue, "b"), part(opBinary, "c"), whole(opContinue, "d")),
		one("a close frame between", true, part(opText, "first"), whole(opClose, "\x03\xe8")),
		one("a message between", true, part(opText, "first"), whole(opText, "another")),
		one("a beginning between", true, part(opText, "first"), part(opText, "another")),
		one("the end of none", true, whole(opContinue, "end")),
		one("the middle of none", true, part(opContinue, "middle")),
	}
}

func pings() []speech {
	one := func(name string, ends bool, frames ...wsFrame) speech {
		return speech{class: "ping and pong", name: name, frames: frames, ends: ends}
	}
	long := strings.Repeat("p", 125)
	return []speech{
		one("ping", false, whole(opPing, "")),
		one("ping with a text", false, whole(opPing, "are you there?")),
		one("ping with any byte", false, whole(opPing, "\x00\xff\xfe\xfd\xfc\xfb\x00\xff")),
		one("ping of 125 bytes", false, whole(opPing, long)),
		one("ten pings", false, slices.Repeat([]wsFrame{whole(opPing, "again")}, 10)...),
		one("pong that nobody asked for", false, whole(opPong, "here")),
		one("pong of 125 bytes", false, whole(opPong, long)),
		one("pong and ping", false, whole(opPong, "here"), whole(opPing, "there")),
		one("ping of 126 bytes", true, whole(opPing, long+"p")),
		one("ping in two fragments", true, part(opPing, "a")),
		one("pong of 126 bytes", true, whole(opPong, long+"p")),
	}
}

// texts are messages that are UTF-8, just so or not: whether they are is no matter of a proxy's.
func texts() []speech {
	var all []speech
	for name, text := range map[string]string{
		"κόσμε": "κόσμε", "first of each length": "\x00\u0080\u0800\U00010000", "last of each length": "\x7f\u07ff\uffff\U0010ffff",
		"no characters": "\ufffe\uffff\U0001ffff", "a mark of byte order": "\ufeffx", "a surrogate": "\xed\xa0\x80edited", "half a surrogate pair": "\xed\xaf\xbf",
		"overlong slash": "\xc0\xaf", "overlong zero": "\xf0\x80\x80\x80", "above the last": "\xf4\x90\x80\x80", "a lonely continuation": "\x80",
		"a start without its rest": "\xce", "five bytes": "\xf8\x88\x80\x80\x80", "bytes that never are": "\xfe\xff",
	} {
		all = append(all, speech{class: "UTF-8", name: name, frames: []wsFrame{whole(opText, text)}})
	}
	return append(all, speech{class: "UTF-8", name: "wrong in the second fragment", frames: []wsFrame{part(opText, "κόσμε\xed"), whole(opContinue, "\xa0\x80edited")}})
}

func oddities() []speech {
	var all []speech
	for name, bits := range map[string]byte{"1": rsv1, "2": rsv2, "3": rsv3, "1 and 2": rsv1 | rsv2, "2 and 3": rsv2 | rsv3, "all": rsv1 | rsv2 | rsv3} {
		for kind, op := range map[string]byte{"text": opText, "ping": opPing} {
			all = append(all, speech{class: "reserved bits", name: name + " on " + kind, ends: true, frames: []wsFrame{{fin | bits | op, []byte("\xff\xff"), ""}}})
		}
	}
	for _, op := range []byte{3, 4, 5, 6, 7, 0xb, 0xc, 0xd, 0xe, 0xf} {
		all = append(all, speech{class: "reserved kinds", name: fmt.Sprintf("%#x", op), ends: true, frames: []wsFrame{whole(op, "what")}})
	}
	return append(all, speech{class: "mask", name: "the wrong way round", ends: true, frames: []wsFrame{{fin | opText, []byte("bare"), "masked the wrong way round"}}})
}

func closes() []speech {
	var all []speech
	add := func(name, payload string) {
		all = append(all, speech{class: "close", name: name, ends: true, frames: []wsFrame{whole(opClose, payload)}})
	}
	code := func(n uint16, reason string) string { return string(binary.BigEndian.AppendUint16(nil, n)) + reason }
	for n := uint16(1000); n <= 1015; n++ {
		add(fmt.Sprint(n), code(n, ""))
	}
	for _, n := range []uint16{0, 999, 1016, 1100, 2000, 2999, 3000, 3999, 4000, 4999, 5000, 65535} {
		add(fmt.Sprint(n), code(n, ""))
	}
	add("no code", "")
	add("half a code", "\x03")
	add("1000 with a reason", code(1000, "bye"))
	add("4999 with a reason of 123 bytes", code(4999, strings.Repeat("r", 123)))
	add("1000 with a reason of 124 bytes", code(1000, strings.Repeat("r", 124)))
	add("1001 with a reason in UTF-8", code(1001, "κόσμε"))
	add("1000 with a reason that is no UTF-8", code(1000, "\xed\xa0\x80"))
	all = append(all, speech{class: "close", name: "and a ping in front", ends: true, frames: []wsFrame{whole(opPing, "x"), whole(opClose, code(1000, ""))}})
	return all
}
