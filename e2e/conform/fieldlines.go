package main

import (
	"fmt"
	"strings"
)

func fieldNames() []payload {
	p := payloads{class: "field name"}
	for _, c := range []string{"(", ")", ",", "/", ";", "<", "=", ">", "?", "@", "[", "\\", "]", "{", "}", `"`, " ", "\t", "\x00", "\x01", "\x7f", "\x80", "é", "\r", "\x0b"} {
		p.add(refuse, fmt.Sprintf("%q in it", c), get("X"+c+"Y: z"))
	}
	p.add(refuse, "empty", get(": z"))
	p.add(refuse, "no colon", get("X-Nothing"))
	p.add(refuse, "space before the colon", get("X-Space : z"))
	p.add(refuse, "tab before the colon", get("X-Tab\t: z"))
	p.add(refuse, "a request line", get("GET /0000/hidden HTTP/1.1"))
	p.add(pass, "every sign of a token", get("X!#$%&'*+-.^`|~9: z"))
	p.add(either, "underscore", get("X_Y: z"))
	p.add(either, "3,000 letters", get("X-"+strings.Repeat("y", 3000)+": z"))
	p.add(either, "100 fields", get(strings.Repeat("X-Many: z\r\n", 99)+"X-Many: z"))
	p.add(either, "20,000 fields", get(strings.Repeat("X: z\r\n", 20_000)+"X: z"))
	return p.all
}

func fieldValues() []payload {
	p := payloads{class: "field value"}
	for _, value := range []string{"a\x00b", "\x00", "a\rb", "\r", "a\r b", "a\rX-Injected: b", "a\r\rb"} {
		p.add(either, fmt.Sprintf("%q", value), get("X-Value: "+value))
	}
	for _, value := range []string{"a\x01b", "a\x1bb", "a\x7fb", "a\vb", "a\fb", "a\bb", "é", "\xe9", "\xff", "日本", "\u2028"} {
		p.add(either, fmt.Sprintf("%q", value), get("X-Value: "+value))
	}
	for _, value := range []string{"", "a\tb", "a  b", `"a, b"`, "a:b:c", ";,=", "%0d%0aX: y", `\r\nX: y`} {
		p.add(pass, fmt.Sprintf("%q", value), get("X-Value: "+value))
	}
	p.add(either, "8 KB", get("X-Value: "+strings.Repeat("z", 8<<10)))
	p.add(either, "60 KB", get("X-Value: "+strings.Repeat("z", 60<<10)))
	p.add(either, "2 MB", get("X-Value: "+strings.Repeat("z", 2<<20)))
	p.add(pass, "no space behind the colon", get("X-Value:z"))
	return p.all
}

// foldings are lines that begin with a space: obsolete, to be refused or made one line (RFC 9112 section 5.2).
func foldings() []payload {
	p := payloads{class: "folded line"}
	for name, lines := range map[string][]string{
		"a value":                    {"X-Fold: a\r\n b"},
		"by a tab":                   {"X-Fold: a\r\n\tb"},
		"a value that begins late":   {"X-Fold:\r\n a"},
		"a line of spaces":           {"X-Fold: a\r\n   ", "X: y"},
		"something like a field":     {"X-Fold: a\r\n X-Real-IP: 6.6.6.6"},
		"Transfer-Encoding in it":    {"X-Fold: a\r\n Transfer-Encoding: chunked"},
		"Content-Length in it":       {"X-Fold: a\r\n Content-Length: 5"},
		"LF and a space":             {"X-Fold: a\n b"},
		"Host in it":                 {"X-Fold: a\r\n Host: other.test"},
		"many times":                 {"X-Fold: a" + strings.Repeat("\r\n b", 50)},
		"a tab and a field":          {"X-Fold: a\r\n\tX-Real-IP: 6.6.6.6"},
		"empty and folded to a name": {"X-Fold: \r\n : b"},
	} {
		p.add(either, name, get(lines...))
	}
	body := chunk("x=1") + zero
	p.add(either, "Transfer-Encoding begins late", post(body, "Transfer-Encoding:\r\n chunked"), carrying("x=1"))
	p.add(either, "Transfer-Encoding begins late, by a tab", post(body, "Transfer-Encoding:\r\n\tchunked"), carrying("x=1"))
	p.add(either, "Content-Length begins late", post("x=1", "Content-Length:\r\n 3"), carrying("x=1"))
	p.add(refuse, "Content-Length in two lines", post(hidden, "Content-Length: 1\r\n 0"))
	p.add(refuse, "Transfer-Encoding in two lines", post(zero+hidden, "Transfer-Encoding: chu\r\n nked"))
	p.add(refuse, "Transfer-Encoding goes on", post(zero+hidden, length(zero+hidden), "Transfer-Encoding: chunked\r\n , identity"))
	p.add(either, "first line, a value", "GET /0000/outer HTTP/1.1\r\n X: y\r\nHost: backend.test\r\n\r\n")
	p.add(either, "first line, Host", "GET /0000/outer HTTP/1.1\r\n Host: backend.test\r\n\r\n")
	p.add(either, "first line, a length", "POST /0000/outer HTTP/1.1\r\n Content-Length: 5\r\nHost: backend.test\r\n\r\n")
	p.add(either, "first line, chunks", "POST /0000/outer HTTP/1.1\r\n\tTransfer-Encoding: chunked\r\nHost: backend.test\r\n\r\n")
	return p.sorted()
}

