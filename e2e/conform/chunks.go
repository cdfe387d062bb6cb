package main

import (
	"fmt"
	"strings"
)

// closesPerhaps: net/http cannot tell whether there was a length too, and so may close behind every chunked request.
func closesPerhaps(p *payload) { p.mayClose = true }

// chunkSizes are first lines of a chunk with five bytes.
func chunkSizes() []payload {
	p := payloads{class: "chunk size"}
	for _, size := range []string{
		" 5", "\t5", "+5", "-5", "0x5", "5x", "5,", "5 5", "five", "", "5_0", "5.0", "5\x00", "\x005", "5\r", "\r5", "5\v", "\v5", "5:", "=5", `"5"`, "５", "5 x", "5\xa0", "5\n", "\n5", "-0", "5\n;a",
		"10000000000000005", "FFFFFFFFFFFFFFFF", "8000000000000005", "100000000000000000000000000000005", "5;a\rb", "5;a\nb", "5;\n", "5;a=\"\n\"", "G",
	} {
		p.add(refuse, fmt.Sprintf("%q", size), post(size+"\r\nx=123\r\n"+zero, chunked))
	}
	for _, size := range []string{"5 ", "5\t", "05", "000000000005", "5;", "5;a", "5;a=b", `5;a="b"`, `5;a="b;c"`, "5 ;a", "5; a", "5 ; a = b", "5;a;b=c;d", strings.Repeat("0", 17) + "5", "5;é", "5;\x00", "5;a\x00b"} {
		p.add(either, fmt.Sprintf("%q", size), post(size+"\r\nx=123\r\n"+zero, chunked), carrying("x=123"))
	}
	p.add(either, "extension of 100 bytes", post("5;"+strings.Repeat("a", 100)+"\r\nx=123\r\n"+zero, chunked), carrying("x=123"))
	p.add(either, "extension of 20 KB", post("5;"+strings.Repeat("a", 20_000)+"\r\nx=123\r\n"+zero, chunked), carrying("x=123"))
	p.add(pass, "capital digit", post("A\r\nx=12345678\r\n"+zero, chunked), carrying("x=12345678"), closesPerhaps)
	p.add(pass, "small digit", post("a\r\nx=12345678\r\n"+zero, chunked), carrying("x=12345678"), closesPerhaps)
	p.add(pass, "three chunks", post(chunk("x")+chunk("=")+chunk("1")+zero, chunked), carrying("x=1"), closesPerhaps)
	p.add(pass, "a thousand chunks", post(strings.Repeat(chunk("x"), 1000)+zero, chunked), carrying(strings.Repeat("x", 1000)), closesPerhaps)
	return p.all
}

// chunkEnds are ends of a chunk, and of all.
func chunkEnds() []payload {
	p := payloads{class: "chunk end"}
	for name, body := range map[string]string{
		"nothing behind the data":            "5\r\nx=123" + zero,
		"LF behind the data":                 "5\r\nx=123\n" + zero,
		"CR behind the data":                 "5\r\nx=123\r" + zero,
		"two bytes behind the data":          "5\r\nx=123XX" + zero,
		"LF CR behind the data":              "5\r\nx=123\n\r" + zero,
		"two CRs behind the data":            "5\r\nx=123\r\r\n" + zero,
		"more data than said":                "5\r\nx=123456\r\n" + zero,
		"a line behind the data":             "5\r\nx=123\r\n\r\n" + zero,
		"size ended by LF":                   "5\nx=123\r\n" + zero,
		"size ended by CR":                   "5\rx=123\r\n" + zero,
		"size ended by LF CR":                "5\n\rx=123\r\n" + zero,
		"last chunk ended by LF":             chunk("x=123") + "0\n\r\n",
		"last chunk ended by CR":             chunk("x=123") + "0\r\r\n\r\n",
		"last chunk with a sign":             chunk("x=123") + "+0\r\n\r\n",
		"last chunk with a minus":            chunk("x=123") + "-0\r\n\r\n",
		"last chunk in hex writing":          chunk("x=123") + "0x0\r\n\r\n",
		"last chunk is a word":               chunk("x=123") + "end\r\n\r\n",
		"last chunk with LF in an extension": chunk("x=123") + "0;a\nb\r\n\r\n",
		"a request in an extension":          chunk("x=123") + "0;\n" + hidden,
		"a request for the end":              chunk("x=123") + hidden,
		"space before the last chunk":        chunk("x=123") + " 0\r\n\r\n",
	} {
		p.add(refuse, name, post(body, chunked))
	}
	for name, body := range map[string]string{
		"last chunk of many zeros":        chunk("x=123") + "00000\r\n\r\n",
		"last chunk with an extension":    chunk("x=123") + "0;a=b\r\n\r\n",
		"last chunk with a space":         chunk("x=123") + "0 \r\n\r\n",
		"LF for the end":                  chunk("x=123") + "0\r\n\n",
		"last chunk with a long addition": chunk("x=123") + "0;" + strings.Repeat("x", 2000) + "\r\n\r\n",
	} {
		p.add(either, name, post(body, chunked), carrying("x=123"))
	}
	p.add(refuse, "no last chunk", post(chunk("x=123"), chunked), cut)
	p.add(refuse, "no end after the last chunk", post(chunk("x=123")+"0\r\n", chunked), cut)
	p.add(refuse, "ends in the data", post("5\r\nx=", chunked), cut)
	p.add(refuse, "ends in the size", post("5", chunked), cut)
	p.add(pass, "nothing but the last chunk", post(zero, chunked), closesPerhaps)
	return p.sorted()
}

// trailerPayloads have fields behind the last chunk.
func trailerPayloads() []payload {
	p := payloads{class: "trailer"}
	body := chunk("x=1") + "0\r\n"
	for _, field := range []string{
		"X-Sum: 1", "Content-Length: 40", "Transfer-Encoding: chunked", "Host: other.test", "X-Forwarded-For: 6.6.6.6", "X-Real-IP: 6.6.6.6", "Forwarded: for=6.6.6.6",
		"X_Forwarded_For: 6.6.6.6", "Connection: close", "Trailer: X", "Authorization: Basic eDp5", "Cookie: a=b", "Content-Encoding: gzip", "Upgrade: h2c",
	} {
		name, _, _ := strings.Cut(field, ":")
		p.add(either, name, post(body+field+"\r\n\r\n", chunked), carrying("x=1"))
		p.add(either, name+", announced", post(body+field+"\r\n\r\n", chunked, "Trailer: "+name), carrying("x=1"))
	}
	for _, field := range []string{"X-Sum : 1", "X-Sum", ": 1", "X Sum: 1", "X-Sum: a\x00b", "X(Sum): 1", "X-Sum\x00: 1"} {
		p.add(refuse, fmt.Sprintf("%q", field), post(body+field+"\r\n\r\n", chunked))
	}
	p.add(either, "folded", post(body+"X-Sum: 1\r\n 2\r\n\r\n", chunked), carrying("x=1"))
	p.add(either, "ended by LF", post(body+"X-Sum: 1\n\r\n", chunked), carrying("x=1"))
	p.add(either, "a thousand", post(body+strings.Repeat("X-Sum: 1\r\n", 1000)+"\r\n", chunked), carrying("x=1"))
	p.add(either, "a request in it", post(body+"GET /0000/hidden HTTP/1.1: x\r\nHost: backend.test\r\n\r\n", chunked), carrying("x=1"))
	return p.all
}
