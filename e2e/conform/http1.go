package main

import (
	"fmt"
	"strings"
)

// http1Payloads are what the literature knows of requests that two readers understand differently: RFC 9112 with its
// "MUST reject", the smuggling techniques published since 2005, and the CVEs of servers that took them.
func http1Payloads() []payload {
	var all []payload
	for _, class := range []func() []payload{
		requestLines, versions, lengths, lengthNames, codings, codingNames, bothFramings, chunkSizes, chunkEnds, trailerPayloads,
		fieldNames, fieldValues, foldings, lineEnds, hostFields, expectations, pipelines, withoutBody,
	} {
		all = append(all, class()...)
	}
	return all
}

func payloadCases(all []payload) []testCase {
	var cases []testCase
	for _, p := range all {
		cases = append(cases, testCase{p.class, p.name, p.try})
	}
	return cases
}

// line is a request of which only the first line is of interest.
func line(first string) string { return first + "\r\nHost: backend.test\r\n\r\n" }

func requestLines() []payload {
	p := payloads{class: "request line"}
	for name, first := range map[string]string{
		"no version":              "GET /0000/outer",
		"a word too many":         "GET /0000/outer x HTTP/1.1",
		"two versions":            "GET /0000/outer HTTP/1.1 HTTP/1.1",
		"no target":               "GET HTTP/1.1",
		"no method":               " /0000/outer HTTP/1.1",
		"nothing but a method":    "GET",
		"relative target":         "GET 0000/outer HTTP/1.1",
		"query alone":             "GET ?/0000/outer HTTP/1.1",
		"asterisk with GET":       "GET * HTTP/1.1",
		"backslash target":        `GET \0000\outer HTTP/1.1`,
		"authority with GET":      "GET backend.test:443 HTTP/1.1",
		"fragment":                "GET /0000/outer#x HTTP/1.1",
		"NUL in the target":       "GET /0000/outer\x00 HTTP/1.1",
		"CR in the target":        "GET /0000/outer\rx HTTP/1.1",
		"DEL in the target":       "GET /0000/outer\x7f HTTP/1.1",
		"escape in the target":    "GET /0000/outer\x1b HTTP/1.1",
		"tab in the target":       "GET /0000/outer\tx HTTP/1.1",
		"bell in the target":      "GET /0000/\aouter HTTP/1.1",
		"bracket in the method":   "GE(T /0000/outer HTTP/1.1",
		"at in the method":        "G@T /0000/outer HTTP/1.1",
		"colon in the method":     "GET: /0000/outer HTTP/1.1",
		"quoted method":           `"GET" /0000/outer HTTP/1.1`,
		"NUL in the method":       "G\x00T /0000/outer HTTP/1.1",
		"CR in the method":        "GE\rT /0000/outer HTTP/1.1",
		"UTF-8 in the method":     "GÉT /0000/outer HTTP/1.1",
		"braces as a method":      "{} /0000/outer HTTP/1.1",
		"slash in the method":     "GET/x /0000/outer HTTP/1.1",
		"status line":             "HTTP/1.1 200 OK",
		"a field as first line":   "X-Nothing: y",
		"TLS record":              "\x16\x03\x01\x00\xa5\x01\x00\x00\xa1",
		"comma after the method":  "GET, /0000/outer HTTP/1.1",
		"CR before the version":   "GET /0000/outer \rHTTP/1.1",
		"NUL before the version":  "GET /0000/outer \x00HTTP/1.1",
		"NUL before the method":   "\x00GET /0000/outer HTTP/1.1",
		"byte order mark":         "\xef\xbb\xbfGET /0000/outer HTTP/1.1",
		"no-break space as space": "GET\xa0/0000/outer HTTP/1.1",
	} {
		p.add(refuse, name, line(first))
	}
	for name, first := range map[string]string{
		"two spaces after the method":   "GET  /0000/outer HTTP/1.1",
		"two spaces before the version": "GET /0000/outer  HTTP/1.1",
		"tab after the method":          "GET\t/0000/outer HTTP/1.1",
		"tab before the version":        "GET /0000/outer\tHTTP/1.1",
		"vertical tab as space":         "GET\v/0000/outer HTTP/1.1",
		"form feed as space":            "GET /0000/outer\fHTTP/1.1",
		"space before the method":       "  GET /0000/outer HTTP/1.1",
		"space at the end":              "GET /0000/outer HTTP/1.1 ",
		"tab at the end":                "GET /0000/outer HTTP/1.1\t",
		"CR before the end":             "GET /0000/outer HTTP/1.1\r",
	} {
		p.add(either, name, line(first), seeing("GET /0000/outer"))
	}
	for _, method := range []string{"get", "BREW", "M-SEARCH", "PROPFIND", "!#$%&'*+-.^_`|~", strings.Repeat("A", 200)} {
		p.add(either, fmt.Sprintf("method %.16s", method), line(method+" /0000/outer HTTP/1.1"))
	}
	p.add(either, "UTF-8 in the target", line("GET /0000/outér HTTP/1.1"), seeing("GET /0000/outér"))
	p.add(either, "quotes in the target", line(`GET /0000/outer?"<>\^{|}`+"` HTTP/1.1"), seeing("GET /0000/outer?\"<>\\^{|}`"))
	p.add(either, "an empty line before", "\r\n"+line("GET /0000/outer HTTP/1.1"), seeing("GET /0000/outer"))
	p.add(either, "two empty lines before", "\r\n\r\n"+line("GET /0000/outer HTTP/1.1"), seeing("GET /0000/outer"))
	p.add(either, "a bare LF before", "\n"+line("GET /0000/outer HTTP/1.1"), seeing("GET /0000/outer"))
	p.add(either, "target of 70 KB", line("GET /0000/outer"+strings.Repeat("x", 70_000)+" HTTP/1.1"), seeing("GET /0000/outer"+strings.Repeat("x", 70_000)))
	p.add(either, "asterisk with OPTIONS", line("OPTIONS * HTTP/1.1"), seeing("OPTIONS *"))
	p.add(pass, "escapes in the target", line("GET /0000/outer%2e%2e%2f%0d%0a%20?a=%26 HTTP/1.1"), seeing("GET /0000/outer%2e%2e%2f%0d%0a%20?a=%26"))
	p.add(either, "NUL escaped in the target", line("GET /0000/outer%00 HTTP/1.1"), seeing("GET /0000/outer%00"))
	p.add(either, "two slashes", line("GET //0000/outer HTTP/1.1"), seeing("GET //0000/outer"))
	p.add(either, "question mark alone", line("GET /0000/outer? HTTP/1.1"), seeing("GET /0000/outer?"))
	p.add(either, "bad escape", line("GET /0000/outer%zz HTTP/1.1"), seeing("GET /0000/outer%zz"))
	p.add(either, "dot segments", line("GET /0000/x/../outer HTTP/1.1"), seeing("GET /0000/x/../outer"))
	return p.sorted()
}