// lineEnds end lines with something else than CR LF. A reader may take LF for it (RFC 9112 section 2.2).
func lineEnds() []payload {
	p := payloads{class: "line end"}
	whole := func(end string) string {
		return "GET /0000/outer HTTP/1.1" + end + "Host: backend.test" + end + "X: y" + end + end
	}
	p.add(either, "LF everywhere", whole("\n"))
	p.add(either, "CR CR LF everywhere", whole("\r\r\n"))
	p.add(refuse, "CR everywhere", whole("\r"), cut)
	p.add(refuse, "LF CR everywhere", whole("\n\r"))
	for name, text := range map[string]string{
		"LF behind the request line": "GET /0000/outer HTTP/1.1\nHost: backend.test\r\n\r\n",
		"LF behind a field":          "GET /0000/outer HTTP/1.1\r\nX: y\nHost: backend.test\r\n\r\n",
		"LF for the end":             "GET /0000/outer HTTP/1.1\r\nHost: backend.test\r\n\n",
		"LF LF for the end":          "GET /0000/outer HTTP/1.1\r\nHost: backend.test\n\n",
		"CR CR LF behind a field":    "GET /0000/outer HTTP/1.1\r\nX: y\r\r\nHost: backend.test\r\n\r\n",
		"CR CR LF for the end":       "GET /0000/outer HTTP/1.1\r\nHost: backend.test\r\n\r\r\n\r\n",
	} {
		p.add(either, name, text)
	}
	p.add(either, "LF hides a length", post("x=1", "X: y\nContent-Length: 3"), carrying("x=1"))
	p.add(either, "LF hides chunks", post(chunk("x=1")+zero, "X: y\nTransfer-Encoding: chunked"), carrying("x=1"))
	p.add(either, "LF hides chunks beside a length", post(zero+hidden, length(zero+hidden), "X: y\nTransfer-Encoding: chunked"), closing)
	p.add(either, "LF CR before chunks", post(zero+hidden, length(zero+hidden), "X: y\n\rTransfer-Encoding: chunked"), closing, carrying(zero+hidden))
	p.add(either, "CR hides a length", post("", "X: y\rContent-Length: 5"))
	p.add(either, "CR hides chunks beside a length", post("x=1", length("x=1"), "X: y\rTransfer-Encoding: chunked"), carrying("x=1"))
	p.add(refuse, "a request behind a CR", get("X: y\r"+strings.ReplaceAll(strings.TrimSuffix(hidden, "\r\n\r\n"), "\r\n", "\r")+"\r\r"))
	return p.sorted()
}

// hostFields are about the form of Host; which host it names is another suite's.
func hostFields() []payload {
	p := payloads{class: "Host field"}
	with := func(lines ...string) string { return "GET /0000/outer HTTP/1.1\r\n" + fields(lines...) }
	p.add(refuse, "none", with("X: y"))
	p.add(refuse, "empty", with("Host:"))
	p.add(refuse, "twice the same", with("Host: backend.test", "Host: backend.test"))
	p.add(refuse, "two, the second is another", with("Host: backend.test", "Host: other.test"))
	p.add(refuse, "two, the first is another", with("Host: other.test", "Host: backend.test"))
	p.add(refuse, "two, one is empty", with("Host: backend.test", "Host:"))
	p.add(refuse, "two, one in small letters", with("Host: backend.test", "host: other.test"))
	p.add(refuse, "space before the colon", with("Host : backend.test"))
	p.add(refuse, "a second one with a space before the colon", with("Host: backend.test", "Host : other.test"))
	for _, value := range []string{
		"backend.test, other.test", "backend.test other.test", "backend.test/x", "backend.test?x", "backend.test#x", "user@backend.test", "backend.test@other.test", "https://backend.test",
		"backend.test\x00", "backend.test\x00.other.test", "backend.test:", "backend.test:x", "backend.test:443x", "backend.test:-1", "backend.test:443:443", "backend.test\tx", "backend.test\\x", "[backend.test]", "backend.test;x", "%62ackend.test", "backend%2etest", "\"backend.test\"", "<backend.test>",
		"backend.test\xa0", "backend..test", ".backend.test", "[::1", "backend.test]", "[::1%25lo]",
	} {
		// "Host: name:" is right by the grammar, and so is a percent sign; but they name no site.
		p.add(either, fmt.Sprintf("%q", value), with("Host: "+value))
	}
	p.add(either, "folded", with("Host:\r\n backend.test"))
	p.add(either, "first line folded, then Host", with("Host: backend.test", " Host: other.test"))
	p.add(pass, "in small letters", with("host: backend.test"))
	p.add(pass, "in capitals", with("HOST: BACKEND.TEST"))
	p.add(pass, "no space", with("Host:backend.test"))
	p.add(either, "an underscore twin", with("Host: backend.test", "H_ost: other.test", "HTTP_HOST: other.test"))
	return p.all
}
