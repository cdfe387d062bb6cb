package main

import (
	"fmt"
	"strings"
)

// downgrade is a request of HTTP/2 that has to become one of HTTP/1.1 or be refused.
type downgrade struct {
	class, name string
	want        want
	stream      stream
}

// plainly are the fields of a right request, with these in place of its own and behind them.
func plainly(method string, change ...field) []field {
	all := []field{{":method", method}, {":scheme", "https"}, {":authority", "backend.test"}, {":path", "/0000/outer"}}
	for _, f := range change {
		replaced := false
		for i := range all {
			if all[i].name == f.name && strings.HasPrefix(f.name, ":") {
				all[i], replaced = f, true
			}
		}
		if !replaced {
			all = append(all, f)
		}
	}
	return all
}

// without are the fields less those of one name.
func without(name string, all []field) []field {
	var out []field
	for _, f := range all {
		if f.name != name {
			out = append(out, f)
		}
	}
	return out
}

// downgrades are what is known of requests that are one in HTTP/2 and two, or another, in HTTP/1.1.
func downgrades() []testCase {
	var all []testCase
	add := func(class, name string, w want, s stream) {
		all = append(all, testCase{class, name, downgrade{class, name, w, s}.try})
	}
	for _, value := range []string{"a\r\nTransfer-Encoding: chunked", "a\r\n\r\n" + hidden, "a\nX: y", "a\rX: y", "a\x00b", "\r\n", "a\r\n b", "a\x01\r\nHost: other.test"} {
		add("field value", fmt.Sprintf("%.30q", value), refuse, stream{fields: plainly("GET", field{"x-value", value})})
	}
	for _, name := range []string{"X-Upper", "x y", "x:y", "x\r\ny", "x: y\r\ntransfer-encoding", "x\x00", "", " x", "x ", "x\n", "é", "x(y)", "host\r\nx"} {
		add("field name", fmt.Sprintf("%q", name), refuse, stream{fields: plainly("GET", field{name, "z"})})
	}
	for _, f := range []field{{"connection", "close"}, {"connection", "x-real-ip"}, {"keep-alive", "timeout=5"}, {"proxy-connection", "keep-alive"}, {"transfer-encoding", "chunked"}, {"transfer-encoding", "identity"}, {"upgrade", "h2c"}, {"upgrade", "websocket"}, {"te", "chunked"}, {"te", "gzip, trailers"}} {
		add("field of a connection", f.name+": "+f.value, refuse, stream{fields: plainly("GET", f)})
	}
	add("field of a connection", "transfer-encoding: chunked, with a body", refuse, stream{fields: plainly("POST", field{"transfer-encoding", "chunked"}), body: zero + hidden})
	add("field of a connection", "te: trailers", pass, stream{fields: plainly("GET", field{"te", "trailers"})})
	for _, value := range []string{"0", "3", "1000", "-3", "+40", "0x28", "a", "", "40, 40", "40 40"} {
		add("length", fmt.Sprintf("%q of another", value), refuse, stream{fields: plainly("POST", field{"content-length", value}), body: hidden})
	}
	add("length", "two", refuse, stream{fields: plainly("POST", field{"content-length", "0"}, field{"content-length", fmt.Sprint(len(hidden))}), body: hidden})
	add("length", "without a body", refuse, stream{fields: plainly("POST", field{"content-length", "40"})})
	add("length", "right", pass, stream{fields: plainly("POST", field{"content-length", fmt.Sprint(len(hidden))}), body: hidden})
	add("length", "none", pass, stream{fields: plainly("POST"), body: hidden})
	add("length", "none, on a GET", either, stream{fields: plainly("GET"), body: hidden})
	for _, path := range []string{"", "*", "0000/outer", "/0000/outer x", "/0000/outer HTTP/1.1\r\nX: y", "/0000/outer\r\n\r\n" + hidden, "/0000/outer\t", "/0000/outer\x00", "/0000/outer\x7f", "/0000/outer#x", "https://backend.test/0000/outer", "https://other.test/", "backend.test:443", "?0000/outer", " /0000/outer", "/0000/outer\n"} {
		add("path", fmt.Sprintf("%.40q", path), refuse, stream{fields: plainly("GET", field{":path", path})})
	}
	for _, method := range []string{"", "GET /0000/hidden HTTP/1.1\r\nHost: backend.test\r\n\r\nGET", "GET ", "G T", "GET\r\nX: y", "GET\x00", "GE(T", "CONNECT", ":GET", "GÉT"} {
		add("method", fmt.Sprintf("%.20q", method), refuse, stream{fields: plainly("GET", field{":method", method})})
	}
	for _, scheme := range []string{"", "https://other.test/", "https\r\nX: y", "javascript", "file", "https x", "h\x00ttps"} {
		add("scheme", fmt.Sprintf("%q", scheme), either, stream{fields: plainly("GET", field{":scheme", scheme})})
	}
	for _, authority := range []string{"", "other.test", "user@backend.test", "backend.test@other.test", "backend.test\r\nX: y", "backend.test x", "backend.test/x", "backend.test, other.test", "backend.test:x", "backend.test\x00", "backend.test#", "https://backend.test"} {
		add("authority", fmt.Sprintf("%q", authority), refuse, stream{fields: plainly("GET", field{":authority", authority})})
	}
	add("authority", "host is another", refuse, stream{fields: plainly("GET", field{"host", "other.test"})})
	add("authority", "host is the same", either, stream{fields: plainly("GET", field{"host", "backend.test"})})
	add("authority", "host twice", refuse, stream{fields: plainly("GET", field{"host", "backend.test"}, field{"host", "other.test"})})
	add("authority", "host alone", either, stream{fields: without(":authority", plainly("GET", field{"host", "backend.test"}))})
	add("authority", "host alone, twice", refuse, stream{fields: without(":authority", plainly("GET", field{"host", "backend.test"}, field{"host", "other.test"}))})
	add("authority", "none", refuse, stream{fields: without(":authority", plainly("GET"))})
	for _, name := range []string{":method", ":scheme", ":authority", ":path"} {
		add("pseudo field", name+" twice", refuse, stream{fields: append([]field{{name, "x"}}, plainly("GET")...)})
		if name != ":authority" {
			add("pseudo field", name+" missing", refuse, stream{fields: without(name, plainly("GET"))})
		}
	}
	add("pseudo field", "unknown", refuse, stream{fields: append([]field{{":x", "y"}}, plainly("GET")...)})
	add("pseudo field", "of an answer", refuse, stream{fields: append([]field{{":status", "200"}}, plainly("GET")...)})
	add("pseudo field", "behind another", refuse, stream{fields: append([]field{{"x", "y"}}, plainly("GET")...)})
	add("pseudo field", ":protocol without CONNECT", refuse, stream{fields: append([]field{{":protocol", "websocket"}}, plainly("GET")...)})
	add("pseudo field", ":protocol with CONNECT", either, stream{fields: append([]field{{":protocol", "websocket"}}, plainly("CONNECT")...)})
	for _, f := range []field{{":path", "/0000/hidden"}, {"content-length", "40"}, {"transfer-encoding", "chunked"}, {"X-Upper", "z"}, {"x", "a\r\nb"}, {"connection", "close"}, {"", "z"}} {
		add("trailer", fmt.Sprintf("%q", f.name), either, stream{fields: plainly("POST"), body: "x=1", trailers: []field{f}})
	}
	for _, f := range []field{{"host", "other.test"}, {"x-forwarded-for", "6.6.6.6"}, {"x-real-ip", "6.6.6.6"}, {"x-sum", "1"}} {
		add("trailer", f.name+", announced", either, stream{fields: plainly("POST", field{"trailer", f.name}), body: "x=1", trailers: []field{f}})
	}
	add("amount", "300 KB of fields", either, stream{fields: plainly("GET", field{"x-value", strings.Repeat("z", 300<<10)})})
	add("amount", "5,000 fields", either, stream{fields: append(plainly("GET"), many(5000)...)})
	add("amount", "crumbs of a cookie", pass, stream{fields: plainly("GET", field{"cookie", "a=b"}, field{"cookie", "c=d"})})
	add("amount", "expectation", either, stream{fields: plainly("POST", field{"expect", "100-continue"}), body: "x=1"})
	add("amount", "strange expectation", either, stream{fields: plainly("POST", field{"expect", "y 100-continue"}), body: "x=1"})
	return all
}

func many(n int) []field {
	all := make([]field, n)
	for i := range all {
		all[i] = field{"x-many", "z"}
	}
	return all
}

// try sends the request and judges what came of it, as a payload of HTTP/1 is judged.
func (d downgrade) try(l *lane) verdict {
	l.begin()
	q := d.stream.filled(l.fill())
	a, err := q.ask(l, l.host)
	if err != nil {
		return breach("no connection: %v", err)
	}
	p := payload{want: d.want, closes: true}
	j := judgement{p: p, body: q.body, answers: []answer{a}}
	for _, f := range q.fields {
		switch f.name {
		case ":method":
			j.sees = []string{f.value + " "}
		case ":path":
			j.sees = append(j.sees, f.value)
		}
	}
	j.sees = []string{strings.Join(j.sees, "")}
	if a.status == 0 {
		j.answers = nil
	}
	return l.conclude(j)
}