func versions() []payload {
	p := payloads{class: "version"}
	for _, version := range []string{
		"HTTP/0.9", "HTTP/1", "HTTP/1.", "HTTP/.1", "HTTP/1.1.1", "HTTP/1.10", "HTTP/01.1", "HTTP/1.01", "HTTP/2.0", "HTTP/2", "HTTP/3.0", "HTTP/9.9",
		"http/1.1", "Http/1.1", "HTTP /1.1", "HTTP/ 1.1", "HTTP/1 .1", "HTTP/1. 1", "HTTP/+1.1", "HTTP/1.+1", "HTTP/-1.1", "HTTP/1,1",
		"HTTP/1.1x", "xHTTP/1.1", "HTTP/1.x", "HTTP/a.b", "HTTP\\1.1", "HTTP/1.1\x00", "HTTP/\x001.1", "HTTPS/1.1", "ICAP/1.0", "RTSP/1.0", "HTTP/1.1;x", "HTTP/١.١",
	} {
		p.add(refuse, fmt.Sprintf("%q", version), line("GET /0000/outer "+version))
	}
	p.add(either, `"HTTP/1.2"`, line("GET /0000/outer HTTP/1.2"))
	p.add(either, "1.0 without Host", "GET /0000/outer HTTP/1.0\r\n\r\n", closing)
	p.add(pass, "1.0 with Host", line("GET /0000/outer HTTP/1.0"), closing)
	p.add(either, "1.0 that wants to go on", "GET /0000/outer HTTP/1.0\r\nHost: backend.test\r\nConnection: keep-alive\r\n\r\n")
	p.add(either, "1.0 with chunks", "POST /0000/outer HTTP/1.0\r\nHost: backend.test\r\nConnection: keep-alive\r\nTransfer-Encoding: chunked\r\n\r\n"+hidden, closing)
	p.add(either, "1.0 with chunks and a length", "POST /0000/outer HTTP/1.0\r\nHost: backend.test\r\nConnection: keep-alive\r\n"+length(zero)+"\r\nTransfer-Encoding: chunked\r\n\r\n"+zero+hidden, closing)
	p.add(either, "1.0 with a last chunk", "POST /0000/outer HTTP/1.0\r\nHost: backend.test\r\nTransfer-Encoding: chunked\r\n\r\n"+zero+hidden, closing)
	p.add(either, "1.0 with Expect", "POST /0000/outer HTTP/1.0\r\nHost: backend.test\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\nx=1", closing, carrying("x=1"))
	return p.sorted()
}
